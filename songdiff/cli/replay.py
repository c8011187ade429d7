"""``songdiff replay``: the same song again from its JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def replay(
    sidecar: Annotated[Path, typer.Argument(help="The JSON beside a song.")],
    output: Annotated[
        Optional[Path], typer.Option("--output", "-o", help="None: the song's own name, beside the JSON.")
    ] = None,
) -> None:
    """Make a song again, byte for byte, from the JSON beside it."""
    from ..pipelines import SongPipeline
    from ..pipelines.request import check_outputs, make_song, read_sidecar, write_song

    request, score, given, name = read_sidecar(sidecar)
    path = sidecar.parent / name if output is None else output
    check_outputs(path)
    pipeline = SongPipeline.from_pretrained(request.model)
    planned = given or request.planner == "composer"
    song = make_song(request.without_plan if planned else request, pipeline, score if planned else None)
    for file in write_song(song, request, path, score=score if given else None):
        print(file)
