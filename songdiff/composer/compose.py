"""compose(): lyrics, a style prompt and a seed in; a complete Score out.

The steps are the song's: style → form → harmony → vocals → band. Every step draws from random streams named after the
seed
and the step, so that a change in one part leaves the others as they were.
"""

from __future__ import annotations

import math
import random

from ..lyrics.parse import Lyrics
from ..lyrics.pronounce import pronounce as pronounce_words
from ..score import Beat, Chord, Emotion, Part, Score, Section, Singer
from .arrangement import Bar, bars_of
from .band import Band, gather, with_lead
from .bass import play_bass
from .comping import play_chords
from .drums import play_drums
from .form import Form, blocks_of, plan_instrumental, plan_untimed
from .genres import GENRES, Genre
from .harmony import Harmony, Key, plan_chords
from .instruments import INSTRUMENTS
from .lead import play_lead
from .melody import Melodist, vocal_range
from .style import Style, parse_key, parse_style
from .text import ComposeError, Pronounce, sung_lines
from .timed import plan_timed
from .vocals import Vocals, sing

_SECTION_MOOD = {  # valence, arousal against the song's own
    "intro": (0.0, -0.2), "verse": (-0.05, -0.05), "prechorus": (0.0, 0.1), "chorus": (0.1, 0.25), "bridge": (-0.1,
    0.1),
    "solo": (0.05, 0.2), "break": (0.0, -0.2), "outro": (0.0, -0.25),
}  # fmt: skip


def compose(
    lyrics: Lyrics | None,
    prompt: str = "",
    *,
    duration: float | None = None,
    seed: int = 0,
    singer: Singer | None = None,
    pronounce: Pronounce = pronounce_words,
    genre: str | None = None,
    tempo: float | None = None,
    key: str | None = None,
) -> Score:
    """Compose a song for ``lyrics`` (None: an instrumental) in the style of ``prompt``.

    ``duration`` in seconds is kept exactly (None: what the song needs), ``tempo`` is in beats a minute, ``key`` like
    ``"D minor"``; these, ``genre`` and ``singer`` override the prompt. Times in the lyrics are kept. The same arguments
    give an equal Score. Raises :class:`ComposeError` when the lyrics do not fit or an argument is not understood.
    """
    style = parse_style(prompt)
    chosen = _genre(genre or style.genre, style, random.Random(f"{seed}/genre"))
    tempo = tempo if tempo is not None else style.tempo
    fixed_tempo = tempo is not None
    _check(duration, tempo)
    root = f"{seed}/{chosen.name}"
    valence, arousal = _mood(chosen, style, random.Random(f"{root}/mood"))
    tempo = tempo if tempo is not None else _tempo(chosen, style, arousal, random.Random(f"{root}/tempo"))
    home = _key(key or style.key, key, chosen, valence, random.Random(f"{root}/key"))

    lines = [] if lyrics is None or style.instrumental else sung_lines(lyrics, pronounce)
    starts: dict[int, float] = {}
    forms = random.Random(f"{root}/form")
    if not lines or lyrics is None:
        labels = [section.label for section in lyrics.sections] if lyrics else []
        form = plan_instrumental(chosen, tempo, duration, fixed_tempo, forms, labels)
    elif any(line.start is not None for line in lines):
        form, starts = plan_timed(blocks_of(lyrics, lines), chosen, tempo, duration, fixed_tempo)
    else:
        form = plan_untimed(blocks_of(lyrics, lines), chosen, tempo, duration, fixed_tempo, forms)

    chords = plan_chords(form, home, chosen, root)
    vocals = Vocals()
    if lines:
        singer = _singer(singer, style, random.Random(f"{root}/singer"))
        melodist = Melodist(home, chosen, *vocal_range(singer), arousal, root)
        vocals = sing(form, chords, chosen, melodist, starts, root)
    bars = bars_of(form, chords, arousal)
    band = gather(chosen, style, random.Random(f"{root}/band"))
    if not lines:
        band = with_lead(band, random.Random(f"{root}/lead"))
    return Score(
        duration=form.duration,
        title=lyrics.title if lyrics else None,
        language=lyrics.language if lyrics else "en-us",
        genre=chosen.name,
        tempo=form.grid.tempo,
        time_signature=chosen.time_signature,
        key=str(home),
        beats=_beats(form),
        sections=_sections(form),
        chords=_chords(form, chords),
        lines=vocals.lines,
        words=vocals.words,
        phonemes=vocals.phonemes,
        melody=vocals.melody,
        parts=_parts(form, bars, band, chosen, home, vocals, root),
        singer=singer if lines else None,
        emotion=_emotion(form, valence, arousal),
    )


def _check(duration: float | None, tempo: float | None) -> None:
    if duration is not None and not (math.isfinite(duration) and duration >= 2.0):
        raise ComposeError(f"a song lasts at least 2 s, not {duration:g} s")
    if tempo is not None and not 30 <= tempo <= 300:
        raise ComposeError(f"a tempo lies between 30 and 300 beats a minute, not {tempo:g}")


def _genre(name: str | None, style: Style, rng: random.Random) -> Genre:
    if name is None:
        valence, arousal = style.valence or 0.2, style.arousal if style.arousal is not None else 0.1
        known = style.valence is not None or style.arousal is not None
        weights = [
            math.exp(-3.0 * ((g.mood[0] - valence) ** 2 + (g.mood[1] - arousal) ** 2)) if known else 1.0
            for g in GENRES.values()
        ]
        return rng.choices(list(GENRES.values()), weights)[0]
    found = name if name in GENRES else parse_style(name).genre
    if found is None:
        raise ComposeError(f"unknown genre {name!r}: known are {', '.join(GENRES)}")
    return GENRES[found]


