"""The song transformer: predicts the velocity of all tracks of a song at once.

One token is one latent frame of all tracks. Conditions that lie on the time grid are added in, at the input and at
every block; style tokens are cross-attended; time and pooled style modulate every block (adaLN-single, PixArt-α,
arXiv:2310.00426). What is already known of the song comes in beside the noisy latents with its mask. The network's
output is what the best linear guess of the velocity leaves, at unit variance (as in EDM, arXiv:2206.00364, for the
straight path and data of unit variance): it is meant to spare the narrow network carrying 256 channels of
noise to its output (recipes/transformer/tiny.yaml has what was measured).

B batch, K tracks, C latent channels, T latent frames, L = 4·T fine frames, S style tokens, E style width, D width.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from ..conditioning.frames import PHONEME_TOKENS, PITCH_TOKENS, FrameConditions
from ..conditioning.groups import ALL_GROUPS, FIRST_GROUPS, GROUP_NAMES, GROUPS, OFFSETS, STREAMS, VOICE
from .blocks import ConvNeXtBlock, RMSNorm


class SongTransformer(ModelMixin, ConfigMixin):
    """Velocity (B, K·C, T) from noisy latents (B, K·C, T), time (B,), known cells, conditions and style.

    ``groups``: the conditions that it hears, of :mod:`songdiff.conditioning.groups` (None: those there were before
    checkpoints listed them). ``singers``: attributes of the singers that it knows by name, as in ``Score.singer``.
    ``guidance_embeds``: whether it can be asked for the guided velocity, which it has learned in one evaluation
    (:mod:`songdiff.training.distillation`). ``latent_limits``: where the latents lie that it has learned from
    (:class:`songdiff.diffusion.Limits`).
    """

    _supports_gradient_checkpointing = True
    _repeated_blocks: ClassVar[list[str]] = ["TransformerBlock"]

    @register_to_config
    def __init__(
        self,
        num_tracks: int = 4,
        latent_channels: int = 64,
        hidden_size: int = 448,
        num_layers: int = 6,
        num_heads: int = 7,
        mlp_ratio: float = 2.5,
        style_size: int = 128,
        cross_attention_every: int = 3,
        phoneme_tokens: int = PHONEME_TOKENS,
        pitch_tokens: int = PITCH_TOKENS,
        preconditioning: bool = True,
        window: int | None = None,
        groups: list[str] | None = None,
        singers: dict[str, dict[str, Any]] | None = None,
        guidance_embeds: bool = False,
        latent_limits: dict[str, list[float]] | None = None,
    ) -> None:
        super().__init__()
        if hidden_size % num_heads or (hidden_size // num_heads) % 2:
            raise ValueError(f"hidden_size {hidden_size} does not split into {num_heads} heads of even size")
        channels = num_tracks * latent_channels
        self.condition_encoder = ConditionEncoder(
            hidden_size, phoneme_tokens, pitch_tokens, list(FIRST_GROUPS) if groups is None else groups, latent_channels
        )
        self.embed = nn.Linear(2 * channels + num_tracks, hidden_size)
        self.time_embed = nn.Sequential(nn.Linear(256, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size))
        self.style_embed = nn.Linear(style_size, hidden_size)
        self.guidance_embed = nn.Parameter(torch.zeros(hidden_size)) if guidance_embeds else None
        self.modulation = nn.Linear(hidden_size, 6 * hidden_size)
        self.blocks = nn.ModuleList(
            TransformerBlock(
                hidden_size, num_heads, mlp_ratio, style_size if i % cross_attention_every == 0 else None, window
            )
            for i in range(num_layers)
        )
        self.norm = RMSNorm(hidden_size, elementwise_affine=False, eps=1e-6)
        self.out_modulation = nn.Parameter(torch.zeros(2, hidden_size))
        self.out = nn.Linear(hidden_size, channels)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.gradient_checkpointing = False

    @property
    def groups(self) -> tuple[str, ...]:
        """The conditions that it hears."""
        return tuple(self.config.groups or FIRST_GROUPS)

    def encode_conditions(self, conditions: FrameConditions) -> Tensor:
        """Batched conditions → (B, T, D). Does not depend on the noise: compute it once for all steps."""
        return self.condition_encoder(conditions)

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        condition_states: Tensor,
        style_tokens: Tensor,
        style_mask: Tensor,
        style_pooled: Tensor,
        known_latents: Tensor,
        known_mask: Tensor,
        guided: Tensor | None = None,
    ) -> Tensor:
        """``latents, known_latents`` (B, K·C, T); ``timesteps`` (B,) in 0 (data) … 1 (noise); ``condition_states``
        (B, T, D); ``style_tokens`` (B, S, E) with ``style_mask`` (B, S), True = present; ``style_pooled`` (B, E);
        ``known_mask`` (B, K, T), True = known (``known_latents`` is read only there); ``guided`` (B,), True where the
        guided velocity is asked for (None: nowhere) → velocity (B, K·C, T)."""
        known = known_mask.to(latents.dtype)
        cells = known.repeat_interleave(self.config.latent_channels, dim=1)
        x = self.embed(torch.cat([latents, known_latents * cells, known], dim=1).transpose(1, 2))
        x = x + condition_states
        time = self.time_embed(sinusoids(timesteps, 256).to(x.dtype)) + self.style_embed(style_pooled)
        if self.guidance_embed is not None:
            guided = torch.zeros_like(timesteps) if guided is None else guided
            time = time + guided[:, None].to(time.dtype) * self.guidance_embed.to(time.dtype)
        modulation = self.modulation(F.silu(time)).unflatten(-1, (6, -1))
        rotation = rotary_angles(x.shape[1], self.config.hidden_size // self.config.num_heads, x.device, x.dtype)
        attend = style_mask[:, None, None, :]
        for block in self.blocks:
            arguments = (x, condition_states, modulation, rotation, style_tokens, attend)
            if self.gradient_checkpointing and self.training:
                x = self._gradient_checkpointing_func(block, *arguments)
            else:
                x = block(*arguments)
        shift, scale = (self.out_modulation.to(x.dtype) + time[:, None]).unbind(1)
        x = self.norm(x) * (1 + scale[:, None]) + shift[:, None]
        x = self.out(x).transpose(1, 2)
        if not self.config.preconditioning:
            return x
        t = timesteps.float()[:, None, None]
        power = t.square() + (1 - t).square()
        return ((2 * t - 1) / power * latents + power.rsqrt() * x).to(x.dtype)


class ConditionEncoder(nn.Module):
    """Tokens on L fine frames through two strided convolutions, features of ``groups`` on T frames added, the voice
    added everywhere, then local context."""

    def __init__(
        self, hidden_size: int, phoneme_tokens: int, pitch_tokens: int, groups: list[str], latent_channels: int
    ) -> None:
        super().__init__()
        unknown = [group for group in groups if group not in ALL_GROUPS]
        if unknown or not set(STREAMS) <= set(groups):
            raise ValueError(
                f"groups: {', '.join(unknown) or 'too few'}; choose {', '.join(STREAMS)} and any of "
                f"{', '.join(group for group in ALL_GROUPS if group not in STREAMS)}"
            )
        self.groups = [group for group in groups if group != VOICE]
        self.phonemes = nn.Embedding(phoneme_tokens, 128)
        self.melody = nn.Embedding(pitch_tokens, 96)
        self.bass = nn.Embedding(pitch_tokens, 32)
        self.down = nn.Sequential(
            nn.Conv1d(256, 256, 6, stride=2, padding=2), nn.GELU(), nn.Conv1d(256, hidden_size, 6, stride=2, padding=2)
        )
        self.features = nn.Linear(sum(GROUPS[group] + 1 for group in self.groups), hidden_size)
        self.voice = nn.Linear(2 * latent_channels, hidden_size, bias=False) if VOICE in groups else None
        self.blocks = nn.Sequential(*(ConvNeXtBlock(hidden_size, mlp_ratio=1.5) for _ in range(2)))

    def forward(self, conditions: FrameConditions) -> Tensor:
        c = conditions
        tokens = torch.cat([self.phonemes(c.phonemes), self.melody(c.melody), self.bass(c.bass)], dim=-1)
        x = self.down(tokens.transpose(1, 2)).transpose(1, 2)
        columns = [c.features[..., OFFSETS[group] : OFFSETS[group] + GROUPS[group]] for group in self.groups]
        known = [c.known[..., i, None] for i in map(GROUP_NAMES.index, self.groups)]
        x = x + self.features(torch.cat([*columns, *known], dim=-1))
        if self.voice is not None and c.voice.shape[-1]:
            x = x + self.voice(c.voice)[:, None]
        return self.blocks(x)


class TransformerBlock(nn.Module):
    """Self-attention, style cross-attention (in some blocks), SwiGLU; the first and last are modulated and gated."""

    def __init__(
        self, hidden_size: int, num_heads: int, mlp_ratio: float, style_size: int | None, window: int | None
    ) -> None:
        super().__init__()
        self.head_size, self.window = hidden_size // num_heads, window
        inner = int(hidden_size * mlp_ratio) // 32 * 32
        self.modulation = nn.Parameter(torch.randn(6, hidden_size) / hidden_size**0.5)
        self.condition = nn.Linear(hidden_size, hidden_size, bias=False)
        self.norm_attention = RMSNorm(hidden_size, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.norm_q = RMSNorm(self.head_size, eps=1e-6)
        self.norm_k = RMSNorm(self.head_size, eps=1e-6)
        self.attention_out = nn.Linear(hidden_size, hidden_size, bias=False)
        self.norm_mlp = RMSNorm(hidden_size, elementwise_affine=False, eps=1e-6)
        self.gate_up = nn.Linear(hidden_size, 2 * inner, bias=False)
        self.down = nn.Linear(inner, hidden_size, bias=False)
        self.style_attention = None if style_size is None else StyleAttention(hidden_size, num_heads, style_size)
        nn.init.zeros_(self.condition.weight)

    def forward(
        self, x: Tensor, condition: Tensor, modulation: Tensor, rotation: Tensor, style: Tensor, style_mask: Tensor
    ) -> Tensor:
        """x, condition (B, T, D); modulation (B, 6, D); style (B, S, E); style_mask (B, 1, 1, S) → (B, T, D)."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = (modulation + self.modulation.to(x.dtype))[
            :, :, None
        ].unbind(1)
        y = self.norm_attention(x) * (1 + scale_a) + shift_a + self.condition(condition)
        q, k, v = self.qkv(y).unflatten(-1, (3, -1, self.head_size)).permute(2, 0, 3, 1, 4)
        q, k = rotate(self.norm_q(q), rotation), rotate(self.norm_k(k), rotation)
        y = local_attention(q, k, v, self.window).transpose(1, 2).flatten(2)
        x = x + gate_a * self.attention_out(y)
        if self.style_attention is not None:
            x = x + self.style_attention(x, style, style_mask)
        y = self.norm_mlp(x) * (1 + scale_m) + shift_m
        gate, up = self.gate_up(y).chunk(2, dim=-1)
        return x + gate_m * self.down(F.silu(gate) * up)


