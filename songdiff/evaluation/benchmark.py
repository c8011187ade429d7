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
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from ..audio import read_audio, write_audio
from ..composer import GENRES
from ..corpus.tools import MissingToolError
from ..errors import InputError
from ..pipelines import SongPipeline, SongPipelineOutput, checkpoint_folder
from ..pipelines.request import SongRequest, make_song, read_sidecar, write_song
from ..score import Score
from .benchmark_set import Item, load_benchmark
from .measures import Measure, measure_song, prepare
from .report import Report, Row
from .songs import SAMPLE_RATE, Song, held_out_songs, made_song

CEILING = "corpus singers and instruments"


def run_benchmark(
    checkpoint: str | Path,
    songs: int | None = None,
    steps: int | None = None,
    progress: bool = True,
    *,
    work: Path | None = None,
    corpus: Path | None = None,
    ceilings: Path | bool = True,
) -> tuple[Report, list[Song]]:
    """Render and measure the benchmark; returns the report, and the songs as rendered.

    Args:
        checkpoint: a folder, or an embedded model such as "songdiff/tiny".
        songs: only the first so many; None for all.
        steps: denoising steps; None for the checkpoint's own.
        work: folder that keeps the rendered songs, and from which an interrupted run goes on; None for a temporary one.
        corpus: sing this corpus's held-out songs again instead, whose own audio then gives the ceilings.
        ceilings: True sings the benchmark with the corpus's singers where they are installed, False does without,
            a corpus folder gives its held-out songs.

    Raises :class:`InputError` for an unfit checkpoint or corpus, or a work folder of another checkpoint.
    """
    checkpoint_folder(checkpoint)
    originals = held_out_songs(corpus, songs) if corpus else None
    if originals is None:
        items: Sequence[Item] = load_benchmark()[:songs]
    else:
        items = [Item(name=s.name, prompt=s.prompt, seed=i, score=s.score) for i, s in enumerate(originals)]
    work = Path(tempfile.mkdtemp(prefix="songdiff-benchmark-")) if work is None else work
    rendered = render_items(checkpoint, items, work, steps, progress)
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
    return evaluate_songs(rendered, str(checkpoint), ceilings=best, notes=notes, progress=progress), rendered


def evaluate_songs(
    songs: Sequence[Song], model: str, *, ceilings: Sequence[Song] = (), notes: Sequence[str] = (), progress: bool = True
) -> Report:
    """Measure songs, and ``ceilings`` in the same way. What cannot be measured here is named in the report's notes."""
    groups, missing = prepare(songs)
    rows = [_measured(song, groups) for song in tqdm(songs, desc="measure", disable=not progress)]
    best = [_measured(song, groups) for song in tqdm(ceilings, desc="ceilings", disable=not progress or not ceilings)]
    return Report.of(model, rows, best, [*notes, *missing])


def _measured(song: Song, groups: dict[str, Measure]) -> Row:
    audio = song.read()
    if audio.stems is None:
        audio.remarks.append("no stems kept: measured on the mix alone; make it again with --stems")
    figures = measure_song(song, audio, groups)
    return Row(
        name=song.name, prompt=song.prompt, seconds=song.score.duration, figures=figures, remarks=audio.remarks
    )


# --- rendering --------------------------------------------------------------------------------------------------------


def render_items(
    checkpoint: str | Path, items: Sequence[Item], work: Path, steps: int | None = None, progress: bool = True
) -> list[Song]:
    """Sing items with a checkpoint into ``work``; those that are there already are kept."""
    _claim(work, {"checkpoint": _digest(checkpoint_folder(checkpoint)), "steps": steps})
    pipeline = None
    songs = []
    for item in tqdm(items, desc="render", disable=not progress):
        request = SongRequest(
            model=str(checkpoint), prompt=item.prompt, seed=item.seed, num_inference_steps=steps
        )
        path = work / f"{item.name}.flac"
        if not _made(path, item):
            if pipeline is None:
                pipeline = SongPipeline.from_pretrained(checkpoint)
                pipeline.set_progress_bar_config(disable=True)
            write_song(make_song(request, pipeline, item.score), request, path, work / item.name, item.score)
        songs.append(made_song(path))
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


def _made(path: Path, item: Item) -> bool:
    """Whether this very song is there; its JSON is written last."""
    sidecar = path.with_suffix(".json")
    if not (path.is_file() and sidecar.is_file()):
        return False
    request, score, _, _ = read_sidecar(sidecar)
    return (request.prompt, request.seed, score) == (item.prompt, item.seed, item.score.canonical())


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
