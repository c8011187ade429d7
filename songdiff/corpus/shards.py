"""The corpus on disk: webdataset shards and a manifest. It knows files and Scores; how songs are made is elsewhere.

    corpus/
      corpus.json                  seed and format of the corpus
      manifest.jsonl               one line a song: where its files lie in which shard, and their SHA-256
      shard-00000.tar              songs that share a singer; plain tar, read by webdataset.WebDataset as it is
        song-00000.bass.flac …     four stems (16 bit, 44.1 kHz, stereo)
        song-00000.json            captions, score, and the SHA-256 of the other files
        song-00000.….safetensors   where wanted: the song as latents of one autoencoder, named by its digest

A shard appears under its name only when it is complete. Readers seek to what they want and never scan a shard.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import sys
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import InputError
from ..score import TRACKS, Score
from .tools import MissingToolError

MANIFEST = "manifest.jsonl"
FILES = (*(f"{track}.flac" for track in TRACKS), "json")
"""What every song has."""
Sample = dict[str, bytes]
"""The files of one song: those of :data:`FILES`, and others that its JSON names."""


class CorpusError(InputError):
    """A corpus that cannot be built or read; the message names the place and the remedy."""


class Member(BaseModel):
    """Where a file lies in its shard: ``offset`` and ``size`` in bytes."""

    model_config = ConfigDict(extra="forbid")
    offset: int
    size: int
    sha256: str


class Entry(BaseModel):
    """One line of the manifest: a song. ``duration`` in seconds; ``voice`` None for an instrumental."""

    model_config = ConfigDict(extra="forbid")
    id: str
    split: str
    voice: str | None
    duration: float
    genre: str | None
    language: str
    shard: str
    shard_size: int
    shard_sha256: str
    files: dict[str, Member]


@dataclass(frozen=True)
class CorpusSong:
    """A song on disk: all but its sound, which :func:`stems` and :func:`read_stem` load.

    ``digest`` is the SHA-256 of its JSON, which holds those of its stems: it stands for the whole song.
    """

    id: str
    split: str
    score: Score
    captions: list[str]
    voice: str | None
    digest: str
    shard: Path
    members: dict[str, Member] = field(repr=False)


def read_corpus(out: str | Path, split: str | None = None, *, verify: bool = True) -> Iterator[CorpusSong]:
    """The songs of a corpus in order, of one split or of all; a corpus under construction yields what it has.

    A shard that is missing or damaged is named in one line on standard error, and its songs are left out.

    Args:
        out: the corpus folder.
        split: "train" or "test"; None for all.
        verify: whether to compare each shard with its SHA-256 (about a second per gigabyte), or only its size.

    Raises :class:`CorpusError` where there is no manifest, or one of another format.
    """
    out = Path(out)
    for shard, group in itertools.groupby(read_manifest(out), key=lambda entry: entry.shard):
        entries = [entry for entry in group if split in (None, entry.split)]
        if not entries:
            continue
        try:
            check_shard(out, entries[0], verify)
            songs = [_read_song(out / shard, entry) for entry in entries]
        except CorpusError as error:
            print(f"songdiff: warning: {error}; skipped, `songdiff corpus build` makes it again", file=sys.stderr)
            continue
        yield from songs


def stems(song: CorpusSong) -> dict[str, np.ndarray]:
    """The four stems, each (2, samples) float32 at 44.1 kHz; the mix is their sum. Raises :class:`CorpusError`."""
    return {track: read_stem(song, track) for track in TRACKS}


def read_member(song: CorpusSong, name: str) -> bytes:
    """A file of a song as it is in the shard. Raises :class:`CorpusError` where it is damaged."""
    return _read_member(song.shard, song.id, name, song.members[name])


def read_stem(song: CorpusSong, track: str, start: int = 0, frames: int = -1) -> np.ndarray:
    """(2, frames) float32 of one stem from sample ``start`` (at most its length), silence beyond its end.

    ``frames`` −1 reads to the end. Only the part that is asked for is read. Raises :class:`CorpusError`.
    """
    member = song.members[f"{track}.flac"]
    try:
        with song.shard.open("rb", buffering=0) as file:
            waveform, _ = soundfile.read(
                _Window(file.fileno(), member), frames, start, dtype="float32", always_2d=True, fill_value=0.0
            )
    except (OSError, soundfile.LibsndfileError) as error:
        raise CorpusError(f"{song.shard}: {song.id}.{track}.flac cannot be read ({error})") from None
    return np.ascontiguousarray(waveform.T)


class _Window(io.RawIOBase):
    """A member of an open tar file as a file of its own, for soundfile."""

    def __init__(self, descriptor: int, member: Member) -> None:
        self._descriptor, self._member, self._position = descriptor, member, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (0, self._position, self._member.size)[whence]
        return self._position

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._member.size - self._position))
        data = os.pread(self._descriptor, wanted, self._member.offset + self._position)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


# --- manifest ---------------------------------------------------------------------------------------------------------


def read_manifest(out: Path) -> list[Entry]:
    """The manifest's lines, by shard and id. Raises :class:`CorpusError` naming the line."""
    path = out / MANIFEST
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise CorpusError(f"{path} cannot be read; make songs with `songdiff corpus build --out {out}`") from None
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(Entry.model_validate_json(line))
        except ValidationError as error:
            place = ".".join(map(str, error.errors()[0]["loc"])) or "JSON"
            message = f"{path}: line {number}: {place}: {error.errors()[0]['msg']}; `songdiff corpus build` mends it"
            raise CorpusError(message) from None
    return entries


