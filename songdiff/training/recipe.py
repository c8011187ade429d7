"""Recipes: one YAML file is one runnable experiment. Unknown keys are errors that name the field's path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from ..errors import InputError
from ..models.adapter import WORD
from ..score import TRACKS

CROP_KINDS = ("autoencoder", "vocoder", "waveform_autoencoder")
"""The kinds of recipe that learn from crops of sound; the data fields about crops are for them alone."""
ADVERSARY_KINDS = ("waveform_autoencoder", "vocoder")
"""The kinds of recipe that may have an ``adversary``."""
TRANSFORMER_KINDS = ("transformer", "few_step_transformer")
"""The kinds of recipe that train a transformer, which may be split, checkpointed and heard."""

ADAPTER_KINDS = ("lora", "concept", "preference")
"""The kinds of recipe that train an adapter of the transformer that ``initial`` names."""


class RecipeError(InputError):
    """A recipe that cannot be run; the message names the file, the field and the remedy."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Data(_Strict):
    """Where training examples come from. ``corpus``: a folder of ``songdiff corpus build``. ``autoencoder``,
    ``style_encoder`` and ``teacher`` (a transformer): trained parts that this training stands on; ``vocoder``: one to
    hear it with. ``cache``: where encoded songs are kept."""

    corpus: Path
    autoencoder: Path | None = None
    style_encoder: Path | None = None
    teacher: Path | None = None
    vocoder: Path | None = None
    cache: Path | None = None
    songs: int | None = Field(default=None, ge=1)
    """Take only the first songs of the training split (to overfit a few)."""
    augment: bool = True
    """For :data:`CROP_KINDS`: whether to vary the sound of training crops (see ``songdiff/data/crops.py``)."""
    recordings: list[Path] = []
    """For :data:`CROP_KINDS`: audio files, folders of them, or JSONL manifests of ``{"audio": path}`` to learn from
    beside the corpus; any sample rate, mono or stereo."""
    recordings_share: float = Field(default=0.5, ge=0, le=1)
    """Share of training crops that come from ``recordings``."""


class Optimizer(_Strict):
    """AdamW with linear warm-up, a constant stretch and a linear decay over the last ``decay`` of the steps."""

    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=100, ge=0)
    decay: float = Field(default=0.3, ge=0, le=1)
    max_grad_norm: float = Field(default=1.0, gt=0)


class AdversarySettings(_Strict):
    """A discriminator that learns beside the part (``songdiff/training/adversary.py``), at ``lr_scale`` times the
    recipe's learning rate. ``weight`` and ``feature_weight`` are those of what it teaches the part."""

    filters: int = Field(default=32, ge=1)
    weight: float = Field(default=0.1, ge=0)
    feature_weight: float = Field(default=0.5, ge=0)
    lr_scale: float = Field(default=1.0, gt=0)


class Distillation(_Strict):
    """What a few-step transformer takes over (``songdiff/training/distillation.py``): its teacher's velocity at
    ``guidance_scale``, for score and style alike, of the vocals at ``vocals_guidance_scale`` (None: as the others),
    where ``num_inference_steps`` steps begin."""

    num_inference_steps: int = Field(default=8, ge=1)
    guidance_scale: float = Field(default=3.0, ge=1)
    vocals_guidance_scale: float | None = Field(default=None, ge=1)


class LoraSettings(_Strict):
    """Of an adapter (``songdiff/training/adapters.py``): ``rank`` of its matrices; ``alpha / rank`` times their product
    is added to the weights (None: their product). ``modules``: how many of the transformer's matrices are adapted,
    those on which the loss depends most (None: all)."""

    rank: int = Field(default=16, ge=1)
    alpha: int | None = Field(default=None, gt=0)
    modules: int | None = Field(default=None, ge=1)


class ConceptSettings(_Strict):
    """``word`` calls the concept in a prompt; ``tokens`` are the vectors that it puts beside those of the prompt."""

    word: str = Field(default="<mine>", pattern=f"^{WORD}$")
    tokens: int = Field(default=4, ge=1)


