"""The resumable state of a run: weights, moving averages, optimiser and step, as one safetensors file.

Every random number of a run follows from (seed, step, process): the step number is all it takes to go on exactly.
The file is written beside its place and renamed: it is whole or not there.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, ema: EMAModel, step: int) -> None:
    """Write everything a run needs to go on after ``step`` steps."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"ema.{i}": value for i, value in enumerate(ema.shadow_params)}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
    contiguous = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    temporary = path.with_suffix(".part")
    metadata = {"step": str(step), "ema_step": str(ema.optimization_step)}
    save_file(contiguous, temporary, metadata=metadata)
    os.replace(temporary, path)


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, ema: EMAModel) -> int:
    """Restore what :func:`save_state` wrote; returns the number of steps done."""
    groups: dict[str, dict[str, torch.Tensor]] = {"model": {}, "ema": {}, "optimizer": {}}
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        for key in file.keys():  # noqa: SIM118 (not iterable itself)
            group, _, name = key.partition(".")
            groups[group][name] = file.get_tensor(key)
    model.load_state_dict(groups["model"])
    with torch.no_grad():
        for i, parameter in enumerate(ema.shadow_params):
            parameter.copy_(groups["ema"][str(i)])
    ema.optimization_step = int(metadata["ema_step"])
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in groups["optimizer"].items():
        index, _, field = name.partition(".")
        state.setdefault(int(index), {})[field] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return int(metadata["step"])
