"""Style: a text prompt and a recording in one space, trained contrastively (CLIP, arXiv:2103.00020)."""

from __future__ import annotations

from itertools import zip_longest
from typing import NamedTuple

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from ..composer.style import style_tokens
from .codec import chunks
from .spectra import mel_filterbank, stft

SAMPLE_RATE, N_FFT, HOP_LENGTH, NUM_MELS = 44100, 2048, 512, 100
F_MIN, F_MAX, FLOOR = 20.0, 20000.0, 3e-5


class Style(NamedTuple):
    """``tokens`` (B, S, E), ``mask`` (B, S) with True = present, ``pooled`` (B, E) of unit length."""

    tokens: Tensor
    mask: Tensor
    pooled: Tensor


class StyleEncoder(ModelMixin, ConfigMixin):
    """Two towers over the words of a style prompt and over :func:`mix_log_mel` of a recording, both into width E.

    ``vocabulary`` lists the words the text tower knows. Token 0 is padding, token 1 "no style"; numbers before "bpm"
    fall into tempo bins of 10.
    """

    _tempo_bins = tuple(f"{low} bpm" for low in range(40, 220, 10))

    @register_to_config
    def __init__(
        self,
        vocabulary: tuple[str, ...] = (),
        max_tokens: int = 24,
        num_mels: int = NUM_MELS,
        embedding_size: int = 128,
        num_layers: int = 2,
    ) -> None:
        super().__init__()
        entries = ["<pad>", "<none>", *self._tempo_bins, *vocabulary]
        self._token = {entry: i for i, entry in enumerate(entries)}
        self.text_embed = nn.Embedding(len(entries), embedding_size)
        nn.init.normal_(self.text_embed.weight, std=0.5)
        layer = nn.TransformerEncoderLayer(
            embedding_size, 4, 4 * embedding_size, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.text_layers = nn.TransformerEncoder(layer, num_layers, enable_nested_tensor=False)
        self.text_out = nn.Linear(embedding_size, embedding_size)
        self.audio_layers = nn.Sequential(
            nn.Conv1d(num_mels, embedding_size, 5, stride=2, padding=2),
            nn.GELU(),
            nn.Conv1d(embedding_size, embedding_size, 5, stride=4, padding=2),
            nn.GELU(),
            nn.Conv1d(embedding_size, 2 * embedding_size, 5, stride=4, padding=2),
            nn.GELU(),
        )
        self.audio_out = nn.Linear(4 * embedding_size, embedding_size)
        self.log_temperature = nn.Parameter(torch.tensor(2.0))

    def tokenize(self, prompt: str) -> tuple[list[int], list[str]]:
        """Prompt → (tokens, words not known)."""
        words = style_tokens(prompt)
        tokens, unknown = [], []
        for word, following in zip_longest(words, words[1:]):
            if following == "bpm" and word.replace(".", "").isdigit():
                word = f"{min(max(int(float(word)) // 10 * 10, 40), 210)} bpm"
            if word in self._token:
                tokens.append(self._token[word])
            else:
                unknown.append(word)
        return tokens[: self.config.max_tokens], unknown

    def encode_text(self, prompts: list[str]) -> Style:
        """Prompts → :class:`Style`; an empty prompt is the "no style" token."""
        rows = [self.tokenize(prompt)[0] or [1] for prompt in prompts]
        length = max(map(len, rows))
        tokens = torch.tensor([row + [0] * (length - len(row)) for row in rows], device=self.text_embed.weight.device)
        mask = tokens > 0
        x = self.text_layers(self.text_embed(tokens), src_key_padding_mask=~mask)
        mean = (x * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return Style(x, mask, F.normalize(self.text_out(mean), dim=-1))

    def encode_audio(self, log_mel: Tensor) -> Style:
        """Log-mel frames of a mix (B, M, J), J ≥ 32 → :class:`Style` of one token."""
        x = self.audio_layers((log_mel + 6.0) / 3.0)
        pooled = F.normalize(self.audio_out(torch.cat([x.mean(-1), x.std(-1)], dim=-1)), dim=-1)
        return Style(
            pooled[:, None] * pooled.shape[-1] ** 0.5, pooled.new_ones(len(pooled), 1, dtype=torch.bool), pooled
        )

    def contrastive_loss(self, prompts: list[str], log_mel: Tensor) -> Tensor:
        """Symmetric cross-entropy over the pairs of a batch; prompt i belongs to recording i."""
        similarity = self.encode_text(prompts).pooled @ self.encode_audio(log_mel).pooled.T
        logits = similarity * self.log_temperature.clamp(max=4.0).exp()
        target = torch.arange(len(prompts), device=logits.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


@torch.no_grad()
def mix_log_mel(waveform: Tensor) -> Tensor:
    """What the audio tower hears: (B, 2, samples) at 44.1 kHz → natural log of the mid's mel magnitudes (B, 100, J).

    The same for every autoencoder. A frame is 512 samples, J a multiple of four; computed in chunks, so that a long
    recording takes no more memory than its own.
    """
    if waveform.ndim != 3 or waveform.shape[1] != 2:
        raise ValueError(f"expected a stereo waveform (B, 2, samples), got {tuple(waveform.shape)}")
    filterbank = mel_filterbank(N_FFT, NUM_MELS, F_MIN, F_MAX, SAMPLE_RATE).to(waveform.device)
    mid = waveform.mean(1)
    mid = F.pad(mid, (0, -mid.shape[-1] % (4 * HOP_LENGTH)))
    frames = []
    for window, kept in chunks(mid.shape[-1] // HOP_LENGTH, 512, 2):  # a frame reaches 1.5 hops to either side
        spectrum = stft(mid[:, window.start * HOP_LENGTH : window.stop * HOP_LENGTH], N_FFT, HOP_LENGTH)[..., kept]
        frames.append((filterbank @ spectrum.abs()).clamp(min=FLOOR).log())
    return torch.cat(frames, dim=-1)
