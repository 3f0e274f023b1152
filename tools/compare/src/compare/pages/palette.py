"""Colours that can be read as text, told apart as lines, and mean the same variant in every picture."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import Final

from compare.variants import VARIANTS

#: Grey, for what belongs to no variant.
NEUTRAL: Final = 4
_TURNS: Final = (5, 7, 6, 0, 1, 2, 3)  # in which targets get colours that are not variants

LIGHT: Final = ("#a8530a", "#b0357f", "#0b62b8", "#00785a", "#59636e", "#7d6200", "#c0262d", "#0b7480")
DARK: Final = ("#f0a24a", "#e68fc3", "#63b0ff", "#45c79b", "#9aa4ae", "#d9bd4a", "#ff8085", "#56ccd8")
_PAGE: Final = {
    "text": ("#1b2026", "#e6eaf0"),
    "muted": ("#59636e", "#9aa4ae"),
    "page": ("#ffffff", "#0f141a"),
    "card": ("#f6f8fa", "#171d25"),
    "grid": ("#dce1e6", "#2b333c"),
    "axis": ("#8c959f", "#6b7683"),
    "link": ("#0b5cad", "#79b8ff"),
}


def properties(selector: str) -> str:
    """CSS that gives `selector` the colours as custom properties: --s0 to --s7, --text, --page and so on."""

    def block(theme: int) -> str:
        named = [f"--{name}:{colours[theme]}" for name, colours in _PAGE.items()]
        lines = [f"--s{index}:{colour}" for index, colour in enumerate((LIGHT, DARK)[theme])]
        return f"{selector}{{{';'.join(named + lines)}}}"

    return f"{block(0)}\n@media(prefers-color-scheme:dark){{{block(1)}}}\n"


def colours(names: Iterable[str]) -> dict[str, int]:
    """A number of the palette for each name: variants keep theirs, others take what is left in turns."""
    distinct = list(dict.fromkeys(names))
    own = {name: VARIANTS[name].colour for name in distinct if name in VARIANTS}
    left = cycle(index for index in _TURNS if index not in own.values())
    return {name: own[name] if name in own else next(left) for name in distinct}


#: Classes by the palette's numbers: `sN` draws lines, `fN` fills, `tN` colours HTML text.
CLASSES: Final = "".join(
    f".s{index}{{stroke:var(--s{index})}}.f{index}{{fill:var(--s{index})}}.t{index}{{color:var(--s{index})}}"
    for index in range(len(LIGHT))
)
#: What charts are drawn with.
CHART: Final = """
.chart text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:var(--muted)}
.chart .strong{fill:var(--text);font-weight:600}.chart .title{fill:var(--text);font-size:17px;font-weight:650}
.chart .halo{paint-order:stroke;stroke:var(--page);stroke-width:4px;stroke-linejoin:round}
.grid{stroke:var(--grid)}.axis{stroke:var(--axis)}.back{fill:var(--page)}.leader{stroke:var(--axis);stroke-width:1}
.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.dashed{stroke-dasharray:5 4}
.band{fill-opacity:.15;stroke:none}.track{stroke:var(--grid);stroke-width:6;stroke-linecap:round}
.range{stroke-width:6;stroke-opacity:.4;stroke-linecap:round}.round{fill-opacity:.75}
.ring{fill:var(--page);stroke-width:2}.thin{stroke-width:1}.thick{stroke-width:3;stroke-linecap:round}
.share{fill-opacity:.35}.tick{stroke-width:2}.chart .strong-name{font-size:14px;font-weight:650}
""" + "".join(f".chart text.f{index}{{fill:var(--s{index})}}" for index in range(len(LIGHT)))
