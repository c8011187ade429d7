"""``songdiff bench``: seconds and memory of every stage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer


def bench(
    model: Annotated[str, typer.Option(help="An embedded model or a checkpoint folder.")] = "songdiff/tiny",
    durations: Annotated[str, typer.Option(help="Seconds of song, separated by spaces or commas.")] = "30 95 285",
    runs: Annotated[int, typer.Option(min=1, help="Of each; medians are reported.")] = 3,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 …")] = "cpu",
    dtype: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    steps: Annotated[Optional[int], typer.Option(min=1, help="Denoising steps; none: the checkpoint's.")] = None,
    against: Annotated[str, typer.Option(help="Also time codec (one track alone), oobleck, diffrhythm.")] = "",
    out: Annotated[Optional[Path], typer.Option(help="Timings as JSON.")] = None,
) -> None:
    """Time every stage of making a song: seconds, times real time, peak memory; beside others' networks on request."""
    from rich.console import Console

    from ..audio import check_writable
    from ..errors import InputError
    from ..evaluation.speed import bench as run_bench

    try:
        seconds = [float(number) for number in durations.replace(",", " ").split()]
    except ValueError:
        raise InputError(f"--durations {durations}: give seconds, as in --durations '30 95'") from None
    if not seconds:
        raise InputError("--durations: give seconds, as in --durations '30 95'")
    if out is not None:
        check_writable(out, (".json",))
    rivals = [name for name in against.replace(",", " ").split() if name]
    speed = run_bench(model, seconds, runs, device, dtype, steps, rivals, lambda line: print(line, file=sys.stderr))
    Console().print(speed.table())
    if out is not None:
        speed.save(out)
        print(out)
