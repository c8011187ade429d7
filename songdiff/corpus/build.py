"""Builds a corpus: song i is a pure function of (seed, i), whatever the number of processes and however often resumed.

    plan → song → a hidden folder of its own → a shard, once its block of songs is complete

Processes render songs into ``corpus/.songs/song-00042/``, which appear complete or not at all; this process packs them.
So a build that is stopped at any moment loses at most the songs under way. What a corpus looks like is :mod:`.shards`'.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import queue
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from .folder import alone, claim
from .instruments import find_soundfont, fluidsynth_library
from .plan import BLOCK, DURATIONS, count_songs, plan_song, plan_voice, song_id, song_index
from .processes import single_threaded
from .shards import (
    FILES,
    CorpusError,
    Entry,
    Sample,
    check_shard,
    index_shard,
    read_manifest,
    read_sample,
    tar_writer,
    write_manifest,
    write_shard,
)
from .song import encode_song, make_song

FORMAT = 2
_SAVE_SECONDS = 20.0  # between two manifests of a corpus under construction


def build_corpus(
    out: str | Path,
    hours: float,
    seed: int = 0,
    workers: int | None = None,
    *,
    durations: tuple[float, float] = DURATIONS,
    progress: bool = True,
) -> Path:
    """Render songs until they last ``hours`` together.

    What is already there is kept, so the same call resumes an interrupted build, and one with more hours extends it.
    Every shard is checked first; one that is damaged is named on standard error and made again.

    Args:
        out: the corpus folder; made if need be.
        hours: sound to render in all; the last song goes over.
        seed: another seed is another corpus.
        workers: processes; None for one per core. The result does not depend on it.
        durations: the shortest and the longest song, in seconds.
        progress: whether to show a bar on standard error.

    Returns: the path of the manifest. Raises :class:`CorpusError` where ``out`` holds another corpus or an argument is
        out of range, :class:`.tools.MissingToolError` where a tool is missing (before anything is rendered).
    """
    out = Path(out)
    if not (np.isfinite(hours) and hours > 0):
        raise CorpusError(f"hours is {hours:g}; give a positive number")
    if not 4 <= durations[0] <= durations[1]:
        raise CorpusError(f"durations are {durations[0]:g} to {durations[1]:g} s; give at least 4 s, the shorter first")
    if workers is not None and workers < 1:
        raise CorpusError(f"workers is {workers}; give at least 1, or None for one per core")
    fluidsynth_library(), find_soundfont(), tar_writer()
    claim(out, {"format": FORMAT, "seed": seed, "durations": list(durations)})
    with alone(out):
        return _Build(out, seed, durations).run(
            count_songs(hours, seed, durations), workers or len(os.sched_getaffinity(0)), progress
        )


# --- the corpus folder ------------------------------------------------------------------------------------------------


class _Build:
    """A corpus folder that this process holds: which songs are in shards, and which wait beside them to be packed."""

    def __init__(self, out: Path, seed: int, durations: tuple[float, float]) -> None:
        self.out, self.seed, self.durations = out, seed, durations
        self.songs = out / ".songs"
        self.packed: dict[int, Entry] = {}
        for leftover in out.glob(".*.part"):
            leftover.unlink()
        for leftover in self.songs.glob(".*.part"):
            shutil.rmtree(leftover, ignore_errors=True)

    def run(self, songs: int, workers: int, progress: bool) -> Path:
        """Make the first ``songs`` songs, as far as they are missing, and write the manifest."""
        self.packed = self._check_shards()
        for index in self.packed:
            shutil.rmtree(self.songs / song_id(index), ignore_errors=True)
        waiting = {index for index in range(songs) if index not in self.packed}
        missing = {index for index in waiting if _read_folder(self.songs / song_id(index)) is None}
        unpacked: dict[int, set[int]] = {}  # block → its songs that are still to be rendered
        for index in waiting:
            unpacked.setdefault(index // BLOCK, set()).update({index} & missing)
        saved = 0.0
        try:
            for block in [block for block, songs_left in unpacked.items() if not songs_left]:
                self._pack(block, songs)
            for index in self._render(missing, songs, workers, progress):
                unpacked[index // BLOCK].discard(index)
                if not unpacked[index // BLOCK]:
                    self._pack(index // BLOCK, songs)
                    if time.monotonic() > saved + _SAVE_SECONDS:
                        write_manifest(self.out, self.packed.values())
                        saved = time.monotonic()
        finally:
            manifest = write_manifest(self.out, self.packed.values())
        if self.songs.is_dir() and not any(self.songs.iterdir()):
            self.songs.rmdir()
        return manifest

    def _check_shards(self) -> dict[int, Entry]:
        """The songs in whole shards. Damaged shards are named and deleted."""
        try:
            manifest = read_manifest(self.out)
        except CorpusError:
            manifest = []  # of a build that was killed: the shards say themselves what is in them
        known: dict[str, list[Entry]] = {}
        for entry in manifest:
            known.setdefault(entry.shard, []).append(entry)
        found: dict[int, Entry] = {}
        for name in sorted(known.keys() | {path.name for path in self.out.glob("shard-*.tar")}):
            try:
                if name in known:
                    check_shard(self.out, known[name][0])
                entries = known.get(name) or index_shard(self.out / name)
            except CorpusError as error:
                print(f"songdiff: warning: {error}; its songs are made again", file=sys.stderr)
                (self.out / name).unlink(missing_ok=True)
            else:
                found |= {song_index(entry.id): entry for entry in entries}
        return found

    def _pack(self, block: int, songs: int) -> None:
        """Write the shard of a block: of new songs, and where a shorter corpus is extended, of those it has already."""
        samples = []
        for index in range(block * BLOCK, min((block + 1) * BLOCK, songs)):
            packed = self.packed.get(index)
            sample = read_sample(self.out, packed) if packed else _read_folder(self.songs / song_id(index))
            if sample is None:
                raise CorpusError(f"{self.songs / song_id(index)} was changed while it was packed; build again")
            samples.append((song_id(index), sample))
        entries = write_shard(self.out / f"shard-{block:05d}.tar", samples)
        self.packed |= {song_index(entry.id): entry for entry in entries}
        for entry in entries:
            shutil.rmtree(self.songs / entry.id, ignore_errors=True)

    def _render(self, missing: set[int], songs: int, workers: int, progress: bool) -> Iterator[int]:
        """Yield songs as they are finished, rendered by spawned single-threaded processes (so that the numerics are
        the same whatever their number). Their jobs are blocks in order of voice: its analysed words stay in memory."""
        if not missing:
            return
        blocks: dict[int, list[int]] = {}
        for index in sorted(missing):
            blocks.setdefault(index // BLOCK, []).append(index)
        small = len(blocks) < 2 * workers  # too few blocks to keep everyone busy: share out single songs
        by_voice = sorted(blocks, key=lambda block: plan_voice(self.seed, block * BLOCK + BLOCK - 1))
        jobs = [[index] for index in sorted(missing)] if small else [blocks[block] for block in by_voice]
        context = multiprocessing.get_context("spawn")
        results, following, stop = context.Queue(), context.Value("i", 0), context.Event()
        arguments = (self.songs, self.seed, self.durations, jobs, following, stop, results)
        processes = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(min(workers, len(jobs)))]
        _start(processes)
        columns = (SpinnerColumn(), TextColumn("rendering songs"), BarColumn(), MofNCompleteColumn())
        try:
            with Progress(*columns, TimeRemainingColumn(elapsed_when_finished=True), disable=not progress) as bar:
                task = bar.add_task("", total=songs, completed=songs - len(missing))
                for _ in missing:
                    yield _next_result(results, processes)
                    bar.advance(task)
        finally:
            stop.set()
            for process in processes:
                process.join(timeout=30)
                if process.is_alive():
                    process.terminate()


def _write_folder(folder: Path, sample: Sample) -> None:
    """Write a song's folder, which appears complete or not at all."""
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    beside.mkdir(parents=True, exist_ok=True)
    for name, data in sample.items():
        (beside / name).write_bytes(data)
    shutil.rmtree(folder, ignore_errors=True)
    beside.rename(folder)


