"""A transformer that sings in a few steps, learned from one that takes many.

Guided distillation (arXiv:2210.03142) in one stage: at the times that the few steps begin at, on the straight path
between data and noise, the student's velocity learns to be the mean velocity of the teacher over the whole step. The
teacher goes there by the midpoint rule and with classifier-free guidance, four evaluations where the student takes one.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from ..diffusion import interpolate, masked_velocity_loss
from ..models import SongTransformer
from .recipe import Distillation, Recipe, RecipeError, load_part, new_part
from .song_tasks import TransformerTask, conditions_of


class DistillationTask(TransformerTask):
    """The examples of the transformer, controls and style dropped as there, and a teacher's velocity for them."""

    def __init__(self, recipe: Recipe) -> None:
        self.settings = recipe.distillation or Distillation()
        super().__init__(recipe)
        style = self._on_cpu["style_encoder"].encode_text([""])
        self.no_style = {"style_tokens": style.tokens, "style_mask": style.mask, "style_pooled": style.pooled}

    def build_network(self, sizes: dict[str, Any]) -> SongTransformer:
        teacher = load_part(SongTransformer, self.recipe.data.teacher, "data.teacher")
        if self.recipe.model:
            raise RecipeError("model: the student is built like its teacher; leave it out")
        other = [f"{name} {teacher.config[name]}" for name, size in sizes.items() if teacher.config[name] != size]
        if other:
            raise RecipeError(f"data.teacher: {', '.join(other)}: it was not trained with these parts")
        self._teacher = {"teacher": teacher}  # not a submodule: neither saved nor optimised
        if self.recipe.initial is not None:
            return new_part(SongTransformer, self.recipe, **sizes)
        return copy.deepcopy(teacher).requires_grad_(True).train()

    def draw_times(self, count: int, generator: torch.Generator) -> Tensor:
        """The times at which steps begin: 1, 1 − 1/N … 1/N."""
        steps = self.settings.num_inference_steps
        return torch.randint(1, steps + 1, (count,), generator=generator) / steps

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        noisy = interpolate(batch["data"], batch["noise"], batch["times"])
        target = self.teach(batch, noisy)
        states = self.network.encode_conditions(conditions_of(batch))
        velocity = self.velocity(self.network, batch, noisy, batch["times"], states)
        # noise − data is what it is measured against: here the target and nothing
        return {
            "distillation": masked_velocity_loss(velocity, torch.zeros_like(target), target, self.unknown_cells(batch))
        }

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Each network by itself: the whole, with its five evaluations, would take many minutes."""
        for network in (self.network, self._teacher["teacher"]):
            network.compile(*args, **kwargs)
            network.condition_encoder.compile(*args, **kwargs)

    @torch.no_grad()
    def teach(self, batch: dict[str, Any], noisy: Tensor) -> Tensor:
        """The teacher's mean velocity (B, K·C, T) over the step from ``batch["times"]`` on."""
        teacher = self._teacher["teacher"].to(noisy.device)
        scale, half = self.settings.guidance_scale, 0.5 / self.settings.num_inference_steps
        both = {name: value.repeat(2, *[1] * (value.ndim - 1)) for name, value in batch.items()}
        for name in vars(conditions_of(batch)):
            both[name][len(noisy) :] = 0  # nothing is known of the score
        for name, value in self.no_style.items():
            both[name][len(noisy) :] = 0
            both[name][len(noisy) :, : value.shape[1]] = value.to(noisy.device)
        states = teacher.encode_conditions(conditions_of(both))

        def guided(noisy: Tensor, times: Tensor) -> Tensor:
            velocity = self.velocity(teacher, both, noisy.repeat(2, 1, 1), times.repeat(2), states).float()
            with_score, without = velocity.chunk(2)
            return without + scale * (with_score - without)

        middle = noisy - half * guided(noisy, batch["times"])
        return guided(middle, batch["times"] - half)
