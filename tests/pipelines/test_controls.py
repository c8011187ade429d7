"""Every control changes the score or the condition; what cannot be followed is refused."""

import numpy as np
import pytest
import torch

from songdiff import Score, SongPipeline
from songdiff.errors import InputError
from songdiff.pipelines.controls import Controls
from songdiff.score import Chord, Emotion, Level, Singer

LYRICS = "[Verse]\nthe river is calling me home\n[Chorus]\nsing it again"
DURATION = 8.0


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def usual(pipeline):
    return sing(pipeline)


def sing(pipeline, **kwargs):
    arguments = {"lyrics": LYRICS, "prompt": "pop", "audio_duration": DURATION, "num_inference_steps": 1}
    generator = torch.Generator().manual_seed(1)
    return pipeline(**(arguments | kwargs), output_type="latent", generator=generator)


def clip(seconds: float, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(2, int(seconds * 44100), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("bpm", 137.0, lambda score: score.tempo == 137),
        ("key", "f# minor", lambda score: score.key == "Gb minor"),
        ("time_signature", "4/4", lambda score: score.time_signature == "4/4"),
        ("chords", "Dm Bb", lambda score: {c.label for c in score.chords} <= {"D:min", "Bb:maj"}),
        ("singer", "mara, soft", lambda score: (score.singer.name, score.singer.style) == ("mara", "soft")),
        ("emotion", "-0.5,0.25", lambda score: score.mood == (-0.5, 0.25)),
        ("dynamics", "bass -9", lambda score: [p.decibels for p in score.dynamics["bass"]] == [-9]),
    ],
)
def test_each_control_is_in_the_score(pipeline, usual, name, value, found):
    song = sing(pipeline, **{name: value})
    assert found(song.score)
    if name != "time_signature":
        assert not found(usual.score)
        assert song.latents.shape == usual.latents.shape
        assert not torch.equal(song.latents, usual.latents)


def test_without_the_composer_controls_are_all_the_model_is_told(pipeline):
    bare = sing(pipeline, planner="none")
    for name, value in {
        "bpm": 90.0,
        "key": "D minor",
        "time_signature": "3/4",
        "singer": "male",
        "emotion": "0,1",
    }.items():
        assert not torch.equal(sing(pipeline, planner="none", **{name: value}).latents, bare.latents), name
    song = sing(pipeline, planner="none", bpm=120.0, chords="C Am")
    assert song.score.melody is None
    assert song.score.chords[:2] == [Chord(start=0, end=2, label="C:maj"), Chord(start=2, end=4, label="A:min")]
    assert song.score.chords[-1].end == DURATION
    with pytest.raises(InputError, match=r"chords: without the composer .* give bpm too"):
        sing(pipeline, planner="none", chords="C Am")
    with pytest.raises(InputError, match="melody: the composer lays the words"):
        sing(pipeline, planner="none", melody=[])


def test_a_given_score_keeps_its_notes(pipeline, usual):
    singer = {"singer": "female, bright", "emotion": "1,1", "dynamics": "drums 0:-3"}
    song = sing(pipeline, score=usual.score, **singer)
    assert song.score.melody == usual.score.melody
    assert song.score.singer.brightness == 0.6
    assert song.score.dynamics["vocals"] == usual.score.dynamics["vocals"]
    again = sing(pipeline, score=song.score, **singer)
    assert again.score == song.score
    assert torch.equal(again.latents, song.latents)
    with pytest.raises(InputError, match="bpm, key: the score given has its own; edit it there"):
        sing(pipeline, score=usual.score, bpm=90.0, key="C major")


def test_a_voice_clip_is_followed(pipeline, usual):
    song = sing(pipeline, voice_audio=clip(3.0))
    assert not torch.equal(song.latents, usual.latents)
    assert torch.equal(song.latents, sing(pipeline, voice_audio=clip(3.0)).latents)
    assert pipeline.encode_voice(clip(3.5)).shape == (16,)


def test_a_voice_clip_must_be_long_enough_and_sound(pipeline):
    with pytest.raises(InputError, match=r"voice: the clip lasts 2\.9 s; give at least 3 s"):
        pipeline.encode_voice(clip(2.9))
    with pytest.raises(InputError, match="voice: the clip is silent"):
        pipeline.encode_voice(clip(4.0, level=1e-4))
    mostly_silent = clip(9.0)
    mostly_silent[:, 2 * 44100 :] = 0
    with pytest.raises(InputError, match="voice: the clip is silent, or nearly so"):
        pipeline.encode_voice(mostly_silent)


def test_names_that_the_checkpoint_does_not_know_are_not_heard(pipeline, usual):
    """A stranger's name means nothing to it; one that it knows does."""
    scores = [usual.score.model_copy(update={"singer": Singer(name=name)}) for name in (None, "stranger", "mara")]
    nobody, stranger, mara = (sing(pipeline, score=score).latents for score in scores)
    assert torch.equal(nobody, stranger)
    assert not torch.equal(nobody, mara)
    with pytest.raises(InputError, match=r"singer: 'stranger' is not understood; give a name \(mara\)"):
        sing(pipeline, singer="stranger")


def test_guidance_can_be_kept_to_an_interval(pipeline):
    songs = [sing(pipeline, num_inference_steps=2, guidance_interval=i).latents for i in ((0, 1), (0.9, 1), (0.1, 0.2))]
    unguided = sing(pipeline, num_inference_steps=2, guidance_scale=1.0, style_guidance_scale=1.0).latents
    assert not torch.equal(songs[0], songs[1])
    assert not torch.equal(songs[1], songs[2])
    assert torch.equal(songs[2], unguided)
    with pytest.raises(InputError, match=r"guidance_interval: 0\.5 to 0\.2"):
        sing(pipeline, guidance_interval=(0.5, 0.2))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("bpm", 0.0, "bpm: 0 is out of range; choose 30 to 300"),
        ("bpm", float("nan"), "bpm: nan is out of range"),
        ("key", "loud", "key: 'loud' is not understood"),
        ("time_signature", "5/4", "time_signature: '5/4' is unknown; choose one of 4/4, 3/4, 6/8"),
        ("dynamics", {"tuba": [Level(time=0, decibels=0)]}, "dynamics: no track tuba"),
    ],
)
def test_bad_controls_are_named(field, value, message):
    with pytest.raises(InputError, match=message):
        Controls(**{field: value})


def test_controls_are_read_from_objects_as_from_texts():
    emotion = [Emotion(time=0, valence=0.1, arousal=0.2)]
    assert Controls.read(emotion=emotion, chords=[["C:maj"]]) == Controls.read(emotion="0.1,0.2", chords="C")
    assert Controls.read(key="D minor").for_composer() == {"key": "D minor"}
    assert Controls(bpm=60).on(Score(duration=5)) == Score(duration=5, tempo=60)
    assert np.isclose(Controls(bpm=60).for_composer()["tempo"], 60)