def _read_folder(folder: Path) -> Sample | None:
    """A song's files from its folder; None where one is missing or not what its JSON says."""
    try:
        sample = {name: (folder / name).read_bytes() for name in FILES}
        said = json.loads(sample["json"])["sha256"]
    except (OSError, ValueError, KeyError):
        return None
    return sample if all(hashlib.sha256(sample[name]).hexdigest() == said[name] for name in said) else None


# --- processes --------------------------------------------------------------------------------------------------------


def _start(processes: Sequence[SpawnProcess]) -> None:
    """Start processes that inherit one thread for linear algebra: the song is the unit of parallel work."""
    with single_threaded():
        for process in processes:
            process.start()


def _work(
    songs: Path,
    seed: int,
    durations: tuple[float, float],
    jobs: Sequence[Sequence[int]],
    following: Any,
    stop: Any,
    results: Any,
) -> None:
    """Take the next job until there is none, the parent stops us, or the parent is gone (kill -9)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and sets ``stop``
    parent = multiprocessing.parent_process()

    def unwanted() -> bool:
        return stop.is_set() or parent is None or not parent.is_alive()

    while True:
        with following.get_lock():
            job, following.value = following.value, following.value + 1
        if job >= len(jobs):
            return
        for index in jobs[job]:
            if unwanted():
                return
            try:
                plan = plan_song(seed, index, durations)
                sample = encode_song(plan, *make_song(plan))
                if parent is None or not parent.is_alive():
                    return  # another build may hold the corpus by now
                _write_folder(songs / plan.id, sample)
            except Exception as error:  # not handled here: handed to the parent, which raises it
                results.put((error, f"while making {song_id(index)} of seed {seed}:\n{traceback.format_exc()}"))
                return
            results.put(index)


def _next_result(results: Any, processes: Sequence[SpawnProcess]) -> int:
    """The index of a song just finished. Raises what a process raised, or CorpusError where one died."""
    while True:
        try:
            result = results.get(timeout=0.5)
        except queue.Empty:
            dead = [process for process in processes if process.exitcode not in (None, 0)]
            if dead:
                raise CorpusError(
                    f"a process died (exit code {dead[0].exitcode}), perhaps out of memory; try fewer workers"
                ) from None
            continue
        if isinstance(result, tuple):
            error, place = result
            raise error from RuntimeError(place)
        return int(result)