def write_manifest(out: Path, entries: Iterable[Entry]) -> Path:
    """Replace the manifest at one stroke."""
    lines = [entry.model_dump_json() + "\n" for entry in sorted(entries, key=lambda entry: (entry.shard, entry.id))]
    write_beside(out / MANIFEST, "".join(lines).encode())
    return out / MANIFEST


def write_beside(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(data)
    beside.replace(path)


# --- shards -----------------------------------------------------------------------------------------------------------


def write_shard(path: Path, samples: Iterable[tuple[str, Sample]]) -> list[Entry]:
    """Write songs, as (id, files), into a shard that appears whole or not at all; the same songs give the same bytes.

    Returns its manifest lines. Raises :class:`.tools.MissingToolError` without webdataset, and :class:`CorpusError`
        where a song's files do not belong together.
    """
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file, tar_writer()(file, encoder=False, mtime=0) as writer:
        for name, sample in samples:
            writer.write({"__key__": name, **sample})
    entries = index_shard(beside, path.name)
    beside.replace(path)
    return entries


def to_flac(waveform: np.ndarray) -> bytes:
    """(2, samples) at 44.1 kHz as 16-bit FLAC; :func:`read_stem` gives 32767 / 32768 of it."""
    flac = io.BytesIO()
    integers = np.round(waveform.T * 32767).astype(np.int16)
    soundfile.write(flac, integers, 44100, format="FLAC", subtype="PCM_16", compression_level=0.4)
    return flac.getvalue()


def tar_writer() -> Any:
    """webdataset's TarWriter. Raises :class:`.tools.MissingToolError`."""
    try:
        from webdataset import TarWriter  # imports torch: only where it is needed
    except ImportError:
        raise MissingToolError("webdataset", "pip install webdataset") from None
    return TarWriter


def index_shard(path: Path, name: str | None = None) -> list[Entry]:
    """The manifest lines of a shard (to be called ``name``), from the shard alone.

    Raises :class:`CorpusError` where it is cut short, a song lacks a file, or a stem is not what its JSON says.
    """
    members: dict[str, dict[str, Member]] = {}
    songs: dict[str, dict[str, Any]] = {}
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file) as tar:
            for info in tar:
                data = os.pread(file.fileno(), info.size, info.offset_data)
                song, _, kind = info.name.partition(".")
                digest = hashlib.sha256(data).hexdigest()
                members.setdefault(song, {})[kind] = Member(offset=info.offset_data, size=info.size, sha256=digest)
                if kind == "json":
                    songs[song] = json.loads(data)
        size, digest = path.stat().st_size, file_sha256(path)
        entries = []
        for song, files in members.items():
            said = songs[song]
            whole = files.keys() == said["sha256"].keys() | set(FILES)
            if not whole or any(files[f].sha256 != sha for f, sha in said["sha256"].items()):
                raise CorpusError(f"{path} is damaged: {song} is not whole")
            fields: dict[str, Any] = {key: said[key] for key in ("id", "split", "voice")}
            fields |= {key: said["score"].get(key) for key in ("duration", "genre", "language")}
            fields |= {"shard": name or path.name, "shard_size": size, "shard_sha256": digest}
            entries.append(Entry(**fields, files=files))
    except CorpusError:
        raise
    except (OSError, tarfile.TarError, ValueError, KeyError) as error:
        raise CorpusError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    return entries


def check_shard(out: Path, entry: Entry, verify: bool = True) -> None:
    """Raise :class:`CorpusError` where the shard of ``entry`` is missing, or not of its size and SHA-256."""
    path = out / entry.shard
    if not path.is_file():
        raise CorpusError(f"{path} is missing")
    if path.stat().st_size != entry.shard_size:
        raise CorpusError(f"{path} is damaged: {path.stat().st_size} bytes long, not {entry.shard_size}")
    if verify and file_sha256(path) != entry.shard_sha256:
        raise CorpusError(f"{path} is damaged: its SHA-256 is not the manifest's")


def read_sample(out: Path, entry: Entry) -> Sample:
    """The files of a song as they are in its shard."""
    with (out / entry.shard).open("rb") as file:
        return {name: os.pread(file.fileno(), member.size, member.offset) for name, member in entry.files.items()}


def _read_song(shard: Path, entry: Entry) -> CorpusSong:
    member = entry.files["json"]
    song = json.loads(_read_member(shard, entry.id, "json", member))
    score = Score.from_json(json.dumps(song["score"]), f"{shard}: {entry.id}.json")
    fields = entry.id, entry.split, score, song["captions"], song["voice"], member.sha256, shard
    return CorpusSong(*fields, members=entry.files)


def _read_member(shard: Path, song: str, name: str, member: Member) -> bytes:
    with shard.open("rb") as file:
        data = os.pread(file.fileno(), member.size, member.offset)
    if hashlib.sha256(data).hexdigest() != member.sha256:
        raise CorpusError(f"{shard} is damaged: {song}.{name} is not what the manifest says")
    return data


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
