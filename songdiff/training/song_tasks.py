"""What the parts that know songs learn from: examples and losses of style encoder and transformer."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..composer import STYLE_WORDS
from ..conditioning import (
    ALL_GROUPS,
    GRAINS,
    VOICE_SECONDS,
    FrameConditions,
    Grain,
    draw_known_mask,
    drop_controls,
    frame_conditions,
    phoneme_tokens,
    sounding_frames,
    voice_statistics,
)
from ..data import EncodedSong, corpus_songs, encode_songs
from ..diffusion import draw_times, interpolate, masked_velocity_loss
from ..models import Codec, SongTransformer, StyleEncoder, codec_of, load_autoencoder
from ..score import TRACKS
from .alignment import VocalListener, alignment_losses, vocal_labels
from .loop import Task
from .recipe import Recipe, RecipeError, load_part, new_part
from .samples import HeldOut

_FRAMES, _KEPT = 400_000, 0.99  # of the latents whose limits are taken: how many frames, and which share keeps them


class StyleTask(Task):
    """Captions against the log-mel of the songs that they describe."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.songs = _encoded(recipe, "train", recipe.data.songs)
        self.network = new_part(StyleEncoder, recipe, vocabulary=list(STYLE_WORDS))

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        chosen = rng.choice(len(self.songs), self.recipe.batch_size, replace=len(self.songs) < self.recipe.batch_size)
        crops, prompts, frames = [], [], 4 * self.recipe.crop_frames
        for song in (self.songs[i] for i in chosen):
            start = int(rng.integers(max(1, song.mix_log_mel.shape[1] - frames)))
            crop = song.mix_log_mel[:, start : start + frames].float()
            crops.append(torch.nn.functional.pad(crop, (0, frames - crop.shape[1]), value=-10.0))
            prompts.append(song.captions[rng.integers(len(song.captions))])
        return {"prompts": prompts, "log_mel": torch.stack(crops)}

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {"contrastive": self.network.contrastive_loss(batch["prompts"], batch["log_mel"])}


