"""A transformer that sings in one evaluation a step what its teacher sings in two, with guidance.

The first stage of guided distillation (arXiv:2210.03142): at the times that the steps of the sampler begin at, on the
straight path between data and noise, the student learns the velocity that the pipeline's sampler would take of the
teacher: guided, with mean and deviation kept. It gives it where it is asked for it (``guidance_embeds``); with half of
its examples it goes on learning as the teacher did, so that it can still be guided by other scales, or fine-tuned.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..conditioning import FrameConditions
from ..diffusion import Guidance, interpolate, masked_velocity_loss, vocals_apart
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
            return new_part(SongTransformer, self.recipe, **sizes, guidance_embeds=True)
        student = SongTransformer.from_config(teacher.config, guidance_embeds=True)
        student.load_state_dict({"guidance_embed": student.guidance_embed} | teacher.state_dict())
        return student.train()

    def draw_times(self, count: int, generator: torch.Generator) -> Tensor:
        """For the guided examples, the first half, the times at which steps begin: 1, 1 − 1/N … 1/N."""
        steps, guided = self.settings.num_inference_steps, _guided(count)
        return torch.cat(
            [
                torch.randint(1, steps + 1, (guided,), generator=generator) / steps,
                super().draw_times(count - guided, generator),
            ]
        )

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        noisy, guided = interpolate(batch["data"], batch["noise"], batch["times"]), _guided(len(batch["data"]))
        target = self.teach({name: value[:guided] for name, value in batch.items()}, noisy[:guided])
        states = self.network.encode_conditions(conditions_of(batch))
        flags = torch.arange(len(noisy), device=noisy.device) < guided
        velocity = self.velocity(self.network, batch, noisy, batch["times"], states, flags)
        unknown = self.unknown_cells(batch)
        losses = {
            # noise − data is what it is measured against: here the target and nothing
            "distillation": masked_velocity_loss(velocity[:guided], torch.zeros_like(target), target, unknown[:guided])
        }
        if guided < len(noisy):
            losses["velocity"] = masked_velocity_loss(
                velocity[guided:], batch["data"][guided:], batch["noise"][guided:], unknown[guided:]
            )
        return losses if self.listener is None else losses | self._alignment(batch, noisy, velocity, unknown)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Each network by itself: the whole, with its three evaluations, would take many minutes."""
        for network in (self.network, self._teacher["teacher"]):
            network.compile(*args, **kwargs)
            network.condition_encoder.compile(*args, **kwargs)

    @torch.no_grad()
    def teach(self, batch: dict[str, Any], noisy: Tensor) -> Tensor:
        """The teacher's guided velocity (B, K·C, T) at ``noisy`` and ``batch["times"]``."""
        teacher = self._teacher["teacher"].to(noisy.device)
        score = conditions_of(batch)
        no_score = FrameConditions(**{name: torch.zeros_like(value) for name, value in vars(score).items()})
        states = teacher.encode_conditions(score), teacher.encode_conditions(no_score)
        no_style = {name: torch.zeros_like(batch[name]) for name in self.no_style}
        for name, value in self.no_style.items():
            no_style[name][:, : value.shape[1]] = value.to(noisy.device)

        def denoise(latents: Tensor, times: Tensor, has_score: Tensor, has_style: Tensor) -> Tensor:
            def chosen(flags: Tensor, there: Tensor, none: Tensor) -> Tensor:
                flags = flags.to(there.device).view(-1, *[1] * (there.ndim - 1))
                copies = (len(latents) // len(there), *[1] * (there.ndim - 1))
                return torch.where(flags, there.repeat(copies), none.repeat(copies))

            copies = {name: batch[name].repeat(len(latents) // len(noisy), 1, 1) for name in ("data", "known_mask")}
            style = {name: chosen(has_style, batch[name], none) for name, none in no_style.items()}
            return self.velocity(teacher, copies | style, latents, times, chosen(has_score, *states)).float()

        settings, sizes = self.settings, (teacher.config.num_tracks, teacher.config.latent_channels)
        scale = vocals_apart(settings.guidance_scale, settings.vocals_guidance_scale, *sizes)
        return Guidance(scale, scale, match_moments=True).velocity(denoise, noisy, batch["times"])


def _guided(count: int) -> int:
    """How many of so many examples are of the guided velocity."""
    return (count + 1) // 2
