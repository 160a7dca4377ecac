"""The bars of one run as SVG: a chapter for each kind of work, a bar for each way to do it.

One linear scale for all, so that lengths compare; the figure stands behind each bar. Written by
hand rather than by a library, so that the same results give the same bytes.
"""

from html import escape
from pathlib import Path

from perf.result import Document, Result, load_document
from perf.rivals.versus import OURS, ROWS, THEIRS, ratios, short

WIDTH, LEFT, BAR_MAX = 880, 330, 440
LINE, BAR, GAP = 24, 16, 14
OUR_COLOUR, THEIR_COLOUR, TEXT = "#1f6f8b", "#b9bec4", "#24292f"
FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"


def bars(results: list[Result]) -> list[tuple[str, list[tuple[str, float, bool]]]]:
    """By chapter: label, records a second, and whether it is ours; the fastest first."""
    chapters: dict[str, dict[str, tuple[str, float, bool]]] = {row.chapter: {} for row in ROWS}
    for ratio in ratios(results):
        held = chapters[ratio.row.chapter]
        held[ratio.row.ours] = (f"busd, {OURS[ratio.row.ours]}", ratio.ours, True)
        held[ratio.row.theirs] = (THEIRS[ratio.row.theirs], ratio.theirs, False)
    return [
        (chapter, sorted(held.values(), key=lambda bar: -bar[1]))
        for chapter, held in chapters.items()
        if held
    ]


def svg(document: Document) -> str:
    """The whole picture; its last line tells where and when."""
    chapters = bars(document.results)
    caption = f"{document.day}, {document.where}; busd at {document.commit}"
    fastest = max((rate for _, held in chapters for _, rate, _ in held), default=1.0)
    parts, y = [], GAP
    for chapter, held in chapters:
        y += LINE
        parts.append(_text(12, y - 7, f"{chapter}, M records/s", "font-weight='bold'"))
        for label, rate, ours in held:
            colour = OUR_COLOUR if ours else THEIR_COLOUR
            length = max(1.0, rate / fastest * BAR_MAX)
            parts.append(_text(LEFT - 10, y + BAR - 3, label, "text-anchor='end'"))
            parts.append(
                f"<rect x='{LEFT}' y='{y}' width='{length:.1f}' height='{BAR}' fill='{colour}'/>"
            )
            parts.append(_text(round(LEFT + length + 6, 1), y + BAR - 3, short(rate)))
            y += LINE
        y += GAP
    y += LINE
    parts.append(_text(12, y - 12, caption, "font-size='11' fill-opacity='0.7'"))
    head = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{y}' "
        f"viewBox='0 0 {WIDTH} {y}' {FONT} font-size='13' fill='{TEXT}'>"
    )
    ground = f"<rect width='{WIDTH}' height='{y}' fill='white'/>"
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"


def write_plot(document: Path) -> Path:
    """The plot of a document of results, beside it."""
    path = document.with_suffix(".svg")
    path.write_text(svg(load_document(document)))
    return path


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f"<text x='{x}' y='{y}' {more}>{escape(text)}</text>"
