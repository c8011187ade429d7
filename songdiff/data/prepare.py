"""A folder of a user's songs → a corpus that ``songdiff train`` reads like one of ``songdiff corpus build``.

    find → check each song → leave out duplicates → blocks of songs → a shard each → manifest → report

Checking a song, and making a shard of a block of songs, are pure functions that an engine shares out. What a song's
check said is kept in ``.checked.jsonl``; a shard is named by the digest of what is in it and appears whole or not at
all. So a run that was stopped at any moment loses at most the blocks under way, another number of workers changes
nothing, and songs added later leave all shards but their own as they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from safetensors.torch import save

from ..audio.lossless import AudioFormat
from ..audio.loudness import integrated_loudness
from ..corpus.folder import alone, claim
from ..corpus.shards import (
    CorpusError,
    Entry,
    Sample,
    check_shard,
    file_sha256,
    index_shard,
    read_manifest,
    read_sample,
    tar_writer,
    to_flac,
    write_beside,
    write_manifest,
    write_shard,
)
from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..models import load_autoencoder
from ..models.codec import Codec, codec_of
from ..pipelines.known import Known
from ..pipelines.separation import load_separator, separate
from ..score import TRACKS, Score
from ..score.timeline import cut
from .annotate import Annotated, annotate
from .checks import MIX, SAMPLE_RATE, Checked, check_song, leave_out_duplicates, read_tracks, source_key
from .engines import ENGINES, Share
from .latent_lists import import_list, load_decoder, read_vocabulary
from .preparation_report import PreparationReport, SongReport
from .sections import cuts
from .sidecars import read_given
from .songs import encode_stems, encoding_digest
from .sources import Source, find_songs

FORMAT = 1
LONGEST = 285.0  # seconds of a piece: what a pipeline makes at once
LOUDNESS, PEAK = -12.0, 0.94  # LUFS and full scale of a mix: those of the built corpus
CHECKED, RECORDINGS = ".checked.jsonl", "recordings.jsonl"
_BLOCK, _MOST = 4, 8  # songs of a shard, on average and at most


@dataclass(frozen=True)
class Settings:
    """What the samples of a song depend on beside its files. Paths are absolute."""

    folder: Path
    longest: float = LONGEST
    language: str = "en-us"
    test_share: float = 0.05
    separator: Path | None = None
    autoencoder: Path | None = None


@dataclass(frozen=True)
class _Block:
    """Songs that share a shard, with their keys."""

    path: Path
    settings: Settings
    songs: list[tuple[str, Source]]


def prepare_corpus(
    folder: str | Path,
    out: str | Path,
    *,
    longest: float = LONGEST,
    language: str = "en-us",
    test_share: float = 0.05,
    separator: str | Path | None = None,
    autoencoder: str | Path | None = None,
    latent_decoder: str | Path | None = None,
    vocabulary: str | Path | None = None,
    workers: int | None = None,
    engine: str = "processes",
    progress: bool = True,
) -> PreparationReport:
    """Prepare the songs of ``folder`` (:mod:`.sources` says which files belong to a song) as a corpus in ``out``.

    ``folder`` may be a list of latents (:mod:`.latent_lists`): its songs are put into the folder ``out``-songs first.

    The same call resumes an interrupted run, and takes in what has changed in the folder.

    Args:
        longest: seconds; longer songs are cut where sections begin.
        language: of lyrics that do not say theirs, as espeak-ng calls it.
        test_share: share of the songs that are held out from training.
        separator: weights of Hybrid Demucs, to take mixes apart; None: mixes are left out.
        autoencoder: a trained one, whose latents are stored beside the sound; None: trainings encode.
        latent_decoder: of a list: the autoencoder of its latents, a folder or a TorchScript file.
        vocabulary: of a list whose lyrics are numbers: the phonemes' names, a JSON file.
        workers: None for one per core. The result does not depend on it, nor on the ``engine``.
        engine: "processes" of this machine, or "ray".

    Returns what became of every song; ``out`` holds it as report.json and report.html. Raises
    :class:`~songdiff.errors.InputError` where an argument is wrong or no song is fit, and MissingToolError where a tool
    is missing.
    """
    out, folder = Path(out).resolve(), Path(folder).resolve()
    if engine not in ENGINES:
        raise InputError(f"engine: {engine!r} is unknown; choose one of {', '.join(ENGINES)}")
    if longest < 10:
        raise InputError(f"max_duration: {longest:g} s is too short; choose at least 10 s")
    if not 0 <= test_share < 1:
        raise InputError(f"test_share: {test_share:g} is out of range; choose 0 to 1")
    if out == folder or folder in out.parents:
        raise InputError(f"{out}: lies in the folder of songs; choose another place for the corpus")
    _check_tools()
    unreadable = {}
    if folder.is_file():
        if latent_decoder is None:
            raise InputError(f"{folder}: is a list of latents; give the autoencoder that made them (--latent-decoder)")
        names = None if vocabulary is None else read_vocabulary(Path(vocabulary))
        songs = out.with_name(f"{out.name}-songs")
        unreadable = import_list(folder, songs, load_decoder(Path(latent_decoder)), names, progress)
        folder = songs
    parts = [None if part is None else Path(part).resolve() for part in (separator, autoencoder)]
    settings = Settings(folder, longest, language, test_share, *parts)
    identity = _identity(settings)
    sources, unused = find_songs(folder)
    claim(out, identity | {"folder": str(folder)})
    with alone(out), ENGINES[engine](workers or len(os.sched_getaffinity(0))) as share:
        run = _Run(out, settings, share, progress)
        checked = run.check(sources)
        leave_out_duplicates(checked, {source.name for source in sources if source.whole})
        kept = {song.key for song in checked if not song.reasons and song.lacks is None}
        by_key = {song.key: source for song, source in zip(checked, sources, strict=True)}
        entries = run.make([(key, by_key[key]) for key in by_key if key in kept], identity)
        write_manifest(out, entries)
        report = _report(out, folder, checked, entries, [str(path) for path in unused])
        for name, reason in unreadable.items():
            row = SongReport(song=name, kept=False, duration=0.0, reasons=[reason], remarks=[], figures={})
            report.songs.append(row)
        report.save(out)
        _write_recordings(out, folder, checked, by_key)
    if not entries:
        raise InputError(f"{folder}: none of its {len(sources)} songs is fit; {out / 'report.html'} says why")
    return report


class _Run:
    """One run over a folder: work that is not there yet goes to the engine."""

    def __init__(self, out: Path, settings: Settings, share: Share, progress: bool) -> None:
        self.out, self.settings, self.share, self.progress = out, settings, share, progress
        for leftover in out.glob(".*.part"):
            leftover.unlink()

    def check(self, sources: Sequence[Source]) -> list[Checked]:
        """What is found of each song, in their order."""
        known = _read_checked(self.out / CHECKED)
        keys = [source_key(self.settings.folder, source) for source in sources]
        missing = [source for source, key in zip(sources, keys, strict=True) if key not in known]
        jobs = [(self.settings, source) for source in missing]
        with (self.out / CHECKED).open("a", encoding="utf-8") as file:
            for song in self._shared("checking songs", _check, jobs):
                known[song.key] = song
                file.write(song.model_dump_json() + "\n")
                file.flush()
        checked = [known[key] for key in keys]
        write_beside(self.out / CHECKED, "".join(song.model_dump_json() + "\n" for song in checked).encode())
        return checked

    def make(self, songs: Sequence[tuple[str, Source]], identity: dict[str, Any]) -> list[Entry]:
        """The manifest lines of the shards of ``songs`` (key, source); other shards are deleted."""
        blocks = [
            _Block(self.out / f"shard-{_digest(identity, [key for key, _ in block])}.tar", self.settings, list(block))
            for block in _blocks(songs)
        ]
        entries = self._whole_shards({block.path.name for block in blocks})
        done = {entry.shard for entry in entries}
        jobs = [block for block in blocks if block.path.name not in done]
        for lines in self._shared("preparing shards", _make_shard, jobs):
            entries += [Entry.model_validate_json(line) for line in lines]
        return entries

    def _whole_shards(self, wanted: set[str]) -> list[Entry]:
        """Those of the wanted shards that are there; damaged ones are named, and deleted like those not wanted."""
        try:
            manifest = read_manifest(self.out)
        except CorpusError:
            manifest = []  # of a run that was killed: the shards say themselves what is in them
        entries: list[Entry] = []
        for path in sorted(self.out.glob("shard-*.tar")):
            if path.name not in wanted:
                path.unlink()
                continue
            known = [entry for entry in manifest if entry.shard == path.name]
            try:
                if known:
                    check_shard(self.out, known[0])
                entries += known or index_shard(path)
            except CorpusError as error:
                print(f"songdiff: warning: {error}; it is made again", file=sys.stderr)
                path.unlink()
        return entries

    def _shared(self, what: str, function: Any, jobs: Sequence[Any]) -> Iterator[Any]:
        columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, disable=not self.progress or not jobs) as bar:
            task = bar.add_task("", total=len(jobs))
            for result in self.share(function, jobs):
                bar.advance(task)
                yield result


# --- what the engine runs ---------------------------------------------------------------------------------------------


def _check(job: tuple[Settings, Source]) -> Checked:
    settings, source = job
    return check_song(settings.folder, source, settings.separator is not None)


def _make_shard(block: _Block) -> list[str]:
    """Write a block's shard; its manifest lines as JSON."""
    codec = None if block.settings.autoencoder is None else codec_of(load_autoencoder(block.settings.autoencoder))
    separator = None if block.settings.separator is None else load_separator(block.settings.separator)

    def samples() -> Iterator[tuple[str, Sample]]:
        for key, source in block.songs:
            try:
                yield from song_samples(key, source, block.settings, codec, separator)
            except InputError:
                raise
            except Exception as error:
                raise RuntimeError(f"while preparing {source.name}: {error}") from error

    return [entry.model_dump_json() for entry in write_shard(block.path, samples())]


