"""The tasks that a recipe can name."""

from __future__ import annotations

import torch
from accelerate import PartialState
from accelerate.utils import parse_flag_from_env

from .adapters import ConceptTask, LoraTask
from .audio_tasks import AutoencoderTask, VocoderTask
from .distillation import DistillationTask
from .loop import PATIENCE, Task
from .preferences import PreferenceTask
from .probe import StyleProbeTask
from .recipe import Recipe
from .recogniser import RecogniserTask
from .song_tasks import StyleTask, TransformerTask
from .waveform_task import WaveformAutoencoderTask

TASKS: dict[str, type[Task]] = {
    "autoencoder": AutoencoderTask,
    "vocoder": VocoderTask,
    "style_encoder": StyleTask,
    "transformer": TransformerTask,
    "few_step_transformer": DistillationTask,
    "lora": LoraTask,
    "concept": ConceptTask,
    "preference": PreferenceTask,
    "recogniser": RecogniserTask,
    "style_probe": StyleProbeTask,
    "waveform_autoencoder": WaveformAutoencoderTask,
}


def build_task(recipe: Recipe) -> Task:
    """The task a recipe names, with its data ready. The weights' first values follow from the recipe's seed."""
    processes = PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"), timeout=PATIENCE)
    with processes.local_main_process_first():  # it encodes songs, the others find them encoded
        torch.manual_seed(recipe.seed)
        return TASKS[recipe.kind](recipe)  # type: ignore[call-arg]