class StyleAttention(nn.Module):
    """Cross-attention from frames to style tokens; zero until trained."""

    def __init__(self, hidden_size: int, num_heads: int, style_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = RMSNorm(hidden_size, eps=1e-6)
        self.query = nn.Linear(hidden_size, hidden_size, bias=False)
        self.key_value = nn.Linear(style_size, 2 * hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor, style: Tensor, mask: Tensor) -> Tensor:
        q = self.query(self.norm(x)).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        k, v = self.key_value(style).unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(attention(q, k, v, mask).transpose(1, 2).flatten(2))


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention; in training on a CPU as plain products, because torch's kernel for it takes twice
    their time there (forwards and backwards, 16 × 256 frames in bfloat16: 40 ms a layer, plain and compiled 21 ms)."""
    if q.device.type != "cpu" or not q.requires_grad:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    return torch.softmax(scores if mask is None else scores.masked_fill(~mask, -torch.inf), dim=-1) @ v


def local_attention(q: Tensor, k: Tensor, v: Tensor, window: int | None) -> Tensor:
    """Attention from each block of ``window`` frames to itself and the two blocks beside it; to all without a window.

    Up to two windows that is the same. q, k, v (B, H, T, head_size) → (B, H, T, head_size); costs grow with T alone.
    """
    T = q.shape[2]
    if window is None or 2 * window >= T:
        return attention(q, k, v)
    blocks = -(-T // window)
    q, k, v = (F.pad(x, (0, 0, 0, blocks * window - T)).unflatten(2, (blocks, window)) for x in (q, k, v))
    around = [(x[:, :, :-2], x[:, :, 1:-1], x[:, :, 2:]) for x in (F.pad(x, (0, 0, 0, 0, 1, 1)) for x in (k, v))]
    keys, values = (torch.cat(three, dim=3) for three in around)
    frame = torch.arange(-window, 2 * window, device=q.device) + window * torch.arange(blocks, device=q.device)[:, None]
    inside = ((frame >= 0) & (frame < T))[:, None]  # (blocks, 1, 3 · window)
    return attention(q, keys, values, inside).flatten(2, 3)[:, :, :T]


def sinusoids(timesteps: Tensor, size: int) -> Tensor:
    """(B,) in 0 … 1 → (B, size) sines and cosines of frequencies 1 … 1000 (Vaswani et al., 2017)."""
    frequencies = torch.exp(torch.linspace(0, math.log(1000.0), size // 2, device=timesteps.device))
    angles = timesteps.float()[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def rotary_angles(length: int, head_size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Cosines and sines of rotary position embedding (arXiv:2104.09864): (2, length, head_size / 2)."""
    frequencies = 10000.0 ** (-torch.arange(0, head_size, 2, device=device).float() / head_size)
    angles = torch.arange(length, device=device).float()[:, None] * frequencies
    return torch.stack([angles.cos(), angles.sin()]).to(dtype)


def rotate(x: Tensor, rotation: Tensor) -> Tensor:
    """Rotate the two halves of each head's channels: x (B, H, T, head_size)."""
    (cos, sin), (a, b) = rotation, x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
