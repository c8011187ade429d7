"""What a user says of a song, read from the files beside it: lyrics, style, tempo, key, singer, melody.

A file that cannot be used does not cost the song: it is named in ``remarks``, and the song is prepared without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..composer import GENRES, parse_style
from ..composer.grid import METERS
from ..composer.style import parse_key
from ..errors import InputError
from ..lyrics import Lyrics, load_lyrics, parse_lyrics
from ..score import Note, melody_from_midi
from .sources import Source

_CAPTIONS = ("captions", "caption", "prompt", "tags", "style", "description")
_BPM, _SINGER = ("bpm", "tempo"), ("singer", "artist")


@dataclass
class Given:
    """What is given of a song; None where nothing is. ``gender`` of the singer: "female" or "male"."""

    captions: list[str] = field(default_factory=list)
    title: str | None = None
    genre: str | None = None
    bpm: float | None = None
    key: str | None = None
    time_signature: str | None = None
    language: str | None = None
    singer: str | None = None
    gender: str | None = None
    lyrics: Lyrics | None = None
    melody: list[Note] | None = None
    remarks: list[str] = field(default_factory=list)


def read_given(folder: Path, source: Source) -> Given:
    """Read all sidecars of a song. ``folder`` is what the source's paths are relative to."""
    given = Given()
    if source.details is not None:
        _read_details(folder / source.details, given)
    if source.captions is not None:
        try:
            text = " ".join((folder / source.captions).read_text(encoding="utf-8").split())
            given.captions += [text] if text else []
        except (OSError, UnicodeDecodeError):
            given.remarks.append(f"{source.captions} is not UTF-8 text: not used")
    if source.lyrics is not None:
        _kept(given, "lyrics", lambda: load_lyrics(folder / source.lyrics), folder)
    if source.melody is not None:
        _kept(given, "melody", lambda: melody_from_midi(folder / source.melody), folder)
    if given.lyrics is not None:
        given.title = given.title or given.lyrics.title
        given.remarks += [f"lyrics, line {p.number}: {p.text}: {p.message}" for p in given.lyrics.problems]
    styles = [parse_style(caption) for caption in given.captions]
    given.genre = given.genre or next((style.genre for style in styles if style.genre), None)
    given.gender = given.gender or next((style.gender for style in styles if style.gender), None)
    return given


def _kept(given: Given, name: str, read: Any, folder: Path) -> None:
    try:
        setattr(given, name, read())
    except InputError as error:
        given.remarks.append(str(error).replace(f"{folder}/", "") + ": not used")


def _read_details(path: Path, given: Given) -> None:
    """A JSON object of details, or word JSON. Keys that mean nothing here are left alone."""
    try:
        details = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        given.remarks.append(f"{path.name}: cannot be read as JSON ({error}): not used")
        return
    if not isinstance(details, dict) or "words" in details:
        _kept(given, "lyrics", lambda: load_lyrics(path), path.parent)
        return
    given.captions += _captions(details)
    given.title, given.language, given.singer = (
        _text(details, *names) for names in (("title",), ("language",), _SINGER)
    )
    gender = _text(details, "gender", "singer_gender")
    given.gender = gender.lower() if gender and gender.lower() in ("female", "male") else None
    if (lyrics := _text(details, "lyrics")) is not None:
        _kept(given, "lyrics", lambda: parse_lyrics(lyrics, f"{path.name}: lyrics"), path.parent)
    for name, value in _music(details):
        if value is None:
            given.remarks.append(f"{path.name}: {name} {_first(details, name)!r} is not understood: not used")
        else:
            setattr(given, name, value)


def _music(details: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """(field, its value) of what is told about the music; None for what is not understood."""
    if (bpm := _first(details, *_BPM)) is not None:
        number = bpm if isinstance(bpm, (int, float)) and not isinstance(bpm, bool) else None
        yield "bpm", float(number) if number is not None and 30 <= number <= 300 else None
    if (key := _text(details, "key")) is not None:
        yield "key", parse_key(key)
    if (metre := _text(details, "time_signature")) is not None:
        yield "time_signature", metre if metre in METERS else None
    if (genre := _text(details, "genre")) is not None:
        yield "genre", genre if genre in GENRES else parse_style(genre).genre


def _captions(details: dict[str, Any]) -> list[str]:
    """One caption of every key: a list of tags is one caption, but "captions" is a list of them."""
    found: list[Any] = []
    for name in _CAPTIONS:
        value = details.get(name)
        if isinstance(value, list) and name != "captions":
            value = ", ".join(str(tag) for tag in value)
        found += value if isinstance(value, list) else [value]
    texts = [" ".join(text.split()) for text in found if isinstance(text, str)]
    return list(dict.fromkeys(text for text in texts if text))


def _first(details: dict[str, Any], *names: str) -> Any:
    return next((details[name] for name in names if details.get(name) is not None), None)


def _text(details: dict[str, Any], *names: str) -> str | None:
    value = _first(details, *names)
    return value.strip() or None if isinstance(value, str) else None
