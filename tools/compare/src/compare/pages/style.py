"""How a report looks: one column of text, figures as wide as the page, all of it in one screen's width."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{max-width:62rem;margin:0 auto;padding:1.5rem 1rem 4rem;font-size:16px;line-height:1.55}
a{color:var(--link)}
p{color:inherit;margin:.5rem 0}
h1{font-size:clamp(1.5rem,1.15rem + 1.6vw,2.15rem);line-height:1.22;font-weight:680;letter-spacing:-.015em;
margin:.5rem 0 1rem;text-wrap:balance;max-width:34em}
h2{font-size:1.4rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .6rem;padding-top:1.6rem;
border-top:1px solid var(--grid)}
h3{font-size:1.08rem;margin:2rem 0 .3rem}
section{margin-top:2.4rem}
.lead,.masthead,.bases,nav,.how,.note,footer{color:var(--muted)}
.lead{max-width:44rem}
.masthead{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;font-size:.9rem;margin:0}
.masthead b{color:var(--text)}
nav{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;font-size:.9rem;margin:1.4rem 0 0}
.mark{display:inline-block;width:8px;height:8px;border:1.5px solid var(--link);border-radius:50%;margin:0 1px 0 3px;
vertical-align:.42em;print-color-adjust:exact;-webkit-print-color-adjust:exact}
.mark.measured{background:var(--link)}
.mark.modelled{background:linear-gradient(90deg,var(--link) 50%,transparent 50%)}
.bases{display:flex;flex-wrap:wrap;gap:.1rem 1.4rem;font-size:.85rem;margin:.2rem 0 0}
.bases b{color:var(--text)}.bases .mark,td .mark{vertical-align:0;margin:0 .35em 0 0}
.number{color:inherit;text-decoration:none;font-weight:620;font-variant-numeric:tabular-nums;white-space:nowrap}
.number:hover,.number:focus{text-decoration:underline}
h1 .number{font-weight:inherit}h1 .mark{vertical-align:.75em}
.points{margin:1.4rem 0 0;columns:25rem 2;column-gap:2.4rem;font-size:.95rem;line-height:1.5}
.points>div{break-inside:avoid;padding:.55rem 0 .35rem;border-top:1px solid var(--grid)}
.points dt{font-weight:680;margin-bottom:.15rem}
.points dd{margin:0}
.points dd p{margin:0 0 .3rem}
figure{margin:1.3rem 0}
figcaption{margin:0 0 .6rem;line-height:1.4;font-weight:400}
figcaption b{font-weight:650}.how{display:block;font-size:.9rem;max-width:46rem}
.on-narrow{display:none}
.small-ones{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17.5rem),1fr));
gap:1.4rem 2rem;margin:1rem 0}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:1.2rem 1.5rem}
.three{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17.5rem),1fr));
gap:1.6rem 2rem}
.scroll{overflow-x:auto}.scroll>svg{display:block;width:100%;min-width:58rem;height:auto}
.wide{overflow-x:auto;margin:.8rem 0}
.wide:focus-visible,.scroll:focus-visible{outline:2px solid var(--link)}
table{font-size:.88rem;line-height:1.4;width:100%}
th,td{padding:.36rem 1.1rem .36rem 0;vertical-align:top;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
th{font-weight:600;border-bottom-color:var(--axis);white-space:normal;vertical-align:bottom;line-height:1.25}
th.group{padding-top:1.1rem;color:var(--text);text-align:left}
.word{text-align:left}
td small{display:block;color:var(--muted);font-size:.78rem}
td.word small{display:inline}
.prose td.word{white-space:normal}.prose td:first-child{white-space:nowrap}
.prose th:last-child,.prose td:last-child{text-align:left;white-space:normal;min-width:11rem}
.prose code{font-size:.86em}.keep{white-space:nowrap}
tr:target{background:var(--card);outline:2px solid var(--link)}
tr.total td{font-weight:650}
code{font:.92em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
details{margin:.8rem 0}
summary{cursor:pointer;color:var(--link);font-size:.95rem;padding:.25rem 0}
.note{font-size:.9rem;margin:.4rem 0}
.warning{border-left:3px solid var(--s0);padding:.3rem 0 .3rem .8rem;margin:.8rem 0;font-size:.93rem}
.yes{font-weight:650}
footer{font-size:.85rem;margin-top:3rem;border-top:1px solid var(--grid);padding-top:.8rem}
@media(max-width:700px){
.on-wide{display:none}.on-narrow{display:block}
.pair{grid-template-columns:1fr}
.bases{flex-direction:column}
}
@media print{nav{display:none}body{max-width:none}details{display:block}}
"""
