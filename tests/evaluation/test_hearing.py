import numpy as np
import pytest

from songdiff.errors import InputError
from songdiff.evaluation.estimators import felt_pulse, pulse
from songdiff.evaluation.hearing import hear_music, sung_notes

RATE = 44100


def tone(hertz, seconds, decay=None):
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3))
    edges = np.minimum(1, np.minimum(time, time[::-1]) / 0.01)
    return 0.2 * wave * edges * (1 if decay is None else np.exp(-time / decay))


def voice(pitch, seconds):
    """Many partials and a little vibrato, as a voice has."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(hz(pitch + 0.2 * np.sin(2 * np.pi * 5.5 * time))) / RATE
    edges = np.minimum(1, np.minimum(time, time[::-1]) / 0.03)
    return 0.2 * edges * sum(np.sin(k * phase) / k for k in range(1, 16))


def place(waveform, at, sound):
    first = round(at * RATE)
    sound = sound[: max(0, len(waveform) - first)]
    waveform[first : first + len(sound)] += sound


def hz(pitch):
    return 440 * 2 ** ((pitch - 69) / 12)


def stereo(mono):
    return np.stack([mono, mono]).astype(np.float32)


def band(tempo=104.0, first=0.7, seconds=20.0, stretch=0.0):
    """Drums (bass drum and snare in turn), bass and chords C Am F G, a bar each; and the beats' times."""
    rng = np.random.default_rng(0)
    drums, bass, other = (np.zeros(round(seconds * RATE)) for _ in range(3))
    beats, at, period = [], first, 60 / tempo
    while at < seconds - 0.1:
        beats.append(at)
        at += period * (1 + stretch * len(beats))
    for i, beat in enumerate(beats):
        burst = rng.standard_normal(3000) * np.exp(-np.arange(3000) / 600) * 0.3
        place(drums, beat, tone(55, 0.12, 0.04) * 3 if i % 2 == 0 else burst)
        root = (48, 45, 41, 43)[i // 4 % 4]
        minor = i // 4 % 4 == 1
        place(bass, beat, tone(hz(root - 12), 0.9 * period, 0.5))
        if i % 4 == 0:
            for step in (0, 3 if minor else 4, 7):
                place(other, beat, tone(hz(root + 12 + step), 3.8 * period) / 2)
    return {"drums": stereo(drums), "bass": stereo(bass), "other": stereo(other)}, np.array(beats)


@pytest.mark.parametrize("given", [("drums", "bass", "other"), ("drums", "bass"), ("mix",)])
def test_beats_bars_and_chords_of_a_band(given):
    stems, beats = band()
    stems["mix"] = sum(stems.values())
    heard = hear_music({name: stems[name] for name in given})
    assert heard.tempo == pytest.approx(104, rel=0.005)
    times = np.array([beat.time for beat in heard.beats])
    assert np.abs(times[:, None] - beats).min(0).max() < 0.03
    assert heard.time_signature == "4/4"
    assert heard.first_downbeat == pytest.approx(0.7, abs=0.03)
    if given != ("drums", "bass"):  # a bass alone leaves the thirds open
        assert heard.key == "C major"
        assert [chord.label for chord in heard.chords[:4]] == ["C:maj", "A:min", "F:maj", "G:maj"]
    assert [chord.label[0] for chord in heard.chords[:4]] == ["C", "A", "F", "G"]
    assert heard.chords[0].start == 0
    assert heard.chords[-1].end == pytest.approx(heard.duration)


def test_drums_alone_leave_key_and_chords_free():
    stems, _ = band()
    burst = np.random.default_rng(1).standard_normal((2, 3000)) * np.exp(-np.arange(3000) / 400) * 0.3
    drums = np.zeros_like(stems["drums"])
    for at in np.arange(0.5, 19.5, 0.6):
        drums[:, round(at * RATE) : round(at * RATE) + 3000] += burst
    heard = hear_music({"drums": drums})
    assert heard.key is None
    assert heard.chords == []
    assert any("chords are free" in line for line in heard.lines())


def test_beats_follow_a_tempo_that_changes():
    stems, beats = band(stretch=0.002)
    heard = hear_music(stems, tempo=100)
    times = np.array([beat.time for beat in heard.beats])
    assert np.median(np.abs(times[:, None] - beats).min(0)) < 0.03


def test_what_is_told_is_kept():
    stems, _ = band()
    heard = hear_music(
        stems, tempo=90, first_beat=0.25, key="D minor", time_signature="3/4", chords=[["D:min"], ["A:min", "E:min"]]
    )
    assert heard.tempo == pytest.approx(90)
    assert heard.first_downbeat == pytest.approx(0.25)
    assert [beat.position for beat in heard.beats[:4]] == [1, 2, 3, 1]
    assert heard.key == "D minor"
    assert [chord.label for chord in heard.chords[1:4]] == ["A:min", "E:min", "D:min"]
    assert heard.confidence["tempo"] == heard.confidence["chords"] == 1
    assert any("D minor" in line for line in heard.lines())


def test_the_first_beat_alone_moves_the_bar_lines():
    stems, beats = band()
    heard = hear_music(stems, first_beat=float(beats[1]))
    assert min(abs(b.time - beats[1]) for b in heard.beats if b.position == 1) < 0.01


def test_sung_notes():
    melody = [(0.5, 0.9, 60), (1.0, 1.4, 62), (1.45, 2.2, 64), (2.6, 3.0, 64), (3.05, 3.9, 57)]
    wave = np.zeros(4 * RATE + RATE // 2)
    for start, end, pitch in melody:
        place(wave, start, voice(pitch + 0.3, end - start))  # 30 cents sharp throughout
    notes = sung_notes(stereo(wave))
    assert [note.pitch for note in notes] == [pitch for *_, pitch in melody]
    for note, (start, end, _) in zip(notes, melody, strict=True):
        assert abs(note.start - start) < 0.06
        assert abs(note.end - end) < 0.08


def test_an_asked_tempo_decides_the_level_and_the_blind_one_is_felt():
    stems, _ = band(tempo=170)
    drums, tones = stems["drums"].mean(0), stems["bass"].mean(0) + stems["other"].mean(0)
    assert pulse(drums, tones, 85).tempo == pytest.approx(85, rel=0.01)
    assert felt_pulse(drums, tones, 170)[0].tempo == pytest.approx(170, rel=0.01)
    heard, sure = felt_pulse(drums, tones)
    assert min(abs(heard.tempo / level - 1) for level in (85, 170)) < 0.01
    assert 0 < sure <= 1


@pytest.mark.parametrize(
    ("stems", "message"),
    [
        ({"drums": np.zeros((2, RATE * 5), np.float32)}, "silent"),
        ({}, "silent"),
        ({"flute": np.ones((2, RATE), np.float32)}, "no track flute"),
        ({"bass": stereo(tone(110, 3.0))}, "no pulse"),
    ],
)
def test_what_cannot_be_heard_is_refused(stems, message):
    with pytest.raises(InputError, match=message):
        hear_music(stems)
