import numpy as np
import pytest

from songdiff.corpus.instruments import ENGINES, find_soundfont, render_each, render_parts
from songdiff.corpus.mixing import active_level, mix_song
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


def test_mix_keeps_below_full_scale_and_stems_have_levels():
    score = some_score(3.0)
    time = np.arange(3 * 44100) / 44100
    voice = (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    stems = mix_song(score, voice, render_each(score), rng=np.random.default_rng(0))
    mix = sum(stems.values())
    assert mix.shape == (2, 3 * 44100)
    assert mix.dtype == np.float32
    assert np.abs(mix).max() < 0.95
    assert all(np.abs(stem).max() < 0.95 for stem in stems.values())
    assert active_level(mix) > -24
    assert np.abs(mix[:, -1]).max() == 0  # faded
    assert np.abs(stems["drums"][:, : 44100 - 50]).max() < 1e-5  # nothing of the others leaks into the drums


def test_mix_refuses_a_wrong_length():
    score = some_score(1.0)
    with pytest.raises(ValueError, match="vocals has 7 samples"):
        mix_song(score, np.zeros(7, np.float32), render_each(score), rng=np.random.default_rng(0))
