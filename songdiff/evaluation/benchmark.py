"""Measure songs, or a checkpoint on the benchmark: render, measure, set beside the ceilings, report.

Rendered songs are ordinary songs in a work folder (mix, JSON, stems), so that an interrupted run goes on where it was
and every song can be heard and measured again. Ceilings are the same scores sung and played by the corpus's own singers
and instruments, or a corpus's held-out songs.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from tqdm import tqdm

from ..composer import GENRES
from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..pipelines import SongPipeline, SongPipelineOutput, checkpoint_folder
from ..pipelines.request import SongRequest, make_song, read_sidecar, write_song
from ..score import Score
from .benchmark_set import Item, load_benchmark
from .measures import Measure, measure_song, prepare
from .report import Mean, Report, Row
from .songs import SAMPLE_RATE, Song, held_out_songs, made_song
from .sound import audio_features, frechet_distance

CEILING = "corpus singers and instruments"
_NO_STEMS = "no stems kept: measured on the mix alone; make it again with --stems"


def run_benchmark(
    checkpoint: str | Path,
    songs: int | None = None,
    steps: int | None = None,
    progress: bool = True,
    *,
    planner: Literal["composer", "none"] = "composer",
    work: Path | None = None,
    corpus: Path | None = None,
    ceilings: Path | bool = True,
) -> Report:
    """Render and measure the benchmark.

    Args:
        checkpoint: a folder, or an embedded model such as "songdiff/tiny".
        songs: only the first so many; None for all.
        steps: denoising steps; None for the checkpoint's own.
        planner: "none" tells the model no more of a song than its words and prompt (English songs and instrumentals
            only); then words, style and sound can be measured, and what only a plan says cannot.
        work: folder that keeps the rendered songs, and from which an interrupted run goes on; None for a temporary one.
        corpus: sing this corpus's held-out songs again instead, whose own audio then gives the ceilings.
        ceilings: True sings the benchmark with the corpus's singers where they are installed, False does without,
            a corpus folder gives its held-out songs.

    Raises :class:`InputError` for an unfit checkpoint or corpus, or a work folder of another checkpoint.
    """
    if work is None:
        with tempfile.TemporaryDirectory(prefix="songdiff-benchmark-") as folder:
            return run_benchmark(
                checkpoint, songs, steps, progress, planner=planner, work=Path(folder), corpus=corpus, ceilings=ceilings
            )
    originals = held_out_songs(corpus, songs) if corpus else None
    if originals is None:
        items: Sequence[Item] = load_benchmark()[:songs]
    else:
        items = [Item(name=s.name, prompt=s.prompt, seed=i, score=s.score) for i, s in enumerate(originals)]
    if planner == "none":
        items = [item for item in items if item.english or not item.score.lines]
    rendered = render_items(checkpoint, items, work, steps, progress, planner)
    notes = []
    if originals is not None and ceilings is True:
        best: Sequence[Song] = originals
    elif ceilings is True:
        try:
            best = sing_items(items, work / "ceilings", progress)
        except (MissingToolError, ImportError) as error:
            notes.append(f"no ceilings: {error}")
            best = []
    else:
        best = held_out_songs(ceilings, songs) if ceilings else []
    return evaluate_songs(rendered, str(checkpoint), ceilings=best, notes=notes, progress=progress)


def evaluate_songs(
    songs: Sequence[Song],
    model: str,
    *,
    ceilings: Sequence[Song] = (),
    notes: Sequence[str] = (),
    progress: bool = True,
) -> Report:
    """Measure songs, and ``ceilings`` in the same way. What cannot be measured here is named in the report's notes."""
    groups, missing = prepare(songs)
    rows, features = _measured(songs, groups, "measure", progress)
    best, best_features = _measured(ceilings, groups, "ceilings", progress)
    bare = sum(_NO_STEMS in row.remarks for row in rows)
    without = [f"{bare} of {len(rows)} songs: {_NO_STEMS}"] if bare else []
    report = Report.of(model, rows, best, [*notes, *missing, *without])
    if "sound" in groups and len(songs) > 1 and len(ceilings) > 3:
        report.figures["sound.frechet"] = _distance(features[0::2], best_features[1::2])
        report.ceilings["sound.frechet"] = _distance(best_features[0::2], best_features[1::2])
    return report


def _measured(
    songs: Sequence[Song], groups: dict[str, Measure], what: str, progress: bool
) -> tuple[list[Row], list[np.ndarray]]:
    """Every song's row, and its features (n, d) for the Fréchet distance."""
    rows, features = [], []
    for song in tqdm(songs, desc=what, disable=not progress or not songs):
        audio = song.read()
        if audio.stems is None:
            audio.remarks.append(_NO_STEMS)
        figures = measure_song(song, audio, groups)
        score = song.score
        rows.append(
            Row(name=song.name, prompt=song.prompt, seconds=score.duration, figures=figures, remarks=audio.remarks)
        )
        if "sound" in groups:
            features.append(audio_features(audio.mix))
    return rows, features


