"""A report as one HTML page with everything inside: all figures beside their ceilings, every song, a few to hear."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..audio import check_writable, replacing
from .drawing import EXCERPT, SAMPLE_RATE, excerpt_start, figure_class, page, picture, player
from .report import Report
from .songs import Song

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURED = 5  # songs; each takes about 1 MB


def write_report_page(path: Path, report: Report, songs: Sequence[Song], pictured: int = PICTURED) -> None:
    """Write the page; of ``songs``, ``pictured`` that are spread over the report are shown.

    Raises :class:`~songdiff.corpus.tools.MissingToolError` without matplotlib, and
    :class:`~songdiff.errors.InputError` where the page cannot be written.
    """
    figure = figure_class()
    check_writable(path, (".html",))
    chosen = dict.fromkeys(np.linspace(0, len(songs) - 1, min(pictured, len(songs))).round().astype(int))
    remarks = {row.name: row.remarks for row in report.songs}
    shown = "".join(_song(songs[index], remarks.get(songs[index].name, []), figure) for index in chosen)
    body = f"{_facts(report)}{_means(report)}<h2>Songs</h2>\n{_rows(report)}{shown}"
    with replacing(path) as beside:
        beside.write_text(page(f"{report.model}: {len(report.songs)} songs measured", body), encoding="utf-8")


def _facts(report: Report) -> str:
    machine = report.machine
    text = (
        f"songdiff {report.songdiff}, {report.date}, {machine.cores} cores, torch {machine.torch}, {machine.platform}. "
        "Means with 95 % bootstrap intervals; ceilings are the same figures on audio known to keep to its score."
    )
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in report.notes)
    return f"<p>{html.escape(text)}</p>\n<ul>{notes}</ul>\n"


def _means(report: Report) -> str:
    head = "<tr><th>figure</th><th>mean (95 %)</th><th>songs</th><th>ceiling (95 %)</th><th>songs</th></tr>\n"
    cells = []
    for name, mean in report.figures.items():
        ceiling = report.ceilings.get(name)
        cells.append((name, str(mean), mean.songs, ceiling or "", ceiling.songs if ceiling else ""))
    rows = "".join(f"<tr>{''.join(f'<td>{html.escape(str(c))}</td>' for c in row)}</tr>\n" for row in cells)
    return f"<table>\n{head}{rows}</table>\n"


def _rows(report: Report) -> str:
    """A column for every song."""
    head = "".join(
        f'<th title="{html.escape(row.prompt, quote=True)}">{html.escape(row.name)}</th>' for row in report.songs
    )
    lines = []
    for name in report.figures:
        values = [row.figures.get(name) for row in report.songs]
        cells = "".join(f"<td>{'' if value is None else f'{value:.3g}'}</td>" for value in values)
        lines.append(f"<tr><td>{html.escape(name)}</td>{cells}</tr>\n")
    return f'<div class="wide"><table>\n<tr><th></th>{head}</tr>\n{"".join(lines)}</table></div>\n'


def _song(song: Song, remarks: Sequence[str], figure: type[Figure]) -> str:
    """Heading, prompt, words, remarks, sound and picture of one song."""
    score, audio, start = song.score, song.read(), excerpt_start(song.score)
    piece = slice(round(start * SAMPLE_RATE), round(min(start + EXCERPT, score.duration) * SAMPLE_RATE))
    mix = audio.mix[:, piece]
    vocals = audio.stems["vocals"][:, piece] if audio.stems else None
    words = " / ".join(line.text for line in score.lines or [] if start <= line.start < start + EXCERPT)
    facts = (score.genre, score.key, score.time_signature, score.tempo and f"{score.tempo:g} bpm", score.language)
    heading = f"{song.name}: {', '.join(str(fact) for fact in facts if fact)}"
    listed = "".join(f"<li>{html.escape(remark)}</li>" for remark in remarks)
    sounds = player("mix", mix) + (player("vocals", vocals) if vocals is not None else "")
    return (
        f"<h2>{html.escape(heading)}</h2>\n<p>{html.escape(song.prompt)}</p>\n<p>{html.escape(words)}</p>\n"
        f"<ul>{listed}</ul>\n<p>{sounds}</p>\n{picture(figure, mix, vocals, score, start, _pitch(song, vocals))}"
    )


def _pitch(song: Song, vocals: np.ndarray | None) -> np.ndarray | None:
    """Heard pitch in Hz every 10 ms; None where nothing is to be sung, or pyworld is missing."""
    if vocals is None or not song.score.melody or not vocals.any():
        return None
    from .pitch import pitch_track

    try:
        return pitch_track(vocals)
    except ImportError:
        return None
