"""Encoded songs: the corpus as latents, log-mel of the mix, and Scores, for the trainings that stand on latents."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import ModelMixin
from safetensors.torch import load, load_file, save_file
from torch import Tensor
from tqdm import tqdm

from ..corpus.shards import CorpusSong, read_corpus, read_member, stems
from ..errors import InputError
from ..models import Codec, codec_of, mix_log_mel
from ..models.style_encoder import F_MAX, F_MIN, FLOOR, HOP_LENGTH, N_FFT, NUM_MELS
from ..score import TRACKS, Score


@dataclass
class EncodedSong:
    """``latents`` (K, C, T) and ``mix_log_mel`` (M, J), both float16; its captions and Score."""

    name: str
    latents: Tensor
    mix_log_mel: Tensor
    captions: list[str]
    score: Score


def corpus_songs(corpus: Path, split: str, limit: int | None = None) -> list[CorpusSong]:
    """The songs of one split ("train" or "test") of a corpus folder, in order, at most ``limit``.

    Damaged shards are named on standard error and left out. Raises :class:`~songdiff.errors.InputError` where there is
    no corpus, or nothing to train on.
    """
    songs = list(itertools.islice(read_corpus(corpus, split), limit))
    if split == "train" and not songs:
        raise InputError(f"{corpus}: holds no songs for training; run `songdiff corpus build --out {corpus}`")
    return songs


def encode_songs(songs: list[CorpusSong], autoencoder: Codec | ModelMixin, cache: Path) -> list[EncodedSong]:
    """Encode songs, or read them from their shard, or from ``cache`` (a folder per autoencoder, so that another one
    never mixes in).

    ``autoencoder``: of either kind, or its codec.
    """
    codec = codec_of(autoencoder)
    digest = encoding_digest(codec)
    folder = cache / digest

    def encoded(song: CorpusSong) -> EncodedSong:
        if f"{digest}.safetensors" in song.members:
            tensors = load(read_member(song, f"{digest}.safetensors"))
        else:
            path = folder / f"{song.id}-{song.digest[:12]}.safetensors"
            if not path.exists():
                folder.mkdir(parents=True, exist_ok=True)
                part = path.with_suffix(f".part{os.getpid()}")
                save_file(encode_stems(stems(song), codec), part)
                os.replace(part, path)
            tensors = load_file(path)
        return EncodedSong(song.id, tensors["latents"], tensors["mix_log_mel"], song.captions, song.score)

    with ThreadPoolExecutor(2) as pool:
        return list(
            tqdm(pool.map(encoded, songs), total=len(songs), desc="encode", mininterval=2.0, disable=len(songs) < 2)
        )


def encoding_digest(codec: Codec) -> str:
    """What encoded songs depend on beside their sound: the autoencoder's weights, and how the log-mel is taken."""
    digest = hashlib.sha256(str((N_FFT, HOP_LENGTH, NUM_MELS, F_MIN, F_MAX, FLOOR)).encode())
    for name, value in sorted(codec.autoencoder.state_dict().items()):
        digest.update(name.encode() + value.cpu().float().numpy().tobytes())
    return digest.hexdigest()[:12]


@torch.no_grad()
def encode_stems(by_track: dict[str, np.ndarray], codec: Codec) -> dict[str, Tensor]:
    """A song's stems, (2, samples) each → ``latents`` (K, C, T) and ``mix_log_mel`` (M, J), float16; in chunks,
    whatever its length."""
    waveforms = torch.from_numpy(np.stack([by_track[track] for track in TRACKS]))
    return {
        "latents": codec.encode(waveforms).cpu().half().contiguous(),
        "mix_log_mel": mix_log_mel(waveforms.sum(0, keepdim=True))[0].half().contiguous(),
    }


def describe_corpus(songs: list[CorpusSong]) -> str:
    """Number of songs and hours, as JSON, for logs."""
    return json.dumps({"songs": len(songs), "hours": round(sum(song.score.duration for song in songs) / 3600, 2)})
