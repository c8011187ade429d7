"""Adapters: small changes of a network's matrices (LoRA, arXiv:2106.09685), each in one file, and how they are added.

The file is peft's ``adapter_model.safetensors``, so that other tools read it. Its metadata hold what peft keeps in
``adapter_config.json``, so that it stands alone, and the fingerprint of the network it was trained on. A concept's file
also holds a word, ``<mine>``, and what the word adds to a style. Nothing here needs peft, or knows of training.

E style width, S style tokens, N tokens of a concept, r rank.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ..audio.files import replacing
from ..errors import InputError
from .style_encoder import Style

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
WORD = r"<[a-z0-9](?:[a-z0-9-]*[a-z0-9])?>"
"""What the word of a concept looks like in a prompt."""
_SETTINGS, _BASE, _WORD = "lora_adapter_metadata", "songdiff_base", "songdiff_word"  # keys of the file's metadata
_VECTORS = ("tokens", "pooled")
_KEY = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<factor>[AB])\.weight")
_UNKNOWN = ("use_dora", "use_qalora", "alpha_pattern", "rank_pattern", "fan_in_fan_out", "modules_to_save", "lora_bias")


class AdapterError(InputError):
    """A file that is no adapter, or none of this network; the message names the file and the remedy."""


class Concept(NamedTuple):
    """``word`` calls it in a prompt; ``tokens`` (N, E) and ``pooled`` (E,) are what it adds to a style."""

    word: str
    tokens: Tensor
    pooled: Tensor

    def in_style(self, style: Style) -> Style:
        """A batch of styles, with the tokens beside each one's own and the pooled vector moved."""
        batch, count = len(style.tokens), len(self.tokens)
        return Style(
            torch.cat([style.tokens, self.tokens.to(style.tokens).expand(batch, -1, -1)], dim=1),
            torch.cat([style.mask, style.mask.new_ones(batch, count)], dim=1),
            F.normalize(style.pooled + self.pooled.to(style.pooled), dim=-1),
        )


@dataclass(frozen=True, eq=False)
class Adapter:
    """``matrices`` by module of the network: (A (r, in), B (out, r)); ``scale · B A`` is added to its weight.

    ``base`` is the :func:`fingerprint` of the network it was trained on ("": unknown).
    """

    name: str
    matrices: dict[str, tuple[Tensor, Tensor]]
    scale: float
    base: str = ""
    concept: Concept | None = None

    def check(self, network: nn.Module, base: str) -> None:
        """Raise :class:`AdapterError` unless it fits ``network``, whose fingerprint is ``base``."""
        modules = dict(network.named_modules())
        for module, (a, b) in self.matrices.items():
            weight = getattr(modules.get(module), "weight", None)
            if weight is None or weight.shape != (b.shape[0], a.shape[1]):
                there = "is not there" if weight is None else f"is {' × '.join(map(str, weight.shape))}"
                raise AdapterError(
                    f"{self.name}: was trained for another transformer: its {module} is {b.shape[0]} × {a.shape[1]}, "
                    f"in this model it {there}; give the model that it was trained on"
                )
        if self.base and self.base != base:
            raise AdapterError(
                f"{self.name}: was trained on other weights of the transformer ({self.base}, these are {base}); give "
                "the model that it was trained on, or train it again"
            )


@torch.no_grad()
def apply_adapters(network: nn.Module, adapters: Iterable[tuple[Adapter, float]], kept: dict[str, Tensor]) -> None:
    """Make the weights of ``network`` those it was built with plus all ``adapters``, each times a strength.

    ``kept`` holds the weights that were changed, as they were, from one call to the next: without adapters the network
    is the very same again, bit for bit.
    """
    for module, weight in kept.items():
        parameter = network.get_parameter(f"{module}.weight")
        parameter.data = weight.to(parameter)
    kept.clear()
    for adapter, strength in adapters:
        for module, (a, b) in adapter.matrices.items() if strength else ():
            parameter = network.get_parameter(f"{module}.weight")
            kept.setdefault(module, parameter.data)
            change = (b.double() @ a.double() * (strength * adapter.scale)).to(parameter)
            parameter.data = parameter.data + change