class PreferenceSettings(_Strict):
    """Of DPO (``songdiff/training/preferences.py``): how firmly it holds to the network it starts from (``beta``), and
    the ``tracks`` that winner and loser are compared on."""

    beta: float = Field(default=2000.0, gt=0)
    tracks: list[str] = list(TRACKS)

    @field_validator("tracks")
    @classmethod
    def _there_are_four(cls, tracks: list[str]) -> list[str]:
        if not tracks or set(tracks) - set(TRACKS):
            raise ValueError(f"choose some of {', '.join(TRACKS)}")
        return tracks


class Recipe(_Strict):
    """One training. ``crop_frames`` counts latent frames; ``output`` gets the exported part, the log and the states.
    A step's gradient is the mean over ``batch_size`` · ``gradient_accumulation`` · processes crops."""

    kind: Literal[
        "autoencoder",
        "vocoder",
        "style_encoder",
        "transformer",
        "few_step_transformer",
        "lora",
        "concept",
        "preference",
        "recogniser",
        "style_probe",
        "waveform_autoencoder",
    ]
    output: Path
    seed: int = 0
    data: Data
    model: dict[str, Any] = {}
    initial: Path | None = None
    """An exported part of the same kind to start from: its config and weights."""
    optimizer: Optimizer
    adversary: AdversarySettings | None = None
    distillation: Distillation | None = None
    """For ``kind: few_step_transformer``; None: the default."""
    lora: LoraSettings | None = None
    concept: ConceptSettings | None = None
    preference: PreferenceSettings | None = None
    """For :data:`ADAPTER_KINDS`, and for the kinds of their names; None: the default."""
    alignment: float = Field(default=0.0, ge=0)
    """For :data:`TRANSFORMER_KINDS`: weight of the loss on sung phonemes and notes (``training/alignment.py``)."""
    steps: int = Field(ge=1)
    batch_size: int = Field(ge=1)
    crop_frames: int = Field(ge=8)
    crop_lengths: list[Annotated[int, Field(ge=8)]] = []
    """For :data:`TRANSFORMER_KINDS`: lengths (latent frames) to choose from, one for each micro-batch, which holds as
    many crops as make up ``batch_size`` · ``crop_frames`` frames, of songs at least as long where there are any."""
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    mixed_precision: Literal["no", "bf16"] = "bf16"
    compile: bool = False
    gradient_accumulation: int = Field(default=1, ge=1)
    """Micro-batches of ``batch_size`` to a step, in each process."""
    gradient_checkpointing: bool = False
    """For :data:`TRANSFORMER_KINDS`: compute blocks anew for their gradients instead of keeping what is in them."""
    fsdp: bool = False
    """For :data:`TRANSFORMER_KINDS`: split weights, gradients and moments between processes, if there are several."""
    deterministic: bool = False
    """Only algorithms that give the same bits every time. CPUs do so anyway; GPUs get slower."""
    save_minutes: float = Field(default=5.0, gt=0)
    keep: int = Field(default=2, ge=1)
    """How many states to keep, the last ones."""
    log_every: int = Field(default=20, ge=1)
    """Steps to a row of the log; every tenth row has the losses of held-out examples."""
    sample_every: int | None = Field(default=None, ge=1)
    """For :data:`TRANSFORMER_KINDS`: steps to a song of the held-out ones that is sung and measured; needs
    ``data.vocoder``."""
    tracker: str | None = "tensorboard"
    """A tracker of accelerate by name ("wandb" …; null: none) beside the log.jsonl that is always written."""

    @field_validator("data")
    @classmethod
    def _crops_belong_to_waveforms(cls, data: Data, info: ValidationInfo) -> Data:
        fields = {"augment", "recordings", "recordings_share"} & data.model_fields_set
        if fields and info.data.get("kind") not in CROP_KINDS:
            raise ValueError(f"{', '.join(sorted(fields))}: only for {' and '.join(CROP_KINDS)}")
        if "recordings_share" in fields and not data.recordings:
            raise ValueError("recordings_share: give recordings too, a list of files, folders or JSONL manifests")
        return data

    @field_validator("adversary")
    @classmethod
    def _adversaries_hear_waveforms(
        cls, adversary: AdversarySettings | None, info: ValidationInfo
    ) -> AdversarySettings | None:
        if adversary is not None and info.data.get("kind") not in ADVERSARY_KINDS:
            raise ValueError(f"only for {' and '.join(ADVERSARY_KINDS)}")
        return adversary

    @field_validator("alignment")
    @classmethod
    def _transformers_are_aligned(cls, alignment: float, info: ValidationInfo) -> float:
        if alignment and info.data.get("kind") not in TRANSFORMER_KINDS:
            raise ValueError(f"only for {' and '.join(TRANSFORMER_KINDS)}")
        return alignment

    @field_validator("distillation")
    @classmethod
    def _few_steps_are_distilled(cls, distillation: Distillation | None, info: ValidationInfo) -> Distillation | None:
        if distillation is not None and info.data.get("kind") != "few_step_transformer":
            raise ValueError("only for few_step_transformer")
        return distillation

    @field_validator("lora", "concept", "preference")
    @classmethod
    def _adapters_are_of_their_kind(cls, settings: Any, info: ValidationInfo) -> Any:
        kinds = ADAPTER_KINDS if info.field_name == "lora" else (info.field_name,)
        if settings is not None and info.data.get("kind") not in kinds:
            raise ValueError(f"only for {', '.join(map(str, kinds))}")
        if info.data.get("kind") == "preference" and getattr(settings, "modules", None) is not None:
            raise ValueError("modules: only for lora and concept; preference tuning adapts all matrices")
        return settings

    @model_validator(mode="after")
    def _songs_are_for_transformers(self) -> Recipe:
        fields = {"gradient_checkpointing", "fsdp", "crop_lengths", "sample_every"} & self.model_fields_set
        if fields and self.kind not in TRANSFORMER_KINDS:
            raise ValueError(f"{', '.join(sorted(fields))}: only for {' and '.join(TRANSFORMER_KINDS)}")
        if self.fsdp and self.compile:
            raise ValueError("compile: not together with fsdp")
        if self.sample_every is not None and self.data.vocoder is None:
            raise ValueError("sample_every: name the folder of a trained vocoder in data.vocoder")
        return self


