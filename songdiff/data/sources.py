"""A user's folder → its songs, and which files belong to each. Names only: nothing is read here.

    album/song.mp3              a mix; beside it, where there are any:
    album/song.lrc              lyrics: .lrc, .txt or word JSON (song.lyrics.json)
    album/song.json             what is known of the song (:mod:`.sidecars`)
    album/song.tags.txt         a style prompt; also .caption.txt, .prompt.txt, .style.txt
    album/song.mid              the sung melody
    album/song/vocals.flac …    its stems; also song.stems/, stems/song/, song_vocals.flac beside the mix

A folder of stems needs no mix beside it; a file called mix or mixture in it is the mix. Several files of one track
(guitar.wav, piano.wav) are added up.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..audio.files import FORMATS
from ..errors import InputError
from ..pipelines.accompany_request import TRACK_NAMES
from ..score import TRACKS

ACCOMPANIMENT = "accompaniment"
"""The "track" of a file that holds all but the vocals."""
AUDIO = (*FORMATS, ".aif", ".aiff", ".opus", ".m4a", ".aac", ".wma")
"""Endings of files that count as songs, even those that cannot be read: they are reported."""
_LYRICS = ("lyrics", "lyric", "words")
_CAPTIONS = ("caption", "captions", "prompt", "tags", "style", "description")
_MIXES = ("mix", "mixture", "mixdown", "master", "full", "song")
_ACCOMPANIMENTS = ("accompaniment", "instrumental", "karaoke", "backing", "novocals")
_WORDS = {word: track for track, names in TRACK_NAMES.items() for word in names} | dict.fromkeys(
    _ACCOMPANIMENTS, ACCOMPANIMENT
)
_ROLE = re.compile(rf"(.*?)[ ._-]({'|'.join((*_LYRICS, *_CAPTIONS, 'melody', 'meta', 'info'))})", re.IGNORECASE)
_SUFFIX = re.compile(rf"(.*?)[ ._-]+[(\[]?({'|'.join(_WORDS)})[)\]]?", re.IGNORECASE)


@dataclass
class Source:
    """A song of the folder. Paths are relative to it; ``name`` is the path without its ending.

    ``stems``: files by track of :data:`~songdiff.score.TRACKS`, or :data:`ACCOMPANIMENT`.
    """

    name: str
    mix: Path | None = None
    stems: dict[str, list[Path]] = field(default_factory=dict)
    lyrics: Path | None = None
    captions: Path | None = None
    details: Path | None = None
    melody: Path | None = None

    @property
    def files(self) -> list[Path]:
        """All files of the song."""
        single = [self.mix, self.lyrics, self.captions, self.details, self.melody]
        stems = [path for track in sorted(self.stems) for path in self.stems[track]]
        return [*(path for path in single if path is not None), *stems]

    @property
    def whole(self) -> bool:
        """Whether its stems are those of the four tracks."""
        return bool(self.stems) and ACCOMPANIMENT not in self.stems


def find_songs(folder: Path) -> tuple[list[Source], list[Path]]:
    """The songs of a folder in order of their names, and the texts in it that belong to none of them.

    Raises :class:`~songdiff.errors.InputError` where there is no such folder, or no song in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of songs")
    paths = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    paths = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    audio = [path for path in paths if path.suffix.lower() in AUDIO]
    songs: dict[str, Source] = {}

    def song(name: str) -> Source:
        return songs.setdefault(name, Source(name))

    homes = {path.parent: _song_of(path.parent) for path in audio if path.stem.lower() in (*TRACKS, *_ACCOMPANIMENTS)}
    inside = set(homes.values())
    names = {str(path.with_suffix("")) for path in audio}
    shared = Counter(named[0] for path in audio if (named := _named(path)) is not None)
    for path in audio:
        is_mix = path.stem.lower() in _MIXES
        if path.parent in homes and not is_mix:
            song(homes[path.parent]).stems.setdefault(_track(path.stem), []).append(path)
        elif path.parent in homes or (is_mix and str(path.parent) in inside):
            song(homes.get(path.parent, str(path.parent))).mix = path
        elif (named := _named(path)) is not None and (named[0] in names or shared[named[0]] > 1):
            song(named[0]).stems.setdefault(named[1], []).append(path)
        else:
            song(str(path.with_suffix(""))).mix = path
    if not songs:
        raise InputError(f"{folder}: holds no songs; put WAV, FLAC, OGG or MP3 files there")
    unused = [path for path in paths if path.suffix.lower() not in AUDIO and not _attach(path, songs, homes)]
    return sorted(songs.values(), key=lambda source: source.name), unused


def _song_of(folder: Path) -> str:
    """``album/stems/song`` and ``album/song.stems`` → ``album/song``."""
    parts = [part for part in folder.parts if part.lower() != "stems"]
    return re.sub(r"[ ._-]stems$", "", str(Path(*parts)), flags=re.IGNORECASE)


def _track(stem: str) -> str:
    """The track that the name of a stem tells; what tells none plays among the others."""
    words = re.findall(r"[a-z]+", stem.lower())
    if {"no", "vocals"} <= set(words):
        return ACCOMPANIMENT
    return next((_WORDS[word] for word in words if word in _WORDS), "other")


def _named(path: Path) -> tuple[str, str] | None:
    """``song_vocals.wav`` → (``song``, ``vocals``); None where the end of the name tells no track."""
    named = _SUFFIX.fullmatch(path.stem)
    return None if named is None else (str(path.with_name(named[1])), _WORDS[named[2].lower()])


def _attach(path: Path, songs: dict[str, Source], homes: dict[Path, str]) -> bool:
    """Give a file beside the sound to its song; False where it belongs to none."""
    for name, role in _readings(path, homes):
        source = songs.get(name)
        if source is None:
            continue
        ending = path.suffix.lower()
        if ending in (".mid", ".midi"):
            source.melody = path
        elif ending == ".lrc" or (ending in (".txt", ".json") and role in _LYRICS):
            source.lyrics = path if source.lyrics is None or ending == ".lrc" else source.lyrics
        elif ending == ".txt" and role in _CAPTIONS:
            source.captions = path
        elif ending == ".txt":
            source.lyrics = source.lyrics or path
        elif ending == ".json":
            source.details = path
        else:
            return False
        return True
    return False


def _readings(path: Path, homes: dict[Path, str]) -> Iterator[tuple[str, str]]:
    """(song, role) that the name of a file may mean; the role is "" where it says none."""
    yield str(path.with_suffix("")), ""
    if role := _ROLE.fullmatch(path.stem):
        yield str(path.with_name(role[1])), role[2].lower()
    home = homes.get(path.parent)
    if home is None and str(path.parent) in homes.values():
        home = str(path.parent)
    if home is not None:
        yield home, path.stem.lower()
