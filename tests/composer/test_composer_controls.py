"""What a user asks for beside lyrics and prompt: read from short texts, and kept by the composer."""

import pytest

from songdiff.composer import ComposeError, compose, parse_chords, parse_dynamics, parse_emotion, parse_singer
from songdiff.composer.controls import key_of
from songdiff.composer.form import Form, SectionPlan
from songdiff.composer.given import lay_chords
from songdiff.composer.grid import Grid
from songdiff.lyrics import parse_lyrics
from songdiff.score import Emotion, Level, Note

LYRICS = parse_lyrics("[Verse]\nthe river is calling me home\n[Chorus]\nsing it again and again")
SINGERS = {"mara": {"gender": "female", "low": 54, "high": 70, "timbre": ["warm"], "brightness": 0.0}}


def melody(count: int) -> list[Note]:
    """Notes of D minor; the first eight are the verse's."""
    starts = [1 + 0.5 * i + (2 if i >= 8 else 0) for i in range(count)]
    return [Note(start=s, end=s + 0.45, pitch=62 + (0, 3, 7, 5, 0)[i % 5]) for i, s in enumerate(starts)]


def test_chords_are_read_as_on_lead_sheets():
    assert parse_chords("C Am F#m7 Bbmaj7") == [["C:maj"], ["A:min"], ["Gb:min7"], ["Bb:maj7"]]
    assert parse_chords("C G/B | F".replace("/B", "")) == [["C:maj", "G:maj"], ["F:maj"]]
    assert parse_chords("A:min7\nDsus4 E°") == [["A:min7"], ["D:sus4"], ["E:dim"]]


def test_singers_are_read_from_words_and_names():
    asked = parse_singer("female, bright, breathy, airy vocals")
    assert (asked.gender, asked.brightness, asked.breathiness, asked.style) == ("female", 0.6, 0.6, "airy")
    assert asked.timbre == ["bright"]
    assert parse_singer("no vibrato, brightness=-0.25, smoky").model_dump(exclude_unset=True) == {
        "vibrato": 0.0,
        "brightness": -0.25,
        "timbre": ["smoky"],
    }
    named = parse_singer("Mara, soft, bright", SINGERS)
    assert (named.name, named.low, named.style, named.brightness) == ("mara", 54, "soft", 0.6)


def test_curves_are_read():
    assert parse_emotion("0.5,-0.2") == [Emotion(time=0, valence=0.5, arousal=-0.2)]
    assert [point.time for point in parse_emotion("0:0.2,0.5; 30:0.8,0.9")] == [0, 30]
    assert parse_dynamics("0:-6\n30:3")["bass"] == [Level(time=0, decibels=-6), Level(time=30, decibels=3)]
    assert parse_dynamics("drums 0:-6; 4:0 / vocals 2").keys() == {"drums", "vocals"}


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (parse_chords, "C Q7", "chords: 'Q7' is no chord"),
        (parse_chords, " ", "chords: none given"),
        (parse_chords, "C D E F G | C", "chords: 5 chords in a bar"),
        (parse_singer, "female, purple", "singer: 'purple' is not understood; give no name"),
        (parse_singer, "brightness=7", "singer: brightness=7 is no number from -1 to 1"),
        (parse_emotion, "0.5", "emotion: '0.5' is no valence,arousal"),
        (parse_emotion, "2,0", "emotion: '2,0' is no valence,arousal"),
        (parse_emotion, "30:0,0; 0:0,0", "emotion: '0' is no time after"),
        (parse_emotion, "0,0; 3:0,0", "emotion: '0,0' lacks its time"),
        (parse_dynamics, "loud", "dynamics: 'loud' is no level"),
        (parse_dynamics, "", "dynamics: nothing given"),
        (parse_dynamics, "tuba 0:3", "dynamics: 'tuba 0' is no time"),
    ],
)
def test_what_is_not_understood_is_named(read, text, message):
    with pytest.raises(ComposeError) as refused:
        read(text)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_unknown_singers_are_told_the_names():
    with pytest.raises(ComposeError, match=r"'nora' is not understood; give a name \(mara\)"):
        parse_singer("nora", SINGERS)