class TransformerTask(Task):
    """Flow matching on the latents of all tracks: controls and style dropped at random, cells known at random."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        codec = _codec(recipe)
        style_encoder = load_part(StyleEncoder, recipe.data.style_encoder, "data.style_encoder")
        self._on_cpu = {"style_encoder": style_encoder}  # used while batches are drawn: not a submodule, so never moved
        self.silence, self.frame_rate = codec.silence_latent.cpu().clone(), codec.frame_rate
        self.songs, self.held_out = self.read_songs()
        self._conditions: dict[str, FrameConditions] = {}
        self._phonemes: dict[tuple[str, Grain], Tensor] = {}
        self._sounding: dict[str, Tensor] = {}
        sizes = {
            "num_tracks": len(TRACKS),
            "latent_channels": codec.latent_channels,
            "style_size": style_encoder.config.embedding_size,
        }
        self.network = self.build_network(sizes)
        if self.songs:
            self.network.register_to_config(latent_limits=latent_limits(self.songs))
        self.listener = VocalListener(codec.latent_channels) if recipe.alignment else None

    def parameter_groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [{"params": list(self.network.parameters())}]
        return groups if self.listener is None else [*groups, {"params": list(self.listener.parameters())}]

    def read_songs(self) -> tuple[list[EncodedSong], list[EncodedSong]]:
        """Those to learn from, and those to validate with."""
        songs = _encoded(self.recipe, "train", self.recipe.data.songs)
        return songs, _encoded(self.recipe, "test", 16) or songs[:16]

    def build_network(self, sizes: dict[str, Any]) -> SongTransformer:
        if self.recipe.initial is None:
            sizes = sizes | {"groups": list(ALL_GROUPS), "singers": _singers(self.songs)}
        return new_part(SongTransformer, self.recipe, **sizes)

    def conditions(self, song: EncodedSong, grain: Grain, start: int, length: int) -> FrameConditions:
        """Conditions of a stretch of latent frames, to be flagged with ``grain``; views of those of whole songs, which
        are kept in memory at 0.6 kB a frame."""
        num_frames = song.latents.shape[-1]
        if song.name not in self._conditions:
            whole = frame_conditions(song.score, num_frames, self.frame_rate)
            self._conditions[song.name] = FrameConditions(
                whole.phonemes.to(torch.uint8),
                whole.melody.to(torch.uint8),
                whole.bass.to(torch.uint8),
                whole.features.half(),
                whole.known.to(torch.uint8),
            )
        if (song.name, grain) not in self._phonemes:
            tokens = phoneme_tokens(song.score, num_frames, self.frame_rate, grain)
            self._phonemes[song.name, grain] = tokens.to(torch.uint8)
        whole = replace(self._conditions[song.name], phonemes=self._phonemes[song.name, grain])
        return whole.crop(start, length)

    def voice(self, song: EncodedSong, rng: np.random.Generator, start: int, stop: int) -> Tensor:
        """(2·C,) of a clip of the song's singer, where it can be from outside the latent frames ``start … stop``; zeros
        where nobody sings, or four draws found nobody singing."""
        vocals, length = song.latents[TRACKS.index("vocals")], math.ceil(VOICE_SECONDS * self.frame_rate)
        if song.score.singer is not None and vocals.shape[-1] > length:
            if song.name not in self._sounding:
                self._sounding[song.name] = sounding_frames(vocals.float(), self.silence)
            for first in rng.integers(vocals.shape[-1] - length, size=4).tolist():
                clip = slice(first, first + length)
                outside = first + length <= start or first >= stop
                if outside or (start < length and vocals.shape[-1] - stop < length):
                    statistics = voice_statistics(vocals[:, clip], self._sounding[song.name][clip])
                    if statistics is not None:
                        return statistics
        return torch.zeros(2 * len(vocals))

    def draw_times(self, count: int, generator: torch.Generator) -> Tensor:
        return draw_times(count, generator)

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        r = self.recipe
        if not r.crop_lengths:
            return self._draw(self.songs, rng, r.batch_size, r.crop_frames)
        length = int(rng.choice(r.crop_lengths))
        long_enough = [song for song in self.songs if song.latents.shape[-1] >= length] or self.songs
        return self._draw(long_enough, rng, max(1, r.batch_size * r.crop_frames // length), length)

    def validation_batch(self) -> dict[str, Any] | None:
        r = self.recipe
        return self._draw(self.held_out, np.random.default_rng(1), r.batch_size, r.crop_frames)

    def held_out_song(self) -> HeldOut:
        """The shortest held-out song with words, or the shortest."""
        song = min(self.held_out, key=lambda song: (not song.score.words, song.score.duration))
        return HeldOut(song.score, song.captions[0])

    def _draw(self, songs: list[EncodedSong], rng: np.random.Generator, B: int, length: int) -> dict[str, Any]:
        """``B`` crops of ``length`` latent frames."""
        silence = self.silence.repeat(len(TRACKS))[:, None]
        latents, masks, conditions, prompts, references = [], [], [], [], []
        for song in (songs[i] for i in rng.integers(len(songs), size=B)):
            start = int(rng.integers(max(1, song.latents.shape[-1] - length + 1)))
            crop = song.latents.flatten(0, 1)[:, start : start + length].float()
            crop = torch.cat([crop, silence.expand(-1, length - crop.shape[1])], dim=1)
            grain: Grain = rng.choice(GRAINS, p=[0.75, 0.1, 0.15]).item()
            latents.append(crop)
            masks.append(draw_known_mask(len(TRACKS), length, rng))
            everything = self.conditions(song, grain, start, length)
            everything.voice = self.voice(song, rng, start, start + length)
            conditions.append(drop_controls(everything, rng))
            conditions[-1].set_grain(grain)
            prompts.append("" if rng.random() < 0.1 else song.captions[rng.integers(len(song.captions))])
            mel_start = int(rng.integers(max(1, song.mix_log_mel.shape[1] - 384)))
            references.append(song.mix_log_mel[:, mel_start : mel_start + 384].float())
        by_audio = torch.from_numpy(rng.random(B) < 0.15)
        style = self._style(prompts, references, by_audio)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        data = torch.stack(latents)
        return {
            "data": data,
            "noise": torch.randn(data.shape, generator=generator),
            "times": self.draw_times(B, generator),
            "known_mask": torch.stack(masks),
            **vars(FrameConditions.stack(conditions).to("cpu", torch.float32)),
            **style,
        }

    @torch.no_grad()
    def _style(self, prompts: list[str], references: list[Tensor], by_audio: Tensor) -> dict[str, Tensor]:
        """Style of the prompts, replaced by the recording's own where ``by_audio``."""
        encoder = self._on_cpu["style_encoder"]
        style = encoder.encode_text(prompts)
        tokens, mask, pooled = style.tokens.clone(), style.mask.clone(), style.pooled.clone()
        for i in by_audio.nonzero().flatten().tolist():
            if prompts[i]:
                audio = encoder.encode_audio(references[i][None])
                tokens[i, 0], mask[i], pooled[i] = audio.tokens[0, 0], torch.arange(mask.shape[1]) == 0, audio.pooled[0]
        return {"style_tokens": tokens, "style_mask": mask, "style_pooled": pooled}

    def unknown_cells(self, batch: dict[str, Any]) -> Tensor:
        """(B, K·C, T), True where the latents are to be made."""
        return ~batch["known_mask"].repeat_interleave(self.network.config.latent_channels, dim=1)

    def velocity(
        self,
        network: SongTransformer,
        batch: dict[str, Any],
        noisy: Tensor,
        times: Tensor,
        states: Tensor,
        guided: Tensor | None = None,
    ) -> Tensor:
        """Velocity at ``noisy`` (B, K·C, T), the known cells of which are the data's, under the conditions' ``states``
        (B, T, D) and the batch's style; the guided one where ``guided`` (B,)."""
        return network(
            torch.where(self.unknown_cells(batch), noisy, batch["data"]),
            times,
            states,
            batch["style_tokens"],
            batch["style_mask"],
            batch["style_pooled"],
            batch["data"],
            batch["known_mask"],
            guided,
        )

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        noisy = interpolate(batch["data"], batch["noise"], batch["times"])
        states = self.network.encode_conditions(conditions_of(batch))
        velocity = self.velocity(self.network, batch, noisy, batch["times"], states)
        unknown = self.unknown_cells(batch)
        losses = {"velocity": masked_velocity_loss(velocity, batch["data"], batch["noise"], unknown)}
        return losses if self.listener is None else losses | self._alignment(batch, noisy, velocity, unknown)

    def _alignment(self, batch: dict[str, Any], noisy: Tensor, velocity: Tensor, unknown: Tensor) -> dict[str, Tensor]:
        """:func:`alignment_losses` of the vocals, the first track; their known cells are as they are."""
        assert self.listener is not None
        predicted = torch.where(unknown, noisy - batch["times"][:, None, None] * velocity, batch["data"])
        vocals = slice(0, self.network.config.latent_channels)
        losses = alignment_losses(
            self.listener,
            batch["data"][:, vocals],
            predicted[:, vocals],
            vocal_labels(batch["phonemes"], batch["melody"], batch["features"]),
            batch["times"],
            batch["noise"][:, vocals],
        )
        return losses | {"alignment": self.recipe.alignment * losses["alignment"]}


