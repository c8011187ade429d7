"""Sung words: phonemes that a recogniser of our own hears, against those that were asked for.

The phoneme error rate is edits over asked phonemes (substitutions, deletions, insertions; Levenshtein, 1966). A figure
can only be read beside the recogniser's own error on the corpus's audio, so every report gives both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch

from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..models import PhonemeRecogniser
from ..models.recogniser import BLANK
from ..score import Phoneme, Score

MISSED = 0.6  # a line of which more phonemes than this are wrong counts as not sung


@dataclass(frozen=True)
class WordsHeard:
    """``edits`` of ``asked`` phonemes; per line of the Score the share that is wrong (None: nothing to sing)."""

    edits: int
    asked: int
    line_error: tuple[float | None, ...]

    @property
    def error_rate(self) -> float:
        """Phoneme error rate: 0 is perfect; insertions can bring it above 1."""
        return self.edits / max(1, self.asked)

    @property
    def missed_lines(self) -> list[int]:
        """Indices of the lines that were not sung."""
        return [i for i, error in enumerate(self.line_error) if error is not None and error > MISSED]


@cache
def load_recogniser(folder: str | None = None) -> PhonemeRecogniser:
    """The shipped recogniser, or one of a folder. Raises :class:`InputError` where there is none."""
    path = Path(folder) if folder else Path(str(files("songdiff.checkpoints"))) / "recogniser"
    if not (path / "config.json").is_file():
        raise InputError(f"{path}: holds no phoneme recogniser; train one with recipes/recogniser/tiny.yaml")
    return PhonemeRecogniser.from_pretrained(path, dtype=torch.float32, low_cpu_mem_usage=False).eval()


def hear(recogniser: PhonemeRecogniser, waveform: np.ndarray, seconds: float = 30.0) -> torch.Tensor:
    """(2, samples) at 44.1 kHz → log-probabilities (T, P); long songs in pieces, with margins."""
    mono = torch.from_numpy(np.ascontiguousarray(waveform.mean(0), dtype=np.float32))
    frame = 2 * recogniser.config.hop_length
    features = recogniser.features(mono[None])
    step, margin = 2 * (round(seconds * 44100) // frame), 2 * (44100 // frame)
    pieces = []
    for start in range(0, features.shape[-1], step):
        first = max(0, start - margin)
        with torch.no_grad():
            piece = recogniser(features[..., first : start + step + margin])[0][0]
        pieces.append(piece[(start - first) // 2 : (start - first + step) // 2])
    return torch.cat(pieces)


def words_heard(log_probabilities: torch.Tensor, score: Score, recogniser: PhonemeRecogniser) -> WordsHeard:
    """Hold what is heard (T, P) against ``score.phonemes``.

    Raises :class:`InputError` where the Score does not say what is sung.
    """
    if score.phonemes is None or score.words is None:
        raise InputError("the score does not say what is sung (phonemes, words): nothing to hold the song against")
    asked = sorted(score.phonemes, key=lambda phoneme: phoneme.start)
    heard = [symbol for symbol, _ in recogniser.phonemes(log_probabilities)]
    wrong, inserted = _alignment([phoneme.symbol for phoneme in asked], heard)
    lines = [score.words[phoneme.word].line for phoneme in asked]
    errors: list[float | None] = []
    for line in range(len(score.lines or [])):
        here = [w for w, at in zip(wrong, lines, strict=True) if at == line]
        errors.append(sum(here) / len(here) if here else None)
    return WordsHeard(sum(wrong) + inserted, len(asked), tuple(errors))


def align(log_probabilities: torch.Tensor, phonemes: list[Phoneme], recogniser: PhonemeRecogniser) -> list[float]:
    """Seconds at which each of ``phonemes`` (in the order they are sung) is heard, by the best path through them.

    torchaudio's forced alignment of the recogniser's (T, P). Raises :class:`InputError` where they are more than fit,
    and MissingToolError without torchaudio.
    """
    try:
        import torchaudio.functional as audio
    except ImportError:
        raise MissingToolError("torchaudio", "pip install 'torchaudio>=2.11,<2.12' 'torch>=2.11,<2.12'") from None
    index = {symbol: i for i, symbol in enumerate(recogniser.inventory)}
    targets = torch.tensor([[index[phoneme.symbol] for phoneme in phonemes]], dtype=torch.int32)
    repeats = int((targets[0, 1:] == targets[0, :-1]).sum())
    if targets.shape[1] + repeats > len(log_probabilities):
        raise InputError(f"{targets.shape[1]} phonemes do not fit into {len(log_probabilities)} frames")
    path, scores = audio.forced_align(log_probabilities[None].float(), targets, blank=BLANK)
    spans = audio.merge_tokens(path[0], scores[0], blank=BLANK)
    return [span.start * recogniser.frame_seconds for span in spans]


def _alignment(asked: list[str], heard: list[str]) -> tuple[list[bool], int]:
    """Which asked symbols are wrong in the cheapest alignment, and how many heard ones are too many."""
    rows, columns = len(asked), len(heard)
    cost = np.zeros((rows + 1, columns + 1), np.int32)
    cost[:, 0], cost[0] = np.arange(rows + 1), np.arange(columns + 1)
    names = {symbol: i for i, symbol in enumerate(dict.fromkeys([*asked, *heard]))}
    a, h = np.array([names[s] for s in asked], int), np.array([names[s] for s in heard], int)
    offsets = np.arange(columns + 1)
    for i in range(1, rows + 1):
        best = cost[i - 1] + 1
        best[1:] = np.minimum(best[1:], cost[i - 1, :-1] + (h != a[i - 1]))
        cost[i] = np.minimum.accumulate(best - offsets) + offsets  # insertions
    wrong, i, j, inserted = [False] * rows, rows, columns, 0
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (a[i - 1] != h[j - 1]):
            i, j = i - 1, j - 1
            wrong[i] = bool(a[i] != h[j])
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            wrong[i] = True
        else:
            j -= 1
            inserted += 1
    return wrong, inserted
