"""A table on standard output: drawn by `rich` on a terminal, aligned text elsewhere."""

import sys
from collections.abc import Sequence
from typing import Any


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Numbers are set to the right; `title` may be empty."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console().print(as_table(title, head, rows))
    else:
        print(as_text(title, head, *_cells(head, rows)), end="")


def as_table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> Any:
    """For `rich` to draw."""
    from rich.table import Table

    cells, right = _cells(head, rows)
    table = Table(title=title or None, title_justify="left")
    for name, to_right in zip(head, right, strict=True):
        table.add_column(name, justify="right" if to_right else "left")
    for row in cells:
        table.add_row(*row)
    return table


def _cells(
    head: Sequence[str], rows: Sequence[Sequence[object]]
) -> tuple[list[list[str]], list[bool]]:
    """As text, and which columns are numbers."""
    right = [all(isinstance(row[c], int | float) for row in rows) for c in range(len(head))]
    return [[_text(cell) for cell in row] for row in rows], right


def _text(cell: object) -> str:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return str(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.1f}" if cell >= 1 else f"{cell:.3f}"


def as_text(
    title: str, head: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]
) -> str:
    """Columns as wide as they need, two spaces between them."""
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    lines = [title] if title else []
    for row in (head, *cells):
        padded = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines) + "\n"
