"""Choosing by ear: the best of several renderings, and lines that were not sung well, once more.

The ear is the shipped phoneme recogniser and the levels of the stems. Both are part of a plain install, so that a
request chooses the same everywhere. They are loaded when first used: a song that is not judged does without.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..score import TRACKS, Score
from .controls import PLANNED
from .song_pipeline import SongPipeline, SongPipelineOutput

BAD_LINE = 0.3
"""A line of which more phonemes than this are wrong is worth another try. On the corpus's own vocals the recogniser
gets 12 % wrong, and 5 % of the lines are above this; from 0.6 on the evaluation calls a line missed."""
MAX_LINES = 4  # repaired in one round, the worst first: the rest is what the model holds on to
MARGIN = 0.15  # seconds before and after a line that are rendered with it, as far as the lines beside it leave room


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a song, as shares of what its Score asks for; None where the Score does not say.

    ``phoneme_error`` of the vocals stem (edits over asked phonemes), ``notes_unheard`` of all tracks' notes,
    ``silence_broken`` of the time in which a track rests; ``line_error`` per line the share of phonemes that is wrong.
    """

    phoneme_error: float | None
    notes_unheard: float | None = None
    silence_broken: float | None = None
    line_error: tuple[float | None, ...] = ()

    @property
    def figures(self) -> dict[str, float]:
        """The shares that are known, by name."""
        shares = {name: getattr(self, name) for name in ("phoneme_error", "notes_unheard", "silence_broken")}
        return {name: round(share, 4) for name, share in shares.items() if share is not None}

    @property
    def fault(self) -> float:
        """The one number by which songs are compared: the sum of the shares that are known, 0 for a perfect song."""
        return sum(self.figures.values())

    @property
    def bad_lines(self) -> list[int]:
        """Indices of at most :data:`MAX_LINES` lines that are worse than :data:`BAD_LINE`, the worst first."""
        errors = {i: error for i, error in enumerate(self.line_error) if error is not None and error > BAD_LINE}
        return sorted(errors, key=lambda i: -errors[i])[:MAX_LINES]

    def __str__(self) -> str:
        return ", ".join(f"{name.replace('_', ' ')} {share:.2f}" for name, share in self.figures.items())


Judge = Callable[[SongPipelineOutput], Verdict]
Report = Callable[[str], None]


def judge_song(song: SongPipelineOutput) -> Verdict:
    """Hold the stems (arrays, at 44.1 kHz) against the Score. Needs torch and the shipped recogniser only."""
    from ..evaluation.music import measure_silence
    from ..evaluation.words import hear, load_recogniser, words_heard

    levels = measure_silence(song.score, song.stems)
    shares = levels.get("notes_unheard"), levels.get("silence_broken")
    if not song.score.phonemes or not song.score.words:
        return Verdict(None, *shares)
    recogniser = load_recogniser()
    words = words_heard(hear(recogniser, song.stems["vocals"]), song.score, recogniser)
    return Verdict(words.error_rate, *shares, words.line_error)


def best_of(
    pipeline: SongPipeline,
    n: int,
    *,
    seed: int = 0,
    judge: Judge = judge_song,
    report: Report = lambda line: None,
    **arguments: Any,
) -> SongPipelineOutput:
    """Render one Score ``n`` times, with the noise of ``seed``, ``seed + 1`` …, and return the song of least fault.

    Args:
        seed: also the composer's, so that the first candidate is the song that ``pipeline`` makes of this seed alone.
        judge: what is wrong with a song; of equal candidates the first is kept.
        report: called with a line of text after every candidate, and with the choice.
        arguments: of :meth:`SongPipeline.__call__`, save ``generator`` and ``output_type``.

    ``chosen`` of the result holds the seed of the noise that was kept (with this score it makes the same song; alone it
    would plan another), its figures, and ``candidates`` with those of all. Raises :class:`InputError` for ``n`` below
    1, or where the Score says nothing that a song could be held against.
    """
    if n < 1:
        raise InputError(f"best of: {n} is no number of candidates; choose 1 or more")
    seeds, verdicts = [(seed + i) % 2**32 for i in range(n)], []
    best: SongPipelineOutput | None = None
    chosen = 0
    for i in range(n):
        song = _render(pipeline, arguments, None if best is None else best.score, seeds[i])
        verdicts.append(judge(song))
        if not verdicts[i].figures:
            raise InputError("best of: the score says neither what is sung nor what is played: nothing to choose by")
        report(f"candidate {i + 1} of {n}: seed {seeds[i]}, {verdicts[i]}")
        if best is None or verdicts[i].fault < verdicts[chosen].fault:
            best, chosen = song, i
    assert best is not None
    faults = [verdict.fault for verdict in verdicts]
    report(
        f"best of {n}: seed {seeds[chosen]}, {verdicts[chosen]} "
        f"(sum {min(faults):.2f}; all candidates {min(faults):.2f} … {max(faults):.2f})"
    )
    candidates = [{"seed": seeds[i]} | verdicts[i].figures for i in range(n)]
    return dataclasses.replace(best, chosen=candidates[chosen] | {"candidates": candidates})


def check_sung(score: Score | None) -> None:
    """Raise :class:`InputError` where nothing is sung that could be repaired; None is an instrumental."""
    if score is None or not score.phonemes or not score.words:
        raise InputError("repair: nothing is sung in this song; leave it out, or give lyrics")


