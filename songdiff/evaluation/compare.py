"""Two reports against each other: which figures differ by more than chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from rich.table import Column, Table

from .report import Report, Row, bootstrap


@dataclass(frozen=True)
class Difference:
    """``second − first`` of one figure with its 95 % interval (None: too few songs); ``pairs`` of the same songs, or 0
    where the songs are not the same."""

    figure: str
    first: float
    second: float
    low: float | None
    high: float | None
    pairs: int

    @property
    def significant(self) -> bool:
        """Whether zero lies outside of the interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def differences(first: Report, second: Report) -> list[Difference]:
    """Of every figure that both have. Where the reports are of the same songs, each is held against itself."""
    songs = {_key(row): row for row in second.songs}
    same = {_key(row) for row in first.songs} == songs.keys()
    found = []
    for name in first.figures:
        if name not in second.figures:
            continue
        one, other = _values(first, name), _values(second, name)
        if same:
            both = [(row.figures.get(name), songs[_key(row)].figures.get(name)) for row in first.songs]
            pairs = np.array([(a, b) for a, b in both if a is not None and b is not None]).reshape(-1, 2)
            one, other = pairs.T
        if not len(one) or not len(other):  # a figure of all songs together, such as a distance
            found.append(Difference(name, first.figures[name].mean, second.figures[name].mean, None, None, 0))
            continue
        low, high = bootstrap(other - one) if same else bootstrap(other, one)
        found.append(Difference(name, float(one.mean()), float(other.mean()), low, high, len(one) if same else 0))
    return found


def compare(first: Report, second: Report) -> Table:
    """A table of :func:`differences`, to be printed; ``*`` marks what chance does not explain."""
    rows = differences(first, second)
    paired = any(row.pairs for row in rows)
    figure = Column("figure", no_wrap=True, min_width=max((len(row.figure) for row in rows), default=0))
    table = Table(figure, first.model, second.model, "difference (95 %)", "", title=_title(first, second, paired))
    table.caption = "* zero is outside the 95 % interval; of figures that are equal, one in twenty is marked by chance"
    for row in rows:
        interval = "–" if row.low is None or row.high is None else f"{row.low:+.4g} … {row.high:+.4g}"
        difference = f"{row.second - row.first:+.4g} ({interval})"
        table.add_row(
            row.figure, f"{row.first:.4g}", f"{row.second:.4g}", difference, "*" if row.significant else "",
            style="bold" if row.significant else None,
        )  # fmt: skip
    return table


def _title(first: Report, second: Report, paired: bool) -> str:
    if paired:
        return f"the same {len(first.songs)} songs, paired"
    return f"other songs ({len(first.songs)} and {len(second.songs)}), not paired"


def _key(row: Row) -> tuple[str, str]:
    return row.name, row.prompt


def _values(report: Report, name: str) -> np.ndarray:
    return np.array([value for row in report.songs if (value := row.figures.get(name)) is not None])
