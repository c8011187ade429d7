"""An accompaniment or a cover as a request: all that went into it, kept beside the result."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ..composer import parse_chords
from ..composer.grid import METERS
from ..errors import InputError
from ..lyrics import parse_lyrics
from ..score import TRACKS, Score
from .accompany import MIXED, accompany, hear, read_melody
from .cover import cover
from .edit_request import EditRequest
from .known import Known
from .song_pipeline import SongPipeline

if TYPE_CHECKING:
    from typing_extensions import Self

TRACK_NAMES = {
    "vocals": ("vocals", "vocal", "voice", "vox", "acapella", "acappella", "singer", "singing"),
    "drums": ("drums", "drum", "percussion", "beat"),
    "bass": ("bass", "bassline"),
    "other": ("other", "guitar", "guitars", "piano", "keys", "synth", "strings", "pad"),
}


class HeardRequest(EditRequest):
    """What a recording's estimates are replaced with: ``bpm`` felt beats a minute, ``key`` as in "D minor",
    ``time_signature`` as in "3/4", ``first_beat`` seconds of a bar line, ``chords`` bar by bar, repeated."""

    bpm: float | None = None
    key: str | None = None
    time_signature: str | None = None
    first_beat: float | None = None
    chords: str | None = None

    @property
    def told(self) -> dict[str, Any]:
        """Keywords of :func:`.accompany.hear`. Raises :class:`InputError`."""
        if self.time_signature not in (None, *METERS):
            raise InputError(f"time_signature: {self.time_signature!r} is unknown; choose one of {', '.join(METERS)}")
        return {
            "bpm": self.bpm,
            "key": self.key,
            "time_signature": self.time_signature,
            "first_beat": self.first_beat,
            "chords": None if self.chords is None else parse_chords(self.chords),
        }

    @property
    def rendering(self) -> dict[str, Any]:
        """Keywords of :meth:`SongPipeline.__call__`, and the seed."""
        names = ("seed", "negative_prompt", "num_inference_steps", "guidance_scale", "style_guidance_scale")
        return {name: getattr(self, name) for name in (*names, "guidance_interval")}


class AccompanyRequest(HeardRequest):
    """``given``: the tracks' files; ``tune``: a MIDI file or a hummed recording whose melody is played. Paths are
    relative to the folder of the result."""

    task: Literal["accompany"] = "accompany"  # type: ignore[assignment]
    source: str = ""
    given: dict[str, str] = Field(default_factory=dict)
    tune: str | None = None

    def load(self, home: Path) -> Known | None:  # type: ignore[override]
        """The tracks that are given; None where only a tune is."""
        if not self.given:
            return None
        known = Known.from_stems({track: home / path for track, path in self.given.items()})
        return self.check(known, ", ".join(self.given.values()))

    def moved(self, home: Path, other: Path) -> Self:
        given = {track: os.path.relpath(home / path, other) for track, path in self.given.items()}
        tune = None if self.tune is None else os.path.relpath(home / self.tune, other)
        score = None if self.score is None else os.path.relpath(home / self.score, other)
        return self.model_copy(update={"given": given, "tune": tune, "score": score})

    def run(
        self, pipeline: SongPipeline, known: Known | None, home: Path, report: Callable[[str], None] = lambda line: None
    ) -> Known:
        """Listen, ``report`` what is heard, and make the missing tracks. ``known`` None: only a tune is given."""
        lyrics = None if self.lyrics is None else parse_lyrics(self.lyrics)
        score = None if self.score is None else Score.load(home / self.score)
        heard, prompt = None, self.prompt or ""
        if score is None:
            melody, hummed = (None, None) if self.tune is None else read_melody(home / self.tune)
            source = known
            if known is None and hummed is not None:
                source = Known.from_stems({"vocals": hummed}, name=self.tune)
            heard = hear(source, prompt, melody=melody, **self.told)
            for line in heard.lines():
                report(line)
        made = accompany(
            pipeline,
            known,
            prompt,
            tracks=self.tracks,
            score=score,
            heard=heard,
            lyrics=lyrics,
            tune=self.tune is not None,
            **self.rendering,
        )
        return made if self.keep_latents else dataclasses.replace(made, kept_latents=None)


class CoverRequest(HeardRequest):
    """``source``: a song, or a folder of stems."""

    task: Literal["cover"] = "cover"  # type: ignore[assignment]
    strength: float = 1.0
    keep_parts: bool = False

    def run(
        self, pipeline: SongPipeline, known: Known, home: Path, report: Callable[[str], None] = lambda line: None
    ) -> Known:
        """Where the score is unknown, listen and ``report`` what is heard; make the cover."""
        heard = None
        if known.score is None and known.stems and self.strength > 0:
            heard = hear(known, self.prompt or "", **self.told)
            for line in heard.lines():
                report(line)
        made = cover(
            pipeline,
            known,
            self.prompt or "",
            singer=self.singer,
            strength=self.strength,
            keep_parts=self.keep_parts,
            heard=heard,
            **self.rendering,
        )
        return made if self.keep_latents else dataclasses.replace(made, kept_latents=None)


def named_stems(arguments: Sequence[str]) -> dict[str, Path]:
    """``["vocals=take 3.wav", "my drums.wav"]`` → files by track, told by the name of the file where nothing else does.

    Raises :class:`InputError` for a file that may be any track, two of one track, and one that is not there.
    """
    stems: dict[str, Path] = {}
    for argument in arguments:
        track, equals, name = argument.partition("=")
        if not equals or track not in TRACKS:
            name = argument
            words = re.findall(r"[a-z]+", Path(name).stem.lower())
            tracks = [track for track, names in TRACK_NAMES.items() if any(word in names for word in words)]
            if len(tracks) != 1:
                raise InputError(f"{name}: is {MIXED}")
            track = tracks[0]
        if track in stems:
            raise InputError(f"{name}: {track} is given twice ({stems[track]}); mix the two, or name one otherwise")
        if not Path(name).is_file():
            raise InputError(f"{name}: there is no such audio file")
        stems[track] = Path(name)
    return stems
