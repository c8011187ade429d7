"""Builds a corpus: song i is a pure function of (seed, i), whatever the number of processes and however often resumed.

    corpus/
      corpus.json                  seed and format of the corpus
      manifest.jsonl               one line a song, with the SHA-256 of its files
      song-00000/                  vocals.flac drums.flac bass.flac other.flac (16 bit, 44.1 kHz, stereo), song.json

A song appears under its name only when it is complete. Composing, singing, playing and mixing are done elsewhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import multiprocessing
import os
import queue
import random
import shutil
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from ..composer import GENRES, ComposeError, caption, compose
from ..composer.style import MOODS
from ..errors import InputError
from ..lyrics import Lyrics
from ..score import TRACKS, Score
from .instruments import Engine, find_soundfont, fluidsynth_library, render_each, sample_count
from .mixing import mix_song
from .synthesizer import SAMPLE_RATE
from .voices import VOICES, Voice
from .words import write_lyrics

FORMAT = 1
BLOCK = 8  # consecutive songs that share a voice, whose analysed words stay in memory
# how often a genre takes the engine "hybrid"
_ELECTRONIC = {"house": 0.9, "synthwave": 0.9, "hip-hop": 0.7, "ambient": 0.5, "lo-fi": 0.4, "pop": 0.25}
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class CorpusError(InputError):
    """A corpus that cannot be built or read; the message names the place and the remedy."""


@dataclass(frozen=True)
class SongPlan:
    """Everything that is decided about song ``index`` before it is composed. ``duration`` in seconds, tempo in bpm."""

    seed: int
    index: int
    id: str
    split: str
    duration: float
    voice: str
    genre: str
    tempo: float
    prompt: str
    engine: Engine
    lyrics: Lyrics | None


@dataclass(frozen=True)
class CorpusSong:
    """A song on disk; ``stems`` loads its sound."""

    id: str
    split: str
    score: Score
    captions: list[str]
    voice: str | None
    folder: Path


def build_corpus(
    out: str | Path,
    hours: float,
    seed: int = 0,
    workers: int | None = None,
    *,
    durations: tuple[float, float] = (20.0, 45.0),
    progress: bool = True,
) -> Path:
    """Render songs until they last ``hours`` together, and write ``manifest.jsonl``.

    Finished songs are kept, so the same call resumes an interrupted build, and one with more hours extends it.

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
    fluidsynth_library(), find_soundfont()
    _claim(out, {"format": FORMAT, "seed": seed, "durations": list(durations)})
    songs = count_songs(hours, seed, durations)
    with _alone(out):
        missing = [index for index in range(songs) if not (out / song_id(index) / "song.json").is_file()]
        if missing:
            _render_all(out, seed, durations, missing, songs, workers or len(os.sched_getaffinity(0)), progress)
        return _write_manifest(out, songs)


def song_id(index: int) -> str:
    """``"song-00042"``: sorts by index."""
    return f"song-{index:05d}"


def count_songs(hours: float, seed: int, durations: tuple[float, float] = (20.0, 45.0)) -> int:
    """How many songs last at least ``hours`` together."""
    seconds, index = 0.0, 0
    while seconds < hours * 3600:
        seconds += _duration(seed, index, durations)
        index += 1
    return index


def plan_song(seed: int, index: int, durations: tuple[float, float] = (20.0, 45.0)) -> SongPlan:
    """Decide split, length, singer, style and words of song ``index``: a pure function of its arguments."""
    duration = _duration(seed, index, durations)
    rng = np.random.default_rng([seed, index, 1])
    genre = GENRES[sorted(GENRES)[rng.integers(len(GENRES))]]
    tempo = round(float(rng.uniform(*genre.tempo)), 1)
    split = "test" if index % 20 == 19 else "train"
    moods = [sorted(MOODS)[rng.integers(len(MOODS))]] if rng.random() < 0.7 else []
    instrumental = rng.random() < 0.06
    lyrics = None if instrumental else _lyrics(rng, genre, tempo, duration, split)
    return SongPlan(
        seed=seed,
        index=index,
        id=song_id(index),
        split=split,
        duration=duration,
        voice=plan_voice(seed, index),
        genre=genre.name,
        tempo=tempo,
        prompt=", ".join([genre.name, *moods, *(["instrumental"] if instrumental else [])]),
        engine="hybrid" if rng.random() < _ELECTRONIC.get(genre.name, 0.0) else "soundfont",
        lyrics=lyrics,
    )