def latent_limits(songs: list[EncodedSong]) -> dict[str, list[float]]:
    """:class:`~songdiff.diffusion.Limits` that 99 % of the songs' frames keep, by name; of many songs, of every so many
    frames."""
    stride = max(1, sum(song.latents.shape[-1] for song in songs) // _FRAMES)
    latents = torch.cat([song.latents[..., ::stride] for song in songs], dim=-1).float()
    mean, std = latents.mean(-1), latents.std(-1) + 1e-3
    away = ((latents - mean[..., None]) / std[..., None]).square().mean(1).sqrt()
    norm = away.kthvalue(math.ceil(_KEPT * away.shape[1]), dim=1).values
    limits = {"mean": mean.flatten(), "std": std.flatten(), "norm": norm}
    return {name: [round(value, 3) for value in values.tolist()] for name, values in limits.items()}


def conditions_of(batch: dict[str, Any]) -> FrameConditions:
    """Those in a batch of :class:`TransformerTask`."""
    return FrameConditions(**{name: batch[name] for name in FrameConditions.__dataclass_fields__})


def _codec(recipe: Recipe) -> Codec:
    if recipe.data.autoencoder is None:
        raise RecipeError("data.autoencoder: name the folder of a trained autoencoder")
    return codec_of(load_autoencoder(recipe.data.autoencoder))


def _encoded(recipe: Recipe, split: str, limit: int | None) -> list[EncodedSong]:
    cache = recipe.data.cache or recipe.data.corpus.parent / "encoded"
    return encode_songs(corpus_songs(recipe.data.corpus, split, limit), _codec(recipe), cache)


def _singers(songs: list[EncodedSong]) -> dict[str, dict[str, Any]]:
    """Attributes of all singers by name, as in ``Score.singer``; how one song is sung is not one of them."""
    known = [song.score.singer for song in songs if song.score.singer is not None]
    fields = {s.name: s.model_dump(exclude={"name", "style"}, exclude_none=True) for s in known if s.name is not None}
    return dict(sorted(fields.items()))
