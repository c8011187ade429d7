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
    """Make a song again, byte for byte, from the JSON beside it; an edited one from its source too."""
    from ..pipelines import SongPipeline
    from ..pipelines.replaying import read_edit, replay_edit
    from ..pipelines.request import check_outputs, kept_beside, make_song, read_sidecar, write_song

    if (edited := read_edit(sidecar)) is not None:
        for file in replay_edit(*edited, sidecar, output):
            print(file)
        return
    request, score, given, name = read_sidecar(sidecar)
    path = sidecar.parent / name if output is None else output
    check_outputs(path)
    pipeline = SongPipeline.with_adapters(request.model, request.adapters)
    planned = given or request.planner == "composer"
    song = make_song(request.without_plan if planned else request, pipeline, score if planned else None)
    kept = kept_beside(sidecar) if path.resolve() == (sidecar.parent / name).resolve() else {}
    for file in write_song(song, request, path, score=score if given else None, kept=kept):
        print(file)
