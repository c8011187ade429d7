"""The one training loop, for every part: accelerate, moving averages, exact resume, an export.

A step takes ``gradient_accumulation`` micro-batches in each of its processes. They are numbered through: what is drawn
for number i of a step follows from (seed, step, i) alone, and the gradient is the mean over all of them, so two
processes do what one does with twice the accumulation.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import (
    DistributedDataParallelKwargs,
    DistributedType,
    InitProcessGroupKwargs,
    broadcast_object_list,
)
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from .plan import memory_remedy
from .progress import Progress, check_tracker
from .recipe import Recipe, RecipeError
from .samples import HeldOut, sing
from .sharding import is_split, shard, whole_network, whole_tensor
from .state import check_room, load_state, newest_state, save_state, state_bytes

PATIENCE = timedelta(hours=12)
"""How long processes wait for one that encodes songs or writes a state."""
OTHERS_SPLIT = (DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM)
HOPELESS = 50
"""Steps on end whose gradients are not finite, after which a run gives up; each of them changes no weight."""
TERMINATED = 143
"""The exit code of a run that SIGTERM ended: 128 + 15, as shells count it."""


class Task(nn.Module):
    """What is trained, and how one example looks. ``network`` is the part that is exported.

    A subclass gives :meth:`batch` (any tree of tensors, drawn from ``rng`` alone) and :meth:`forward` (named losses,
    their sum is minimised; random numbers are the batch's or from torch's generator, which is seeded for each batch).
    """

    network: Any

    def batch(self, rng: np.random.Generator) -> Any:
        raise NotImplementedError

    def forward(self, batch: Any) -> dict[str, Tensor]:
        raise NotImplementedError

    def parameter_groups(self) -> list[dict[str, Any]]:
        """What AdamW optimises: each group's gradients are clipped by themselves. Besides ``params`` a group may have
        ``betas`` of its own and ``lr_scale``, which multiplies the recipe's learning rate."""
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def before_export(self) -> None:
        """Set what follows from the trained weights; called with the averaged ones in place."""

    def export(self, folder: Path) -> None:
        """Write the part into ``folder``."""
        self.network.save_pretrained(folder)

    def validation_batch(self) -> Any | None:
        """A fixed batch of held-out examples, or None."""
        return None

    def held_out_song(self) -> HeldOut | None:
        """A held-out song to be sung while training goes on, or None."""
        return None


def train(task: Task, recipe: Recipe) -> Path:
    """Run (or go on with) a recipe; returns the folder of the exported part.

    Writes ``log.jsonl``, a state every few minutes, and at those times and at the end the part itself with its averaged
    weights. SIGTERM ends a run after its step and with a state, by ``SystemExit(143)``; kill -9 loses the minutes since
    the last state. Either way the same recipe goes on, and ends with the weights that it would have had.
    """
    accelerator = _accelerator(recipe)
    output, o = recipe.output, recipe.optimizer
    output.mkdir(parents=True, exist_ok=True)
    model = _prepare_model(task, recipe, accelerator)
    adam = torch.optim.AdamW(task.parameter_groups(), lr=o.lr, betas=o.betas, weight_decay=o.weight_decay, fused=True)
    optimizer = accelerator.prepare_optimizer(adam)
    parameters = [p for group in adam.param_groups for p in group["params"]]
    ema = EMAModel(parameters, decay=recipe.ema_decay, use_ema_warmup=True, power=0.75, foreach=True)
    done = _go_on(task, recipe, adam, ema, accelerator)
    groups = adam.param_groups  # not before: loading a state replaces them
    progress, validation = Progress(recipe, accelerator, done), task.validation_batch()
    saved, lost = time.monotonic(), 0
    with _listen_for_sigterm() as terminated, _out_of_memory_answered(recipe, accelerator):
        for step, micro_batches in _batches(task, recipe, done, accelerator):
            if step == done:
                progress.flops = _flops(task, _to_device(micro_batches[0], accelerator.device))
                if recipe.compile:
                    task.compile()
            for group in groups:
                group["lr"] = o.lr * group.get("lr_scale", 1.0) * learning_rate_factor(step, recipe)
            rows = []
            for i, micro_batch in enumerate(micro_batches):
                torch.manual_seed(_seed(recipe, step, i, accelerator).generate_state(1, np.uint64).item())
                with accelerator.accumulate(model):
                    losses = model(_to_device(micro_batch, accelerator.device))
                    rows.append(torch.stack([value.detach().float() for value in losses.values()]))
                    accelerator.backward(torch.stack(list(losses.values())).sum())
                    if accelerator.sync_gradients:
                        norms = [_clip(group["params"], o.max_grad_norm) for group in groups]
                    if not accelerator.sync_gradients or all(map(math.isfinite, norms)):
                        optimizer.step()
                    optimizer.zero_grad()
            lost = 0 if all(map(math.isfinite, norms)) else lost + 1
            if lost == HOPELESS:
                raise RecipeError(
                    f"{output}: the gradients of {lost} steps on end were not finite; lower optimizer.lr, and remove "
                    "the newest of states/ to go on from an older one"
                )
            ema.step(parameters)
            progress.step(torch.stack(rows).mean(0))
            step, last = step + 1, step + 1 == recipe.steps
            if step % recipe.log_every == 0 or last:
                row = progress.row(step, list(losses), lr=groups[0]["lr"], grad_norm=round(norms[0], 4))
                if validation is not None and (step % (10 * recipe.log_every) == 0 or last):
                    row |= _validate(task, validation, ema, parameters, accelerator)
                progress.tell(row, list(losses))
            if recipe.sample_every and step % recipe.sample_every == 0:
                _export(task, output / "export", ema, parameters, accelerator)
                _sing(task, recipe, step, progress, accelerator)
            late = time.monotonic() - saved > 60 * recipe.save_minutes
            stop, save = _agreed(accelerator, terminated.is_set(), late or last)
            if save or stop:
                save_state(output, recipe.keep, accelerator.is_main_process, task, adam, ema, step)
                _export(task, output / "export", ema, parameters, accelerator)
                saved = time.monotonic()
            if stop and not last:
                progress.close()
                raise SystemExit(TERMINATED)
    if done >= recipe.steps:  # it may have been killed between its last state and its export
        _export(task, output / "export", ema, parameters, accelerator)
    progress.close()
    accelerator.wait_for_everyone()
    return output / "export"