def fingerprint(network: nn.Module) -> str:
    """16 characters that stand for the weights, in whatever precision they were loaded."""
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.detach().to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())
    return digest.hexdigest()[:16]


def save_adapter(
    folder: Path, matrices: dict[str, Tensor], settings: dict[str, Any], base: str, concept: Concept | None = None
) -> Path:
    """Write ``adapter_model.safetensors`` and ``adapter_config.json``; returns the first, which alone is enough.

    ``matrices`` and ``settings`` are peft's state dict and config of an adapter of the network ``base``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"format": "pt", _SETTINGS: json.dumps(settings), _BASE: base}
    tensors = {name: value.detach().float().cpu().contiguous() for name, value in matrices.items()}
    if concept is not None:
        metadata[_WORD] = concept.word
        tensors |= {f"concept.{name}": getattr(concept, name).detach().float().cpu() for name in _VECTORS}
    for name, data in ((CONFIG, json.dumps(settings, indent=1).encode() + b"\n"), (WEIGHTS, save(tensors, metadata))):
        with replacing(folder / name) as beside:
            beside.write_bytes(data)
    return folder / WEIGHTS


def weights_file(path: str | Path) -> Path:
    """The file that is meant by it, or by the folder with it that peft writes."""
    return Path(path) / WEIGHTS if Path(path).is_dir() else Path(path)


def read_adapter(path: str | Path) -> Adapter:
    """The adapter of a file or folder (:func:`weights_file`). Raises :class:`AdapterError`."""
    path = weights_file(path)
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not iterable itself)
        settings = json.loads(metadata.get(_SETTINGS) or (path.parent / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        missing = Path(error.filename) if error.filename else path
        if missing.name == CONFIG:
            raise AdapterError(f"{path}: does not say its rank and alpha; put peft's {CONFIG} beside it") from None
        raise AdapterError(f"{path}: there is no such file; give a LoRA's or a concept's .safetensors") from None
    except (OSError, SafetensorError, ValueError):
        raise AdapterError(f"{path}: cannot be read as an adapter; give a LoRA's or a concept's .safetensors") from None
    special = [name for name in _UNKNOWN if settings.get(name)]
    if special or settings.get("bias", "none") != "none":
        raise AdapterError(f"{path}: uses {', '.join(special) or 'bias'} of peft, which songdiff does not know")
    factors: dict[str, dict[str, Tensor]] = {}
    vectors = {name: tensors.pop(f"concept.{name}") for name in _VECTORS if f"concept.{name}" in tensors}
    concept = Concept(metadata[_WORD], **vectors) if _WORD in metadata and len(vectors) == len(_VECTORS) else None
    for key, tensor in tensors.items():
        match = _KEY.fullmatch(key)
        if match is None or tensor.ndim != 2:
            raise AdapterError(f"{path}: holds {key}, which is no matrix of a LoRA of this kind of network")
        factors.setdefault(match["module"], {})[match["factor"]] = tensor
    if halves := [module for module, pair in factors.items() if len(pair) != 2 or len(pair["A"]) != pair["B"].shape[1]]:
        raise AdapterError(f"{path}: the two matrices of {halves[0]} do not belong together; copy the file again")
    rank, alpha = settings.get("r"), settings.get("lora_alpha")
    if not isinstance(rank, int) or not isinstance(alpha, int | float) or rank < 1:
        raise AdapterError(f"{path}: does not say its rank and alpha; train it again, or put peft's {CONFIG} beside it")
    scale = alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    matrices = {module: (pair["A"], pair["B"]) for module, pair in factors.items()}
    return Adapter(str(path), matrices, scale, metadata.get(_BASE, ""), concept)
