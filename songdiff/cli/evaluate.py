"""``songdiff evaluate``: what was asked for against what came out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    corpus: Annotated[Path, typer.Option(help="A corpus folder; its held-out songs are rendered again.")],
    model: Annotated[str, typer.Option(help="An embedded model or a checkpoint folder.")] = "songdiff/tiny",
    songs: Annotated[int, typer.Option(min=2, help="How many held-out songs.")] = 20,
    out: Annotated[Path, typer.Option(help="Report as JSON.")] = Path("report.json"),
) -> None:
    """Render held-out corpus songs from their own scores and measure pitch and chords against them."""
    from ..evaluation import evaluate_corpus

    print(evaluate_corpus(model, corpus, songs, out))
