"""What a training will need, before anything is allocated: parameters, memory, operations, hours on named GPUs.

Networks are built and run on torch's meta device, where tensors have shapes and no numbers. Operations are counted;
memory is an estimate: what training keeps of every weight, and what the network keeps for its gradients.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import init_empty_weights
from rich.table import Table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..composer import GENRES, STYLE_WORDS
from ..conditioning import ALL_GROUPS, FrameConditions
from ..conditioning.groups import FINE, GROUPS, NUM_FEATURES
from ..models import (
    MelAutoencoder,
    PhonemeRecogniser,
    SongTransformer,
    SpectralVocoder,
    StyleEncoder,
    WaveformAutoencoder,
)
from ..models.style_probe import StyleProbe
from .gpus import GPUS
from .recipe import TRANSFORMER_KINDS, Recipe, RecipeError

UTILISATION = 0.4
"""Share of a GPU's peak that the hours are reckoned with: what large transformers reach where data keeps up."""
ROOM = 0.9
"""Share of a GPU's memory that may be planned for; the rest is the allocator's and the driver's."""
FRAME_SECONDS = 2048 / 44100
PARTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "autoencoder": (MelAutoencoder, {}),
    "vocoder": (SpectralVocoder, {}),
    "style_encoder": (StyleEncoder, {"vocabulary": list(STYLE_WORDS)}),
    "transformer": (SongTransformer, {"groups": list(ALL_GROUPS)}),
    "few_step_transformer": (SongTransformer, {"groups": list(ALL_GROUPS)}),
    "recogniser": (PhonemeRecogniser, {}),
    "style_probe": (StyleProbe, {"genres": sorted(GENRES), "instruments": []}),
    "waveform_autoencoder": (WaveformAutoencoder, {}),
}
"""The network of each kind of recipe, and what of its config the data decide."""


@dataclass
class Plan:
    """Bytes and operations are of one device. ``activations`` and ``flops`` are counted for transformers alone."""

    recipe: Recipe
    devices: int
    parameters: int
    weights: float
    """Bytes of weights, gradients, both moments and moving averages."""
    activations: float | None
    flops: float | None
    """Of a step, forwards and backwards, without what checkpointing repeats."""

    @property
    def frames(self) -> int:
        """Latent frames of a step, over all devices."""
        r = self.recipe
        return r.batch_size * r.crop_frames * r.gradient_accumulation * self.devices

    @property
    def memory(self) -> float | None:
        return None if self.activations is None else self.weights + self.activations

    def hours(self, peak: float) -> float | None:
        """On devices of ``peak`` operations a second."""
        if self.flops is None:
            return None
        computed = self.flops * (4 / 3 if self.recipe.gradient_checkpointing else 1)
        return computed * self.recipe.steps / (peak * UTILISATION) / 3600

    def lines(self) -> list[str]:
        """What there is to know but for the GPUs."""
        r, split = self.recipe, " split between them" if self.recipe.fsdp and self.devices > 1 else ""
        frames = self.frames * r.steps
        lines = [
            f"{r.kind}: {self.parameters / 1e6:,.1f} M parameters; {self.devices} device(s){split}",
            f"memory per device: {self.weights / 1e9:.2f} GB for weights, gradients, moments and averages"
            + ("" if self.activations is None else f", about {self.activations / 1e9:.2f} GB for a micro-batch"),
            f"a step: {r.batch_size} crops × {r.gradient_accumulation} × {self.devices} device(s) = {self.frames:,} "
            f"tokens (latent frames); {r.steps:,} steps: {frames / 1e6:,.1f} M tokens, "
            f"{frames * FRAME_SECONDS / 3600:,.1f} h of song",
        ]
        if self.flops is not None:
            total = self.flops * self.devices
            lines.append(f"operations: {total / 1e12:,.3g} TFLOP a step, {total * r.steps / 1e15:,.1f} PFLOP in all")
        return lines

    def table(self) -> Table:
        """The GPUs that it may run on. Empty where operations are not counted."""
        table = Table("GPU", "memory", "fits", "hours", title=f"{self.devices} of each")
        table.caption = f"at {UTILISATION:.0%} of its peak in bfloat16; memory is estimated"
        for name, gpu in GPUS.items():
            hours, memory = self.hours(gpu.flops), self.memory
            if hours is not None and memory is not None:
                fits = "yes" if memory < ROOM * gpu.memory else "no"
                table.add_row(name, f"{gpu.memory / 1e9:.0f} GB", fits, f"{hours:.3g}")
        return table


