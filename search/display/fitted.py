"""Tables that fit the terminal. Some columns shrink, but no word is broken and no number is cut."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 1  # characters between two columns
LEAST_CUT = 12  # characters: a text that is cut shorter says nothing


@dataclass(frozen=True)
class Column:
    """A column, and what happens to it if the table is too wide: kept, wrapped between words, or cut."""

    title: str
    right: bool = False
    gives_way: Literal["never", "wrapped", "cut"] = "never"


@dataclass(frozen=True)
class FittedTable:
    """A table of plain text that fits the terminal. If that is impossible, each row is shown as a list of its cells."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[str]]

    def natural_width(self) -> int:
        """The width of the table in characters, if no column is wrapped or cut."""
        return sum(map(self._natural, range(len(self.columns)))) + GAP * (len(self.columns) - 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table, or the rows as lists if the table is too wide."""
        widths = self._widths(options.max_width)
        if widths is None:
            yield from self._as_list()
            return
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
        for column, width in zip(self.columns, widths, strict=True):
            table.add_column(
                Text(column.title),
                justify="right" if column.right else "left",
                no_wrap=column.gives_way != "wrapped",
                width=width,
            )
        for row in self.rows:
            table.add_row(*(Text(cell, overflow="ellipsis") for cell in row))
        yield table

    def _widths(self, room: int) -> list[int] | None:
        """The width of each column, so that the table fits `room` characters; None if it cannot fit."""
        widths = [self._natural(place) for place in range(len(self.columns))]
        left = room - sum(widths) - GAP * (len(widths) - 1)
        for place in self._giving("cut", "wrapped"):
            if left < 0:
                given = min(-left, max(0, widths[place] - self._least(place)))
                widths[place] -= given
                left += given
        return widths if left >= 0 else None

    def _giving(self, *ways: str) -> list[int]:
        """The positions of the columns whose `gives_way` is in `ways`, in the order of `ways` and then widest first."""
        return [
            place
            for way in ways
            for place in sorted(range(len(self.columns)), key=lambda place: -self._natural(place))
            if self.columns[place].gives_way == way
        ]

    def _cells(self, place: int) -> Iterable[str]:
        return (self.columns[place].title, *(row[place] for row in self.rows))

    def _natural(self, place: int) -> int:
        return max(map(cell_len, self._cells(place)))

    def _least(self, place: int) -> int:
        if self.columns[place].gives_way == "cut":
            return LEAST_CUT
        return max(cell_len(word) for cell in self._cells(place) for word in cell.split() or [""])

    def _as_list(self) -> RenderResult:
        longest = max(cell_len(column.title) for column in self.columns)
        for number, row in enumerate(self.rows):
            for column, cell in zip(self.columns, row, strict=True):
                if cell:
                    text = Text(f"{column.title:{longest}}  {cell}")
                    text.stylize("bold", 0, longest)
                    yield text
            if number + 1 < len(self.rows):
                yield Text()
