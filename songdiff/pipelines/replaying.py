"""Songs that were made of other ones, made again from the JSON beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from ..audio import check_writable
from ..errors import InputError
from .accompany_request import AccompanyRequest, CoverRequest
from .edit_request import EditRequest, check_edit_outputs, write_known
from .song_pipeline import SongPipeline

REQUESTS: dict[str, type[EditRequest]] = {
    "edit": EditRequest,
    "extend": EditRequest,
    "loop": EditRequest,
    "accompany": AccompanyRequest,
    "cover": CoverRequest,
}


def read_edit(sidecar: Path) -> tuple[EditRequest, str] | None:
    """The request of a song's JSON, and its file's name; None where the song was not made of another one."""
    try:
        record = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    if not isinstance(record, Mapping) or "edit" not in record:
        return None
    task = record["edit"].get("task") if isinstance(record["edit"], Mapping) else None
    if task not in REQUESTS:
        raise InputError(f"{sidecar}: was made by {task!r}, which is none of {', '.join(REQUESTS)}")
    try:
        return REQUESTS[task].model_validate(record["edit"]), str(record["file"])
    except (KeyError, ValidationError) as error:
        raise InputError(f"{sidecar}: its edit cannot be read ({str(error).splitlines()[0]})") from None


def replay_edit(request: EditRequest, name: str, sidecar: Path, output: Path | None = None) -> list[Path]:
    """Make the song of ``request`` again, of which ``sidecar`` was written; None: as ``name`` beside it."""
    home = sidecar.parent
    path = home / name if output is None else output
    known = request.load(home)
    if known is not None and request.source:
        check_edit_outputs(known, home / request.source, path, None)
    else:
        check_writable(path, (".wav", ".flac"))
    pipeline = SongPipeline.with_adapters(request.model, request.adapters)
    if request.keep_latents and type(request) is EditRequest:
        known = known.with_latents(pipeline)
    made = request.run(pipeline, known, home)
    return write_known(made, request.moved(home, path.parent), path)