def load_recipe(path: str | Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """Read a YAML recipe; ``overrides`` are ``key.path=value`` with YAML values. Raises :class:`RecipeError`.

    Relative folders in it are taken from the working directory.
    """
    path = Path(path)
    if not path.is_file():
        siblings = sorted(str(p) for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        raise RecipeError(f"{path}: no such recipe; there are {', '.join(siblings) or 'none in that folder'}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        for override in overrides:
            key, separator, value = override.partition("=")
            if not separator:
                raise RecipeError(f"{override}: expected key=value, such as optimizer.lr=3.0e-4")
            _assign(content, key.split("."), yaml.safe_load(value), override)
        return Recipe.model_validate(content)
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = "".join(f"{part}." for part in first["loc"]).removesuffix(".")
        raise RecipeError(f"{path}: {field}{': ' if field else ''}{first['msg']}") from None


def _assign(content: Any, keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {}) if isinstance(content, dict) else None
    if not isinstance(content, dict):
        raise RecipeError(f"{override}: there is no such field to set")
    content[keys[-1]] = value


def load_part(part: Any, folder: Any, field: str) -> Any:
    """A trained part, frozen; its recipe field names it."""
    if folder is None or not (folder / "config.json").exists():
        raise RecipeError(f"{field}: no trained part at {folder}; run its recipe first")
    return part.from_pretrained(folder, dtype=torch.float32).requires_grad_(False).eval()


def new_part(part: Any, recipe: Recipe, **config: Any) -> Any:
    """The part to be trained: with new weights, of ``config`` and the recipe's ``model``, or that of ``initial``.

    Raises :class:`RecipeError` where there is none, or one that was not built for ``config``.
    """
    folder = recipe.initial
    if folder is None:
        return part(**(config | recipe.model))
    if recipe.model:
        raise RecipeError("model: it is built like the one it starts from; leave it out, or leave initial out")
    if not (folder / "config.json").exists():
        raise RecipeError(f"initial: there is no trained part at {folder}")
    network = part.from_pretrained(folder, dtype=torch.float32).train()
    other = [
        f"{name} is {network.config[name]}, not {size}" for name, size in config.items() if network.config[name] != size
    ]
    if other:
        raise RecipeError(f"initial: {folder}: {', '.join(other)}: it was not trained with these parts")
    return network
