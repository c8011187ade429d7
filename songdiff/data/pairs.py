"""Pairs of songs of which one is preferred, on disk: ``pairs.jsonl`` and the latents that its lines name.

    {"winner": "0007-2.latents.safetensors", "loser": "0007-0.latents.safetensors", "request": {…}, "score": {…}, …}

Files are relative to the folder; ``request`` is that of ``songdiff generate``. What else a line says, such as what the
two scored, is for readers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ..conditioning import Grain
from ..errors import InputError
from ..score import Score

PAIRS = "pairs.jsonl"


@dataclass(frozen=True, eq=False)
class Pair:
    """``winner`` and ``loser`` (K, C, T) float32: songs of ``score``, timed by ``grain``, in the style ``prompt``."""

    winner: Tensor
    loser: Tensor
    score: Score
    prompt: str
    grain: Grain


def read_pairs(folder: Path) -> list[Pair]:
    """All pairs of a folder. Raises :class:`InputError` naming the line that is wrong."""
    path = folder / PAIRS
    if not path.is_file():
        raise InputError(f"{path}: there are no pairs; make some with `songdiff preferences --out {folder}`")
    pairs = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        place = f"{path}: line {number}"
        try:
            record = json.loads(line)
            winner, loser = (_latents(folder / record[name]) for name in ("winner", "loser"))
            request: dict[str, Any] = record["request"]
            score = Score.from_json(json.dumps(record["score"]), place).canonical()
            grain: Grain = "line" if request.get("planner") == "none" else "phoneme"
            pairs.append(Pair(winner, loser, score, str(request.get("prompt", "")), grain))
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{place}: winner, loser, request and score are needed ({error})") from None
        if winner.shape != loser.shape:
            raise InputError(f"{place}: winner and loser are not of one shape; both must be songs of the line's score")
    if not pairs:
        raise InputError(f"{path}: holds no pairs; make some with `songdiff preferences --out {folder}`")
    return pairs


def _latents(path: Path) -> Tensor:
    try:
        return load_file(path)["latents"].float()
    except (OSError, SafetensorError):
        raise InputError(f"{path}: cannot be read as latents; make the pairs again") from None
