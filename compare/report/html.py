"""One HTML file that stands alone: no script, no font, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = """
:root{color-scheme:light dark;--text:#1f2328;--muted:#59636e;--page:#fff;--grid:#d9dee3;
--s0:#0b62c4;--s1:#b3530b;--s2:#1a7f4b;--s3:#a0308f;--s4:#6a737d;--s5:#8a6d00;--s6:#c0262d;--s7:#0b7f8c}
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--muted:#9aa4ae;--page:#0f141a;--grid:#30363d;
--s0:#6cb0ff;--s1:#ff9d57;--s2:#5fd08f;--s3:#e38ad6;--s4:#aab4be;--s5:#e3c04b;--s6:#ff7b7f;--s7:#56ccd8}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:820px;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p{color:var(--muted)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .8rem .25rem 0;text-align:right;border-bottom:1px solid var(--grid)}
th{color:var(--muted);font-weight:600}th:first-child,td:first-child{text-align:left}
.wide{overflow-x:auto}
figure{margin:1rem 0}figcaption{font-weight:600}
.chart{width:100%;height:auto;display:block}.chart text{font:12px system-ui,sans-serif;fill:var(--muted)}
.grid{stroke:var(--grid)}.axis{stroke:var(--muted)}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round}.dashed{stroke-dasharray:5 4}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.85rem;color:var(--muted)}.key{white-space:nowrap}
""" + "".join(f".s{index}{{stroke:var(--s{index})}}.f{index}{{fill:var(--s{index})}}" for index in range(8))


def page(title: str, body: str, *, style: str = "") -> str:
    """A whole document. `style` is CSS that it needs beside the common one."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>\n"
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text on the left in the first column, numbers on the right in the others."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def figure(caption: str, drawing: str) -> str:
    """A drawing with a line that says what it shows."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawing}</figure>"


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"
