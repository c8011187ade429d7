"""More of a song: a piece in the key, tempo, metre, style and instruments of a Score, on its beats."""

from __future__ import annotations

from ..lyrics.parse import Lyrics
from ..lyrics.pronounce import pronounce as pronounce_words
from ..score import TRACKS, Beat, Chord, Part, Score
from ..score.timeline import bars, cut, join, section_at
from .compose import compose
from .genres import GENRES
from .grid import METERS
from .style import parse_key
from .text import ComposeError, Pronounce

_SHORTEST = 2.0  # seconds the composer needs
_LATE = 1e-3


def continue_score(
    score: Score,
    start: float,
    seconds: float,
    lyrics: Lyrics | None = None,
    prompt: str = "",
    seed: int = 0,
    pronounce: Pronounce = pronounce_words,
) -> Score:
    """A piece of ``seconds`` that is heard from ``start`` seconds of ``score`` on: its end, or less than 0 for what
    goes before. Its bars continue those of ``score``, wherever in a bar it begins; only instruments that ``score`` has
    play. Raises :class:`ComposeError` where ``lyrics`` do not fit.
    """
    found = bars(score)
    lead = 0.0
    if found is not None:
        bar = found[1]
        lines = [beat.time for beat in score.beats or [] if beat.position == 1 and beat.time > _LATE]
        lead = (start - min(lines, key=lambda time: abs(time - start))) % bar
        lead = 0.0 if min(lead, bar - lead) < _LATE else lead
    arguments = {"lyrics": lyrics, "prompt": prompt, "seed": seed, "pronounce": pronounce} | _habits(score, start)
    piece = compose(duration=max(seconds + lead, _SHORTEST), **arguments)  # type: ignore[arg-type]
    if lead and found and any(phoneme.start < lead + 0.05 for phoneme in piece.phonemes or []):
        rest = found[1] - lead  # words begin with the next bar; until then its first chord sounds
        if seconds - rest < _SHORTEST:
            raise ComposeError(
                f"lyrics: {seconds:.1f} s hold no whole bar to sing in; give at least {rest + _SHORTEST:.1f} s"
            )
        piece = compose(duration=seconds - rest, **arguments)  # type: ignore[arg-type]
        piece = join([_upbeat(piece, found[1], rest), piece], like=1)
    else:
        piece = cut(piece, lead, lead + seconds)
    return _in_style_of(piece, score)


def ending(score: Score) -> float:
    """Seconds at which the last bar begins in which anything is struck: from there on a song only rings out. Where its
    notes are unknown the last bar; where its bars are, the end."""
    struck = [note.start for track in TRACKS for note in score.track_notes(track) or []]
    last = max(struck, default=score.duration) + _LATE
    lines = [beat.time for beat in score.beats or [] if beat.position == 1 and _LATE < beat.time <= last]
    return min(lines[-1] if lines else score.duration, score.duration)


def _habits(score: Score, start: float) -> dict[str, object]:
    """What the composer is told of ``score``; what it does not know is left to the style."""
    metre = score.time_signature if score.time_signature in METERS else None
    genre = score.genre if score.genre in GENRES else None
    if genre is not None and metre is not None and GENRES[genre].time_signature != metre:
        genre = None
    section = section_at(score, max(0.0, start))
    key = (section.key if section else None) or score.key
    found = bars(score)
    tempo = score.tempo
    if found is not None and metre is not None:
        tempo = 60 * METERS[metre][0] / found[1]
    return {
        "genre": genre,
        "time_signature": metre,
        "key": key if key and parse_key(key) else None,
        "tempo": tempo if tempo is not None and 30 <= tempo <= 300 else None,
        "singer": score.singer,
    }


def _upbeat(piece: Score, bar: float, rest: float) -> Score:
    """The last ``rest`` seconds of a bar in which nothing is sung or played yet."""
    beats = sum(beat.time < bar - _LATE for beat in piece.beats or []) or 4
    times = [(beats - k) * bar / beats for k in range(beats)]
    return Score(
        duration=rest,
        key=piece.key,
        beats=[Beat(time=rest - t, position=k + 1) for k, t in enumerate(times) if t <= rest],
        chords=[Chord(start=0, end=rest, label=piece.chords[0].label)] if piece.chords else None,
        sections=[s.model_copy(update={"start": 0.0, "end": rest}) for s in (piece.sections or [])[:1]],
    )


def _in_style_of(piece: Score, score: Score) -> Score:
    """``piece`` on the instruments of ``score``: by role, and by track where it has no such role."""
    if score.parts is None or piece.parts is None:
        return piece
    by_role = {(part.track, part.role): part for part in reversed(score.parts)}
    by_track = {part.track: part for part in reversed(score.parts)}
    parts: list[Part] = []
    for part in piece.parts:
        model = by_role.get((part.track, part.role)) or (by_track.get(part.track) if part.track != "other" else None)
        if model is not None:
            parts.append(part.model_copy(update={"instrument": model.instrument, "program": model.program}))
    return piece.model_copy(update={"parts": parts})
