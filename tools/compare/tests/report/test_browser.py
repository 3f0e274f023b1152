"""Pages in a real browser: nothing from elsewhere, nothing on the console, and all of it readable."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compare.report.page import page, run_page, side_by_side
from compare.report.sections.curves import README, picture

from . import measured_runs
from .chromium import Chromium

pytestmark = pytest.mark.slow


PHONE, DESKTOP = (390, 844), (1280, 900)
SCREENS = [
    *(("report", screen, scheme) for screen in (PHONE, DESKTOP) for scheme in ("light", "dark")),
    *((name, screen, scheme) for name in ("run", "pair") for screen, scheme in ((PHONE, "dark"), (DESKTOP, "light"))),
]

# Contrast by WCAG 2.2, of every visible text with what is behind it: [text, ratio] of those below 4.5.
FAINT = """
(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255, v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = node => {
    for (let one = node; one; one = one.parentElement) {
      const found = parse(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return null;
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const style = getComputedStyle(element), svg = element.closest('svg') !== null;
    const back = behind(element), front = parse(svg ? style.fill : style.color);
    const [a, b] = [light(front), light(back)].sort((x, y) => y - x);
    seen += 1;
    if ((a + .05) / (b + .05) < 4.5) found.push([walker.currentNode.data.slice(0, 40), (a + .05) / (b + .05)]);
  }
  return [seen, found];
})()
"""

# Texts of a chart that lie on each other, leave it, or are too small: [what, text, text or pixels].
CROWDED = """
(() => {
  const found = [];
  for (const svg of document.querySelectorAll('svg')) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    const scale = frame.width / svg.viewBox.baseVal.width;
    const texts = [...svg.querySelectorAll('text')].map(text => [text, text.getBoundingClientRect()]);
    for (const [text, box] of texts) {
      const pixels = parseFloat(getComputedStyle(text).fontSize) * scale;
      if (pixels < 11) found.push(['small', text.textContent, pixels]);
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
          || box.bottom > frame.bottom + 1)
        found.push(['clipped', text.textContent, box.right - frame.right]);
    }
    if (svg.classList.contains('map')) continue;  // its turned labels have boxes that say little
    texts.forEach(([one, a], index) => texts.slice(index + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (across > 1 && down > 3) found.push(['overlap', one.textContent, other.textContent]);
    }));
  }
  return found;
})()
"""
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# What sticks out although nothing around it scrolls, so that it could not be read.
CUT = """
[...document.querySelectorAll('body *')].filter(one => one.getClientRects().length && !one.closest('svg *')
  && !one.closest('.wide, .scroll') && one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 80))
"""

# Where the numbers of sentences lead, and whether it is there.
LINKS = """
[...document.querySelectorAll('a.number')].map(one => decodeURIComponent(one.hash.slice(1)))
  .map(name => [name, document.getElementById(name) !== null])
"""


@pytest.fixture(scope="module")
def pages(report: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    one, other = measured_runs.run("echo"), measured_runs.run("echo", slower=2)
    texts = {
        "report": page(report),
        "run": run_page(measured_runs.run("mixed", slower=4000)),  # tens of seconds: wide numbers
        "pair": side_by_side(one, other, ("before.json", "after.json")),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in texts}


@pytest.mark.parametrize(("name", "screen", "scheme"), SCREENS)
def test_a_page_is_quiet_alone_and_readable(
    browser: Chromium, pages: dict[str, Path], name: str, screen: tuple[int, int], scheme: str
) -> None:
    path = pages[name]
    browser.open(path, *screen, scheme)
    browser.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert browser.of("requested") == [path.as_uri()]
    assert browser.of("said") == browser.of("thrown") == []
    assert browser.evaluate(WIDER) <= 0
    assert browser.evaluate(CUT) == []
    assert browser.evaluate(CROWDED) == []
    seen, faint = browser.evaluate(FAINT)
    assert seen > 200
    assert faint == []


def test_every_number_of_the_verdict_leads_to_its_row(
    browser: Chromium, pages: dict[str, Path], report: dict[str, Any]
) -> None:
    browser.open(pages["report"], *DESKTOP, "light")
    verdict = report["verdict"]
    said = [verdict["headline"], *(one for point in verdict["points"] for one in point["sentences"])]
    assert browser.evaluate(LINKS) == [[f"figure-{key}", True] for one in said for key in one["figures"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_picture_of_the_readme_stands_alone(
    browser: Chromium, report: dict[str, Any], tmp_path: Path, scheme: str
) -> None:
    path = tmp_path / "picture.html"
    drawing = tmp_path / "picture.svg"
    drawing.write_text(picture(report["cost"], report["asked"], README, standalone=True), encoding="utf-8")
    path.write_text(f"<!doctype html><body>{drawing.read_text(encoding='utf-8')}", encoding="utf-8")
    browser.open(path, *DESKTOP, scheme)
    assert browser.evaluate(CROWDED) == []
    browser.open(drawing, *DESKTOP, scheme)
    assert browser.of("requested") == [drawing.as_uri()]
    assert browser.of("said") == browser.of("thrown") == []
    assert browser.evaluate("getComputedStyle(document.querySelector('.back')).fill") == (
        "rgb(255, 255, 255)" if scheme == "light" else "rgb(15, 20, 26)"
    )


def test_a_page_that_is_none_of_this_is_found_out(browser: Chromium, tmp_path: Path) -> None:
    """The checks above can fail."""
    path = tmp_path / "bad.html"
    path.write_text(
        "<!doctype html><body style='background:#fff'><p style='color:#999;width:2000px'>faint</p>"
        "<script>console.error('said'); setTimeout(() => nothing, 0)</script>"
        "<img src='http://127.0.0.1:9/x.png'>"
        "<svg viewBox='0 0 100 100' width='100'><text x='5' y='20' font-size='8'>one</text>"
        "<text x='6' y='21' font-size='8'>other</text><text x='95' y='50' font-size='20'>out</text></svg>",
        encoding="utf-8",
    )
    browser.open(path, *PHONE, "light")
    assert "http://127.0.0.1:9/x.png" in browser.of("requested")
    assert any("said" in text for text in browser.of("said"))
    wanted: Callable[[], bool] = lambda: bool(browser.of("thrown"))  # noqa: E731
    browser.evaluate("new Promise(done => setTimeout(done, 50))")
    assert wanted()
    assert browser.evaluate(WIDER) > 0
    assert browser.evaluate(CUT) != []
    assert {kind for kind, *_ in browser.evaluate(CROWDED)} == {"small", "clipped", "overlap"}
    assert [text for text, _ in browser.evaluate(FAINT)[1]] == ["faint"]