def _mood(genre: Genre, style: Style, rng: random.Random) -> tuple[float, float]:
    def bounded(value: float) -> float:
        return max(-0.95, min(0.95, value))

    valence = style.valence if style.valence is not None else genre.mood[0] + rng.uniform(-0.35, 0.35)
    arousal = (
        style.arousal
        if style.arousal is not None
        else genre.mood[1] + rng.uniform(-0.25, 0.25) + 0.3 * (style.pace or 0)
    )
    return bounded(valence), bounded(arousal)


def _tempo(genre: Genre, style: Style, arousal: float, rng: random.Random) -> float:
    low, high = genre.tempo
    pace = style.pace if style.pace is not None else 0.6 * (arousal - genre.mood[1]) + rng.uniform(-0.55, 0.55)
    return float(round(low + (high - low) * (max(-1.0, min(1.0, pace)) + 1) / 2))


def _key(wanted: str | None, given: str | None, genre: Genre, valence: float, rng: random.Random) -> Key:
    if wanted is not None:
        text = parse_key(wanted)
        if text is None:
            raise ComposeError(f"unknown key {given or wanted!r}: write for example 'D minor' or 'Bb major'")
        return Key.parse(text)
    bright = {"major": 1.0, "mixolydian": 0.5, "dorian": -0.3, "minor": -1.0}
    modes = list(genre.modes)
    mode = rng.choices(modes, [genre.modes[m] * math.exp(2.2 * bright[m] * (valence - genre.mood[0])) for m in modes])[
        0
    ]
    return Key(rng.randrange(12), mode)


def _singer(singer: Singer | None, style: Style, rng: random.Random) -> Singer:
    if singer is None:
        singer = Singer.model_validate({"gender": style.gender or rng.choice(("female", "male"))})
    low, high = vocal_range(singer)
    return Singer(name=singer.name, gender=singer.gender, low=low, high=high)


def _beats(form: Form) -> list[Beat]:
    grid = form.grid
    count = math.ceil((form.duration - grid.origin) / grid.beat - 1e-9)
    first = math.ceil(-grid.origin / grid.beat - 1e-9)
    return [
        Beat(time=max(0.0, grid.origin + i * grid.beat), position=i % grid.beats_per_bar + 1)
        for i in range(first, count)
    ]


def _sections(form: Form) -> list[Section]:
    edges = [0.0, *(form.grid.bar_time(section.bar) for section in form.sections[1:]), form.duration]
    return [
        Section(label=section.label, start=start, end=min(end, form.duration))  # type: ignore[arg-type]
        for section, start, end in zip(form.sections, edges, edges[1:], strict=False)
        if start < form.duration - 1e-3
    ]


def _chords(form: Form, chords: list[Harmony]) -> list[Chord]:
    merged: list[Chord] = []
    grid = form.grid
    for chord in chords:
        start = max(0.0, grid.origin + chord.slot * grid.slot)
        end = min(grid.origin + chord.end * grid.slot, form.duration)
        if end <= start:
            continue
        if merged and merged[-1].label == chord.label:
            merged[-1].end = end
        else:
            merged.append(Chord(start=start, end=end, label=chord.label))
    merged[-1].end = form.duration
    return merged


def _parts(form: Form, bars: list[Bar], band: Band, genre: Genre, key: Key, vocals: Vocals, seed: str) -> list[Part]:
    grid, duration = form.grid, form.duration
    parts: list[Part] = []
    if band.drums:
        notes = play_drums(bars, grid, genre, duration, random.Random(f"{seed}/drums"))
        parts.append(Part(track="drums", instrument=band.drums[0], role="drums", program=band.drums[1], notes=notes))
    if band.bass:
        name, pattern = band.bass
        notes = play_bass(bars, grid, pattern, key, duration, random.Random(f"{seed}/bass"))
        parts.append(Part(track="bass", instrument=name, role="bass", program=INSTRUMENTS[name].program, notes=notes))
    sung = [(note.start, note.end) for note in vocals.melody]
    tune_taken = False
    for number, voice in enumerate(band.voices):
        rng = random.Random(f"{seed}/voice/{number}")
        if voice.role == "lead":
            everywhere = not sung and not tune_taken
            notes = play_lead(bars, grid, genre, voice, key, sung, duration, seed, rng, everywhere)
            if tune_taken and not sung:
                continue
            tune_taken = True
        else:
            notes = play_chords(bars, grid, voice, duration, rng, softer={"pad": 8, "arpeggio": 3}.get(voice.role, 0))
        program = INSTRUMENTS[voice.instrument].program
        parts.append(Part(track="other", instrument=voice.instrument, role=voice.role, program=program, notes=notes))
    return [part for part in parts if part.notes]


def _emotion(form: Form, valence: float, arousal: float) -> list[Emotion]:
    points: list[Emotion] = []
    for section in _sections(form):
        shift_valence, shift_arousal = _SECTION_MOOD[section.label]
        points.append(
            Emotion(
                time=section.start,
                valence=max(-1.0, min(1.0, valence + shift_valence)),
                arousal=max(-1.0, min(1.0, arousal + shift_arousal)),
            )
        )
    return [*points, points[-1].model_copy(update={"time": form.duration})]
