import numpy as np
import pytest
import torch

from songdiff.composer import GENRES
from songdiff.errors import InputError
from songdiff.evaluation.style import GENRE_GROUPS, measure_style
from songdiff.models.style_probe import StyleProbe
from songdiff.score import Emotion, Note, Part, Score, Singer

RATE = 44100


def noise(rng: np.random.Generator, seconds: float = 1.0) -> np.ndarray:
    return 0.1 * rng.standard_normal((2, round(seconds * RATE))).astype(np.float32)


def tone(rng: np.random.Generator, seconds: float = 1.0) -> np.ndarray:
    wave = 0.3 * np.sin(2 * np.pi * rng.uniform(200, 400) * np.arange(round(seconds * RATE)) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


@pytest.fixture(scope="module")
def probe() -> StyleProbe:
    """Learned to tell techno (noise: a man, happy, drum machine) from folk (a tone: a woman, sad, guitar)."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    probe = StyleProbe(["folk", "techno"], ["drum machine", "guitar"], hidden_size=16, num_layers=1, num_mels=24)
    optimizer = torch.optim.Adam(probe.parameters(), 3e-2)
    kinds = torch.tensor([0, 1] * 4)
    for _ in range(25):
        waveforms = torch.from_numpy(np.stack([(noise if kind else tone)(rng, 0.3).mean(0) for kind in kinds]))
        heard = probe(probe.features(waveforms))
        loss = torch.nn.functional.cross_entropy(heard.genre, kinds)
        loss = loss + torch.nn.functional.cross_entropy(heard.gender, kinds + 1)
        signs = (2 * kinds - 1).float()
        loss = loss + (heard.mood - 0.8 * torch.stack([signs, signs], 1)).square().mean()
        loss = loss - (torch.nn.functional.logsigmoid(heard.instruments * torch.stack([signs, -signs], 1))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return probe.eval()


def score(genre: str, gender: str, valence: float, instrument: str) -> Score:
    note = Note(start=0, end=1, pitch=60)
    return Score(
        duration=2,
        genre=genre,
        melody=[note],
        singer=Singer(gender=gender),
        emotion=[Emotion(time=0, valence=valence, arousal=valence)],
        parts=[Part(track="other", instrument=instrument, notes=[note])],
    )


def triad(third: int, seconds: float = 2.0) -> np.ndarray:
    """A triad on A with a third of so many semitones."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(0.1 * np.sin(2 * np.pi * 220 * 2 ** (step / 12) * time) for step in (0, third, 7))
    return np.stack([wave, wave]).astype(np.float32)


def test_what_was_asked_for_is_recognised_and_the_opposite_is_not(probe):
    mix = noise(np.random.default_rng(9), 2.0)
    stems = {"vocals": mix, "drums": mix, "bass": 0 * mix, "other": triad(4)}
    assert set(measure_style(score("techno", "male", 0.5, "drum machine"), mix, probe, stems).values()) == {1.0}
    wrong = measure_style(score("folk", "female", -0.5, "guitar"), mix, probe, stems)
    assert set(wrong.values()) == {0.0}
    dark = measure_style(score("techno", "male", 0.5, "drum machine"), mix, probe, stems | {"other": triad(3)})
    assert dark["valence_sign"] == 0.0


def test_what_the_score_leaves_open_is_not_measured(probe):
    mix = tone(np.random.default_rng(9))
    assert set(measure_style(Score(duration=1), mix, probe).values()) == {None}
    instrumental = measure_style(Score(duration=1, melody=[], genre="country"), mix, probe)
    assert instrumental["gender"] is None
    assert (instrumental["genre"], instrumental["genre_group"]) == (0.0, 1.0)  # heard folk: the same group
    with pytest.raises(InputError, match="stereo"):
        measure_style(Score(duration=1), mix[0], probe)


def test_every_genre_has_one_group():
    assert sorted(genre for genres in GENRE_GROUPS.values() for genre in genres) == sorted(GENRES)
