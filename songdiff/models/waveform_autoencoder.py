"""diffusers' waveform autoencoder (Stable Audio's Oobleck), with latents of unit variance for a transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderOobleck
from diffusers.configuration_utils import register_to_config
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401 (a pipeline's loader looks for it in this module)
from torch import Tensor


class WaveformAutoencoder(AutoencoderOobleck):
    """An Oobleck that also knows the mean and the standard deviation of its latents, per channel.

    ``encode`` and ``decode`` are diffusers' own, on latents as they are; :class:`~songdiff.models.codec.OobleckCodec`
    applies the two. Mean 0 and deviation 1 until :meth:`fit_latents`. A saved folder also loads as diffusers' class.
    """

    latent_mean: Tensor
    latent_std: Tensor

    @register_to_config
    def __init__(
        self,
        encoder_hidden_size: int = 128,
        downsampling_ratios: Sequence[int] = (2, 4, 4, 8, 8),
        channel_multiples: Sequence[int] = (1, 2, 4, 8, 16),
        decoder_channels: int = 128,
        decoder_input_channels: int = 64,
        audio_channels: int = 2,
        sampling_rate: int = 44100,
    ) -> None:
        if encoder_hidden_size != 2 * decoder_input_channels:
            raise ValueError(
                f"encoder_hidden_size {encoder_hidden_size} holds mean and deviation: it must be twice "
                f"decoder_input_channels {decoder_input_channels}"
            )
        super().__init__(
            encoder_hidden_size,
            list(downsampling_ratios),
            list(channel_multiples),
            decoder_channels,
            decoder_input_channels,
            audio_channels,
            sampling_rate,
        )
        self.register_buffer("latent_mean", torch.zeros(decoder_input_channels))
        self.register_buffer("latent_std", torch.ones(decoder_input_channels))

    @classmethod
    def from_oobleck(cls, folder: str | Path) -> WaveformAutoencoder:
        """From a folder of ``AutoencoderOobleck.save_pretrained``, such as the ``vae`` of a Stable Audio checkpoint."""
        oobleck = AutoencoderOobleck.from_pretrained(folder, dtype=torch.float32)
        model = cls.from_config(dict(oobleck.config))
        model.load_state_dict(oobleck.state_dict() | {"latent_mean": model.latent_mean, "latent_std": model.latent_std})
        return model

    @torch.no_grad()
    def fit_latents(self, waveforms: Tensor) -> None:
        """Set mean and deviation to those of the latents of ``waveforms`` (B, 2, samples), encoded one at a time."""
        latents = torch.cat([self.encode(waveform[None]).latent_dist.mode()[0] for waveform in waveforms], dim=-1)
        self.latent_mean.copy_(latents.mean(-1))
        self.latent_std.copy_(latents.std(-1).clamp(min=1e-5))
