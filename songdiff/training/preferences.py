"""Preference tuning: an adapter that makes what won likelier than what lost, and strays from the network no further.

Direct preference optimisation for flow matching (Diffusion-DPO, arXiv:2311.12908; Flow-DPO, arXiv:2501.13918). The
pairs are those of ``songdiff preferences``: two songs of one Score and one prompt, of which one scored better. The
reference is the network itself with the adapter switched off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..conditioning import FrameConditions, frame_conditions, resting_cells
from ..data import EncodedSong
from ..data.pairs import Pair, read_pairs
from ..diffusion import draw_times, interpolate
from ..score import TRACKS
from .adapters import LoraTask
from .recipe import PreferenceSettings, Recipe
from .song_tasks import conditions_of


class PreferenceTask(LoraTask):
    """Crops of pairs, under the conditions that the songs were made with; ``data.corpus`` is the pairs' folder."""

    def __init__(self, recipe: Recipe) -> None:
        self.settings = recipe.preference or PreferenceSettings()
        self.pairs = read_pairs(recipe.data.corpus)
        super().__init__(recipe)
        self._of_pair: dict[int, tuple[FrameConditions, Tensor]] = {}

    def read_songs(self) -> tuple[list[EncodedSong], list[EncodedSong]]:
        """None: there are pairs instead."""
        return [], []

    def batch(self, rng: np.random.Generator) -> dict[str, Any]:
        length, B = self.recipe.crop_frames, self.recipe.batch_size
        winners, losers, masks, conditions, prompts = [], [], [], [], []
        for index in rng.integers(len(self.pairs), size=B).tolist():
            pair = self.pairs[index]
            whole, rests = self.conditions_of_pair(index)
            start = int(rng.integers(max(1, rests.shape[1] - length + 1)))
            winners.append(self._crop(pair.winner, start))
            losers.append(self._crop(pair.loser, start))
            resting = rests[:, start : start + length]
            masks.append(F.pad(resting, (0, length - resting.shape[1]), value=True))
            conditions.append(whole.crop(start, length))
            prompts.append(pair.prompt)
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        data = torch.stack([*winners, *losers])
        noise, times = torch.randn(data[:B].shape, generator=generator), draw_times(B, generator)
        style = self._on_cpu["style_encoder"].encode_text(prompts)
        stacked = FrameConditions.stack(conditions).to("cpu", torch.float32)
        once = vars(stacked) | {f"style_{name}": value for name, value in style._asdict().items()}
        once |= {"noise": noise, "times": times, "known_mask": torch.stack(masks)}
        return {"data": data} | {
            name: value.detach().repeat(2, *[1] * (value.ndim - 1)) for name, value in once.items()
        }

    def validation_batch(self) -> None:
        return None

    def conditions_of_pair(self, index: int) -> tuple[FrameConditions, Tensor]:
        """Of a whole pair: its conditions and the cells in which a track rests (K, T), which are known."""
        if index not in self._of_pair:
            pair: Pair = self.pairs[index]
            frames = pair.winner.shape[-1]
            conditions = frame_conditions(pair.score, frames, self.frame_rate, pair.grain)
            singer = pair.score.singer
            if singer is not None and singer.name not in (self.network.config.singers or {}):
                conditions = conditions.drop(["singer_name"])
            conditions.voice = torch.zeros(2 * pair.winner.shape[1])
            self._of_pair[index] = conditions, resting_cells(pair.score, frames, self.frame_rate)
        return self._of_pair[index]

    def margin(self, batch: dict[str, Any]) -> Tensor:
        """(B,) how much more the adapter has lowered the error of each winner than that of its loser."""
        noisy = interpolate(batch["data"], batch["noise"], batch["times"])
        with self.network.disable_adapter():
            # as if gradients were wanted: attention on CPUs rounds otherwise without, and beta magnifies the difference
            reference = self.errors(batch, noisy.clone().requires_grad_()).detach()
        won, lost = (reference - self.errors(batch, noisy)).chunk(2)
        return won - lost

    def errors(self, batch: dict[str, Any], noisy: Tensor) -> Tensor:
        """(2·B,) mean square error of each velocity over the unknown cells of the tracks that are compared: of the
        guided one, where the network has learned it, for by that the songs were made."""
        states = self.network.encode_conditions(conditions_of(batch))
        guided = torch.ones(len(noisy), dtype=torch.bool, device=noisy.device)
        velocity = self.velocity(self.network, batch, noisy, batch["times"], states, guided)
        compared = torch.tensor([track in self.settings.tracks for track in TRACKS], device=noisy.device)
        cells = compared.repeat_interleave(self.network.config.latent_channels)[:, None] & self.unknown_cells(batch)
        error = (velocity.float() - (batch["noise"] - batch["data"])).square() * cells
        return error.sum((1, 2)) / cells.sum((1, 2)).clamp(min=1)

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        return {"preference": -F.logsigmoid(self.settings.beta / 2 * self.margin(batch)).mean()}

    def _crop(self, latents: Tensor, start: int) -> Tensor:
        """(K·C, crop_frames) of (K, C, T), silence beyond its end."""
        length = self.recipe.crop_frames
        crop = latents.flatten(0, 1)[:, start : start + length]
        silence = self.silence.repeat(len(TRACKS))[:, None]
        return torch.cat([crop, silence.expand(-1, length - crop.shape[1])], dim=1)