def plan_training(recipe: Recipe, devices: int = 1) -> Plan:
    """What a recipe needs on so many devices. Allocates no weights. Raises :class:`RecipeError`."""
    network = meta_network(recipe)
    numbers = sum(p.numel() for p in network.parameters())
    split = recipe.fsdp and devices > 1
    per_weight = 20 if recipe.ema_decay else 16  # float32: itself, gradient, two moments, average
    per_weight += 0 if split or devices == 1 else 4  # the buckets in which gradients travel
    per_weight += 2 if recipe.mixed_precision == "bf16" and not split else 0  # autocast's copies
    weights = per_weight * numbers / (devices if split else 1)
    if recipe.kind not in TRANSFORMER_KINDS:
        return Plan(recipe, devices, numbers, weights, None, None)
    length = max([recipe.crop_frames, *recipe.crop_lengths])
    count = max(1, recipe.batch_size * recipe.crop_frames // length)
    flops, activations = _measure(network, count, length, recipe)
    return Plan(recipe, devices, numbers, weights, activations, 3 * flops * recipe.gradient_accumulation)


def meta_network(recipe: Recipe) -> Any:
    """The network that a recipe trains, its weights on the meta device. Raises :class:`RecipeError` for a config that
    it cannot have."""
    if recipe.kind not in PARTS:
        raise RecipeError(f"kind: {recipe.kind} cannot be planned; there are {', '.join(PARTS)}")
    part, config = PARTS[recipe.kind]
    folder = recipe.initial or recipe.data.teacher
    if folder is not None and not (folder / "config.json").exists():
        raise RecipeError(f"{'initial' if recipe.initial else 'data.teacher'}: there is no trained part at {folder}")
    with init_empty_weights():  # numbers that are no weights, such as filter banks, are computed all the same
        if folder is not None:
            return part.from_config(part.load_config(folder))
        try:
            return part(**(config | _sizes(recipe) | recipe.model))
        except (TypeError, ValueError) as error:
            raise RecipeError(f"model: {str(error).removeprefix(f'{part.__name__}.__init__() ')}") from None


def memory_remedy(recipe: Recipe, devices: int, memory: int | None) -> str:
    """What to say when a device of ``memory`` bytes (None: unknown) is full: settings with the same steps that fit."""
    said = f"out of memory with batch_size={recipe.batch_size}, crop_frames={recipe.crop_frames}"
    smaller = [size for size in range(recipe.batch_size // 2, 0, -1) if recipe.batch_size % size == 0]
    changes: list[dict[str, Any]] = [
        {"batch_size": size, "gradient_accumulation": recipe.gradient_accumulation * recipe.batch_size // size}
        for size in smaller
    ]
    if recipe.kind in TRANSFORMER_KINDS:
        if not recipe.gradient_checkpointing:
            changes = [{"gradient_checkpointing": True}, *changes]
            changes += [change | {"gradient_checkpointing": True} for change in changes[1:]]
        if memory is not None:
            changes = _that_fit(changes, recipe, devices, ROOM * memory)
    if not changes:
        split = " or fsdp=true on more devices" if recipe.kind in TRANSFORMER_KINDS else ""
        return f"{said}: no smaller batch fits; take smaller crop_frames, a smaller model{split}"
    best = {"gradient_checkpointing" in change: change for change in reversed(changes)}  # the first of each
    proposals = [" ".join(f"{k}={str(v).lower()}" for k, v in best[way].items()) for way in sorted(best)]
    return f"{said}: try {' or '.join(proposals)} (the same steps in less memory)"


def _that_fit(changes: list[dict[str, Any]], recipe: Recipe, devices: int, memory: float) -> list[dict[str, Any]]:
    """Those of ``changes`` under which a transformer's training takes at most ``memory`` bytes."""
    plans = {
        checkpointing: plan_training(recipe.model_copy(update={"gradient_checkpointing": checkpointing}), devices)
        for checkpointing in (False, True)
    }

    def fits(change: dict[str, Any]) -> bool:
        plan = plans[change.get("gradient_checkpointing", recipe.gradient_checkpointing)]
        share = change.get("batch_size", recipe.batch_size) / recipe.batch_size
        return plan.activations is not None and plan.weights + share * plan.activations < memory

    return [change for change in changes if fits(change)]


def _sizes(recipe: Recipe) -> dict[str, int]:
    """What the parts that a transformer stands on decide, where they have been trained."""
    sizes: dict[str, int] = {}
    fields = {
        "latent_channels": (recipe.data.autoencoder, ("latent_channels", "decoder_input_channels")),
        "style_size": (recipe.data.style_encoder, ("embedding_size",)),
    }
    for name, (folder, keys) in fields.items():
        if recipe.kind in TRANSFORMER_KINDS and folder is not None and (folder / "config.json").exists():
            config = json.loads((folder / "config.json").read_text())
            sizes[name] = next(config[key] for key in keys if key in config)
    return sizes


def _measure(network: SongTransformer, B: int, T: int, recipe: Recipe) -> tuple[int, float]:
    """Operations of a transformer's forward pass over (B, T) frames, and the bytes that it keeps for the gradients."""
    c, dtype = network.config, torch.bfloat16 if recipe.mixed_precision == "bf16" else torch.float32
    for parameter in network.parameters():
        parameter.data = parameter.data.to(dtype)  # as autocast multiplies them
    own = {p.untyped_storage()._cdata for p in network.parameters()}
    head_size = c.hidden_size // c.num_heads
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        # attention's products are kept by its plain form, which stands in on this device, and not by GPUs' kernels
        products = tensor.ndim >= 4 and head_size not in tensor.shape[-2:]
        if storage._cdata not in own and not products:
            kept[storage._cdata] = storage  # the storage itself, lest another one gets its place
        return tensor

    def empty(*shape: int, dtype: torch.dtype = dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, device="meta")

    channels = c.num_tracks * c.latent_channels
    phonemes, melody, bass = (empty(B, FINE * T, dtype=torch.long) for _ in range(3))
    features, given, voice = empty(B, T, NUM_FEATURES), empty(B, T, len(GROUPS)), empty(B, 2 * c.latent_channels)
    conditions = FrameConditions(phonemes, melody, bass, features, given, voice)
    style = empty(B, 24, c.style_size), empty(B, 24, dtype=torch.bool), empty(B, c.style_size)
    known = empty(B, channels, T), empty(B, c.num_tracks, T, dtype=torch.bool)
    with FlopCounterMode(display=False) as counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        network(empty(B, channels, T), empty(B), network.encode_conditions(conditions), *style, *known)
    size = float(sum(storage.nbytes() for storage in kept.values()))
    if recipe.gradient_checkpointing:  # the input of each block, and one block at a time
        size = size / c.num_layers + c.num_layers * B * T * c.hidden_size * dtype.itemsize
    return counter.get_total_flops(), size
