"""The same song in another style or voice: words, melody, chords and form stay, and as much of the sound as asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ..composer.accompaniment import accompaniment
from ..errors import InputError
from ..score import TRACKS, Score, Singer
from .accompany import hear, joined
from .known import Known
from .song_pipeline import MAX_SECONDS, SongPipeline

if TYPE_CHECKING:
    from ..evaluation.hearing import Heard


def cover(
    pipeline: SongPipeline,
    known: Known,
    prompt: str = "",
    *,
    singer: str | Singer | None = None,
    strength: float = 1.0,
    keep_parts: bool = False,
    heard: Heard | None = None,
    seed: int = 0,
    **arguments: Any,
) -> Known:
    """``known`` in the style of ``prompt`` ("": as it is) and sung by ``singer`` (None: as it is).

    Args:
        known: a song with its score, or all its stems; where the score is unknown, ``heard`` stands for it (None:
            listen here), and the words are what the vocals say at a ``strength`` below 1.
        strength: 0 gives the song back, 1 keeps only its score; between, denoising starts from the song with so much
            noise (SDEdit).
        keep_parts: every instrument plays the notes it did. Else, for a new style, its band plays new ones to the
            song's chords, beats and form.
        arguments: of :meth:`SongPipeline.__call__`.

    Returns the song at the rate of ``known``. Raises :class:`InputError` for a mix without a score, and for a strength
    below 1 where tracks are missing.
    """
    check_cover(known, strength)
    if strength == 0:
        return known
    score = plan_cover(known, prompt, heard=heard, keep_parts=keep_parts, seed=seed)
    start: dict[str, Any] = {} if strength == 1 else {"start_latents": known.latents(pipeline), "strength": strength}
    song = pipeline(
        prompt=prompt or known.prompt,
        score=score,
        singer=singer,
        generator=torch.Generator().manual_seed(seed % 2**32),
        output_type="latent",
        **start,
        **arguments,
    )
    return joined(pipeline, known, song, TRACKS, known.level(), prompt or known.prompt)


def check_cover(known: Known, strength: float) -> None:
    """Refuse early what cannot be covered: see :func:`cover`."""
    if not 0 <= strength <= 1:
        raise InputError(f"strength: {strength:g} is out of range; choose 0 (the song itself) to 1 (only its score)")
    if known.duration > MAX_SECONDS:
        raise InputError(f"{known.name}: lasts {known.duration:.1f} s; give at most {MAX_SECONDS:g} s")
    if known.score is None and not known.stems:
        raise InputError(
            f"{known.name}: is a mix without a score, so its words, melody and chords are not known; give its score or "
            "stems, or take it apart first with `songdiff separate` or another program"
        )
    if 0 < strength < 1 and known.missing:
        raise InputError(
            f"{known.name}: {', '.join(known.missing)} missing, a strength below 1 starts from all tracks; give all "
            "stems (a song of songdiff: make it with --stems or --keep-latents), or leave out strength"
        )


def plan_cover(
    known: Known, prompt: str = "", *, heard: Heard | None = None, keep_parts: bool = False, seed: int = 0
) -> Score:
    """The Score of the cover: that of ``known``, or what is heard of it, with new parts where the style is new."""
    if known.score is not None:
        score = known.score.model_copy(update={"duration": known.duration})
    else:
        heard = heard or hear(known, prompt)
        score = Score(
            duration=heard.duration,
            tempo=heard.tempo,
            time_signature=heard.time_signature,
            key=heard.key,
            beats=heard.beats,
            chords=heard.chords,
            melody=heard.melody,
        )
    if keep_parts or not prompt or not score.beats or not score.chords or score.time_signature is None:
        return score
    chords = [chord for chord in score.chords if chord.label != "N"]
    if not chords:  # a cappella
        return score
    band = accompaniment(
        prompt,
        duration=score.duration,
        beats=score.beats,
        chords=chords,
        key=score.key,
        time_signature=score.time_signature,
        melody=score.melody,
        sections=score.sections,
        seed=seed,
    )
    known_of_style = {name: getattr(band, name) for name in ("genre", "parts", "dynamics", "emotion")}
    if score.sections is None:
        known_of_style["sections"] = band.sections
    return score.model_copy(update=known_of_style)
