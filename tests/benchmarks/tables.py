"""What was measured, as tables: for people, for a page, for programs."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rich.console import Console
from rich.table import Table as Shown

Cell = str | float | None
Figures = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of one run; the first column says of what."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]

    def to_markdown(self) -> str:
        lines = [f"**{self.title}**", "", self._line(self.columns), "|---" + "|---:" * (len(self.columns) - 1) + "|"]
        return "\n".join([*lines, *(self._line(map(written, row)) for row in self.rows)]) + "\n"

    def to_json_lines(self, name: str) -> Iterator[str]:
        for row in self.rows:
            about = {"measure": name, "table": self.title}
            yield json.dumps(about | dict(zip(self.columns, row, strict=True)), ensure_ascii=False)

    def show(self, console: Console) -> None:
        shown = Shown(title=self.title, title_justify="left", header_style="bold")
        for number, column in enumerate(self.columns):
            shown.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            shown.add_row(*map(written, row))
        console.print(shown)

    @staticmethod
    def _line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"


def written(cell: Cell) -> str:
    """Write a figure with three digits that count, where it has so many."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case _:
            return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def take_turns(ways: Mapping[str, Callable[[], Figures]], runs: int) -> dict[str, Figures]:
    """Measure each way in turn, several times; return the median of each figure."""
    found: dict[str, list[Figures]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            found[name].append(way())
    return {name: tuple(median(figures) for figures in zip(*taken, strict=True)) for name, taken in found.items()}


def compared(medians: Mapping[str, Figures], *, less_is_better: bool = False) -> list[tuple[Cell, ...]]:
    """Return a row for each way: the first figure, how many times as good as the peer's it is, the others.

    The peer stands first.
    """
    peer = next(iter(medians.values()))[0]
    return [
        (name, first, peer / first if less_is_better else first / peer, *others)
        for name, (first, *others) in medians.items()
    ]
