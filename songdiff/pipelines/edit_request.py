"""An edit, an extension or a loop as a request: all that went into it, kept beside the result, to make it again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from .. import __version__
from ..audio.files import replacing
from ..audio.lossless import AudioFormat, check_lossless, write_lossless
from ..errors import InputError
from ..lyrics import parse_lyrics
from ..score import Note, Score
from .accompany import hear
from .adapters import AdapterFile
from .editing import edit, extend, loop
from .known import Known, save_latents
from .rendering import CONTEXT
from .request import SongRequest, latents_path, sidecar_path
from .song_pipeline import MAX_SECONDS, SongPipeline

if TYPE_CHECKING:
    from typing_extensions import Self


class EditRequest(BaseModel):
    """The inputs of one call of :func:`~.editing.edit`, :func:`~.editing.extend` or :func:`~.editing.loop`.

    Paths are relative to the folder of the result; ``digest`` is that of the source. ``lyrics`` is the text itself.
    """

    model_config = ConfigDict(extra="forbid")
    task: Literal["edit", "extend", "loop"]
    source: str
    stems: str | None = None
    score: str | None = None
    digest: str = ""
    model: str = "songdiff/tiny"
    spans: list[tuple[float, float]] = []
    tracks: list[str] | None = None
    lyrics: str | None = None
    keep: Literal["melody", "words", "nothing"] | None = None
    melody: list[Note] | None = None
    singer: str | None = None
    prompt: str | None = None
    before: float = 0.0
    after: float = 0.0
    bars: int = 1
    start: float = 0.0
    seed: int = Field(default=0, ge=0, lt=2**32)
    context: float = CONTEXT
    keep_latents: bool = False
    negative_prompt: str = ""
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    style_guidance_scale: float | None = None
    guidance_interval: tuple[float, float] | None = None
    adapters: list[AdapterFile] | None = None

    def load(self, home: Path) -> Known:
        """The source. Raises :class:`InputError` where it is missing, or is not what it was."""
        stems, score = (None if path is None else home / path for path in (self.stems, self.score))
        known = Known.from_song(home / self.source, stems, None if score is None else Score.load(score))
        return self.check(known, str(home / self.source))

    def check(self, known: Known, name: str) -> Known:
        """``known``, if it is what the request was made for. Raises :class:`InputError`."""
        if self.digest and digest(known) != self.digest:
            raise InputError(
                f"{name}: it, its stems, latents or score have changed since this song was made of them; bring them "
                "back as they were to make it again"
            )
        return known

    def made_as(self, known: Known, model: str | None, adapters: Sequence[str]) -> Self:
        """With the digest of ``known``, the model and the adapters that were asked for; where no model was, those that
        the song itself was made with."""
        made_with = (known.record or {}).get("request") or {} if model is None else {}
        own = [AdapterFile.model_validate(fields) for fields in made_with.get("adapters") or ()]
        chosen = [AdapterFile.parse(text) for text in adapters] or own
        return self.model_copy(
            update={
                "digest": digest(known),
                "model": model or made_with.get("model") or self.model,
                "adapters": chosen or None,
            }
        )

    def moved(self, home: Path, other: Path) -> Self:
        """The same request for a result in the folder ``other`` instead of ``home``."""
        paths = {name: path for name in ("source", "stems", "score") if (path := getattr(self, name)) is not None}
        return self.model_copy(update={name: os.path.relpath(home / path, other) for name, path in paths.items()})

    def run(
        self, pipeline: SongPipeline, known: Known, home: Path, report: Callable[[str], None] = lambda line: None
    ) -> Known:
        """Make it, in the folder ``home``. To go on with stems whose score is unknown it listens first, and tells
        ``report`` what it hears."""
        if self.task != "edit" and known.score is None and known.stems and known.duration <= MAX_SECONDS:
            known = dataclasses.replace(known, score=heard_score(known, self.prompt or "", report))
        lyrics = None if self.lyrics is None else parse_lyrics(self.lyrics)
        arguments: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "prompt", "seed", "negative_prompt", "num_inference_steps", "guidance_scale", "style_guidance_scale",
                "guidance_interval",
            )
        }  # fmt: skip
        if self.task == "loop":
            return loop(pipeline, known, self.bars, self.start, **arguments)
        arguments |= {"lyrics": lyrics, "context": self.context}
        if self.task == "extend":
            return extend(pipeline, known, self.before, self.after, **arguments)
        return edit(
            pipeline,
            known,
            self.spans,
            self.tracks,
            keep=self.keep,
            melody=self.melody,
            singer=self.singer,
            **arguments,
        )


def heard_score(known: Known, prompt: str, report: Callable[[str], None]) -> Score | None:
    """Beats, key and chords of stems as they are heard; None where nothing is."""
    try:
        heard = hear(known, prompt)
    except InputError as error:
        report(f"{error}; going on without beats and key")
        return None
    for line in heard.lines():
        report(line)
    return Score(
        duration=known.duration,
        tempo=heard.tempo,
        time_signature=heard.time_signature,
        key=heard.key,
        beats=heard.beats,
        chords=heard.chords or None,
    )


def digest(known: Known) -> str:
    """Of all that is known of a song: the same digest, the same edit."""
    total = hashlib.sha256()
    arrays: dict[str, np.ndarray] = dict(known.stems)
    if known.mix is not None:
        arrays["mix"] = known.mix
    if known.kept_latents is not None:
        arrays["latents"] = known.kept_latents.numpy()
    for name, array in sorted(arrays.items()):
        total.update(f"{name} {array.shape} {known.form.sample_rate} ".encode())
        total.update(np.ascontiguousarray(array).data)
    total.update((known.score.to_json() if known.score else "").encode())
    total.update(known.prompt.encode())
    return total.hexdigest()[:32]


def write_known(known: Known, request: EditRequest, path: Path, stems: Path | None = None) -> list[Path]:
    """Write the mix in the source's own rate, depth and channels, the JSON beside it, the latents where they are kept
    and, on request, the stems in a folder. Returns the files written."""
    title = known.score.title if known.score else None
    tags = {"software": f"songdiff {__version__}"} | ({"title": title} if title else {})
    record: dict[str, Any] = {
        "songdiff": __version__,
        "file": path.name,
        "request": SongRequest(
            model=request.model,
            prompt=known.prompt,
            seed=request.seed,
            num_inference_steps=request.num_inference_steps,
            adapters=request.adapters,
        ).model_dump(exclude_none=True),
        "edit": request.model_dump(exclude_none=True, mode="json"),
        "score_given": True,
        "score": json.loads((known.score or Score(duration=known.duration)).to_json()),
    }
    write_lossless(path, known.mixed, known.form, tags)
    written = [path]
    if stems is not None:
        stems.mkdir(parents=True, exist_ok=True)
        for track, waveform in known.stems.items():
            file = stems / f"{track}{path.suffix}"
            form = AudioFormat(known.form.sample_rate, waveform.shape[0], known.stem_subtype or known.form.subtype)
            write_lossless(file, waveform, form, {"title": track})
            written.append(file)
        record["stems"] = os.path.relpath(stems, path.parent)
    if known.kept_latents is not None:
        save_latents(latents_path(path), known.kept_latents)
        record["latents"] = latents_path(path).name
        written.append(latents_path(path))
    sidecar = sidecar_path(path)
    with replacing(sidecar) as beside:
        beside.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return [*written, sidecar]


def check_edit_outputs(known: Known, source: Path, path: Path, stems: Path | None) -> None:
    """Refuse early outputs that cannot be written, or that would replace their own source."""
    check_lossless(path, known.form)
    if path.resolve() == source.resolve():
        raise InputError(f"{path}: is the source itself; choose another name")
    if stems is not None:
        if stems.exists() and not stems.is_dir():
            raise InputError(f"{stems}: is a file; the stems need a folder")
        form = dataclasses.replace(known.form, subtype=known.stem_subtype or known.form.subtype)
        check_lossless((stems if stems.is_dir() else stems.parent) / f"vocals{path.suffix}", form)
        if known.kept_latents is not None and not known.stems:
            raise InputError(
                f"{source}: only its latents were kept, so there are no stems to write; keep the latents, or make the "
                "song again with --stems"
            )
