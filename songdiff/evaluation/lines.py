"""Can the words be understood? A speech recogniser that nobody here wrote picks the sung line among ten.

The method: pocketsphinx (Huggins-Daines et al., ICASSP 2006), with the English model that comes with it, hears one line
of the dry vocals. Its grammar allows exactly ten sentences: what is sung and nine other lines of like length. It is
right where it names the sung one; chance is 10 %. It is a model of speech and not of singing, so that singing at a high
pitch costs it more than it costs people: read the share as a lower bound. It knows no voices and no models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..lyrics.pronounce import ARPABET, pronounce
from ..score import Score

if TYPE_CHECKING:
    from pocketsphinx import Decoder

CANDIDATES = 10
_RATE = 16000
_MARGIN = 0.25  # seconds heard before and after a line
_LONGEST = 60.0  # seconds
_BEAMS = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}  # wide: held vowels look unlikely for a long time
_SYMBOLS = {symbol: code.upper() for code, symbol in ARPABET.items() if code not in ("ax", "axr")} | {"ə": "AH"}


def identify_line(waveform: np.ndarray, sample_rate: int, candidates: Sequence[str]) -> int | None:
    """The index of the candidate that is heard, or None where it cannot be told.

    Args:
        waveform: (samples,) or (channels, samples) float, one sung or spoken line, at most a minute.
        candidates: English lines. Case and punctuation do not matter; equal lines count as the first of them.

    Raises :class:`~songdiff.errors.InputError` for a line without words, or a waveform that is empty or too long, and
    :class:`~songdiff.corpus.tools.MissingToolError` where pocketsphinx is not installed.
    """
    mono = np.asarray(waveform, np.float64)
    mono = mono.mean(axis=0) if mono.ndim == 2 else mono
    if not 0 < len(mono) <= _LONGEST * sample_rate:
        raise InputError(f"a line to identify lasts {len(mono) / sample_rate:g} s; give 0 to {_LONGEST:g} s")
    lines = [" ".join(_words(line)) for line in candidates]
    if not lines or not all(lines):
        raise InputError("a candidate line has no words; give lines of English words")
    decoder = _decoder()
    for word in {word for line in lines for word in line.split()}:
        _teach(decoder, word)

    decoder.add_jsgf_string("lines", f"#JSGF V1.0; grammar lines; public <line> = {' | '.join(dict.fromkeys(lines))};")
    decoder.activate_search("lines")
    decoder.start_utt()
    decoder.process_raw(_as_recorded(mono, sample_rate), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp().hypstr if decoder.hyp() else ""
    if heard in lines:
        return lines.index(heard)
    begun = {lines.index(line) for line in lines if heard.count(" ") >= 2 and line.startswith(heard)}
    return begun.pop() if len(begun) == 1 else None  # it may lose the last word of a line, and still tell the line


def line_identification(
    score: Score, vocals: np.ndarray, distractors: Sequence[str], rng: np.random.Generator, sample_rate: int = 44100
) -> tuple[int, int]:
    """How many of the score's lines are told from nine others: (right, lines heard).

    Args:
        score: an English song with lines and their times.
        vocals: (samples,) or (channels, samples), the dry vocals of the whole song.
        distractors: lines to draw from: those are taken that are nearest in length to the sung line.
        rng: draws the nine.

    Raises :class:`~songdiff.errors.InputError` where lines are unknown, not English, or distractors are too few.
    """
    if score.lines is None or not score.language.startswith("en"):
        raise InputError(f"lines of a score in {score.language!r} cannot be identified; give an English one with lines")
    right = 0
    for line in score.lines:
        start, end = line.start - _MARGIN, line.end + _MARGIN
        heard = vocals[..., max(0, round(start * sample_rate)) : round(end * sample_rate)]
        candidates = [line.text, *_like(line.text, distractors, rng)]
        right += identify_line(heard, sample_rate, candidates) == 0
    return right, len(score.lines)


def _like(line: str, distractors: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Nine other lines, drawn from the thirty nearest in length."""
    sung = _words(line)
    others = sorted({" ".join(_words(other)) for other in distractors} - {" ".join(sung), ""})
    if len(others) < CANDIDATES - 1:
        raise InputError(f"{len(others)} other lines to tell {line!r} from; give at least {CANDIDATES - 1} distractors")
    letters = len(" ".join(sung))
    others.sort(key=lambda other: (abs(other.count(" ") + 1 - len(sung)), abs(len(other) - letters)))
    nearest = others[: 3 * CANDIDATES]
    return [nearest[index] for index in rng.choice(len(nearest), CANDIDATES - 1, replace=False)]


def _words(line: str) -> list[str]:
    return re.findall(r"[a-z]+(?:'[a-z]+)*", line.lower().replace("’", "'"))


@lru_cache(maxsize=1)
def _decoder() -> Decoder:
    try:
        from pocketsphinx import Decoder
    except ImportError:
        raise MissingToolError("pocketsphinx", "pip install pocketsphinx") from None
    return Decoder(lm=None, loglevel="FATAL", cmn="batch", **_BEAMS)  # batch: nothing is kept from line to line


def _teach(decoder: Decoder, word: str) -> None:
    """Give a word that is not in the recogniser's dictionary (130,000 words) espeak-ng's pronunciation."""
    if decoder.lookup_word(word) is None:
        symbols = [symbol for syllables in pronounce([word]) for syl in syllables for symbol in syl.phonemes]
        decoder.add_word(word, " ".join(_SYMBOLS[symbol] for symbol in symbols), update=True)


def _as_recorded(mono: np.ndarray, sample_rate: int) -> bytes:
    """16-bit samples at 16 kHz on a floor of faint noise (digital silence is no speech the model has met)."""
    from scipy.signal import resample_poly

    divisor = np.gcd(_RATE, sample_rate)
    heard = resample_poly(mono, _RATE // divisor, sample_rate // divisor)
    heard = 0.5 * heard / max(float(np.abs(heard).max()), 1e-9) + np.random.default_rng(0).normal(0, 1e-3, len(heard))
    return np.round(heard * 32767).astype(np.int16).tobytes()
