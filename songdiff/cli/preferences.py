"""``songdiff preferences``: pairs of songs, the better one told by the evaluation, for preference tuning."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from .options import Lora


def preferences(
    out: Annotated[Path, typer.Option(help="Folder for pairs.jsonl and the latents of the songs.")],
    requests: Annotated[
        Optional[Path],
        typer.Argument(help="JSON lines, each the request of a song's JSON; none: short sung songs of all genres."),
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Requests to sing.")] = 32,
    candidates: Annotated[int, typer.Option(min=2, help="Songs of each; the best and the worst make a pair.")] = 4,
    target: Annotated[
        str,
        typer.Option(
            help="phoneme_error, notes_unheard, silence_broken, or fault, their sum; or a figure of the evaluation, "
            "such as music.chords_majmin, or sound.rolloff_95_hz:4000, the nearer the better."
        ),
    ] = "fault",
    margin: Annotated[float, typer.Option(min=0, help="The least difference of a pair, in its unit.")] = 0.05,
    duration: Annotated[float, typer.Option(min=2, help="Seconds of songs that are not given.")] = 9.0,
    seed: Annotated[int, typer.Option(min=0, help="Of requests that are not given.")] = 0,
    lora: Lora = None,
    model: Annotated[str, typer.Option(help="An embedded model or a checkpoint folder.")] = "songdiff/tiny",
) -> None:
    """Sing requests several times and keep the best and the worst, for recipes/transformer/dpo.yaml."""
    from ..evaluation.preferences import drawn_requests, make_pairs, read_requests
    from ..pipelines import SongPipeline
    from ..pipelines.adapters import AdapterFile

    given = drawn_requests(seed, duration) if requests is None else read_requests(requests)
    pipeline = SongPipeline.with_adapters(model, [AdapterFile.parse(text) for text in lora or ()])
    pipeline.set_progress_bar_config(disable=True)
    print(
        make_pairs(
            pipeline,
            given,
            out,
            count,
            candidates=candidates,
            target=target,
            margin=margin,
            report=lambda line: print(f"songdiff: {line}", file=sys.stderr, flush=True),
        )
    )
