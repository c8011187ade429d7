"""``songdiff corpus``: songs to learn from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(help="Make the training corpus.", no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Make the training corpus."""


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder of the corpus; what is already there is kept.")],
    hours: Annotated[float, typer.Option(min=0.001, help="Hours of songs.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    workers: Annotated[Optional[int], typer.Option(min=1, help="Processes; none: one per core.")] = None,
) -> None:
    """Compose songs and render them to four stems with exact annotations. Stop it at any time; it goes on."""
    from ..corpus.build import build_corpus

    print(build_corpus(out, hours=hours, seed=seed, workers=workers))
