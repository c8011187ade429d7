"""compose(): lyrics, a style prompt and a seed in; a complete Score out.

The steps are the song's: style → form → harmony → vocals → band → backing voices and dynamics. Every step draws from
random streams named after the seed and the step, so that a change in one part leaves the others as they were.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

from ..lyrics.parse import Lyrics
from ..lyrics.pronounce import pronounce as pronounce_words
from ..score import (
    TRACKS,
    Backing,
    Beat,
    Chord,
    Emotion,
    Level,
    Note,
    Part,
    Score,
    Section,
    Singer,
    chord_pitch_classes,
)
from .arrangement import Bar, bars_of
from .backing import plan_backing
from .band import Band, gather, with_lead
from .bass import play_bass
from .comping import play_chords
from .controls import key_of
from .drums import play_drums
from .dynamics import Track, plan_dynamics
from .form import Form, blocks_of, modulate, plan_instrumental, plan_untimed
from .genre import Genre
from .genres import GENRES
from .given import Take, lay_chords, sing_notes, time_lines
from .grid import METERS, Grid
from .harmony import ASKED_COLOUR, COLOUR, Harmony, Key, plan_chords
from .instruments import INSTRUMENTS
from .lead import play_lead
from .melody import Melodist, vocal_range
from .style import Style, parse_key, parse_style
from .text import ComposeError, Pronounce, sung_lines
from .timed import plan_timed
from .vocals import Vocals, sing

_UNUSUAL = 0.1  # the weight of major or minor in a genre that is not written in it
_SECTION_MOOD = {  # valence, arousal against the song's own
    "intro": (0.0, -0.2), "verse": (-0.05, -0.05), "prechorus": (0.0, 0.1), "chorus": (0.1, 0.25), "bridge": (-0.1,
    0.1),
    "solo": (0.05, 0.2), "break": (0.0, -0.2), "outro": (0.0, -0.25),
}  # fmt: skip

_LEAST_RANGE = 11  # semitones a melody keeps when a key change takes some of the singer's range
_RAP_RATE, _SUNG_RATE = 4.8, 3.8  # syllables a second


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
    time_signature: str | None = None,
    chords: list[list[str]] | None = None,
    melody: list[Note] | None = None,
    emotion: list[Emotion] | None = None,
    dynamics: dict[str, list[Level]] | None = None,
    take: Take | None = None,
) -> Score:
    """Compose a song for ``lyrics`` (None: an instrumental) in the style of ``prompt``.

    ``duration`` in seconds is kept exactly (None: what the song needs), ``tempo`` is in beats a minute, ``key`` like
    ``"D minor"``; these, ``time_signature``, ``genre``, ``singer`` and ``emotion`` override the prompt. What a given
    singer leaves open is filled in. ``chords`` are names of the Score, bar by bar, that every section repeats;
    ``melody`` has a note for every syllable; both choose the key where none is given. ``dynamics`` are kept by track.
    ``take``: what is played already, from bar 0 on at ``tempo``; the band follows its chords and form, and leaves room
    to its voice.
    Times in the lyrics are kept. The same arguments give an equal Score. Raises :class:`ComposeError` when the lyrics
    do not fit or an argument is not understood.
    """
    style = parse_style(prompt)
    if emotion:
        mean = (sum(point.valence for point in emotion), sum(point.arousal for point in emotion))
        style = replace(style, valence=mean[0] / len(emotion), arousal=mean[1] / len(emotion))
    style = replace(style, time_signature=time_signature or style.time_signature)
    chosen = _genre(genre or style.genre, style, random.Random(f"{seed}/genre"))
    if time_signature not in (None, chosen.time_signature):
        others = ", ".join(name for name, g in GENRES.items() if g.time_signature == time_signature)
        raise ComposeError(
            f"time_signature: {chosen.name} is written in {chosen.time_signature}, not {time_signature}"
            + (f"; name no genre, or one of {others}" if others else f"; choose one of {', '.join(METERS)}")
        )
    tempo = tempo if tempo is not None else style.tempo
    fixed_tempo = tempo is not None
    _check(duration, tempo)
    root = f"{seed}/{chosen.name}"
    valence, arousal = _mood(chosen, style, tempo, random.Random(f"{root}/mood"))
    tempo = tempo if tempo is not None else _tempo(chosen, style, arousal, random.Random(f"{root}/tempo"))
    implied = _implied_key(chords, melody) if key is None and style.key is None else None
    asked = style.valence is not None
    home = _key(key or style.key or implied, key, chosen, valence, asked, random.Random(f"{root}/key"))

    lines = [] if lyrics is None or style.instrumental else sung_lines(lyrics, pronounce)
    style = replace(style, a_cappella=style.a_cappella and bool(lines))
    if melody is not None:
        lines = time_lines(lines, melody)
    if lines:
        singer = _singer(singer, style, chosen, random.Random(f"{root}/singer"))
    habits = _habits(chosen, style, singer.style if lines and singer else None)
    starts: dict[int, float] = {}
    forms = random.Random(f"{root}/form")
    if take is not None and take.sections and duration is not None:
        form = take.form(Grid(tempo, habits.time_signature, 0.0, habits.swing, habits.swing_unit), duration)
    elif not lines or lyrics is None:
        labels = [section.label for section in lyrics.sections] if lyrics else []
        form = plan_instrumental(habits, tempo, duration, fixed_tempo, forms, labels)
    elif any(line.start is not None for line in lines):
        form, starts = plan_timed(blocks_of(lyrics, lines), habits, tempo, duration, fixed_tempo)
    else:
        form = plan_untimed(blocks_of(lyrics, lines), habits, tempo, duration, fixed_tempo, forms)
    low, high = vocal_range(singer) if lines and singer else (0, 24)
    if melody is None and chords is None and take is None:
        modulate(form, high - low - _LEAST_RANGE, random.Random(f"{root}/modulation"))

    if take is not None and take.chords:
        harmonies = lay_chords(form, take.chords, through=True)
    else:
        colour = ASKED_COLOUR if asked else COLOUR
        harmonies = lay_chords(form, chords) if chords else plan_chords(form, home, habits, root, valence, colour)
    vocals = Vocals(melody=list(take.melody)) if take is not None else Vocals()
    if melody is not None and lines:
        vocals = sing_notes(form, melody)
    elif lines and singer:
        rise = max(section.shift for section in form.sections)
        melodist = Melodist(home, habits, low, high - rise, arousal, root, style=singer.style)
        vocals = sing(form, harmonies, habits, melodist, starts, root)
    bars = bars_of(form, harmonies, home, habits, arousal, random.Random(f"{root}/entry"))
    band = gather(chosen, style, random.Random(f"{root}/band"))
    if not lines and not vocals.melody:
        band = with_lead(band, random.Random(f"{root}/lead"))
    sections, named = _sections(form, home), _chords(form, harmonies)
    parts = _parts(form, bars, band, habits, home, vocals, root)
    tracks: list[Track] = [track for track in TRACKS if track in {part.track for part in parts}]  # type: ignore[misc]
    backing: list[Backing] = []
    if lines and singer:
        voices = random.Random(f"{root}/backing")
        backing = plan_backing(vocals, sections, named, home, singer, style.backing, style.a_cappella, voices)
        tracks = ["vocals", *tracks]
    levels = plan_dynamics(sections, tracks, chosen, arousal, random.Random(f"{root}/dynamics"))
    levels |= {track: curve for track, curve in (dynamics or {}).items() if track in tracks}  # type: ignore[misc]
    return Score(
        duration=form.duration,
        title=lyrics.title if lyrics else None,
        language=lyrics.language if lyrics else "en-us",
        genre=chosen.name,
        tempo=form.grid.tempo,
        time_signature=chosen.time_signature,
        key=str(home),
        beats=_beats(form),
        sections=sections,
        chords=[Chord(start=0.0, end=form.duration, label="N")] if style.a_cappella else named,
        lines=vocals.lines,
        words=vocals.words,
        phonemes=vocals.phonemes,
        melody=vocals.melody,
        parts=parts,
        singer=singer if lines else None,
        backing=backing,
        emotion=emotion or _emotion(sections, form.duration, valence, arousal),
        dynamics=levels,
    )


def _check(duration: float | None, tempo: float | None) -> None:
    if duration is not None and not (math.isfinite(duration) and duration >= 2.0):
        raise ComposeError(f"a song lasts at least 2 s, not {duration:g} s")
    if tempo is not None and not 30 <= tempo <= 300:
        raise ComposeError(f"a tempo lies between 30 and 300 beats a minute, not {tempo:g}")


def _genre(name: str | None, style: Style, rng: random.Random) -> Genre:
    if name is None:
        genres = [g for g in GENRES.values() if style.time_signature in (None, g.time_signature)]
        if "electronic" in style.production:
            genres = [g for g in genres if g.electronic] or genres
        if style.vocal_style == "rap":
            genres = [g for g in genres if "rap" in g.vocal_styles] or genres
        valence, arousal = style.valence or 0.2, style.arousal if style.arousal is not None else 0.1
        known = style.valence is not None or style.arousal is not None
        weights = [
            math.exp(-3.0 * ((g.mood[0] - valence) ** 2 + (g.mood[1] - arousal) ** 2)) if known else 1.0 for g in genres
        ]
        return rng.choices(genres, weights)[0]
    asked = parse_style(name)
    found = name if name in GENRES else "hip-hop" if asked.vocal_style == "rap" else asked.genre
    if found is None:
        raise ComposeError(f"unknown genre {name!r}: known are {', '.join(GENRES)}")
    return GENRES[found]


def _habits(genre: Genre, style: Style, vocal_style: str | None) -> Genre:
    """The genre as this song needs it: room for rap or for singing, nothing between the lines without a band."""
    if vocal_style == "rap":
        genre = replace(
            genre, syllable_rate=max(genre.syllable_rate, _RAP_RATE), syncopation=max(genre.syncopation, 0.5)
        )
    elif vocal_style and genre.syllable_rate > _SUNG_RATE:
        genre = replace(genre, syllable_rate=_SUNG_RATE, contour=1.0)
    if style.a_cappella:
        genre = replace(genre, intro=0, outro=0, solo=0)
    return genre


def _mood(genre: Genre, style: Style, tempo: float | None, rng: random.Random) -> tuple[float, float]:
    """Valence and arousal: the prompt's, else the genre's with some freedom; a given tempo speaks for arousal."""

    def bounded(value: float) -> float:
        return max(-0.95, min(0.95, value))

    low, high = genre.tempo
    given = max(-1.5, min(1.5, 2 * (tempo - low) / (high - low) - 1)) if tempo is not None else None
    pace = given if given is not None else style.pace or 0.0
    valence = style.valence if style.valence is not None else genre.mood[0] + rng.uniform(-0.45, 0.45)
    arousal = style.arousal if style.arousal is not None else genre.mood[1] + rng.uniform(-0.25, 0.25) + 0.3 * pace
    return bounded(valence), bounded(arousal)


def _tempo(genre: Genre, style: Style, arousal: float, rng: random.Random) -> float:
    low, high = genre.tempo
    pace = style.pace if style.pace is not None else 1.0 * (arousal - genre.mood[1]) + rng.uniform(-0.45, 0.45)
    return float(round(low + (high - low) * (max(-1.0, min(1.0, pace)) + 1) / 2))


def _key(wanted: str | None, given: str | None, genre: Genre, valence: float, asked: bool, rng: random.Random) -> Key:
    """The ``wanted`` one, else one of the genre's modes by habit and mood; a mood that was ``asked`` for leans more,
    and may choose major or minor where the genre has not."""
    if wanted is not None:
        text = parse_key(wanted)
        if text is None:
            raise ComposeError(f"unknown key {given or wanted!r}: write for example 'D minor' or 'Bb major'")
        return Key.parse(text)
    bright = {"major": 1.0, "mixolydian": 0.5, "dorian": -0.3, "minor": -1.0}
    modes, lean = dict(genre.modes), 2.2 * (valence - genre.mood[0])
    if asked:
        modes, lean = {"major": _UNUSUAL, "minor": _UNUSUAL} | modes, 5.0 * valence
    mode = rng.choices(list(modes), [usual * math.exp(lean * bright[m]) for m, usual in modes.items()])[0]
    return Key(rng.randrange(12), mode)


def _implied_key(chords: list[list[str]] | None, melody: list[Note] | None) -> str | None:
    """The key of the chords' tones, else of the melody; ``None`` without either."""
    if chords:
        names = [name for bar in chords for name in bar]
        tones = [tone for name in names for tone in reversed(chord_pitch_classes(name)[1])]
        return key_of([chord_pitch_classes(names[0])[1][0], *tones])
    return key_of([note.pitch % 12 for note in melody]) if melody else None


