"""Pictures and sound inside HTML pages: log-mel spectrograms with what is sung over them, data URIs.

matplotlib is imported only when something is drawn.
"""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from ..corpus.tools import MissingToolError
from ..score import Score

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLE_RATE = 44100
EXCERPT = 20.0  # seconds, at most
_TICKS = (100, 200, 500, 1000, 2000, 5000, 10000)  # Hz
_STYLE = """
body { font-family: sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse } td, th { border: 1px solid #ccc; padding: .3em .6em; vertical-align: top }
td:first-child { white-space: nowrap; font-weight: bold } img { width: 100% } audio { vertical-align: middle }
.wide { overflow-x: auto; font-size: .8em }
"""


def figure_class() -> type[Figure]:
    """matplotlib's Figure. Raises :class:`MissingToolError`."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingToolError("matplotlib", "pip install matplotlib") from None
    return Figure


def page(title: str, body: str) -> str:
    """A whole HTML document; ``title`` is plain text, ``body`` is HTML."""
    head = f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
    return f"{head}<style>{_STYLE}</style>\n<h1>{html.escape(title)}</h1>\n{body}</html>\n"


def excerpt_start(score: Score) -> float:
    """Where to listen: the first chorus, or else the first sung note, in seconds."""
    choruses = [section.start for section in score.sections or [] if section.label == "chorus"]
    notes = [note.start - 1.0 for note in score.melody or []]
    return max(0.0, min((choruses or notes or [0.0])[0], score.duration - EXCERPT))


def player(name: str, waveform: np.ndarray) -> str:
    """An audio element with (2, samples) as MP3."""
    buffer = io.BytesIO()
    soundfile.write(buffer, waveform.T, SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
    return (
        f'{html.escape(name)} <audio controls preload="none" src="{_data("audio/mpeg", buffer.getvalue())}"></audio> '
    )


def picture(
    figure: type[Figure],
    mix: np.ndarray,
    vocals: np.ndarray | None,
    score: Score,
    start: float,
    pitch: np.ndarray | None = None,
) -> str:
    """An image of an excerpt from ``start`` seconds: log-mel of the mix, and of the vocals with notes and words.

    ``pitch`` is the heard pitch of the vocals in Hz every 10 ms from ``start``, 0 where unvoiced (white dots). Without
    vocals the notes lie over the mix.
    """
    drawing = figure(figsize=(13, 6), layout="constrained")
    upper, lower = drawing.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    _spectrogram(upper, mix, start, 40.0, 16000.0, 2048)
    _spectrogram(lower, mix if vocals is None else vocals, start, 60.0, 4000.0, 4096)
    upper.set_ylabel("mix, Hz")
    lower.set_ylabel("mix, Hz" if vocals is None else "vocals, Hz")
    lower.set_xlabel("seconds")
    end = start + mix.shape[1] / SAMPLE_RATE
    for notes, colour in [
        *((backing.notes, "white") for backing in score.backing or []),
        (score.melody or [], "cyan"),
    ]:
        for note in notes:
            if note.start < end and note.end > start:
                height = _mel(440 * 2 ** ((note.pitch - 69) / 12))
                lower.plot([note.start, note.end], [height, height], color=colour, linewidth=1.5)
    if pitch is not None:
        voiced = np.flatnonzero(pitch)
        lower.plot(start + voiced / 100, 2595 * np.log10(1 + pitch[voiced] / 700), ",", color="white")
    for word in score.words or []:
        if start <= word.start < end:
            lower.text(word.start, _mel(3700), word.text, color="white", fontsize=7, rotation=45, va="top")
    lower.set_xlim(start, end)
    buffer = io.BytesIO()
    drawing.savefig(buffer, dpi=80, format="png")
    return f'<img alt="log-mel spectrograms" src="{_data("image/png", buffer.getvalue())}">\n'


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


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
