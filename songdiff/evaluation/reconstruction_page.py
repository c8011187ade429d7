"""A reconstruction report as one HTML page: all figures, and an excerpt of every kind to see and hear.

matplotlib is imported only when something is drawn.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..audio import check_writable, replacing
from ..models import Codec
from .drawing import figure_class, page, player
from .excerpts import Excerpt
from .reconstruction import COLUMNS, FIGURES, SAMPLE_RATE, ReconstructionReport, round_trip
from .sound import log_mel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BANDS, _LOW, _HIGH = 128, 20.0, 16000.0
_TICKS = (100, 500, 1000, 2000, 5000, 10000)  # Hz
_RANGE = np.log(10 ** (70 / 20))  # 70 dB in nats


def write_reconstruction_page(
    path: Path, report: ReconstructionReport, systems: dict[str, Codec], excerpts: Sequence[Excerpt]
) -> None:
    """Write the page; the first excerpt of every kind goes through all ``systems`` once more.

    Raises :class:`~songdiff.corpus.tools.MissingToolError` without matplotlib, and
    :class:`~songdiff.errors.InputError` where the page cannot be written.
    """
    figure = figure_class()
    check_writable(path, (".html",))
    firsts = {excerpt.kind: excerpt for excerpt in reversed(excerpts)}
    shown = "".join(_excerpt(excerpt, systems, figure) for excerpt in excerpts if excerpt in firsts.values())
    machine = report.machine
    facts = f"songdiff {report.songdiff}, {report.date}, {machine.cores} cores, torch {machine.torch}."
    head = "".join(f"<th>{html.escape(column)}</th>" for column in COLUMNS)
    rows = "".join(
        f'<tr title="{html.escape(_meaning(row[0]), quote=True)}">'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
        + "</tr>\n"
        for row in report.cells()
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in report.notes)
    body = f"<p>{html.escape(facts)}</p>\n<ul>{notes}</ul>\n<table>\n<tr>{head}</tr>\n{rows}</table>\n{shown}"
    with replacing(path) as beside:
        beside.write_text(page(report.heading, body), encoding="utf-8")


def _meaning(name: str) -> str:
    figure = FIGURES[name.partition(".")[2]]
    return f"{figure.unit}: {figure.meaning}"


def _excerpt(excerpt: Excerpt, systems: dict[str, Codec], figure: type[Figure]) -> str:
    """Heading, sound and picture of one excerpt."""
    original = excerpt.read()
    waveforms = {"original": original} | {name: round_trip(codec, original).waveform for name, codec in systems.items()}
    sounds = "".join(player(name, waveform) for name, waveform in waveforms.items())
    heading = html.escape(f"{excerpt.kind}: {excerpt.name}")
    return f"<h2>{heading}</h2>\n<p>{sounds}</p>\n{picture(figure, waveforms)}"


def picture(figure: type[Figure], waveforms: dict[str, np.ndarray]) -> str:
    """An image: log-mel spectra of (2, samples), one below the other, 70 dB down from the loudest of the first."""
    drawing = figure(figsize=(13, 3 * len(waveforms)), layout="constrained")
    levels = {name: log_mel(waveform.mean(0), _BANDS) for name, waveform in waveforms.items()}
    peak = next(iter(levels.values())).max()
    rows = drawing.subplots(len(levels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, level) in zip(rows, levels.items(), strict=True):
        extent = (0, level.shape[1] * 512 / SAMPLE_RATE, _mel(_LOW), _mel(_HIGH))
        axes.imshow(level, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=peak - _RANGE, vmax=peak)
        axes.set_yticks([_mel(tick) for tick in _TICKS], [str(tick) for tick in _TICKS])
        axes.set_ylabel(f"{name}, Hz")
    rows[-1].set_xlabel("seconds")
    buffer = io.BytesIO()
    drawing.savefig(buffer, dpi=80, format="png")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="log-mel spectra of {html.escape(", ".join(levels))}" src="data:image/png;base64,{data}">\n'


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