def repair(
    pipeline: SongPipeline,
    song: SongPipelineOutput,
    rounds: int = 1,
    *,
    seed: int = 0,
    judge: Judge = judge_song,
    report: Report = lambda line: None,
    **arguments: Any,
) -> SongPipelineOutput:
    """Render the vocals of badly sung lines (:attr:`Verdict.bad_lines`) again and keep those that come out better.

    Args:
        song: with ``latents``, ``score`` and stems as arrays. All its cells but those of the lines' vocals are known to
            the model and come back as they were.
        rounds: each begins with what the one before it kept, and has noise of its own: ``seed``, ``seed + 1`` …
        judge, report: as of :func:`best_of`.
        arguments: those that ``song`` was made with, save ``generator`` and ``output_type``; cells known then stay so.

    A line is kept where its error fell, and all lines of a round only if together they lower the phoneme error of the
    song: it never rises. ``chosen`` of the result adds ``repairs``, every line that was tried. Raises
    :class:`InputError` where nothing is sung.
    """
    check_sung(song.score)
    verdict = judge(song)
    texts = [line.text for line in song.score.lines or []]
    tried: list[dict[str, Any]] = []
    for number in range(1, rounds + 1):
        lines = verdict.bad_lines
        if not lines:
            report(f"repair: no line has more than {BAD_LINE:.0%} of its phonemes wrong")
            break
        known = known_cells(song, lines, pipeline.frame_rate)
        if arguments.get("known_mask") is not None:
            known |= arguments["known_mask"]
        cells = {"known_latents": song.latents, "known_mask": known}
        again = _render(pipeline, arguments | cells, song.score, seed + number - 1)
        errors = judge(again).line_error
        better = [line for line in lines if _error(errors, line) < _error(verdict.line_error, line)]
        kept, heard = (song, verdict) if not better else _with_lines(pipeline, song, again, lines, better, judge)
        if (heard.phoneme_error or 0) >= (verdict.phoneme_error or 0):
            better = []
        for line in lines:
            before, after = _error(verdict.line_error, line), _error(errors, line)
            tried.append({"round": number, "line": line, "before": round(before, 4), "after": round(after, 4)})
            tried[-1]["kept"] = line in better
            says = "kept" if line in better else "left as it was"
            report(f"repair {number} of {rounds}: {texts[line]!r}, phoneme error {before:.2f} → {after:.2f}, {says}")
        if better:
            song, verdict = kept, heard
    if tried:
        report(f"repaired {sum(line['kept'] for line in tried)} of {len(tried)} lines tried: {verdict}")
    return dataclasses.replace(song, chosen=(song.chosen or {}) | verdict.figures | {"repairs": tried})


def known_cells(song: SongPipelineOutput, lines: list[int], frame_rate: float) -> Tensor:
    """(K, T), True = known: all cells but those of the vocals in ``lines``, with :data:`MARGIN` about them."""
    score, known = song.score, torch.ones(song.latents.shape[0], song.latents.shape[-1], dtype=torch.bool)
    sung: dict[int, list[float]] = {}
    for phoneme in score.phonemes or []:
        sung.setdefault((score.words or [])[phoneme.word].line, []).extend((phoneme.start, phoneme.end))
    for line in lines:
        start, end = min(sung[line]), max(sung[line])
        before = max((max(times) for times in sung.values() if min(times) < start), default=-math.inf)
        after = min((min(times) for times in sung.values() if min(times) > start), default=math.inf)
        start -= min(MARGIN, max(0.0, start - before) / 2)
        end += min(MARGIN, max(0.0, after - end) / 2)
        known[TRACKS.index("vocals"), max(0, round(start * frame_rate)) : round(end * frame_rate)] = False
    return known


def _with_lines(
    pipeline: SongPipeline,
    song: SongPipelineOutput,
    again: SongPipelineOutput,
    lines: list[int],
    better: list[int],
    judge: Judge,
) -> tuple[SongPipelineOutput, Verdict]:
    """``song`` with those of the ``lines`` of ``again`` that came out better, and what is wrong with it."""
    latents, audio, stems = again.latents, again.audio, again.stems
    if better != lines:
        known = known_cells(song, better, pipeline.frame_rate)
        latents = torch.where(known[:, None], song.latents, again.latents)
        audio, stems = pipeline.render_latents(latents, song.audio.shape[-1])
    mended = dataclasses.replace(song, latents=latents, audio=audio, stems=stems)
    return mended, judge(mended)


def _render(
    pipeline: SongPipeline, arguments: dict[str, Any], score: Score | None, noise_seed: int
) -> SongPipelineOutput:
    """The song of ``arguments``; ``score``, which an earlier call planned of them, is sung instead of a new plan.

    Without a composer (``planner="none"``) there is no such plan: the words are laid out again, the same way.
    """
    if score is not None and (arguments.get("score") is not None or arguments.get("planner") != "none"):
        arguments = {name: value for name, value in arguments.items() if name not in PLANNED} | {"score": score}
    return pipeline(**arguments, generator=torch.Generator().manual_seed(noise_seed % 2**32))


def _error(errors: tuple[float | None, ...], line: int) -> float:
    """Of one line; a line without phonemes has none."""
    return errors[line] or 0.0
