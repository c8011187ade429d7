"""Working on songs as a grid of known cells: spans rendered again, songs made longer, loops that join.

Every function takes a :class:`~.known.Known` and returns a new one. Only the cells asked for are rendered, with the
song around them in view; what was not asked for stays sample for sample (:mod:`.splicing`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ..composer.continuation import continue_score, ending
from ..composer.resing import new_melody, new_words
from ..errors import InputError
from ..lyrics import Lyrics, load_lyrics, parse_lyrics
from ..score import TRACKS, Note, Score, Singer, melody_from_midi
from ..score.timeline import bars, cut, join
from .known import Known, Span, fit_frames
from .rendering import CONTEXT, check_tracks, decoded, render
from .song_pipeline import MAX_SECONDS, SongPipeline
from .splicing import merge_spans

_SUNG = ("lines", "words", "phonemes", "melody")
_JOIN = 0.5  # seconds on either side of a loop's join that are rendered, at most a quarter of a bar

Keep = Literal["melody", "words", "nothing"]


def edit(
    pipeline: SongPipeline,
    known: Known,
    spans: Sequence[Span],
    tracks: Sequence[str] | None = None,
    *,
    lyrics: Lyrics | str | Path | None = None,
    keep: Keep | None = None,
    melody: str | Path | Sequence[Note] | None = None,
    singer: str | Singer | None = None,
    prompt: str | None = None,
    seed: int = 0,
    context: float = CONTEXT,
    **arguments: Any,
) -> Known:
    """``known`` with ``tracks`` rendered again in ``spans``.

    Args:
        spans: (start, end) in seconds; they may overlap, and reach to the song's very start and end.
        tracks: None: the vocals where ``lyrics``, ``keep``, ``melody`` or ``singer`` are given, else all tracks.
        lyrics: new words for the spans. Timed ones (LRC): only the lines that start in a span.
        keep: "melody" (the usual, with ``lyrics``): new words on the notes that are there; "words": another melody for
            the words that are there; "nothing": new words on a new melody.
        melody: with ``keep="words"``, notes (a MIDI file) whose pitches are sung, one for every syllable.
        singer, prompt: of the spans; None: as they were.
        seed: of the noise, and of a new melody.
        context: seconds of the song on either side that the model has in view.
        arguments: of :meth:`SongPipeline.__call__`: ``num_inference_steps``, ``guidance_scale`` …
    Raises:
        InputError: naming what does not fit, and the song's length where a span lies outside.
    """
    spans = merge_spans(spans, known.duration, known.name)
    sung = lyrics is not None or keep is not None or melody is not None or singer is not None
    chosen = tuple(tracks) if tracks is not None else ("vocals",) if sung and known.tracks else known.tracks or TRACKS
    check_tracks(known, chosen)
    if isinstance(lyrics, Path):
        lyrics = load_lyrics(lyrics)
    elif isinstance(lyrics, str):
        lyrics = parse_lyrics(lyrics)
    if isinstance(melody, str | Path):
        melody = melody_from_midi(melody)
    if sung and "vocals" not in chosen:
        raise InputError("tracks: words, melody and singer are the vocals'; name vocals too")
    known = dataclasses.replace(known, score=plan_edit(known, spans, lyrics, keep, melody, prompt, seed))
    return render(pipeline, known, spans, chosen, singer=singer, prompt=prompt, seed=seed, context=context, **arguments)


def plan_edit(
    known: Known,
    spans: Sequence[Span],
    lyrics: Lyrics | None = None,
    keep: Keep | None = None,
    melody: Sequence[Note] | None = None,
    prompt: str | None = None,
    seed: int = 0,
) -> Score | None:
    """The Score of the edited song; None where the song has none and needs none."""
    score = known.score
    if keep not in (None, "melody", "words", "nothing"):
        raise InputError(f"keep: {keep!r} is none of melody, words, nothing")
    if keep == "words" and lyrics is not None:
        raise InputError("keep words: new lyrics are given; keep the melody, or leave the lyrics out")
    if keep in ("melody", "nothing") and lyrics is None:
        raise InputError(f"keep {keep}: needs the new words; give lyrics")
    if melody is not None and keep != "words":
        raise InputError("melody: its notes are for the words that are there; keep words, and leave lyrics out")
    if lyrics is None and keep is None:
        return score
    if score is None or score.melody is None or score.phonemes is None:
        if lyrics is None:
            raise InputError(f"keep {keep}: the notes of {known.name} are not known; give its score")
        score = score or Score(duration=known.duration)
        return _with_vocals(score, spans, lyrics, prompt or known.prompt, seed)
    if lyrics is None:
        return new_melody(score, spans, seed, melody)
    if not any(start <= note.start < end for note in score.melody for start, end in spans):
        return _with_vocals(score, spans, lyrics, prompt or known.prompt, seed)
    score = new_words(score, lyrics, spans)
    return new_melody(score, spans, seed) if keep == "nothing" else score


def extend(
    pipeline: SongPipeline,
    known: Known,
    before: float = 0.0,
    after: float = 0.0,
    *,
    over_ending: bool = False,
    lyrics: Lyrics | str | Path | None = None,
    prompt: str | None = None,
    seed: int = 0,
    context: float = CONTEXT,
    **arguments: Any,
) -> Known:
    """``known`` with more of the song before and after it, in its key, tempo, metre and style, on its beats.

    Args:
        before: seconds; a whole number of latent frames is taken (a 21.5th of a second), so that nothing known moves
            against the grid, however often a song is extended.
        after: seconds.
        over_ending: make the last bar anew, which rings out, so that the song goes on instead of ending twice.
        lyrics: sung in what comes after or, without that, before.
        prompt, seed, context, arguments: as of :func:`edit`.
    """
    if not (0 <= before < math.inf and 0 <= after < math.inf and before + after > 0):
        raise InputError(f"before {before:g} s, after {after:g} s: give 0 or more for each, and more than 0 for one")
    check_whole(known)
    if over_ending:
        whole, known = known, _without_ending(known, pipeline)
        after += whole.duration - known.duration
    longest = MAX_SECONDS - 2 * context
    if max(before, after) > longest:
        raise InputError(f"{max(before, after):g} s is more than {longest:g} s at a time; extend the result again")
    if isinstance(lyrics, Path):
        lyrics = load_lyrics(lyrics)
    elif isinstance(lyrics, str):
        lyrics = parse_lyrics(lyrics)
    rate, frame_rate = known.form.sample_rate, pipeline.frame_rate
    frames = round(before * frame_rate)
    before = frames / frame_rate
    score = plan_extension(known, before, after, lyrics, prompt, seed)
    padded = pad(known, round(before * rate), round(after * rate), frames, pipeline)
    length, end = padded.duration, before + known.duration
    if score is not None:
        score = score.model_copy(update={"duration": length})
    padded = dataclasses.replace(padded, score=score)
    spans = [(start, stop) for start, stop in ((0.0, before), (end, length)) if stop - start > 1e-3]
    return render(pipeline, padded, spans, TRACKS, prompt=prompt, seed=seed, context=context, **arguments)


def loop(
    pipeline: SongPipeline,
    known: Known,
    num_bars: int,
    start: float = 0.0,
    *,
    prompt: str | None = None,
    seed: int = 0,
    **arguments: Any,
) -> Known:
    """``num_bars`` bars of ``known`` from the first bar line at or after ``start`` seconds, as a loop.

    The bars are turned round, so that end and beginning meet in the middle; the join is rendered there, with the song
    on both sides in view, and turned back: whoever plays the result over and over hears no seam. It lasts ``num_bars``
    bars to the sample. Raises :class:`InputError` where the bar lines are unknown or too few.
    """
    found = None if known.score is None else bars(known.score)
    if known.score is None or found is None:
        raise InputError(f"{known.name}: where its bars lie is not known; give its score, with beats")
    if num_bars < 1:
        raise InputError(f"loop: {num_bars} bars; choose 1 or more")
    origin, bar = found
    rate = known.form.sample_rate
    begin = max(0.0, origin + math.ceil((start - origin) / bar - 1e-3) * bar)
    length, first = round(num_bars * bar * rate), round(begin * rate)
    if first + length > known.num_samples + 1:
        there = max(0, int((known.duration - begin) / bar + 1e-6))
        raise InputError(f"loop: {num_bars} bars from {begin:.2f} s on, {known.name} has {there}; take fewer")
    length = min(length, known.num_samples - first)
    half = length // 2
    whole = known.crop(first, length, pipeline.frame_rate)
    if not whole.stems and whole.kept_latents is not None:
        whole = decoded(pipeline, whole)
    stems = {track: np.roll(stem, -half, axis=1) for track, stem in whole.stems.items()}
    mix = None if whole.mix is None else np.roll(whole.mix, -half, axis=1)
    middle, end = begin + half / rate, begin + length / rate
    score = join([cut(known.score, middle, end), cut(known.score, begin, middle)])
    turned = dataclasses.replace(whole, stems=stems, mix=mix, kept_latents=None, score=score)
    seam, reach = (length - half) / rate, min(_JOIN, bar / 4)
    tracks, join_span = known.tracks or TRACKS, (seam - reach, seam + reach)
    made = render(pipeline, turned, [join_span], tracks, prompt=prompt, seed=seed, context=MAX_SECONDS, **arguments)
    return dataclasses.replace(
        made,
        stems={track: np.roll(stem, half, axis=1) for track, stem in made.stems.items()},
        mix=None if made.mix is None else np.roll(made.mix, half, axis=1),
        score=cut(known.score, begin, end),
    )


def check_whole(known: Known) -> None:
    """Refuse to extend what is not known track by track."""
    if known.missing:
        have = ", ".join(known.tracks) or "none"
        raise InputError(
            f"{known.name}: to extend it all four stems are needed (there: {have}); give a folder with "
            f"{', '.join(f'{track}.wav' for track in TRACKS)} (`songdiff separate` makes one of a mix), or a song made "
            "with --stems or --keep-latents"
        )


def _without_ending(known: Known, pipeline: SongPipeline) -> Known:
    """``known`` up to its last bar."""
    if known.score is None or known.score.beats is None:
        raise InputError(f"{known.name}: where its last bar begins is not known; give its score, or leave the ending")
    end = math.floor(
        ending(known.score) * known.form.sample_rate
    )  # before the bar line, which the new piece begins with
    part = known.crop(0, end, pipeline.frame_rate)
    return dataclasses.replace(part, score=cut(known.score, 0.0, part.duration))


def pad(known: Known, left: int, right: int, frames: int, pipeline: SongPipeline) -> Known:
    """``known`` with ``left`` and ``right`` samples of silence about it; ``frames`` latent frames are on the left."""
    wide = ((0, 0), (left, right))
    latents = known.kept_latents
    if latents is not None:
        codec = pipeline.codec
        silence = codec.silence_latent.float().cpu()
        seconds = (known.num_samples + left + right) / known.form.sample_rate
        total = math.ceil(round(seconds * codec.sample_rate) / codec.downsampling)
        lead = silence[:, None].expand(*latents.shape[:-1], frames)
        latents = fit_frames(torch.cat([lead, latents], dim=-1), total, silence)
    return dataclasses.replace(
        known,
        stems={track: np.pad(stem, wide) for track, stem in known.stems.items()},
        mix=None if known.mix is None else np.pad(known.mix, wide),
        kept_latents=latents,
        score=None,
    )


def _with_vocals(score: Score, spans: Sequence[Span], lyrics: Lyrics, prompt: str, seed: int) -> Score:
    """``score`` with ``lyrics`` sung in the longest of ``spans``, where nothing was sung."""
    start, end = max(spans, key=lambda span: span[1] - span[0])
    piece = continue_score(score, start, end - start, lyrics, prompt, seed)
    if score.key is None:  # nobody knows in which key the song is
        piece = piece.model_copy(update={"melody": None})
    middle = cut(score, start, end).model_copy(update={name: getattr(piece, name) for name in _SUNG})
    joined = join([cut(score, 0.0, start), middle, cut(score, end, score.duration)])
    return score.model_copy(
        update={name: getattr(joined, name) for name in _SUNG} | {"singer": score.singer or piece.singer}
    )


def plan_extension(
    known: Known, before: float, after: float, lyrics: Lyrics | None, prompt: str | None, seed: int
) -> Score | None:
    """The Score of the song with what the composer adds; None where there is none and no words to sing either."""
    if known.score is None and lyrics is None:
        return None
    score = (known.score or Score(duration=known.duration)).model_copy(update={"duration": known.duration})
    style = known.prompt if prompt is None else prompt
    pieces = [score]
    if before:
        words = None if after else lyrics
        first = continue_score(score, -before, before, words, style, seed)
        if words is None:
            sections = [s.model_copy(update={"label": "intro"}) for s in first.sections or []]
            first = first.model_copy(update={"sections": sections})
        pieces.insert(0, first)
    if after:
        last = continue_score(score, known.duration, after, lyrics, style, seed)
        sections = [s.model_copy(update={"label": "break"}) if s.label == "intro" else s for s in last.sections or []]
        pieces.append(last.model_copy(update={"sections": sections}))
    if score.beats is None and score.chords is None:  # tempo and key are the composer's guess: only the words are told
        sung = ("lines", "words", "phonemes")
        pieces = [Score(duration=p.duration, **{name: getattr(p, name) for name in sung}) for p in pieces]
    return join(pieces, like=1 if before else 0)