def _distance(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> Mean:
    """Of two sets of songs: every other song against every other ceiling, so that both distances are of like sets."""
    distance = frechet_distance(np.concatenate(some), np.concatenate(others))
    return Mean(mean=round(distance, 6), low=None, high=None, songs=len(some))


# --- rendering --------------------------------------------------------------------------------------------------------


def render_items(
    checkpoint: str | Path,
    items: Sequence[Item],
    work: Path,
    steps: int | None = None,
    progress: bool = True,
    planner: Literal["composer", "none"] = "composer",
) -> list[Song]:
    """Sing items with a checkpoint into ``work``; those that are there already are kept. ``planner``: as in
    :func:`run_benchmark`."""
    run: dict[str, object] = {"checkpoint": _digest(checkpoint_folder(checkpoint)), "steps": steps}
    _claim(work, run | ({"planner": planner} if planner == "none" else {}))
    pipeline = None
    songs = []
    for item in tqdm(items, desc="render", disable=not progress):
        request = SongRequest(model=str(checkpoint), prompt=item.prompt, seed=item.seed, num_inference_steps=steps)
        score: Score | None = item.score
        if planner == "none":
            lyrics = "\n".join(line.text for line in item.score.lines or []) or None
            length = item.score.duration
            request = request.model_copy(update={"planner": planner, "lyrics": lyrics, "audio_duration": length})
            score = None
        path = work / f"{item.name}.flac"
        if not _made(path, item, planned=score is not None):
            if pipeline is None:
                pipeline = SongPipeline.from_pretrained(checkpoint)
                pipeline.set_progress_bar_config(disable=True)
            write_song(make_song(request, pipeline, score), request, path, work / item.name, score)
        song = made_song(path)
        if score is None:  # who sings, and in which style and mood, is asked for by the prompt
            asked = {name: getattr(item.score, name) for name in ("genre", "singer", "emotion")}
            song = replace(song, score=song.score.model_copy(update=asked))
        songs.append(song)
    return songs


def sing_items(items: Sequence[Item], folder: Path, progress: bool = True) -> list[Song]:
    """The items by the corpus's singers and instruments, into ``folder``; those that are there already are kept.

    Raises :class:`MissingToolError` or ImportError where flite, fluidsynth, a soundfont or a package is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    songs = []
    for item in tqdm(items, desc="sing ceilings", disable=not progress):
        path = folder / f"{item.name}.flac"
        if not _made(path, item):
            stems = sing_score(item.score, item.seed)
            mix = np.sum(list(stems.values()), axis=0)
            song = SongPipelineOutput(mix, stems, item.score, torch.empty(0), SAMPLE_RATE)
            request = SongRequest(model=CEILING, prompt=item.prompt, seed=item.seed)
            write_song(song, request, path, folder / item.name, item.score)
        songs.append(made_song(path))
    return songs


def sing_score(score: Score, seed: int) -> dict[str, np.ndarray]:
    """Stems, each (2, samples), of a score by the voice that its singer names, as the corpus would render it.

    Raises :class:`InputError` where the corpus has no such voice.
    """
    from ..corpus.instruments import render_each, sample_count
    from ..corpus.mixing import mix_song
    from ..corpus.singer import sing, sing_backing
    from ..corpus.voices import VOICES

    rng = np.random.default_rng([seed, 4])
    vocals, backing = np.zeros(sample_count(score), np.float32), None
    if score.melody:
        name = score.singer.name if score.singer else None
        if name not in VOICES:
            raise InputError(f"no voice of the corpus is called {name}; there are {', '.join(VOICES)}")
        vocals = sing(score, VOICES[name], rng)
        backing = sing_backing(score, VOICES[name], rng) if score.backing else None
    electronic = score.genre in GENRES and GENRES[score.genre].electronic
    players = render_each(score, engine="hybrid" if electronic else "soundfont", rng=rng)
    return mix_song(score, vocals, players, backing=backing, rng=rng)


def _made(path: Path, item: Item, planned: bool = True) -> bool:
    """Whether this very song is there; its JSON is written last. Without a plan its score is not the item's."""
    sidecar = path.with_suffix(".json")
    if not (path.is_file() and sidecar.is_file()):
        return False
    request, score, _, _ = read_sidecar(sidecar)
    same_score = not planned or score == item.score.canonical()
    return (request.prompt, request.seed) == (item.prompt, item.seed) and same_score


def _claim(work: Path, run: dict[str, object]) -> None:
    """Note in ``work`` whose songs it holds. Raises :class:`InputError` where they are another checkpoint's."""
    note = work / ".run"
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) != run:
        raise InputError(f"{work}: holds songs of another checkpoint or number of steps; remove it, or change --out")
    work.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(run) + "\n", encoding="utf-8")


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".json", ".safetensors"):
            digest.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return digest.hexdigest()