def test_keys_of_chords_and_melodies():
    assert key_of([0, 9, 5, 7, 0]) == "C major"
    assert key_of([note.pitch % 12 for note in melody(11)]) == "D minor"


def test_the_composer_plays_the_chords_given():
    song = compose(LYRICS, "pop", seed=3, chords=[["C:maj"], ["A:min", "G:maj"]])
    assert {chord.label for chord in song.chords} == {"C:maj", "A:min", "G:maj"}
    assert song.key == "C major"
    assert [section.key for section in song.sections] == [None] * len(song.sections)
    bar = [beat.time for beat in song.beats if beat.position == 1]
    assert [(c.start, c.label) for c in song.chords][:2] == [(0.0, "C:maj"), (pytest.approx(bar[1]), "A:min")]
    notes = [note.pitch % 12 for note in song.track_notes("bass") if note.start < bar[1] - 0.3]
    assert 0 in notes
    assert compose(LYRICS, "pop, D minor", seed=3, chords=[["C:maj"]]).key == "D minor"


def test_short_sections_bring_the_chords_that_the_ones_before_left_over():
    progression = parse_chords("C Am F G")
    rows = [("intro", 2), ("verse", 2), ("chorus", 8), ("verse", 2), ("outro", 3)]
    plans, bar = [], 0
    for label, count in rows:
        plans.append(SectionPlan(label, bar, count, phases=list(range(count))))
        bar += count
    plans[-1].phases[-1] = 0
    form = Form(Grid(100.0), 60.0, plans, final_bar=bar - 1)
    heard = "".join(chord.label[0] for chord in lay_chords(form, progression))
    assert heard == "CAFGCAFGCAFGFGCAC"  # the verse returns as it was; the last bar is at home


def test_the_singer_sings_the_melody_given():
    notes = melody(15)
    song = compose(LYRICS, "pop", seed=3, melody=notes, tempo=120)
    assert [(n.start, n.end, n.pitch) for n in song.melody] == [(n.start, n.end, n.pitch) for n in notes]
    assert [word.text for word in song.words][:3] == ["the", "river", "is"]
    assert song.key == "D minor"
    vowels = {(p.word, p.syllable): p for p in song.phonemes if p.start >= 0}
    assert len(vowels) == 15
    starts = {round(p.start, 3) for p in song.phonemes}
    assert all(round(note.start, 3) in starts for note in notes)
    with pytest.raises(ComposeError, match="melody: has 14 notes, the lyrics have 15 syllables"):
        compose(LYRICS, "pop", seed=3, melody=melody(14))


def test_meter_emotion_and_dynamics_are_kept():
    waltz = compose(LYRICS, "warm", seed=3, time_signature="3/4")
    assert waltz.time_signature == "3/4"
    assert max(beat.position for beat in waltz.beats) == 3
    with pytest.raises(
        ComposeError, match=r"time_signature: rock is written in 4/4, not 3/4; name no genre, or one of"
    ):
        compose(LYRICS, "rock", time_signature="3/4")
    curve = [Emotion(time=0, valence=-0.8, arousal=-0.8), Emotion(time=9, valence=-0.6, arousal=-0.6)]
    sad, glad = (compose(LYRICS, "pop", seed=3, emotion=points) for points in (curve, parse_emotion("0.8,0.8")))
    assert sad.emotion == curve
    assert sad.tempo < glad.tempo
    level = [Level(time=0, decibels=-9)]
    quiet, usual = (compose(LYRICS, "pop", seed=3, dynamics=d) for d in ({"drums": level}, None))
    assert quiet.dynamics == usual.dynamics | {"drums": level}


def test_without_controls_nothing_changes():
    plain = compose(LYRICS, "folk", seed=3)
    assert plain == compose(LYRICS, "folk", seed=3, chords=None, melody=None, emotion=None, dynamics=None)
