"""A song as a request: everything that went into it, kept beside the song, so that it can be made again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .. import __version__
from ..audio import check_writable, read_audio, replacing, write_audio
from ..errors import InputError
from ..lyrics import load_lyrics, parse_lyrics
from ..score import Note, Score
from .adapters import AdapterFile
from .controls import PLANNED, Controls
from .known import save_latents
from .selection import best_of, check_sung, repair
from .song_pipeline import SongPipeline, SongPipelineOutput


class SongRequest(BaseModel):
    """The inputs of one song. ``lyrics`` is the text itself, so that the sidecar stands alone."""

    model_config = ConfigDict(extra="forbid")
    model: str = "songdiff/tiny"
    lyrics: str | None = None
    prompt: str = ""
    negative_prompt: str = ""
    seed: int = Field(default=0, ge=0, lt=2**32)
    audio_duration: float | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    style_guidance_scale: float | None = None
    guidance_interval: tuple[float, float] | None = None
    bpm: float | None = None
    key: str | None = None
    time_signature: str | None = None
    chords: str | None = None
    melody: list[Note] | None = None
    singer: str | None = None
    emotion: str | None = None
    dynamics: str | None = None
    planner: Literal["composer", "none"] = "composer"
    voice: str | None = None
    reference: str | None = None
    best_of: int = Field(default=1, ge=1)
    repair_rounds: int = Field(default=0, ge=0)
    adapters: list[AdapterFile] | None = None

    @property
    def asked(self) -> list[str]:
        """The controls of the song that are not left open."""
        return [field.name for field in fields(Controls) if getattr(self, field.name) is not None]

    @property
    def without_plan(self) -> SongRequest:
        """The request for a score that has been planned by it, or was given: without what only a plan can follow."""
        return self.model_copy(update=dict.fromkeys(PLANNED))

    @classmethod
    def from_lyrics_file(cls, path: Path | None, **fields: Any) -> SongRequest:
        """A request with the text of a lyrics file (checked here); None makes an instrumental."""
        text = None
        if path is not None:
            load_lyrics(path)
            text = path.read_bytes().decode("utf-8-sig")
        return cls(lyrics=text, **fields)


def make_song(
    request: SongRequest,
    pipeline: SongPipeline,
    score: Score | None = None,
    report: Callable[[str], None] = lambda line: None,
    **kwargs: Any,
) -> SongPipelineOutput:
    """Run a request; ``score`` is sung instead of a new plan. ``report`` is told which candidate and which repairs were
    chosen; ``kwargs`` go to the pipeline (callbacks)."""
    if request.repair_rounds and (request.lyrics is None or score is not None):
        check_sung(score)
    voice, reference = (
        None if path is None else torch.from_numpy(read_audio(path)) for path in (request.voice, request.reference)
    )
    arguments = kwargs | {
        "lyrics": None if request.lyrics is None else parse_lyrics(request.lyrics),
        "prompt": request.prompt,
        "score": score,
        "planner": request.planner,
        "bpm": request.bpm,
        "key": request.key,
        "time_signature": request.time_signature,
        "chords": request.chords,
        "melody": request.melody,
        "singer": request.singer,
        "emotion": request.emotion,
        "dynamics": request.dynamics,
        "voice_audio": voice,
        "reference_audio": reference,
        "negative_prompt": request.negative_prompt,
        "audio_duration": request.audio_duration,
        "num_inference_steps": request.num_inference_steps,
        "guidance_scale": request.guidance_scale,
        "style_guidance_scale": request.style_guidance_scale,
        "guidance_interval": request.guidance_interval,
    }
    if request.best_of > 1:
        song = best_of(pipeline, request.best_of, seed=request.seed, report=report, **arguments)
    else:
        song = pipeline(**arguments, generator=torch.Generator().manual_seed(request.seed))
    if request.repair_rounds:
        seed = request.seed + request.best_of  # noise that no candidate had
        song = repair(pipeline, song, request.repair_rounds, seed=seed, report=report, **arguments)
    return song


def sidecar_path(path: Path) -> Path:
    """``song.wav`` → ``song.json``."""
    return path.with_suffix(".json")


def latents_path(path: Path) -> Path:
    """``song.wav`` → ``song.latents.safetensors``."""
    return path.with_suffix(".latents.safetensors")


def check_outputs(path: Path, stems: Path | None = None) -> None:
    """Refuse outputs that cannot be written before any work is done."""
    check_writable(path)
    check_writable(sidecar_path(path), (".json",))
    if stems is not None:
        if stems.exists() and not stems.is_dir():
            raise InputError(f"{stems}: is a file; --stems takes a folder")
        check_writable(stems / "vocals.wav" if stems.is_dir() else stems.parent / "vocals.wav")


def write_song(
    song: SongPipelineOutput,
    request: SongRequest,
    path: Path,
    stems: Path | None = None,
    score: Score | None = None,
    keep_latents: bool = False,
    kept: Mapping[str, str] = MappingProxyType({}),
) -> list[Path]:
    """Write the mix, its sidecar and, on request, the stems (``DIR/vocals.wav`` … of the mix's format) and the latents
    (``song.latents.safetensors``); the sidecar says where they are, so that the song can be edited.

    ``score`` is the one the user gave, if any; ``kept`` is what the sidecar shall say of stems and latents that are
    there already. Returns the files written.
    """
    record = {
        "songdiff": __version__,
        "file": path.name,
        "request": request.model_dump(exclude_none=True),
        "score_given": score is not None,
        "score": json.loads(song.score.to_json()),
    }
    if song.chosen is not None:
        record["chosen"] = song.chosen
    record |= kept
    tags = {"title": song.score.title or path.stem, "software": f"songdiff {__version__}"}
    tags["comment"] = json.dumps(record["request"], ensure_ascii=False)
    written = [path]
    write_audio(path, song.audio, song.sample_rate, tags)
    if stems is not None:
        stems.mkdir(parents=True, exist_ok=True)
        for track, waveform in song.stems.items():
            file = stems / f"{track}{path.suffix}"
            write_audio(file, np.clip(waveform, -1, 1), song.sample_rate, {"title": track})
            written.append(file)
        record["stems"] = os.path.relpath(stems, path.parent)
    if keep_latents:
        save_latents(latents_path(path), song.latents)
        record["latents"] = latents_path(path).name
        written.append(latents_path(path))
    sidecar = sidecar_path(path)
    with replacing(sidecar) as beside:
        beside.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return [*written, sidecar]


def kept_beside(path: Path) -> dict[str, str]:
    """What a song's JSON says of the stems and latents that were kept of it; raises nothing."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(record[name]) for name in ("stems", "latents") if name in record}
    except (OSError, ValueError, TypeError):
        return {}


def read_sidecar(path: Path) -> tuple[SongRequest, Score, bool, str]:
    """(request, score, whether the user gave that score, file name) of a song's JSON. Raises :class:`InputError`."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        request = SongRequest.model_validate(record["request"])
        score = Score.from_json(json.dumps(record["score"]), str(path))
        return request, score, bool(record["score_given"]), str(record["file"])
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise InputError(f"{path}: not a song's JSON; `songdiff generate` writes one beside every song") from None
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: lacks the field {error}; give the JSON that `songdiff generate` wrote") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: request.{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
