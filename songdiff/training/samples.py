"""What a transformer sings while it is trained: a held-out song with the weights just exported, heard and measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from ..audio import write_audio
from ..evaluation.measures import measure_song, prepare
from ..evaluation.songs import Audio, Song
from ..models import SongTransformer, SpectralVocoder, StyleEncoder, load_autoencoder
from ..pipelines import SongPipeline
from ..score import Score
from .recipe import Distillation, Recipe

GROUPS = ("words", "music", "sound")
"""The groups of figures that are measured (:data:`songdiff.evaluation.measures.MEASURES`), where what they need is
installed."""
SEED = 0


class HeldOut(NamedTuple):
    """A song that is asked for: what to sing, in which style."""

    score: Score
    prompt: str


def sing(recipe: Recipe, transformer: Path, held_out: HeldOut, out: Path, device: torch.device) -> dict[str, float]:
    """Sing a held-out song with the exported ``transformer``, write it to ``out``; returns ``"group.figure"``."""
    sampler: dict[str, Any] = {}
    if recipe.kind == "few_step_transformer":
        steps = (recipe.distillation or Distillation()).num_inference_steps
        sampler = {"num_inference_steps": steps}
    pipeline = SongPipeline(
        autoencoder=load_autoencoder(recipe.data.autoencoder),  # type: ignore[arg-type]  # the task has it too
        vocoder=None if recipe.data.vocoder is None else SpectralVocoder.from_pretrained(recipe.data.vocoder),
        style_encoder=StyleEncoder.from_pretrained(recipe.data.style_encoder),
        transformer=SongTransformer.from_pretrained(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        **sampler,
    ).to(device)
    generator = torch.Generator().manual_seed(SEED)
    output = pipeline(prompt=held_out.prompt, score=held_out.score, generator=generator)
    out.parent.mkdir(exist_ok=True)
    write_audio(out, output.audio, output.sample_rate)
    audio = Audio(output.audio, output.stems)
    song = Song(out.stem, held_out.prompt, output.score, lambda: audio)
    groups, _ = prepare([song])
    figures = measure_song(song, audio, {name: groups[name] for name in GROUPS if name in groups})
    return {name: value for name, value in figures.items() if value is not None}
