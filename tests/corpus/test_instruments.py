import numpy as np
import pytest

from songdiff.corpus.drum_machine import Kit, hit
from songdiff.corpus.instruments import ENGINES, find_soundfont, render_each, render_parts
from songdiff.corpus.synthesizer import GENRE_PATCHES, INSTRUMENT_PATCHES, render_synth
from songdiff.corpus.tools import MissingToolError
from songdiff.score import Note, Part, Score


def some_score(duration: float = 2.3451) -> Score:
    return Score(
        duration=duration,
        genre="house",
        tempo=120,
        parts=[
            Part(track="drums", instrument="drum kit", role="drums", notes=[Note(start=1.0, end=1.1, pitch=36)]),
            Part(
                track="bass",
                instrument="synth bass",
                role="bass",
                program=38,
                notes=[Note(start=0.5, end=1.4, pitch=36), Note(start=1.5, end=3.0, pitch=43)],
            ),
            Part(
                track="other",
                instrument="piano",
                role="chords",
                notes=[Note(start=0.25, end=2.0, pitch=pitch) for pitch in (60, 64, 67)],
            ),
        ],
    )


def onset(waveform: np.ndarray) -> float:
    """Seconds of the first sample above a hundredth of the peak."""
    loud = np.abs(waveform).max(axis=0)
    return float(np.argmax(loud > 0.01 * loud.max())) / 44100


@pytest.mark.parametrize("engine", ENGINES)
def test_notes_start_where_the_score_says(engine):
    tracks = render_parts(some_score(), engine=engine)
    assert onset(tracks["drums"]) == pytest.approx(1.0, abs=0.005)
    assert onset(tracks["bass"]) == pytest.approx(0.5, abs=0.01)  # a bass needs some milliseconds to speak


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("duration", [0.7, 2.3451])
def test_length_is_exact_and_rendering_repeats(engine, duration):
    score = some_score(duration)
    first, second = render_parts(score, engine=engine), render_parts(score, engine=engine)
    for track in ("drums", "bass", "other"):
        assert first[track].shape == (2, round(duration * 44100))
        assert first[track].dtype == np.float32
        np.testing.assert_array_equal(first[track], second[track])


def test_more_than_sixteen_parts_stay_apart():
    starts = [0.1 * i for i in range(20)]
    parts = [Part(track="other", instrument="piano", notes=[Note(start=t, end=t + 0.05, pitch=60)]) for t in starts]
    waveforms = render_each(Score(duration=3, parts=parts))
    assert [round(onset(waveform), 1) for waveform in waveforms] == pytest.approx(starts)


def test_no_parts_are_silence():
    assert not any(waveform.any() for waveform in render_parts(Score(duration=1, parts=[])).values())


def test_missing_soundfont_names_the_remedy(monkeypatch):
    monkeypatch.setenv("SONGDIFF_SOUNDFONT", "/nowhere.sf2")
    with pytest.raises(MissingToolError, match=r"/nowhere\.sf2.*apt-get install fluid-soundfont-gm"):
        find_soundfont()


def test_unknown_engine_is_refused():
    with pytest.raises(ValueError, match="unknown engine 'moog'"):
        render_parts(some_score(), engine="moog")


def test_chiptunes_are_ours_alone():
    score = some_score().model_copy(update={"genre": "chiptune"})
    for ours, theirs in zip(render_each(score, engine="hybrid"), render_each(score, engine="synth"), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_generator_draws_other_patches_and_repeats():
    first, again, other = (
        render_each(some_score(), engine="synth", rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    for a, b, c in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.abs(a - c).max() > 0.01


def test_a_drum_kit_is_not_a_drum_machine():
    kit, machine = some_score(), some_score()
    machine.parts[0] = machine.parts[0].model_copy(update={"instrument": "drum machine"})
    sampled, hybrid = (render_each(kit, engine=engine)[0] for engine in ("soundfont", "hybrid"))
    np.testing.assert_array_equal(sampled, hybrid)
    assert np.abs(render_each(machine, engine="hybrid")[0] - sampled).max() > 0.01


@pytest.mark.parametrize("genre", [None, *GENRE_PATCHES])
@pytest.mark.parametrize("role", ["bass", "chords", "pad", "arpeggio", "lead", *INSTRUMENT_PATCHES])
def test_every_patch_plays_its_pitch(genre, role):
    pitch = 40 if "bass" in role else 69
    note = Note(start=0.0, end=0.8, pitch=pitch)
    part = Part(track="bass" if "bass" in role else "other", instrument=role, role=role, notes=[note])
    for seed in range(3):
        sound = render_synth(part, 44100, genre, seed).mean(axis=0)[8820:30870] * np.hanning(22050)
        spectrum = np.abs(np.fft.rfft(sound, 8 * 44100))
        hertz = 440 * 2 ** ((pitch - 69) / 12) * np.array([0.5, 1, 2, 3])  # subharmonics and overtones are the patch's
        cents = 1200 * np.log2(spectrum.argmax() / 8 / hertz)
        assert np.abs(cents).min() < 25


@pytest.mark.parametrize("family", ["punchy", "boomy", "tight", "gated", "chip"])
def test_drum_hits_start_at_once_and_end(family):
    for key in range(35, 83):
        sound = np.abs(hit(Kit(family), key)).max(axis=0)
        assert 0.1 < sound.max() < 3
        assert np.argmax(sound > 0.05 * sound.max()) < 90  # 2 ms
        assert sound[-100:].max() < 0.1 * sound.max()