def plan_voice(seed: int, index: int) -> str:
    """Who sings song ``index``: one English voice for every :data:`BLOCK` of songs."""
    voices = sorted(name for name, voice in VOICES.items() if voice.language.startswith("en"))
    return voices[np.random.default_rng([seed, index // BLOCK, 2]).integers(len(voices))]


def make_song(plan: SongPlan) -> tuple[Score, dict[str, np.ndarray]]:
    """Compose, sing, play and mix: the score and its stems, each (2, samples) float32 at 44.1 kHz."""
    from .singer import sing  # needs pyworld

    voice = VOICES[plan.voice]
    score = _composed(plan, plan.lyrics, voice)
    rng = np.random.default_rng([plan.seed, plan.index, 4])
    vocals = sing(score, voice, rng) if plan.lyrics else np.zeros(sample_count(score), np.float32)
    return score, mix_song(score, vocals, render_each(score, engine=plan.engine), rng=rng)


def _composed(plan: SongPlan, lyrics: Lyrics | None, voice: Voice) -> Score:
    """The plan's score; where the lyrics are too long for it, without their last section."""
    try:
        return compose(
            lyrics,
            plan.prompt,
            duration=plan.duration,
            seed=int(np.random.default_rng([plan.seed, plan.index, 3]).integers(2**31)),
            singer=voice.singer if lyrics else None,
            pronounce=lambda words, _: voice.pronounce(words),
            genre=plan.genre,
            tempo=plan.tempo,
        )
    except ComposeError:
        if lyrics is None or len(lyrics.sections) < 2:
            raise
        last = len(lyrics.sections) - 1
        lines = [line for line in lyrics.lines if line.section != last]
        return _composed(plan, replace(lyrics, lines=lines, sections=lyrics.sections[:last]), voice)


def write_song(out: Path, plan: SongPlan) -> Path:
    """Make a song and write its folder under ``out``; the folder appears complete or not at all."""
    score, waveforms = make_song(plan)
    draws = random.Random(f"{plan.seed} {plan.index}")
    folder, beside = out / plan.id, out / f".{plan.id}.part"
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    checksums = {}
    for track in TRACKS:
        flac = io.BytesIO()
        integers = np.round(waveforms[track].T * 32767).astype(np.int16)
        soundfile.write(flac, integers, SAMPLE_RATE, format="FLAC", subtype="PCM_16", compression_level=0.4)
        (beside / f"{track}.flac").write_bytes(flac.getvalue())
        checksums[f"{track}.flac"] = hashlib.sha256(flac.getvalue()).hexdigest()
    song = {
        "id": plan.id,
        "split": plan.split,
        "seed": plan.seed,
        "voice": plan.voice if plan.lyrics else None,
        "captions": [caption(score, draws) for _ in range(3)],
        "sha256": checksums,
        "score": json.loads(score.to_json()),
    }
    (beside / "song.json").write_text(json.dumps(song, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)  # a folder without song.json is not a song
    beside.rename(folder)
    return folder


def read_song(folder: str | Path) -> CorpusSong:
    """Read ``song.json`` of a song's folder. Raises :class:`CorpusError` naming file and field."""
    folder = Path(folder)
    path = folder / "song.json"
    try:
        song = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path}: cannot be read ({error}); delete the folder and build the corpus again") from None
    missing = [key for key in ("id", "split", "score", "captions", "voice") if key not in song]
    if missing:
        raise CorpusError(f"{path}: field {missing[0]} is missing; delete the folder and build the corpus again")
    score = Score.from_json(json.dumps(song["score"]), str(path))
    return CorpusSong(song["id"], song["split"], score, song["captions"], song["voice"], folder)


def stems(song: CorpusSong) -> dict[str, np.ndarray]:
    """The four stems, each (2, samples) float32 at 44.1 kHz; the mix is their sum. Raises :class:`CorpusError`."""
    waveforms = {}
    for track in TRACKS:
        path = song.folder / f"{track}.flac"
        try:
            waveform, _ = soundfile.read(path, dtype="float32", always_2d=True)
        except (OSError, soundfile.LibsndfileError) as error:
            raise CorpusError(f"{path}: cannot be read ({error}); delete the song's folder and build again") from None
        waveforms[track] = np.ascontiguousarray(waveform.T)
    return waveforms


def read_corpus(out: str | Path, split: str | None = None) -> Iterator[CorpusSong]:
    """The songs of a corpus in order, of one split or of all. Raises :class:`CorpusError` without a manifest."""
    manifest = Path(out) / "manifest.jsonl"
    if not manifest.is_file():
        raise CorpusError(f"{manifest} does not exist; build the corpus first (an unfinished build has no manifest)")
    for line in manifest.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if split in (None, entry["split"]):
            yield read_song(Path(out) / entry["id"])


def _duration(seed: int, index: int, durations: tuple[float, float]) -> float:
    return round(float(np.random.default_rng([seed, index, 0]).uniform(*durations)), 2)


def _lyrics(rng: np.random.Generator, genre: Any, tempo: float, duration: float, split: str) -> Lyrics:
    """As many lines as the song has room for, as long as the tempo lets a singer sing them."""
    beats = {"4/4": 4, "3/4": 3, "6/8": 2}.get(genre.time_signature, 4)
    seconds = genre.bars_per_line * beats * 60 / tempo
    room = genre.syllable_rate * seconds * 0.85
    most = int(min(12, max(5, room)))
    lines = 2 * round(max(2, min(12, (duration - 1.5 * seconds) / seconds)) / 2)
    fewest = min(most - 1, max(4, most - 4))
    return write_lyrics(rng, lines=lines, syllables=(fewest, most), allow_held_out=split == "test")


def _claim(out: Path, identity: dict[str, Any]) -> None:
    """Mark ``out`` as the corpus of these settings. Raises :class:`CorpusError` where it is another's."""
    path = out / "corpus.json"
    if path.exists():
        there = json.loads(path.read_text(encoding="utf-8"))
        if there != identity:
            raise CorpusError(f"{out} holds another corpus ({there}, not {identity}); give another folder or delete it")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CorpusError(f"{out} is not empty and not a corpus; give a new folder")
    out.mkdir(parents=True, exist_ok=True)
    _write_beside(path, json.dumps(identity) + "\n")


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the corpus for one build. Raises :class:`CorpusError` where another holds it."""
    with (out / "corpus.json").open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(f"{out} is being built by another process; wait or give another folder") from None
        yield


def _write_manifest(out: Path, songs: int) -> Path:
    lines = []
    for index in range(songs):
        text = (out / song_id(index) / "song.json").read_bytes()
        song = json.loads(text)
        entry = {key: song[key] for key in ("id", "split", "voice")}
        entry |= {key: song["score"].get(key) for key in ("duration", "genre", "language")}
        entry["sha256"] = song["sha256"] | {"song.json": hashlib.sha256(text).hexdigest()}
        lines.append(json.dumps(entry, ensure_ascii=False) + "\n")
    _write_beside(out / "manifest.jsonl", "".join(lines))
    return out / "manifest.jsonl"


def _write_beside(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


# --- processes --------------------------------------------------------------------------------------------------------


def _render_all(
    out: Path,
    seed: int,
    durations: tuple[float, float],
    missing: Sequence[int],
    songs: int,
    workers: int,
    progress: bool,
) -> None:
    """Share out blocks of songs over spawned single-threaded processes (always, so that the numerics are the same)."""
    blocks: dict[int, list[int]] = {}
    for index in missing:
        blocks.setdefault(index // BLOCK, []).append(index)
    small = len(blocks) < 2 * workers  # too few blocks to keep everyone busy: share out single songs
    by_voice = sorted(blocks, key=lambda block: plan_voice(seed, block * BLOCK))  # analysed words stay in memory longer
    jobs = [[index] for index in missing] if small else [blocks[block] for block in by_voice]
    context = multiprocessing.get_context("spawn")
    results, following, stop = context.Queue(), context.Value("i", 0), context.Event()
    arguments = (out, seed, durations, jobs, following, stop, results)
    processes = [context.Process(target=_work, args=arguments, daemon=True) for _ in range(min(workers, len(jobs)))]
    _start(processes)
    columns = (SpinnerColumn(), TextColumn("rendering songs"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(
            *columns, TextColumn("{task.fields[speed]}"), TimeRemainingColumn(), disable=not progress, transient=True
        ) as bar:
            task = bar.add_task("", total=songs, completed=songs - len(missing), speed="")
            for _ in missing:
                _next_result(results, processes)
                rate = bar.tasks[0].speed or bar.tasks[0].finished_speed
                bar.update(task, advance=1, speed=f"{rate:.2f} songs/s" if rate else "")
    finally:
        stop.set()
        for process in processes:
            process.join(timeout=30)
            if process.is_alive():
                process.terminate()


def _start(processes: Sequence[SpawnProcess]) -> None:
    """Start processes that inherit one thread for linear algebra: the song is the unit of parallel work."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        for process in processes:
            process.start()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _work(
    out: Path,
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
    while True:
        with following.get_lock():
            job, following.value = following.value, following.value + 1
        if job >= len(jobs):
            return
        for index in jobs[job]:
            if stop.is_set() or parent is None or not parent.is_alive():
                return
            try:
                write_song(out, plan_song(seed, index, durations))
            except Exception as error:  # not handled here: handed to the parent, which raises it
                error.add_note(f"while making {song_id(index)} of seed {seed}:\n{traceback.format_exc()}")
                results.put(error)
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
        if isinstance(result, BaseException):
            raise result
        return int(result)
