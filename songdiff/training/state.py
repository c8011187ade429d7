"""The resumable states of a run: weights, moving averages, optimiser and step, each one safetensors file.

Every random number of a run follows from (seed, step, micro-batch): the step is all it takes to go on exactly. A file
is written beside its place and renamed, and carries a digest of its tensors: it is whole, or it is passed over. Tensors
are saved whole, however many processes share them, so that a run may go on with another number of processes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from diffusers.training_utils import EMAModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import InputError
from .sharding import like, whole_tensor


class StateError(InputError):
    """A state that cannot be written or gone on from; the message names the file and the remedy."""


def has_state(output: Path) -> bool:
    """Whether a run in ``output`` has something to go on from."""
    return any((output / "states").glob("step-*.safetensors"))


def newest_state(output: Path) -> Path | None:
    """The newest whole state of a run; damaged ones are named on standard error and put aside, unfinished ones removed.
    Raises :class:`StateError` where all are damaged, or of a version that kept but one."""
    folder = output / "states"
    for unfinished in folder.glob("*.part"):
        unfinished.unlink()
    paths = sorted(folder.glob("step-*.safetensors"), reverse=True)
    for i, path in enumerate(paths):
        if _is_whole(path):
            for damaged in paths[:i]:
                print(f"songdiff: {damaged} is damaged: going on from {path.name}", file=sys.stderr)
                os.replace(damaged, damaged.with_suffix(".damaged"))
            return path
    if paths:
        raise StateError(f"{folder}: every state is damaged; remove the folder to begin again")
    if (output / "state.safetensors").exists():
        raise StateError(
            f"{output / 'state.safetensors'}: of an older version, which drew other examples; go on with that version, "
            "or choose another output (and initial: the export folder, to start from its weights)"
        )
    return None


def save_state(
    output: Path, keep: int, main: bool, model: nn.Module, optimizer: torch.optim.Optimizer, ema: EMAModel, step: int
) -> None:
    """Write everything a run needs to go on after ``step`` steps, then remove all but the last ``keep`` states.

    All processes take part; the ``main`` one writes. Raises :class:`StateError`, with the states there are untouched,
    where the disk has no room.
    """
    tensors = {}
    for name, value in _named_tensors(model, optimizer, ema):
        value = whole_tensor(value.detach())
        if main:
            tensors[name] = value.cpu().contiguous()
    if not main:
        return
    folder = output / "states"
    folder.mkdir(parents=True, exist_ok=True)
    check_room(folder, sum(value.nbytes for value in tensors.values()))
    path = folder / f"step-{step:08d}.safetensors"
    temporary = path.with_suffix(".part")
    digest = _digest((name, tensors[name]) for name in sorted(tensors))
    metadata = {"step": str(step), "ema_step": str(ema.optimization_step), "sha256": digest}
    try:
        save_file(tensors, temporary, metadata=metadata)
    except (OSError, SafetensorError) as error:  # someone else filled the disk meanwhile
        temporary.unlink(missing_ok=True)
        raise StateError(f"{path}: {error}; make room and start again: it goes on from the state before") from None
    os.replace(temporary, path)
    for old in sorted(folder.glob("step-*.safetensors"))[:-keep]:
        old.unlink()


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, ema: EMAModel) -> int:
    """Restore what :func:`save_state` wrote; returns the number of steps done. Raises :class:`StateError` for the state
    of another model."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    with safe_open(path, "pt") as file, torch.no_grad():
        targets = dict(_named_tensors(model, None, ema))
        names = list(file.keys())
        saved = {name for name in names if not name.startswith("optimizer.")}
        other = sorted(targets.keys() ^ saved)
        other += [n for n in sorted(targets.keys() & saved) if file.get_slice(n).get_shape() != [*targets[n].shape]]
        if other:
            raise StateError(
                f"{path}: of another model than the recipe's ({other[0].partition('.')[2]} differs); remove the folder "
                "to begin again, or choose another output"
            )
        for name, target in targets.items():
            target.copy_(like(file.get_tensor(name), target))
        for name in names:
            if name.startswith("optimizer."):
                _, index, field = name.split(".")
                value = file.get_tensor(name).clone()
                moments.setdefault(int(index), {})[field] = like(value, parameters[int(index)]) if value.ndim else value
        metadata = file.metadata()
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    ema.optimization_step = int(metadata["ema_step"])
    return int(metadata["step"])


def state_bytes(model: nn.Module, parameters: list[nn.Parameter]) -> int:
    """The size of a state: all weights, and the average and two moments of those that are ``parameters``."""
    return sum(value.nbytes for value in model.state_dict().values()) + 3 * sum(p.nbytes for p in parameters)


def check_room(folder: Path, size: int) -> None:
    """Raises :class:`StateError` where ``size`` bytes do not fit on the disk of ``folder``."""
    free = shutil.disk_usage(folder).free
    if free < size:
        raise StateError(
            f"{folder}: no room for states: {size / 1e9:.2f} GB are needed, {free / 1e9:.2f} GB are free; make room "
            "and start again: a run goes on from its last state"
        )


def _named_tensors(
    model: nn.Module, optimizer: torch.optim.Optimizer | None, ema: EMAModel
) -> Iterable[tuple[str, Tensor]]:
    for name, value in model.state_dict().items():
        yield f"model.{name}", value
    for i, value in enumerate(ema.shadow_params):
        yield f"ema.{i}", value
    if optimizer is not None:
        for index, state in optimizer.state_dict()["state"].items():
            for name, value in state.items():
                yield f"optimizer.{index}.{name}", value


def _is_whole(path: Path) -> bool:
    try:
        with safe_open(path, "pt") as file:
            digest = _digest((name, file.get_tensor(name)) for name in sorted(file.keys()))
            return digest == (file.metadata() or {}).get("sha256")
    except (SafetensorError, OSError):
        return False


def _digest(tensors: Iterable[tuple[str, Tensor]]) -> str:
    digest = hashlib.sha256()
    for name, value in tensors:
        digest.update(name.encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