def learning_rate_factor(step: int, recipe: Recipe) -> float:
    """Share of the peak learning rate at ``step``: warm-up, constant, linear decay."""
    o = recipe.optimizer
    rising = (step + 1) / max(o.warmup_steps, 1)
    falling = (recipe.steps - step) / max(o.decay * recipe.steps, 1)
    return min(1.0, rising, falling)


def _accelerator(recipe: Recipe) -> Accelerator:
    if recipe.tracker:
        check_tracker(recipe.tracker)
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    accelerator = Accelerator(
        mixed_precision=recipe.mixed_precision,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        log_with=recipe.tracker,
        project_dir=str(recipe.output),
        kwargs_handlers=[
            DistributedDataParallelKwargs(broadcast_buffers=False),
            InitProcessGroupKwargs(timeout=PATIENCE),
        ],
    )
    if accelerator.distributed_type in OTHERS_SPLIT:
        raise RecipeError(
            f"accelerate is configured for {accelerator.distributed_type.value}: configure plain processes "
            "(recipes/accelerate/) and set fsdp=true to split the model between them"
        )
    return accelerator


def _prepare_model(task: Task, recipe: Recipe, accelerator: Accelerator) -> nn.Module:
    """The task on its device, split (``fsdp``) or whole in every process."""
    if recipe.gradient_checkpointing:
        task.network.enable_gradient_checkpointing()
    sharded = recipe.fsdp and accelerator.num_processes > 1
    if sharded:
        dtype = torch.bfloat16 if recipe.mixed_precision == "bf16" else None
        shard(task, task.network, accelerator.device, accelerator.num_processes, dtype)
    return accelerator.prepare_model(task, evaluation_mode=sharded)  # evaluation_mode: not wrapped once more


def _go_on(
    task: Task, recipe: Recipe, optimizer: torch.optim.Optimizer, ema: EMAModel, accelerator: Accelerator
) -> int:
    """Steps done so far; the newest state is restored. The disk must have room for what is to be kept."""
    found: list[Path | None] = [None]
    if accelerator.is_main_process:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        found, size = [newest_state(recipe.output)], state_bytes(task, parameters)
        kept = len(list((recipe.output / "states").glob("step-*.safetensors")))
        check_room(recipe.output, size * max(1, recipe.keep + 1 - kept))
    (path,) = broadcast_object_list(found)
    return 0 if path is None else load_state(path, task, optimizer, ema)


