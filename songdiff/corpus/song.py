"""One song of a corpus from its plan: compose → sing and play → mix → the files of a shard. No folders or processes."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import replace

import numpy as np

from ..composer import ComposeError, caption, compose
from ..lyrics import Lyrics
from ..score import TRACKS, Score
from .instruments import render_each, sample_count
from .mixing import mix_song
from .plan import SongPlan
from .shards import Sample, to_flac
from .voices import VOICES, Voice

CAPTIONS = 6  # a song


def make_song(plan: SongPlan) -> tuple[Score, dict[str, np.ndarray]]:
    """Compose, sing, play and mix: the score and its stems, each (2, samples) float32 at 44.1 kHz."""
    from .singer import sing, sing_backing  # needs pyworld

    voice = VOICES[plan.voice]
    score = _composed(plan, plan.lyrics, voice)
    rng = np.random.default_rng([plan.seed, plan.index, 4])
    vocals = sing(score, voice, rng) if score.melody else np.zeros(sample_count(score), np.float32)
    backing = sing_backing(score, voice, rng) if score.backing else None
    return score, mix_song(score, vocals, render_each(score, engine=plan.engine, rng=rng), backing=backing, rng=rng)


def _composed(plan: SongPlan, lyrics: Lyrics | None, voice: Voice) -> Score:
    """The plan's score; where the lyrics are too long for it, without their last section or line."""
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
        if lyrics is None or len(lyrics.lines) < 2:
            raise
        last = len(lyrics.sections) - 1
        lines = [line for line in lyrics.lines if line.section != last]
        if not lines:
            return _composed(plan, replace(lyrics, lines=lyrics.lines[:-1]), voice)
        return _composed(plan, replace(lyrics, lines=lines, sections=lyrics.sections[:last]), voice)


def encode_song(plan: SongPlan, score: Score, waveforms: dict[str, np.ndarray]) -> Sample:
    """The files of a song: FLAC stems, and JSON with captions, score and the stems' SHA-256."""
    sample: Sample = {f"{track}.flac": to_flac(waveforms[track]) for track in TRACKS}
    song = {
        "id": plan.id,
        "split": plan.split,
        "seed": plan.seed,
        "voice": plan.voice if score.melody else None,
        "captions": _captions(score, random.Random(f"{plan.seed} {plan.index}")),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in sample.items()},
        "score": json.loads(score.to_json()),
    }
    return sample | {"json": (json.dumps(song, ensure_ascii=False) + "\n").encode()}


def _captions(score: Score, draws: random.Random) -> list[str]:
    """Up to :data:`CAPTIONS` different ones."""
    return list(dict.fromkeys(caption(score, draws) for _ in range(4 * CAPTIONS)))[:CAPTIONS]
