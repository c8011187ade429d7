"""Does a checkpoint follow the Score? Held-out corpus songs rendered again from their own scores, and measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from ..data import corpus_songs
from ..errors import InputError
from ..pipelines import SongPipeline
from ..score import Score
from .chords import chord_accuracy, chroma
from .pitch import pitch_accuracy, pitch_track


def measure(stems: dict[str, np.ndarray], score: Score) -> dict[str, Any]:
    """Counts for one song: pitch (right, voiced) on the vocals, and the chroma of its chordal tracks."""
    right, voiced = pitch_accuracy(pitch_track(stems["vocals"]), score.melody or []) if score.melody else (0, 0)
    features = chroma(stems["other"] + stems["bass"])
    chords_right, chord_bars = chord_accuracy(features, score)
    return {"pitch": (right, voiced), "chords": (chords_right, chord_bars), "chroma": features}


def summarise(measured: list[dict[str, Any]], scores: list[Score]) -> dict[str, float]:
    """Shares over all songs; ``chords_shuffled`` holds each song against the score of the next one."""
    shuffled = [chord_accuracy(row["chroma"], scores[(i + 1) % len(scores)]) for i, row in enumerate(measured)]

    def share(pairs: list[tuple[int, int]]) -> float:
        return round(sum(right for right, _ in pairs) / max(1, sum(total for _, total in pairs)), 4)

    return {
        "pitch_within_50_cents": share([row["pitch"] for row in measured]),
        "chords_right": share([row["chords"] for row in measured]),
        "chords_shuffled": share(shuffled),
    }


def evaluate_corpus(model: str, corpus: Path, songs: int, out: Path) -> str:
    """Render the first ``songs`` held-out songs of ``corpus`` with ``model``; write and return the report as JSON.

    The same figures on the corpus's own stems are the ceiling of the estimators.
    """
    from ..corpus.shards import stems as read_stems

    held_out = corpus_songs(corpus, "test", songs)
    if len(held_out) < 2:
        raise InputError(
            f"{corpus}: holds {len(held_out)} held-out songs; two are needed (every 20th song is held out)"
        )
    pipeline = SongPipeline.from_pretrained(model)
    pipeline.set_progress_bar_config(disable=True)
    rendered, original = [], []
    for i, song in enumerate(tqdm(held_out, desc="evaluate")):
        output = pipeline(prompt=song.captions[0], score=song.score, generator=torch.Generator().manual_seed(i))
        rendered.append(measure(output.stems, song.score))
        original.append(measure(read_stems(song), song.score))
    scores = [song.score for song in held_out]
    report = {"model": model, "songs": len(scores), "rendered": summarise(rendered, scores)}
    text = json.dumps(report | {"corpus": summarise(original, scores)}, indent=1)
    out.write_text(text + "\n", encoding="utf-8")
    return text
