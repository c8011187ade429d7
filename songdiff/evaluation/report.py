"""The report: figures of every song, their means with bootstrap intervals, and the same on corpus audio (ceilings).

A ceiling says what an estimator gives where the song is known to keep to its score; a figure is read beside it.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.table import Table

from .. import __version__
from ..audio import check_writable, replacing
from ..errors import InputError

RESAMPLES = 1000
FEWEST = 5  # values under which a bootstrap says nothing


class Row(BaseModel):
    """One song: ``figures`` by "group.figure" (None: nothing to measure), ``seconds`` it lasts, remarks in words."""

    model_config = ConfigDict(extra="forbid")
    name: str
    prompt: str = ""
    seconds: float
    figures: dict[str, float | None]
    remarks: list[str] = []


class Mean(BaseModel):
    """Over ``songs`` values; ``low … high`` is the 95 % bootstrap interval (None: fewer than five values)."""

    model_config = ConfigDict(extra="forbid")
    mean: float
    low: float | None
    high: float | None
    songs: int

    def __str__(self) -> str:
        interval = "" if self.low is None or self.high is None else f" ({self.low:.4g} … {self.high:.4g})"
        return f"{self.mean:.4g}{interval}"


class Machine(BaseModel):
    """Where it was measured."""

    model_config = ConfigDict(extra="forbid")
    cores: int
    torch: str
    python: str
    platform: str

    @classmethod
    def here(cls) -> Machine:
        """This machine."""
        return cls(
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            torch=torch.__version__,
            python=platform.python_version(),
            platform=f"{platform.system()} {platform.machine()}",
        )


class Report(BaseModel):
    """What ``songdiff evaluate`` writes; ``figures, ceilings`` are the means of ``songs, ceiling_songs``."""

    model_config = ConfigDict(extra="forbid")
    version: Literal[1] = 1
    songdiff: str = __version__
    model: str
    date: str
    machine: Machine
    notes: list[str] = []
    figures: dict[str, Mean]
    ceilings: dict[str, Mean] = {}
    songs: list[Row]
    ceiling_songs: list[Row] = []

    @classmethod
    def of(cls, model: str, songs: list[Row], ceilings: list[Row], notes: list[str]) -> Report:
        """A report of now and here."""
        return cls(
            model=model,
            date=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            machine=Machine.here(),
            notes=notes,
            figures=means(songs),
            ceilings=means(ceilings),
            songs=songs,
            ceiling_songs=ceilings,
        )

    def save(self, path: Path) -> None:
        """Write JSON. Raises :class:`InputError` where it cannot be written."""
        check_writable(path, (".json",))
        with replacing(path) as beside:
            beside.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read JSON. Raises :class:`InputError` naming the file and the field."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from None
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "top level"
            remedy = "write it again with `songdiff evaluate --out`"
            raise InputError(f"{path}: not a report of this version: {field}: {first['msg']}; {remedy}") from None

    def table(self) -> Table:
        """All means beside their ceilings, to be printed."""
        title = f"{self.model}, {len(self.songs)} songs"
        table = Table("figure", "mean (95 %)", "ceiling (95 %)", "songs", title=title)
        for name, mean in self.figures.items():
            table.add_row(name, str(mean), str(self.ceilings.get(name, "")), str(mean.songs))
        return table


def means(rows: Sequence[Row]) -> dict[str, Mean]:
    """The mean of every figure over the songs in which it was measured; figures that never were are left out."""
    found: dict[str, Mean] = {}
    for name in dict.fromkeys(name for row in rows for name in row.figures):
        values = np.array([value for row in rows if (value := row.figures.get(name)) is not None])
        if len(values):
            low, high = bootstrap(values)
            found[name] = Mean(mean=round(float(values.mean()), 6), low=low, high=high, songs=len(values))
    return found


def bootstrap(values: np.ndarray, others: np.ndarray | None = None) -> tuple[float, float] | tuple[None, None]:
    """95 % percentile interval of the mean of ``values`` (N,), or of mean(values) − mean(others) of other songs.

    1000 resamples from a fixed seed (Efron, 1979); (None, None) under five values.
    """
    if min(len(values), len(values) if others is None else len(others)) < FEWEST:
        return None, None
    rng = np.random.default_rng(0)

    def resampled(numbers: np.ndarray) -> np.ndarray:
        return numbers[rng.integers(len(numbers), size=(RESAMPLES, len(numbers)))].mean(1)

    drawn = resampled(values) - (0.0 if others is None else resampled(others))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return round(float(low), 6), round(float(high), 6)