def song_samples(
    key: str, source: Source, settings: Settings, codec: Codec | None = None, separator: Any = None
) -> Iterator[tuple[str, Sample]]:
    """The pieces of a song as (id, files): read, taken apart where it is a mix, normalised, annotated, cut, encoded."""
    tracks, remarks = read_tracks(settings.folder, source)
    if MIX in tracks:
        tracks = separate(Known(source.name, AudioFormat(SAMPLE_RATE, 2, "FLOAT"), mix=tracks[MIX]), separator).stems
        remarks.append("taken apart by a separator")
    tracks = normalised(tracks)
    song = annotate(tracks, read_given(settings.folder, source), settings.language)
    song.remarks = remarks + song.remarks
    split = "test" if int(key[:8], 16) / 2**32 < settings.test_share else "train"
    slug = re.sub(r"[^a-z0-9]+", "-", Path(source.name).name.lower()).strip("-")[:32] or "song"
    for number, (start, end) in enumerate(cuts(song.score, settings.longest)):
        first, last = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
        piece = cut(song.score, start, end).model_copy(update={"duration": (last - first) / SAMPLE_RATE})
        stems = {track: tracks[track][:, first:last] for track in TRACKS}
        about: dict[str, Any] = {
            "id": f"{slug}-{key[:8]}-{number}",
            "split": split,
            "source": source.name,
            "start": start,
        }
        yield about["id"], _sample(about, replace(song, score=piece), stems, codec)


