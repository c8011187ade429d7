"""Waveform ⇄ latents behind one face, whatever makes them: our mel autoencoder with its vocoder, or diffusers' Oobleck.

Both ways run in chunks: each is computed together with ``context`` latent frames of its neighbours, and its middle is
kept. The networks are local, so with a context as wide as their reach the pieces are what the whole would have been,
and memory does not grow with length. Shapes: B batch, C latent channels, T latent frames.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import AutoencoderOobleck
from torch import Tensor

from ..errors import InputError
from .autoencoder import MelAutoencoder, Spectra
from .vocoder import SpectralVocoder
from .waveform_autoencoder import WaveformAutoencoder

FIRST_FRAMES = 22  # what is heard first: a second at 21.5 Hz


class Codec(ABC):
    """``waveform (B, 2, samples)`` ⇄ ``latents (B, C, T)``, T = ceil(samples / downsampling).

    ``sample_rate`` in Hz; in latent frames: ``chunk_frames``, the ``first_frames`` that are decoded before the first
    piece, ``encode_context`` and ``decode_context``. Both ways take tensors from any device and give them on the
    autoencoder's.
    """

    autoencoder: Any
    sample_rate: int
    downsampling: int
    latent_channels: int
    chunk_frames: int
    first_frames: int = FIRST_FRAMES
    encode_context: int
    decode_context: int

    @property
    def frame_rate(self) -> float:
        """Latent frames per second."""
        return self.sample_rate / self.downsampling

    @cached_property
    def silence_latent(self) -> Tensor:
        """What digital silence encodes to, far from its ends: (C,)."""
        frames = 2 * self.encode_context + 1
        return self.encode(torch.zeros(1, 2, frames * self.downsampling))[0, :, self.encode_context]

    @property
    def device(self) -> torch.device:
        return self.autoencoder.device

    @abstractmethod
    def _encode(self, waveform: Tensor) -> Tensor:
        """One window: (B, 2, T · downsampling) → (B, C, T)."""

    def encode(self, waveform: Tensor, chunk_frames: int | None = None) -> Tensor:
        """(B, 2, samples) → (B, C, T); an unfinished last frame is filled up with silence."""
        return torch.cat(list(self.stream_encode(waveform, chunk_frames)), dim=-1)

    def decode(self, latents: Tensor, chunk_frames: int | None = None) -> Tensor:
        """(B, C, T) → (B, 2, T · downsampling)."""
        return torch.cat(list(self.stream_decode(latents, chunk_frames)), dim=-1)

    @torch.no_grad()
    def stream_encode(self, waveform: Tensor, chunk_frames: int | None = None) -> Iterator[Tensor]:
        """Latents of one chunk after another. Raises ValueError for a waveform that is not stereo or is empty."""
        if waveform.ndim != 3 or waveform.shape[1] != 2 or not waveform.shape[2]:
            raise ValueError(f"expected a stereo waveform (B, 2, samples), got {tuple(waveform.shape)}")
        d = self.downsampling
        for window, kept in chunks(-(-waveform.shape[2] // d), chunk_frames or self.chunk_frames, self.encode_context):
            piece = waveform[..., window.start * d : window.stop * d].to(self.device)
            yield self._encode(F.pad(piece, (0, -piece.shape[-1] % d)))[..., kept]

    @abstractmethod
    def stream_decode(self, latents: Tensor, chunk_frames: int | None = None) -> Iterator[Tensor]:
        """The waveform, (B, 2, n) at a time; the first piece needs ``first_frames`` and the context alone."""

    def _decode_chunks(self, latents: Tensor, chunk_frames: int | None) -> Iterator[tuple[slice, slice]]:
        if latents.ndim != 3 or latents.shape[1] != self.latent_channels or not latents.shape[2]:
            raise ValueError(f"expected latents (B, {self.latent_channels}, T), got {tuple(latents.shape)}")
        return chunks(latents.shape[2], chunk_frames or self.chunk_frames, self.decode_context, self.first_frames)


class OobleckCodec(Codec):
    """An ``AutoencoderOobleck``, by itself or as :class:`WaveformAutoencoder` with normalised latents."""

    chunk_frames = 48  # with its context and 128 channels of 32 bits at 44.1 kHz 0.07 GB a layer, 0.8 GB in all

    def __init__(self, autoencoder: AutoencoderOobleck) -> None:
        c = autoencoder.config
        if c.audio_channels != 2 or any(ratio % 2 for ratio in c.downsampling_ratios):
            raise InputError(
                f"AutoencoderOobleck: audio_channels {c.audio_channels} and downsampling_ratios "
                f"{list(c.downsampling_ratios)} do not fit; it must be stereo, and every ratio even"
            )
        self.autoencoder = autoencoder
        self.sample_rate, self.downsampling = c.sampling_rate, math.prod(c.downsampling_ratios)
        self.latent_channels = c.decoder_input_channels
        self.encode_context, self.decode_context = _oobleck_reach(c.downsampling_ratios)

    def _encode(self, waveform: Tensor) -> Tensor:
        rows = waveform.to(self.autoencoder.dtype).split(1)  # one at a time: memory
        latents = torch.cat([self.autoencoder.encode(row).latent_dist.mode() for row in rows]).float()
        if isinstance(self.autoencoder, WaveformAutoencoder):
            latents = (latents - self.autoencoder.latent_mean[:, None]) / self.autoencoder.latent_std[:, None]
        return latents

    @torch.no_grad()
    def stream_decode(self, latents: Tensor, chunk_frames: int | None = None) -> Iterator[Tensor]:
        d = self.downsampling
        for window, kept in self._decode_chunks(latents, chunk_frames):
            yield self._decode(latents[..., window].to(self.device))[..., kept.start * d : kept.stop * d]

    def _decode(self, latents: Tensor) -> Tensor:
        if isinstance(self.autoencoder, WaveformAutoencoder):
            latents = latents * self.autoencoder.latent_std[:, None] + self.autoencoder.latent_mean[:, None]
        rows = latents.to(self.autoencoder.dtype).split(1)
        return torch.cat([self.autoencoder.decode(row).sample for row in rows]).float()


class MelCodec(Codec):
    """Our pair: :class:`MelAutoencoder`, and the vocoder that decoding needs."""

    chunk_frames = 128

    def __init__(self, autoencoder: MelAutoencoder, vocoder: SpectralVocoder | None = None) -> None:
        self.autoencoder, self.vocoder = autoencoder, vocoder
        self.sample_rate, self.downsampling = autoencoder.config.sample_rate, autoencoder.downsampling
        self.latent_channels = autoencoder.config.latent_channels
        self.decode_context = autoencoder.context_frames
        self.encode_context = autoencoder.context_frames + 1  # its spectra reach into the next frame
        if vocoder is not None:
            ahead = vocoder.look_ahead
            self.first_frames += math.ceil(ahead / autoencoder.config.frames_per_latent)

    @cached_property
    def silence_latent(self) -> Tensor:
        return self.autoencoder.silence_latent

    def _encode(self, waveform: Tensor) -> Tensor:
        return self.autoencoder.encode(waveform)

    @torch.no_grad()
    def stream_decode(self, latents: Tensor, chunk_frames: int | None = None) -> Iterator[Tensor]:
        """The waveform, (B, 2, n) at a time, as the vocoder gives it; it keeps its own context from chunk to chunk."""
        if self.vocoder is None:
            raise ValueError("a MelAutoencoder decodes to spectra: give the codec a vocoder to hear them")
        yield from self.vocoder.stream(self._spectra(latents, chunk_frames))

    def _spectra(self, latents: Tensor, chunk_frames: int | None) -> Iterator[Spectra]:
        r = self.autoencoder.config.frames_per_latent
        for window, kept in self._decode_chunks(latents, chunk_frames):
            spectra = self.autoencoder.decode(latents[..., window].to(self.device))
            yield Spectra(*(x[..., kept.start * r : kept.stop * r] for x in spectra))


def codec_of(autoencoder: object, vocoder: SpectralVocoder | None = None) -> Codec:
    """The codec of a loaded autoencoder of either kind (a codec comes back as it is)."""
    if isinstance(autoencoder, Codec):
        return autoencoder
    if isinstance(autoencoder, AutoencoderOobleck):
        return OobleckCodec(autoencoder)
    if isinstance(autoencoder, MelAutoencoder):
        return MelCodec(autoencoder, vocoder)
    raise TypeError(f"{type(autoencoder).__name__} is neither a MelAutoencoder nor an AutoencoderOobleck")


def load_autoencoder(
    folder: Path, dtype: torch.dtype = torch.float32
) -> MelAutoencoder | WaveformAutoencoder | AutoencoderOobleck:
    """An autoencoder of either kind from its folder, frozen. Raises :class:`InputError` naming what the folder is."""
    kinds = {kind.__name__: kind for kind in (MelAutoencoder, WaveformAutoencoder, AutoencoderOobleck)}
    config = folder / "config.json"
    if not config.is_file():
        raise InputError(f"{folder}: no trained autoencoder there (config.json is missing); run its recipe first")
    name = json.loads(config.read_text(encoding="utf-8")).get("_class_name")
    if name not in kinds:
        raise InputError(f"{config}: _class_name {name!r} is no autoencoder; choose one of {', '.join(kinds)}")
    return kinds[name].from_pretrained(folder, dtype=dtype).requires_grad_(False).eval()


def chunks(length: int, chunk: int, context: int, first: int | None = None) -> Iterator[tuple[slice, slice]]:
    """Cover ``length`` frames in pieces of ``chunk`` (the first of ``first``): for each the window to compute, with
    ``context`` frames of either neighbour where there are any, and the part of that window to keep."""
    start, end = 0, min(first or chunk, length)
    while start < length:
        low, high = max(0, start - context), min(length, end + context)
        yield slice(low, high), slice(start - low, end - low)
        start, end = end, min(end + chunk, length)


def _oobleck_reach(ratios: list[int]) -> tuple[int, int]:
    """Latent frames on either side that a frame of an Oobleck's encoder and decoder sees, rounded up.

    In samples at the rate of each layer: kernel 7 reaches 3; a block's three residual units, dilated by 1, 3 and 9, 39;
    a strided convolution of twice its stride, half a stride (encoder) or one input frame (decoder).
    """
    total, rate, encoder, decoder = math.prod(ratios), 1, 3.0, 3.0
    for ratio in ratios:  # from audio to latents; ``rate`` in samples
        encoder += rate * (39 + ratio / 2)
        decoder += rate * 39 + rate * ratio
        rate *= ratio
    return math.ceil(encoder / total + 1), math.ceil(decoder / total + 3)