def _singer(singer: Singer | None, style: Style, genre: Genre, rng: random.Random) -> Singer:
    """The singer given, with what is unknown filled in from the prompt, else by the genre's habits."""
    singer = singer or Singer.model_validate({"gender": style.gender or rng.choice(("female", "male"))})
    low, high = vocal_range(singer)
    usual = rng.choices(list(genre.vocal_styles), list(genre.vocal_styles.values()))[0]
    if style.arousal is not None and style.arousal < -0.3 and usual == "belted":
        usual = "soft"
    known = {
        "gender": singer.gender or style.gender,
        "low": low,
        "high": high,
        "style": singer.style or style.vocal_style or usual,
        "timbre": singer.timbre or list(style.timbre),
    }
    return Singer.model_validate(singer.model_dump() | known)


def _beats(form: Form) -> list[Beat]:
    grid = form.grid
    count = math.ceil((form.duration - grid.origin) / grid.beat - 1e-9)
    first = math.ceil(-grid.origin / grid.beat - 1e-9)
    return [
        Beat(time=max(0.0, grid.origin + i * grid.beat), position=i % grid.beats_per_bar + 1)
        for i in range(first, count)
    ]


def _sections(form: Form, home: Key) -> list[Section]:
    edges = [0.0, *(form.grid.bar_time(section.bar) for section in form.sections[1:]), form.duration]
    return [
        Section(
            label=section.label,  # type: ignore[arg-type]
            start=start,
            end=min(end, form.duration),
            key=str(home.up(section.shift)) if section.shift else None,
        )
        for section, (start, end) in zip(form.sections, itertools.pairwise(edges), strict=True)
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
        notes = play_bass(bars, grid, pattern, duration, random.Random(f"{seed}/bass"))
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


def _emotion(sections: list[Section], duration: float, valence: float, arousal: float) -> list[Emotion]:
    points: list[Emotion] = []
    for section in sections:
        shift_valence, shift_arousal = _SECTION_MOOD[section.label]
        points.append(
            Emotion(
                time=section.start,
                valence=max(-1.0, min(1.0, valence + shift_valence)),
                arousal=max(-1.0, min(1.0, arousal + shift_arousal)),
            )
        )
    return [*points, points[-1].model_copy(update={"time": duration})]