def normalised(tracks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """All tracks times one factor: their sum at :data:`LOUDNESS`, or as near as its and their peaks allow."""
    mix = np.sum(list(tracks.values()), axis=0)
    peak = max(float(np.abs(sound).max()) for sound in (mix, *tracks.values()))
    gain = min(10 ** ((LOUDNESS - integrated_loudness(mix, SAMPLE_RATE)) / 20), PEAK / peak)
    return {track: sound * np.float32(gain) for track, sound in tracks.items()}


def _sample(about: dict[str, Any], song: Annotated, stems: dict[str, np.ndarray], codec: Codec | None) -> Sample:
    sample: Sample = {f"{track}.flac": to_flac(stem) for track, stem in stems.items()}
    if codec is not None:
        as_written = {track: np.round(stem * 32767).astype(np.float32) / 32768 for track, stem in stems.items()}
        sample[f"{encoding_digest(codec)}.safetensors"] = save(encode_stems(as_written, codec))
    singer = song.score.singer
    voice = None if song.score.melody == [] else (singer and singer.name) or "unknown"
    said = about | {
        "voice": voice,
        "captions": song.captions,
        "estimated": {name: sure if sure is None else round(sure, 3) for name, sure in song.estimated.items()},
        "remarks": song.remarks,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in sample.items()},
        "score": json.loads(song.score.to_json()),
    }
    return sample | {"json": (json.dumps(said, ensure_ascii=False) + "\n").encode()}


