"""A few songs of a corpus on one HTML page, to hear and to see; everything is inside the file.

Sound is MP3, pictures are PNG: log-mel of the mix, and of the vocals with the sung notes and words over it.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..evaluation.drawing import EXCERPT, excerpt_start, figure_class, page, picture, player
from .shards import CorpusSong, read_stem
from .synthesizer import SAMPLE_RATE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EXCERPT", "excerpt_start", "write_page"]


def write_page(path: Path, title: str, rows: Sequence[tuple[str, str]], songs: Sequence[CorpusSong]) -> None:
    """Write the page: ``rows`` of statistics, then the songs. Raises :class:`.tools.MissingToolError` without
    matplotlib, before anything is read."""
    figure = figure_class()
    table = "".join(f"<tr><td>{html.escape(what)}</td><td>{html.escape(text)}</td></tr>\n" for what, text in rows)
    shown = "".join(_song(song, figure) for song in songs)
    path.write_text(page(title, f"<table>\n{table}</table>\n{shown}"), encoding="utf-8")


def _song(song: CorpusSong, figure: type[Figure]) -> str:
    """Heading, captions, words, sound and picture of one song."""
    score, start = song.score, excerpt_start(song.score)
    first, frames = round(start * SAMPLE_RATE), round(min(EXCERPT, score.duration - start) * SAMPLE_RATE)
    vocals = read_stem(song, "vocals", first, frames)
    mix = vocals + sum(read_stem(song, track, first, frames) for track in ("drums", "bass", "other"))
    facts = (score.genre, score.key, score.time_signature, score.tempo and f"{score.tempo:g} bpm", score.language)
    singer = f"{song.voice}, {(score.singer and score.singer.style) or 'plain'}" if song.voice else "instrumental"
    words = " / ".join(line.text for line in score.lines or [] if start <= line.start < start + EXCERPT)
    heading = f"{song.id}: {', '.join(str(fact) for fact in (*facts, singer, song.split))}"
    return (
        f"<h2>{html.escape(heading)}</h2>\n"
        f"<ul>{''.join(f'<li>{html.escape(caption)}</li>' for caption in song.captions)}</ul>\n"
        f"<p>{html.escape(words)}</p>\n<p>{player('mix', mix)}{player('vocals', vocals)}</p>\n"
        f"{picture(figure, mix, vocals, score, start)}"
    )
