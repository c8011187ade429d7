"""Pairs for preference tuning: requests are sung several times, and of each the best and the worst song are kept.

The ear is that of ``songdiff generate --best-of`` (:mod:`songdiff.pipelines.selection`). Requests are the user's, or
drawn: short songs whose words and seeds are none of the benchmark's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from pydantic import ValidationError
from torch import Tensor

from ..audio.files import replacing
from ..composer import GENRES, ComposeError
from ..composer.style import MOODS
from ..data.pairs import PAIRS
from ..errors import InputError
from ..pipelines import SongPipeline, SongPipelineOutput
from ..pipelines.known import save_latents
from ..pipelines.request import SongRequest, make_song
from ..pipelines.selection import Verdict, judge_song
from . import music, sound

TARGETS = ("fault", "phoneme_error", "notes_unheard", "silence_broken")
"""What pairs may be told apart by, of a :class:`~songdiff.pipelines.selection.Verdict`; less is better."""
FIGURES = {"music": music.FIGURES, "sound": sound.FIGURES}
"""Groups of figures of which pairs may be told apart by one."""
Wrong = Callable[[Verdict, SongPipelineOutput], float | None]
"""How much is wrong with a song; None where nothing can be said."""


def drawn_requests(seed: int, seconds: float = 9.0) -> Iterator[SongRequest]:
    """Sung English songs of so many seconds in all genres and moods, without end; another seed has other words."""
    from ..corpus.words import write_lyrics

    number = 0
    while True:
        rng = np.random.default_rng([seed, number, 0x9A15])
        lyrics = write_lyrics(rng, lines=2, syllables=(4, 7))
        style = [rng.choice(sorted(GENRES)), rng.choice(sorted(MOODS)), rng.choice(["female", "male"]) + " vocals"]
        yield SongRequest(
            lyrics="\n".join(line.text for line in lyrics.lines),
            prompt=", ".join(map(str, style)),
            seed=int(rng.integers(2**32)),
            audio_duration=seconds,
        )
        number += 1


def read_requests(path: Path) -> list[SongRequest]:
    """A request of ``songdiff generate`` a line, as in its JSON. Raises :class:`InputError` naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: cannot be read; give JSON lines, each a request such as {{'prompt': …}}") from None
    requests = []
    for number, line in enumerate(lines, start=1):
        try:
            requests.append(SongRequest.model_validate_json(line))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "JSON"
            raise InputError(f"{path}: line {number}: {place}: {first['msg']}") from None
    return requests


def read_target(text: str) -> Wrong:
    """One of :data:`TARGETS`, a figure such as "music.chords_majmin", or "sound.rolloff_95_hz:4000": the nearer to it,
    the better. Raises :class:`InputError` for another."""
    if text in TARGETS:
        return lambda verdict, song: getattr(verdict, text)
    name, _, value = text.partition(":")
    group, _, figure = name.partition(".")
    known = FIGURES.get(group, {}).get(figure)
    try:
        wanted = float(value) if value else None
    except ValueError:
        wanted = math.nan
    if known is None or (wanted is not None and not math.isfinite(wanted)):
        groups = ", ".join(f"{group}.FIGURE" for group in FIGURES)
        raise InputError(
            f"target: {text!r} is none of {', '.join(TARGETS)}, {groups}; with :VALUE the nearer the better"
        )
    if wanted is None and known.better == "target":
        raise InputError(f"target: {text} is better neither high nor low; give the value to come near, {text}:VALUE")

    def wrong(verdict: Verdict, song: SongPipelineOutput) -> float | None:
        if group == "music":
            measured = music.measure_music(song.score, song.stems)[figure]
        else:
            measured = sound.measure_sound(song.audio, song.stems)[figure]
        if measured is None:
            return None
        if wanted is not None:
            return abs(measured - wanted)
        return measured if known.better == "low" else -measured

    return wrong


def sing(pipeline: SongPipeline, request: SongRequest, count: int) -> list[tuple[Verdict, SongPipelineOutput]]:
    """One Score, sung ``count`` times with noise of its own, and what is wrong with each."""
    heard: list[tuple[Verdict, SongPipelineOutput]] = []

    def judge(song: SongPipelineOutput) -> Verdict:
        heard.append((judge_song(song), song))
        return heard[-1][0]

    make_song(request.model_copy(update={"best_of": count, "repair_rounds": 0}), pipeline, judge=judge)
    return heard


def make_pairs(
    pipeline: SongPipeline,
    requests: Iterable[SongRequest],
    out: Path,
    count: int,
    *,
    candidates: int = 4,
    target: str = "fault",
    margin: float = 0.05,
    report: Callable[[str], None] = lambda line: None,
) -> Path:
    """Sing the first ``count`` of ``requests`` that can be composed and write the pairs that differ by ``margin``.

    Returns ``out/pairs.jsonl``, to which lines are added as they come. Raises :class:`InputError` for another target,
    fewer than two candidates, or a folder that holds pairs already.
    """
    wrong = read_target(target)
    if candidates < 2:
        raise InputError(f"candidates: {candidates} make no pair; choose 2 or more")
    path = out / PAIRS
    if path.exists():
        raise InputError(f"{path}: is there already; choose another folder, or delete it")
    out.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    sung = 0
    for number, request in enumerate(requests):
        if sung == count:
            break
        try:
            heard = sing(pipeline, request, candidates)
        except ComposeError as error:
            report(f"request {number + 1}: left out ({error})")
            continue
        sung += 1
        scores = [score for score in (wrong(*one) for one in heard) if score is not None]
        if len(scores) < len(heard):
            report(f"request {number + 1}: left out (nothing in it has a {target})")
            continue
        best, worst = int(np.argmin(scores)), int(np.argmax(scores))
        told = f"request {number + 1}: {target} {scores[best]:.3f} … {scores[worst]:.3f}"
        if best == worst or scores[worst] - scores[best] < margin:
            report(f"{told}, too much alike")
            continue
        report(told)
        names = {"winner": f"{number:05d}-{best}", "loser": f"{number:05d}-{worst}"}
        files = {kind: f"{name}.latents.safetensors" for kind, name in names.items()}
        for kind, chosen in (("winner", best), ("loser", worst)):
            latents: Tensor = heard[chosen][1].latents
            save_latents(out / files[kind], latents)
        record = files | {
            "target": target,
            "figures": {kind: heard[i][0].figures for kind, i in (("winner", best), ("loser", worst))},
            "request": request.model_dump(exclude_none=True),
            "score": json.loads(heard[best][1].score.to_json()),
        }
        lines.append(json.dumps(record, ensure_ascii=False) + "\n")
        with replacing(path) as beside:
            beside.write_text("".join(lines), encoding="utf-8")
    if not lines:
        raise InputError(f"{out}: none of {sung} requests gave a pair; sing more, or lower the margin ({margin:g})")
    return path
