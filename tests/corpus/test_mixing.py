import numpy as np
import pytest

from songdiff.corpus.mixing import active_level, mix_song
from songdiff.corpus.production import GENRE_MIXES, LEVELS, PRODUCTIONS, choose_production
from songdiff.score import Level, Note, Part, Phoneme, Score

RATE = 44100


def tone(duration: float, hertz: float, *spans: tuple[float, float]) -> np.ndarray:
    """(samples,) float32: a sine with overtones during the spans."""
    time = np.arange(round(duration * RATE)) / RATE
    sound = sum(np.sin(2 * np.pi * k * hertz * time) / k for k in (1, 2, 3, 4))
    gate = sum(((time >= start) & (time < end)).astype(float) for start, end in spans)
    return (0.1 * sound * gate).astype(np.float32)


def both(mono: np.ndarray) -> np.ndarray:
    return np.stack([mono, mono])


def band(duration: float = 4.0, genre: str = "house", end: float | None = None) -> tuple[Score, list[np.ndarray]]:
    """Kicks on the beat, a bass, a pad; all end at ``end`` but for the bass."""
    end = duration if end is None else end
    kicks = [Note(start=t, end=t + 0.1, pitch=36) for t in np.arange(0.0, end, 0.5)]
    score = Score(
        duration=duration,
        genre=genre,
        tempo=120,
        parts=[
            Part(track="drums", instrument="drum kit", role="drums", notes=kicks),
            Part(track="bass", instrument="bass", role="bass", notes=[Note(start=0, end=duration, pitch=40)]),
            Part(track="other", instrument="pad", role="pad", notes=[Note(start=0, end=end, pitch=64)]),
        ],
    )
    decay = np.exp(-np.arange(4000) / 800) * np.sin(np.arange(4000) / 8)
    drums = np.zeros(round(duration * RATE), np.float32)
    for kick in kicks:
        place = round(kick.start * RATE)
        drums[place : place + 4000] += decay[: len(drums) - place]
    sounds = [drums, tone(duration, 82.4, (0, duration)), tone(duration, 330, (0, end))]
    return score, [both(sound) for sound in sounds]


def level_between(stem: np.ndarray, start: float, end: float) -> float:
    return active_level(stem[:, round(start * RATE) : round(end * RATE)])


@pytest.mark.parametrize("production", PRODUCTIONS)
@pytest.mark.parametrize("genre", ["metal", "no such genre"])
def test_no_stem_nor_their_sum_clips_in_sixteen_bits(production, genre):
    score, dry = band(genre=genre)
    voice = 20 * tone(4.0, 220, (0, 3.9))
    stems = mix_song(score, voice, dry, production=production, rng=np.random.default_rng(1))
    integers = {track: np.round(stem * 32767).astype(np.int64) for track, stem in stems.items()}
    total = sum(integers.values())
    assert np.abs(total).max() <= 32767
    assert np.abs(total - 32767 * sum(stems.values())).max() <= 2.01  # four roundings of half a step
    assert max(np.abs(stem).max() for stem in (*stems.values(), sum(stems.values()))) <= 0.9401
    assert active_level(sum(stems.values())) > -24
    assert all(stem.dtype == np.float32 and stem.shape == (2, 4 * RATE) for stem in stems.values())
    assert np.abs(total[:, -1]).max() == 0  # faded


