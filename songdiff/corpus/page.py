"""A few songs of a corpus on one HTML page, to hear and to see; everything is inside the file.

Sound is MP3, pictures are PNG: log-mel of the mix, and of the vocals with the sung notes and words over it.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from ..score import Score
from .shards import CorpusSong, read_stem
from .synthesizer import SAMPLE_RATE
from .tools import MissingToolError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXCERPT = 20.0  # seconds, at most
_TICKS = (100, 200, 500, 1000, 2000, 5000, 10000)  # Hz
_STYLE = """
body { font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td { border: 1px solid #ccc; padding: .3em .6em; vertical-align: top }
td:first-child { white-space: nowrap; font-weight: bold } img { width: 100% } audio { vertical-align: middle }
"""


def write_page(path: Path, title: str, rows: Sequence[tuple[str, str]], songs: Sequence[CorpusSong]) -> None:
    """Write the page: ``rows`` of statistics, then the songs. Raises :class:`.tools.MissingToolError` without
    matplotlib, before anything is read."""
    figure = _figure_class()
    table = "".join(f"<tr><td>{html.escape(what)}</td><td>{html.escape(text)}</td></tr>\n" for what, text in rows)
    shown = "".join(_song(song, figure) for song in songs)
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
    path.write_text(
        f"{head}<style>{_STYLE}</style>\n<h1>{html.escape(title)}</h1>\n<table>\n{table}</table>\n{shown}</html>\n",
        encoding="utf-8",
    )


def excerpt_start(score: Score) -> float:
    """Where to listen: the first chorus, or else the first sung note, in seconds."""
    choruses = [section.start for section in score.sections or [] if section.label == "chorus"]
    notes = [note.start - 1.0 for note in score.melody or []]
    return max(0.0, min((choruses or notes or [0.0])[0], score.duration - EXCERPT))


def _song(song: CorpusSong, figure: type[Figure]) -> str:
    """Heading, captions, words, sound and picture of one song."""
    score, start = song.score, excerpt_start(song.score)
    first, frames = round(start * SAMPLE_RATE), round(min(EXCERPT, score.duration - start) * SAMPLE_RATE)
    vocals = read_stem(song, "vocals", first, frames)
    mix = vocals + sum(read_stem(song, track, first, frames) for track in ("drums", "bass", "other"))
    facts = (score.genre, score.key, score.time_signature, score.tempo and f"{score.tempo:g} bpm", score.language)
    singer = f"{song.voice}, {(score.singer and score.singer.style) or 'plain'}" if song.voice else "instrumental"
    words = " / ".join(line.text for line in score.lines or [] if start <= line.start < start + EXCERPT)
    sounds = "".join(
        f'{name} <audio controls preload="none" src="{_data("audio/mpeg", _mp3(waveform))}"></audio> '
        for name, waveform in (("mix", mix), ("vocals", vocals))
    )
    heading = f"{song.id}: {', '.join(str(fact) for fact in (*facts, singer, song.split))}"
    return (
        f"<h2>{html.escape(heading)}</h2>\n"
        f"<ul>{''.join(f'<li>{html.escape(caption)}</li>' for caption in song.captions)}</ul>\n"
        f"<p>{html.escape(words)}</p>\n<p>{sounds}</p>\n"
        f'<img alt="log-mel spectrograms" src="{_data("image/png", _picture(figure, mix, vocals, score, start))}">\n'
    )


def _mp3(waveform: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform.T, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _figure_class() -> type[Figure]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingToolError("matplotlib", "pip install matplotlib") from None
    return Figure


def _picture(figure: type[Figure], mix: np.ndarray, vocals: np.ndarray, score: Score, start: float) -> bytes:
    drawing = figure(figsize=(13, 6), layout="constrained")
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    _spectrogram(upper, mix, start, 40.0, 16000.0, 2048)
    _spectrogram(lower, vocals, start, 60.0, 4000.0, 4096)
    upper.set_ylabel("mix, Hz")
    lower.set_ylabel("vocals, Hz")
    lower.set_xlabel("seconds")
    end = start + vocals.shape[1] / SAMPLE_RATE
    for notes, colour in [
        *((backing.notes, "white") for backing in score.backing or []),
        (score.melody or [], "cyan"),
    ]:
        for note in notes:
            if note.start < end and note.end > start:
                height = _mel(440 * 2 ** ((note.pitch - 69) / 12))
                lower.plot([note.start, note.end], [height, height], color=colour, linewidth=1.5)
    for word in score.words or []:
        if start <= word.start < end:
            lower.text(word.start, _mel(3700), word.text, color="white", fontsize=7, rotation=45, va="top")
    lower.set_xlim(start, end)
    buffer = io.BytesIO()
    drawing.savefig(buffer, dpi=80, format="png")
    return buffer.getvalue()


def _spectrogram(axes: Any, waveform: np.ndarray, start: float, low: float, high: float, n_fft: int) -> None:
    """Draw the log-mel of (2, samples) between ``low`` and ``high`` Hz; the vertical axis is in mel."""
    import torch

    from ..models.spectra import mel_filterbank, stft

    hop = 512
    mono = torch.from_numpy(waveform.mean(0))
    magnitude = stft(torch.nn.functional.pad(mono, (0, -len(mono) % hop))[None], n_fft, hop)[0].abs()
    log_mel = 20 * (mel_filterbank(n_fft, 128, low, high, SAMPLE_RATE) @ magnitude).clamp(min=1e-5).log10().numpy()
    extent = (start, start + magnitude.shape[1] * hop / SAMPLE_RATE, _mel(low), _mel(high))
    peak = max(float(log_mel.max()), -60.0)
    axes.imshow(log_mel, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=peak - 70, vmax=peak)
    axes.set_yticks([_mel(tick) for tick in _TICKS if low <= tick <= high], [t for t in _TICKS if low <= t <= high])


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))
