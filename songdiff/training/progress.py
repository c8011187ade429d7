"""What a run says of itself: the bar, ``log.jsonl``, and a tracker by name. Knows nothing of models."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.tracking import get_available_trackers
from accelerate.utils import LoggerType
from torch import Tensor
from tqdm import tqdm

from ..audio import read_audio
from .gpus import find_gpu
from .recipe import Recipe, RecipeError


class Progress:
    """Losses are gathered at every step and told every ``log_every``; only the main process tells.

    ``flops``: of one micro-batch, forwards and backwards, once it is known.
    """

    def __init__(self, recipe: Recipe, accelerator: Accelerator, done: int) -> None:
        self.recipe, self.accelerator, self.main = recipe, accelerator, accelerator.is_main_process
        self.flops: float | None = None
        self._log = recipe.output / "log.jsonl"
        self._recent: list[Tensor] = []
        self._since, self._done = time.monotonic(), done
        if recipe.tracker:
            config = {key: str(value) for key, value in _flat(json.loads(recipe.model_dump_json()), "")}
            accelerator.init_trackers("songdiff", config=config)
        if self.main and self._log.exists():
            self._forget_after(done)
        self._bar = tqdm(
            total=recipe.steps, initial=done, desc=recipe.kind, disable=not self.main, mininterval=2.0, unit="step"
        )

    def step(self, losses: Tensor) -> None:
        """One more step is done; ``losses`` are the means of its micro-batches in this process."""
        self._recent.append(losses)
        self._bar.update()

    def row(self, step: int, names: list[str], **more: float) -> dict[str, float]:
        """What to log after ``step``: the mean losses since the last row, over all processes, and how fast it goes.
        Every process must ask."""
        means = self.accelerator.reduce(torch.stack(self._recent).mean(0), "mean").tolist()
        self._recent = []
        row: dict[str, float] = {name: round(value, 5) for name, value in zip(names, means, strict=True)}
        seconds, steps = time.monotonic() - self._since, step - self._done
        self._since, self._done = time.monotonic(), step
        row |= {"step": step, **more, "steps_per_second": round(steps / seconds, 3)}
        micro_batches = self.recipe.gradient_accumulation * self.accelerator.num_processes
        frames = self.recipe.batch_size * self.recipe.crop_frames * micro_batches
        row["frames_per_second"] = round(frames * steps / seconds, 1)
        if self.flops is not None:  # of this device
            flops = self.flops * self.recipe.gradient_accumulation * steps / seconds
            row["tflops"] = round(flops / 1e12, 4)
            if self.accelerator.device.type == "cuda":
                row["memory_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
                gpu = find_gpu(torch.cuda.get_device_name())
                if gpu is not None:
                    row["mfu"] = round(flops / gpu.flops, 4)
        return row

    def tell(self, row: dict[str, float], names: list[str]) -> None:
        """Write a row to the log and the tracker, and its losses and speed to the bar."""
        if not self.main:
            return
        self._write(row)
        shown = [*names, "frames_per_second", "mfu"]
        self._bar.set_postfix({name: row[name] for name in shown if name in row})
        if self.recipe.tracker:
            self.accelerator.log({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))

    def tell_sample(self, path: Path, figures: dict[str, float], step: int) -> None:
        """Log a song that was sung, and its figures; TensorBoard, which plays sound, has the song too."""
        self._write({"step": step, "sample": str(path), **figures})
        if self.recipe.tracker:
            self.accelerator.log({f"sample.{name}": value for name, value in figures.items()}, step=step)
        if self.recipe.tracker == "tensorboard":
            waveform = torch.from_numpy(read_audio(path)).mean(0, keepdim=True)
            self.accelerator.get_tracker("tensorboard", unwrap=True).add_audio("sample", waveform, step, 44100)

    def do_not_count(self, seconds: float) -> None:
        """Leave what was no training out of the speed of the next row."""
        self._since += seconds

    def close(self) -> None:
        self._bar.close()
        for tracker in self.accelerator.trackers:  # accelerate's end_training would part the processes too
            tracker.finish()

    def _write(self, row: dict[str, Any]) -> None:
        with self._log.open("a") as log:
            log.write(json.dumps(row) + "\n")

    def _forget_after(self, done: int) -> None:
        """Rows of steps that are to be done again, and one that was being written."""
        whole = [line for line in self._log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        rows = [line for line in whole if json.loads(line)["step"] <= done]
        part = self._log.with_suffix(".part")
        part.write_text("".join(rows))
        os.replace(part, self._log)


def check_tracker(name: str) -> None:
    """Raises :class:`RecipeError` for a tracker that accelerate does not know, or that is not installed."""
    known = [kind.value for kind in LoggerType if kind != LoggerType.ALL]
    if name not in known:
        raise RecipeError(f"tracker: {name} is none of {', '.join(known)}; null: only log.jsonl is written")
    if name not in [kind.value for kind in get_available_trackers()]:
        raise RecipeError(f"tracker: {name} is not installed: `pip install {name}`, or set tracker=null")


def _flat(tree: dict[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """Leaves of nested dictionaries by their dotted path, as trackers want them."""
    leaves: list[tuple[str, Any]] = []
    for key, value in tree.items():
        leaves += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return leaves
