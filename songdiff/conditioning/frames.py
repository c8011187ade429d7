"""What is known of a song, frame by frame.

Everything a Score says becomes either a *stream* of tokens at four times the latent rate (phonemes, melody, bass) or
*features* at the latent rate, in the named groups of :mod:`.groups`. Each group carries a flag per frame, "known" or
not; an unknown group reads zero there. Dropping a group (in training, for guidance, or because the user left it open)
is one operation. T latent frames; L = 4·T fine frames; C latent channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..lyrics.phonemes import INVENTORY, SILENCE
from .groups import ATTRIBUTES, FINE, GRAINS, GROUP_NAMES, GROUP_OF_FEATURE, GROUPS, OFFSETS, STREAMS, VOICE

PHONEME_TOKENS = len(INVENTORY)
PITCH_TOKENS = 130  # 0 unknown, 1 rest, 2 + MIDI pitch


@dataclass
class FrameConditions:
    """What is known of a song, frame by frame; a leading batch dimension is allowed everywhere.

    ``phonemes, melody, bass`` (…, L) tokens, 0 = unknown; ``features`` (…, T, NUM_FEATURES); ``known`` (…, T, groups);
    ``voice`` (…, 2·C) as :func:`.voice.voice_statistics` takes it from a clip of the singer, all zero (or no numbers at
    all) = unknown.
    """

    phonemes: Tensor
    melody: Tensor
    bass: Tensor
    features: Tensor
    known: Tensor
    voice: Tensor = field(default_factory=lambda: torch.zeros(0))

    @property
    def num_frames(self) -> int:
        return self.features.shape[-2]

    def crop(self, start: int, length: int) -> FrameConditions:
        """Frames ``start … start + length``; beyond the song's end everything is known to be silent."""
        inside = slice(start, min(start + length, self.num_frames))
        fine = slice(FINE * inside.start, FINE * inside.stop)
        missing = length - (inside.stop - inside.start)

        def pad(x: Tensor, value: int, rate: int = 1) -> Tensor:
            return torch.cat([x, x.new_full((missing * rate, *x.shape[1:]), value)]) if missing else x

        return FrameConditions(
            pad(self.phonemes[fine], INVENTORY.index(SILENCE), FINE),
            pad(self.melody[fine], 1, FINE),
            pad(self.bass[fine], 1, FINE),
            pad(self.features[inside], 0),
            pad(self.known[inside], 1),
            self.voice,
        )

    def drop(self, groups: Sequence[str], start: int = 0, stop: int | None = None) -> FrameConditions:
        """A copy in which ``groups`` (of :data:`~.groups.CONTROLS`) are unknown in the latent frames ``start … stop``;
        the voice belongs to the whole song and is dropped as a whole."""
        keep = torch.ones(self.num_frames, len(GROUPS), dtype=torch.bool)
        for group in groups:
            if group != VOICE:
                keep[start:stop, GROUP_NAMES.index(group)] = False
        result = self.keep(keep)
        if VOICE in groups:
            result.voice = torch.zeros_like(self.voice)
        return result

    def keep(self, keep: Tensor) -> FrameConditions:
        """A copy in which only the groups of ``keep`` (T, groups), True = keep, are known."""

        unknown = ~keep
        phonemes, melody, bass = (
            getattr(self, name).masked_fill(unknown[:, GROUP_NAMES.index(name)].repeat_interleave(FINE), 0)
            for name in STREAMS
        )
        features = self.features.masked_fill(unknown[:, GROUP_OF_FEATURE], 0)
        return FrameConditions(phonemes, melody, bass, features, self.known.masked_fill(unknown, 0), self.voice)

    def drop_attribute(self, group: str, attribute: int) -> None:
        """Make one of :data:`~.groups.ATTRIBUTES` unknown, such as the gender of the singer; in place."""
        self.features[..., [OFFSETS[group] + column for column in ATTRIBUTES[group][attribute]]] = 0

    def set_grain(self, grain: str) -> None:
        """Flag the phonemes, where they are known, as timed at ``grain`` (of :data:`~.groups.GRAINS`); in place."""
        flags = self.features[..., OFFSETS["phonemes"] : OFFSETS["phonemes"] + len(GRAINS)]
        flags.copy_(flags.amax(-1, keepdim=True) * torch.eye(len(GRAINS))[GRAINS.index(grain)])

    def to(self, device: torch.device | str, dtype: torch.dtype) -> FrameConditions:
        return FrameConditions(
            self.phonemes.to(device, torch.long),
            self.melody.to(device, torch.long),
            self.bass.to(device, torch.long),
            self.features.to(device, dtype),
            self.known.to(device, dtype),
            self.voice.to(device, dtype),
        )

    @staticmethod
    def stack(items: list[FrameConditions]) -> FrameConditions:
        """A batch of conditions of one length."""
        return FrameConditions(
            **{name: torch.stack([getattr(item, name) for item in items]) for name in vars(items[0])}
        )
