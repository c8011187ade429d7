"""The one training loop, for every part: accelerate, moving averages, exact resume, a log and an export."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from diffusers.training_utils import EMAModel
from torch import Tensor, nn
from tqdm import tqdm

from .recipe import Recipe
from .state import load_state, save_state


class Task(nn.Module):
    """What is trained, and how one example looks. ``network`` is the part that is exported.

    A subclass gives :meth:`batch` (any tree of tensors, drawn from ``rng`` alone) and :meth:`forward` (named losses,
    their sum is minimised; all random numbers come from the batch).
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


def train(task: Task, recipe: Recipe) -> Path:
    """Run (or go on with) a recipe; returns the folder of the exported part.

    Writes ``log.jsonl``, ``state.safetensors`` every few minutes, and at those times and at the end the part itself
    with its averaged weights. SIGTERM and kill -9 lose at most the minutes since the last state.
    """
    kwargs = DistributedDataParallelKwargs(broadcast_buffers=False)
    accelerator = Accelerator(
        mixed_precision=recipe.mixed_precision,
        gradient_accumulation_steps=recipe.gradient_accumulation,
        log_with=recipe.tracker,
        project_dir=str(recipe.output),
        kwargs_handlers=[kwargs],
    )
    output, main = recipe.output, accelerator.is_main_process
    output.mkdir(parents=True, exist_ok=True)
    groups = task.parameter_groups()
    parameters = [p for group in groups for p in group["params"]]
    o = recipe.optimizer
    optimizer = torch.optim.AdamW(groups, lr=o.lr, betas=o.betas, weight_decay=o.weight_decay, fused=True)
    ema = EMAModel(parameters, decay=recipe.ema_decay, use_ema_warmup=True, power=0.75, foreach=True)
    ema.to(accelerator.device)
    state_file, done = output / "state.safetensors", 0
    if state_file.exists():
        done = load_state(state_file, task, optimizer, ema)
    if recipe.compile:
        task.compile()
    model, optimizer = accelerator.prepare(task, optimizer)
    if recipe.tracker:
        accelerator.init_trackers("songdiff", config=json.loads(recipe.model_dump_json()))

    def save(step: int) -> None:
        if not main:
            return
        save_state(state_file, task, optimizer.optimizer, ema, step)
        ema.store(parameters)
        ema.copy_to(parameters)
        task.before_export()
        task.export(output / "export")
        ema.restore(parameters)

    validation = task.validation_batch()
    saved, started, first, recent = time.monotonic(), time.monotonic(), done, []
    bar = tqdm(total=recipe.steps, initial=done, desc=recipe.kind, disable=not main, mininterval=2.0)
    for step, batch in _batches(task, recipe, done, accelerator):
        for group in optimizer.param_groups:
            group["lr"] = o.lr * group.get("lr_scale", 1.0) * learning_rate_factor(step, recipe)
        for micro_batch in batch:
            with accelerator.accumulate(model):
                losses = model(_to_device(micro_batch, accelerator.device))
                loss = torch.stack(list(losses.values())).sum()
                accelerator.backward(loss)
                if accelerator.sync_gradients:
                    norms = [float(accelerator.clip_grad_norm_(g["params"], o.max_grad_norm)) for g in groups]
                if not accelerator.sync_gradients or all(map(math.isfinite, norms)):
                    optimizer.step()
                optimizer.zero_grad()
        ema.step(parameters)
        recent.append([float(value.detach()) for value in losses.values()])
        bar.update()
        last = step + 1 == recipe.steps
        if main and ((step + 1) % recipe.log_every == 0 or last):
            row = dict(zip(losses, np.mean(recent, axis=0).round(5).tolist(), strict=True))
            row |= {"step": step + 1, "lr": optimizer.param_groups[0]["lr"], "grad_norm": round(norms[0], 4)}
            row["steps_per_second"] = round((step + 1 - first) / (time.monotonic() - started), 3)
            if validation is not None and ((step + 1) % (10 * recipe.log_every) == 0 or last):
                row |= {
                    f"validation_{k}": v for k, v in _validate(task, validation, ema, parameters, accelerator).items()
                }
            recent = []
            with (output / "log.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            bar.set_postfix({name: row[name] for name in losses})
            if recipe.tracker:
                accelerator.log({k: v for k, v in row.items() if k != "step"}, step=step + 1)
        if last or time.monotonic() - saved > 60 * recipe.save_minutes:
            save(step + 1)
            saved = time.monotonic()
    bar.close()
    if recipe.tracker:
        accelerator.end_training()
    accelerator.wait_for_everyone()
    return output / "export"


def learning_rate_factor(step: int, recipe: Recipe) -> float:
    """Share of the peak learning rate at ``step``: warm-up, constant, linear decay."""
    o = recipe.optimizer
    rising = (step + 1) / max(o.warmup_steps, 1)
    falling = (recipe.steps - step) / max(o.decay * recipe.steps, 1)
    return min(1.0, rising, falling)


def _batches(task: Task, recipe: Recipe, done: int, accelerator: Accelerator) -> Iterator[tuple[int, list[Any]]]:
    """(step, its micro-batches) for all steps still to do; the next step's are drawn while one is computed."""

    def draw(step: int) -> list[Any]:
        process = accelerator.process_index
        rng = np.random.default_rng((recipe.seed, step, process))
        return [task.batch(rng) for _ in range(recipe.gradient_accumulation)]

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(draw, done)
        for step in range(done, recipe.steps):
            batch = following.result()
            if step + 1 < recipe.steps:
                following = pool.submit(draw, step + 1)
            yield step, batch


@torch.no_grad()
def _validate(
    task: Task, batch: Any, ema: EMAModel, parameters: list[nn.Parameter], accelerator: Accelerator
) -> dict[str, float]:
    """Losses of the averaged weights on held-out examples."""
    ema.store(parameters)
    ema.copy_to(parameters)
    with accelerator.autocast():
        losses = task(_to_device(batch, accelerator.device))
    ema.restore(parameters)
    return {name: round(float(value), 5) for name, value in losses.items()}


def _to_device(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {name: _to_device(value, device) for name, value in batch.items()}
    return batch
