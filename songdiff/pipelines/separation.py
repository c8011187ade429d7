"""A mix taken apart into the four tracks by Hybrid Demucs (Défossez, ISMIR MDX workshop 2021; arXiv:2111.03600).

The network is torchaudio's (extra ``separation``); its weights are the user's: trained ones are published as
torchaudio's bundle HDEMUCS_HIGH_MUSDB_PLUS. Nothing is downloaded here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..audio.files import resample
from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..score import TRACKS
from .known import Known, to_channels

WEIGHTS = "https://download.pytorch.org/torchaudio/models/hdemucs_high_trained.pt"
"""Where the trained weights are published: noncommercial, for they were trained on MUSDB18."""
_SOURCES = ("drums", "bass", "other", "vocals")  # the order in which those weights give them
_RATE = 44100
_PIECE, _OVERLAP = 10.0, 1.0  # seconds


def load_separator(weights: Path, **sizes: Any) -> torch.nn.Module:
    """Hybrid Demucs with the state of a file. ``sizes``: arguments of torchaudio's ``HDemucs`` (none: the published
    model's). Raises :class:`InputError` where the file does not fit, MissingToolError without torchaudio."""
    try:
        from torchaudio.models import HDemucs
    except ImportError:
        raise MissingToolError("torchaudio", "pip install 'songdiff[separation]'") from None
    if not weights.is_file():
        raise InputError(f"{weights}: there are no such weights; download them from {WEIGHTS}")
    model = HDemucs(sources=list(_SOURCES), **({"nfft": 4096, "depth": 6} | sizes))
    try:
        model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, UnpicklingError, AttributeError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{weights}: cannot be read as Hybrid Demucs ({reason}); take {WEIGHTS}") from None
    return model.requires_grad_(False).eval()


def separate(known: Known, model: torch.nn.Module) -> Known:
    """``known``, of which the mix is there, with stems at its own rate and in stereo.

    What the stems leave of the mix goes to "other", so that they add up to it.
    """
    rate, samples = known.form.sample_rate, known.num_samples
    mix = to_channels(known.mixed, 2).astype(np.float32)
    waveform = torch.from_numpy(resample(mix, rate, _RATE))
    mean, std = waveform.mean(), waveform.mean(0).std().clamp(min=1e-5)
    parts = torch.zeros(len(_SOURCES), *waveform.shape)
    weights = torch.zeros(waveform.shape[-1])
    for start, piece in _pieces((waveform - mean) / std):
        fade = _window(piece.shape[-1])
        parts[..., start : start + piece.shape[-1]] += model(piece[None])[0] * fade
        weights[start : start + piece.shape[-1]] += fade
    parts = parts / weights * std
    stems = {}
    for track, part in zip(_SOURCES, parts.numpy(), strict=True):
        stem = resample(part.astype(np.float32), _RATE, rate)[:, :samples]
        stems[track] = np.pad(stem, ((0, 0), (0, samples - stem.shape[1])))
    rest: np.ndarray = mix - sum(stems.values())
    stems["other"] = stems["other"] + rest
    return Known.from_stems(
        {track: stems[track] for track in TRACKS}, rate, score=known.score, prompt=known.prompt, name=known.name
    )


def _pieces(waveform: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Stretches of at most ten seconds that overlap by one."""
    length, step = round(_PIECE * _RATE), round((_PIECE - _OVERLAP) * _RATE)
    for start in range(0, max(1, waveform.shape[-1] - round(_OVERLAP * _RATE)), step):
        yield start, waveform[..., start : start + length]


def _window(length: int) -> Tensor:
    """Ramps over the overlaps; positive everywhere."""
    ramp = (torch.arange(length) + 1) / (_OVERLAP * _RATE)
    return torch.minimum(ramp, ramp.flip(0)).clamp(max=1)