def test_mixing_repeats_and_varies():
    score, dry = band()
    voice = tone(4.0, 220, (0, 3.9))
    first, again, other = (mix_song(score, voice, dry, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    for track in first:
        np.testing.assert_array_equal(first[track], again[track])
        assert np.abs(first[track] - other[track]).max() > 0.001


def test_effects_delay_nothing():
    score, dry = band(genre="techno")
    silent = np.zeros(4 * RATE, np.float32)
    late = [np.pad(sound, ((0, 0), (RATE, 0)))[:, : 4 * RATE] for sound in dry]
    score.parts = [
        part.model_copy(update={"notes": [note.model_copy(update={"start": 1.0, "end": 4.0}) for note in part.notes]})
        for part in score.parts or []
    ]
    for seed in range(3):
        stems = mix_song(score, silent, late, rng=np.random.default_rng(seed))
        for track in ("drums", "bass", "other"):
            loud = np.abs(stems[track]).max(axis=0)
            assert np.argmax(loud > 0.02 * loud.max()) / RATE == pytest.approx(1.0, abs=0.004)


def test_planned_dynamics_are_heard():
    score, dry = band(genre="folk")
    plan = [Level(time=0, decibels=0), Level(time=1.9, decibels=0), Level(time=2.1, decibels=-12)]
    score.dynamics = {"bass": plan}
    silent = np.zeros(4 * RATE, np.float32)
    stem = mix_song(score, silent, dry, production="dry", rng=np.random.default_rng(0))["bass"]
    heard = level_between(stem, 2.3, 3.8) - level_between(stem, 0.2, 1.7)
    assert heard == pytest.approx(-12, abs=1.5)


def test_backing_vocals_lie_eight_decibels_under_the_lead():
    score = Score(duration=6, parts=[])
    lead, backing = tone(6.0, 220, (0.2, 2.5)), both(30 * tone(6.0, 277, (3.5, 5.5)))
    stems = mix_song(score, lead, [], backing=backing, production="dry", rng=np.random.default_rng(0))
    under = level_between(stems["vocals"], 3.6, 5.4) - level_between(stems["vocals"], 0.4, 2.4)
    assert -10.5 < under < -6.5
    alone = mix_song(score, lead, [], production="dry", rng=np.random.default_rng(0))
    assert level_between(alone["vocals"], 4.0, 5.5) < under - 30


def test_consonants_keep_their_strength():
    noise = np.random.default_rng(0).standard_normal(3 * RATE) * (np.arange(3 * RATE) % RATE < 4410)
    hiss = (0.02 * np.diff(noise, append=0)).astype(np.float32)  # bright, 100 ms a second, 20 dB under the vowels
    voice = tone(3.0, 220, (0.1, 1.0), (1.1, 2.0), (2.1, 2.9)) + hiss
    for seed in range(3):
        score = Score(duration=3, parts=[])
        stem = mix_song(score, voice, [], production="dry", rng=np.random.default_rng(seed))["vocals"]
        dry, mixed = (
            level_between(sound, 1.01, 1.09) - level_between(sound, 1.2, 1.9) for sound in (voice[None], stem)
        )
        assert mixed > dry - 0.5


def test_a_track_that_rests_is_exactly_silent():
    score, dry = band(9.0, genre="ambient", end=3.0)
    score.phonemes = [Phoneme(start=8.0, end=8.5, symbol="a", word=0)]
    voice = tone(9.0, 220, (0.0, 1.0), (7.5, 8.5))
    score.melody = [Note(start=0, end=1, pitch=57), Note(start=8, end=8.5, pitch=57)]
    stems = mix_song(score, voice, dry, production="lush", rng=np.random.default_rng(0))
    for track, since, until in (("other", 6.0, 9.0), ("drums", 5.7, 9.0), ("vocals", 4.0, 7.28)):
        assert not stems[track][:, round(since * RATE) + 1 : round(until * RATE)].any()
    assert np.abs(stems["other"][:, round(3.2 * RATE) : 4 * RATE]).max() > 1e-3  # the room rings on
    assert np.abs(stems["vocals"][:, round(7.4 * RATE) : round(7.9 * RATE)]).max() > 0.01  # a breath is let through


def test_kicks_duck_pads_gently_and_only_in_club_music():
    def dip(genre: str) -> float:
        score, dry = band(genre=genre)
        silent = np.zeros(4 * RATE, np.float32)
        stem = mix_song(score, silent, dry, production="dry", rng=np.random.default_rng(0))["other"]
        return level_between(stem, 2.01, 2.06) - level_between(stem, 2.40, 2.49)

    assert -6 < dip("house") < -2
    assert abs(dip("folk")) < 1.0


@pytest.mark.parametrize("genre", GENRE_MIXES)
def test_genre_tables_name_only_what_there_is(genre):
    mix = GENRE_MIXES[genre]
    assert set(mix.levels) <= set(LEVELS)
    assert set(mix.productions) <= set(PRODUCTIONS)
    assert choose_production(genre, np.random.default_rng(0)) in PRODUCTIONS


def test_wrong_lengths_and_productions_are_refused():
    score, dry = band(1.0)
    silent, rng = np.zeros(RATE, np.float32), np.random.default_rng(0)
    with pytest.raises(ValueError, match="vocals has 7 samples"):
        mix_song(score, np.zeros(7, np.float32), dry, rng=rng)
    with pytest.raises(ValueError, match="backing has 7 samples"):
        mix_song(score, silent, dry, backing=np.zeros((2, 7), np.float32), rng=rng)
    with pytest.raises(ValueError, match="unknown production 'loud'; there are polished"):
        mix_song(score, silent, dry, production="loud", rng=rng)
