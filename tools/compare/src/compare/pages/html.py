"""One HTML file that stands alone: no script, no font, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from compare.pages import palette

_STYLE = (
    palette.properties(":root")
    + """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;color:var(--text);background:var(--page);
max-width:820px;margin:2rem auto;padding:0 1rem;-webkit-text-size-adjust:100%;overflow-wrap:break-word}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}p{color:var(--muted)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .8rem .25rem 0;text-align:right;border-bottom:1px solid var(--grid)}
th{color:var(--muted);font-weight:600}th:first-child,td:first-child{text-align:left}
.wide{overflow-x:auto}
figure{margin:1rem 0}figcaption{font-weight:600}
.chart{width:100%;height:auto;display:block}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.85rem;color:var(--muted)}.key{white-space:nowrap}
"""
    + palette.CHART
    + palette.CLASSES
)


def page(title: str, body: str, *, style: str = "", headed: bool = False) -> str:
    """A whole document. `style` is CSS that it needs beside the common one; a `headed` body brings its own h1."""
    heading = "" if headed else f"<h1>{escape(title)}</h1>\n"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style></head>\n"
        f"<body>{heading}{body}\n</body></html>\n"
    )


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Text on the left in the first column, numbers on the right in the others."""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def figure(caption: str, drawing: str) -> str:
    """A drawing with a line that says what it shows."""
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawing}</figure>"