def _seed(recipe: Recipe, step: int, i: int, accelerator: Accelerator) -> np.random.SeedSequence:
    """What the i-th micro-batch of this process follows from."""
    return np.random.SeedSequence((recipe.seed, step, i * accelerator.num_processes + accelerator.process_index))


def _batches(task: Task, recipe: Recipe, done: int, accelerator: Accelerator) -> Iterator[tuple[int, list[Any]]]:
    """(step, its micro-batches) for all steps still to do; the next step's are drawn while one is computed."""

    def draw(step: int) -> list[Any]:
        seeds = [_seed(recipe, step, i, accelerator) for i in range(recipe.gradient_accumulation)]
        return [task.batch(np.random.default_rng(seed)) for seed in seeds]

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(draw, done)
        for step in range(done, recipe.steps):
            batch = following.result()
            if step + 1 < recipe.steps:
                following = pool.submit(draw, step + 1)
            yield step, batch


@torch.no_grad()
def _flops(task: Task, batch: Any) -> float:
    """Operations of a micro-batch, forwards and (twice as many) backwards; where some networks stand still, at most.
    What checkpointing repeats is not counted."""
    with FlopCounterMode(display=False) as counter:
        task(batch)
    return 3.0 * counter.get_total_flops()


def _clip(parameters: list[nn.Parameter], max_norm: float) -> float:
    return float(whole_tensor(torch.nn.utils.clip_grad_norm_(parameters, max_norm)))


@contextmanager
def _averaged(parameters: list[nn.Parameter], ema: EMAModel) -> Iterator[None]:
    """The moving averages in the place of the weights."""
    own = [p.detach().clone() for p in parameters]
    try:
        _assign(parameters, ema.shadow_params)
        yield
    finally:
        _assign(parameters, own)


@torch.no_grad()
def _assign(parameters: list[nn.Parameter], values: list[Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def _export(task: Task, folder: Path, ema: EMAModel, parameters: list[nn.Parameter], accelerator: Accelerator) -> None:
    """The part with its averaged weights, by the main process: written beside, then moved into place file by file."""
    part, main = folder.with_suffix(".part"), accelerator.is_main_process
    with _averaged(parameters, ema):
        if is_split(task.network):
            network = whole_network(task.network, main)
            if main:
                network.save_pretrained(part)
        else:
            task.before_export()
            if main:
                task.export(part)
    if main:
        folder.mkdir(exist_ok=True)
        for path in part.iterdir():
            os.replace(path, folder / path.name)
        part.rmdir()


@torch.no_grad()
def _validate(
    task: Task, batch: Any, ema: EMAModel, parameters: list[nn.Parameter], accelerator: Accelerator
) -> dict[str, float]:
    """Losses of the averaged weights on held-out examples; all processes take part."""
    with _averaged(parameters, ema), accelerator.autocast():
        losses = task(_to_device(batch, accelerator.device))
    return {f"validation_{name}": round(float(value), 5) for name, value in losses.items()}


def _sing(task: Task, recipe: Recipe, step: int, progress: Progress, accelerator: Accelerator) -> None:
    """Let the exported part sing, in the main process alone."""
    began, held_out = time.monotonic(), task.held_out_song()
    if held_out is not None and accelerator.is_main_process:
        path = recipe.output / "samples" / f"step-{step:08d}.wav"
        figures = sing(recipe, recipe.output / "export", held_out, path, accelerator.device)
        progress.tell_sample(path, figures, step)
    accelerator.wait_for_everyone()
    progress.do_not_count(time.monotonic() - began)


def _agreed(accelerator: Accelerator, *asked: bool) -> list[bool]:
    """For each question, whether any process says yes: all must stop, or save, after the same step."""
    if accelerator.num_processes == 1:
        return list(asked)
    votes = torch.tensor(asked, dtype=torch.float32, device=accelerator.device)
    return [votes > 0 for votes in accelerator.reduce(votes).tolist()]


@contextmanager
def _listen_for_sigterm() -> Iterator[threading.Event]:
    """An event that SIGTERM sets; Python lets only the main thread hear signals."""
    terminated = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield terminated
        return
    before = signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _out_of_memory_answered(recipe: Recipe, accelerator: Accelerator) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError:
        cuda = accelerator.device.type == "cuda"
        total = torch.cuda.get_device_properties(accelerator.device).total_memory if cuda else None
        raise RecipeError(memory_remedy(recipe, accelerator.num_processes, total)) from None


def _to_device(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: _to_device(value, device) for name, value in batch.items()}
    return batch