# --- names and files --------------------------------------------------------------------------------------------------


def _identity(settings: Settings) -> dict[str, Any]:
    """What a shard depends on beside its songs."""
    identity: dict[str, Any] = {"prepared": FORMAT, "max_duration": settings.longest, "language": settings.language}
    identity["test_share"] = settings.test_share
    if settings.separator is not None:
        load_separator(settings.separator)  # is it there, and does it fit?
        identity["separator"] = file_sha256(settings.separator)
    if settings.autoencoder is not None:
        identity["autoencoder"] = encoding_digest(codec_of(load_autoencoder(settings.autoencoder)))
    return identity


def _blocks(songs: Sequence[tuple[str, Source]]) -> Iterator[list[tuple[str, Source]]]:
    """Songs shared out to shards, where their keys say: one song more changes the block that it falls into alone."""
    block: list[tuple[str, Source]] = []
    for key, source in songs:
        block.append((key, source))
        if int(key, 16) % _BLOCK == 0 or len(block) == _MOST:
            yield block
            block = []
    if block:
        yield block


def _digest(identity: dict[str, Any], keys: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps([identity, *keys]).encode()).hexdigest()[:12]


def _read_checked(path: Path) -> dict[str, Checked]:
    """By key; a line that was cut short by a kill is made again."""
    if not path.is_file():
        return {}
    known = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            song = Checked.model_validate_json(line)
        except ValidationError:
            continue
        known[song.key] = song
    return known


def _report(
    out: Path, folder: Path, checked: Sequence[Checked], entries: Sequence[Entry], unused: list[str]
) -> PreparationReport:
    said: dict[str, list[dict[str, Any]]] = {}
    for entry in sorted(entries, key=lambda entry: entry.id):
        piece = json.loads(read_sample(out, entry.model_copy(update={"files": {"json": entry.files["json"]}}))["json"])
        said.setdefault(piece["source"], []).append(piece)
    songs = []
    for song in checked:
        pieces = said.get(song.name, [])
        row = SongReport(
            song=song.name,
            kept=song.name in said,
            duration=song.duration,
            reasons=song.reasons + ([song.lacks] if song.lacks else []),
            remarks=song.remarks + [r for r in (pieces[0]["remarks"] if pieces else []) if r not in song.remarks],
            figures=song.figures,
        )
        if pieces:
            score = Score.from_json(json.dumps(pieces[0]["score"]))
            row.pieces = [piece["id"] for piece in pieces]
            row.split, row.estimated, row.captions = pieces[0]["split"], pieces[0]["estimated"], pieces[0]["captions"]
            row.tempo, row.key, row.time_signature = score.tempo, score.key, score.time_signature
            row.genre, row.language = score.genre, score.language
            lines = [[line["text"] for line in piece["score"].get("lines") or []] for piece in pieces]
            row.lines = None if score.lines is None else sum(map(len, lines))
            row.sections = [section.label for section in score.sections or []]
        songs.append(row)
    return PreparationReport(folder=str(folder), songs=songs, unused=unused)


def _write_recordings(out: Path, folder: Path, checked: Sequence[Checked], by_key: dict[str, Source]) -> None:
    """Mixes that are sound but without stems, for ``data.recordings`` of autoencoder and vocoder."""
    sound = [by_key[song.key].mix for song in checked if song.lacks is not None and not song.reasons]
    lines = [json.dumps({"audio": str(folder / path)}) + "\n" for path in sound if path is not None]
    write_beside(out / RECORDINGS, "".join(lines).encode())


def _check_tools() -> None:
    """Refuse early. Raises MissingToolError."""
    tar_writer()
    for module, package in (("pyworld", "pyworld"), ("torchaudio", "torchaudio")):
        try:
            __import__(module)
        except ImportError:
            raise MissingToolError(package, "pip install 'songdiff[prepare]'") from None
