import json
import shutil

import numpy as np
import pytest
import torch

from songdiff import Score, SongPipeline
from songdiff.errors import InputError
from songdiff.models import SongTransformer
from songdiff.pipelines import CheckpointError

LYRICS = "[Verse]\nthe river is calling me home\n[Chorus]\nsing it again"


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def sing(pipeline, seed=1, **kwargs):
    arguments = {"lyrics": LYRICS, "prompt": "folk", "audio_duration": 14.0} | kwargs
    return pipeline(**arguments, generator=torch.Generator().manual_seed(seed))


def test_song_stems_and_score(pipeline):
    song = sing(pipeline)
    assert song.audio.shape == (2, 14 * 44100)
    assert set(song.stems) == {"vocals", "drums", "bass", "other"}
    assert np.isfinite(song.audio).all()
    assert np.abs(song.audio).max() <= 1
    assert isinstance(song.score, Score)
    assert song.latents.shape == (4, 8, 302)


def test_same_seed_same_song_and_another_differs(pipeline):
    first, again, other = sing(pipeline, 1), sing(pipeline, 1), sing(pipeline, 2)
    assert np.array_equal(first.audio, again.audio)
    assert first.score == again.score
    assert not np.array_equal(first.audio, other.audio)


def test_round_trip_through_save_pretrained(pipeline, tmp_path):
    pipeline.save_pretrained(tmp_path / "copy")
    copy = SongPipeline.from_pretrained(tmp_path / "copy")
    copy.set_progress_bar_config(disable=True)
    assert copy.config.num_inference_steps == 3
    assert np.array_equal(sing(copy).audio, sing(pipeline).audio)


def test_known_cells_come_back(pipeline):
    song = sing(pipeline, output_type="latent")
    assert song.audio is None
    mask = torch.zeros(4, 302, dtype=torch.bool)
    mask[0] = True
    mask[:, :100] = True
    other = sing(pipeline, 2, score=song.score, known_latents=song.latents, known_mask=mask, output_type="latent")
    expanded = mask[:, None].expand_as(song.latents)
    assert torch.equal(other.latents[expanded], song.latents[expanded])
    assert not torch.equal(other.latents[~expanded], song.latents[~expanded])


def test_resting_tracks_are_silent(pipeline):
    song = sing(pipeline, lyrics=None, prompt="folk, instrumental", output_type="latent")
    silence = pipeline.codec.silence_latent[:, None]
    assert torch.equal(song.latents[0], silence.expand(-1, song.latents.shape[-1]))
    assert not torch.equal(song.latents[1:], silence.expand(3, -1, song.latents.shape[-1]))
    mask = torch.zeros(4, song.latents.shape[-1], dtype=torch.bool)
    mask[0, :50] = True
    arguments = {"score": song.score, "known_latents": torch.ones_like(song.latents), "known_mask": mask}
    assert (sing(pipeline, **arguments, output_type="latent").latents[0, :, :50] == 1).all()  # what is given counts


def test_score_and_style_matter(pipeline):
    song = sing(pipeline, output_type="latent")
    empty = Score(duration=song.score.duration)
    assert not torch.equal(sing(pipeline, score=empty, output_type="latent").latents, song.latents)
    assert not torch.equal(sing(pipeline, prompt="metal", score=song.score, output_type="latent").latents, song.latents)


def test_a_negative_prompt_is_heard_without_guidance_too(pipeline):
    pipeline.register_to_config(guidance_scale=1.0, style_guidance_scale=1.0)
    try:
        song = sing(pipeline, output_type="latent")
        away = sing(pipeline, negative_prompt="metal", score=song.score, output_type="latent")
        assert not torch.equal(away.latents, song.latents)
    finally:
        pipeline.register_to_config(guidance_scale=2.0, style_guidance_scale=2.0)


def test_the_vocals_may_be_guided_more_than_the_rest(pipeline):
    pipeline.register_to_config(vocals_guidance_scale=5.0)
    try:
        score, style = pipeline.guidance_scales(None, None, "")
        assert score.tolist() == style.tolist() == [5.0] * 8 + [2.0] * 24
        assert pipeline.guidance_scales(3.0, None, "") == (3.0, 2.0)  # what the user asks for is for all tracks
        guided = sing(pipeline, output_type="latent").latents
    finally:
        pipeline.register_to_config(vocals_guidance_scale=None)
    assert not torch.equal(guided[0], sing(pipeline, output_type="latent").latents[0])


def test_reference_audio_replaces_the_prompt(pipeline):
    song = sing(pipeline)
    audio = torch.from_numpy(song.audio)
    latents = [
        sing(pipeline, score=song.score, reference_audio=a, output_type="latent").latents for a in (audio, audio * 0)
    ]
    assert not torch.equal(latents[0], latents[1])


def test_callback_sees_every_step_and_can_stop(pipeline):
    steps = []

    def callback(pipe, step, timestep, tensors):
        steps.append((step, float(timestep)))
        assert tensors["latents"].shape == (1, 32, 302)
        pipe.interrupt = step == 1
        return {}

    sing(pipeline, callback_on_step_end=callback, output_type="latent")
    assert [step for step, _ in steps] == [0, 1]
    assert steps[0][1] > steps[1][1]


def test_planner_none_leaves_all_but_the_words_open(pipeline):
    song = sing(pipeline, planner="none")
    assert song.score.melody is None
    assert song.score.phonemes
    assert song.audio.shape[1] == 14 * 44100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"audio_duration": 1.0}, "audio_duration: 1 s is out of range"),
        ({"audio_duration": 500.0}, "out of range"),
        ({"num_inference_steps": 0}, "num_inference_steps"),
        ({"output_type": "wav"}, "output_type"),
        ({"planner": "oracle"}, "planner"),
        ({"lyrics": "  \n"}, "lyrics"),
        ({"lyrics": "la la la la la la la la\n" * 40}, "s"),
    ],
)
def test_bad_input_is_named(pipeline, arguments, message):
    with pytest.raises(InputError, match=message):
        sing(pipeline, **arguments)


def test_a_checkpoint_lacking_a_part_is_named(checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "lacking")
    shutil.rmtree(tmp_path / "lacking" / "vocoder")
    with pytest.raises(CheckpointError, match="lacks vocoder"):
        SongPipeline.from_pretrained(tmp_path / "lacking")
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        SongPipeline.from_pretrained(tmp_path / "nowhere")


def test_weights_are_safetensors(checkpoint):
    assert not list(checkpoint.rglob("*.bin"))
    assert json.loads((checkpoint / "model_index.json").read_text())["transformer"][1] == "SongTransformer"


def test_a_preview_is_the_beginning_and_changes_nothing(pipeline):
    heard = []
    song = sing(pipeline, callback_on_preview=heard.append, preview_duration=5.0)
    (preview,) = heard
    assert preview.audio.shape == (2, 5 * 44100)
    assert preview.score.duration == 5.0
    assert preview.score.sections[0].label == song.score.sections[0].label
    assert np.array_equal(song.audio, sing(pipeline).audio)
    draft, begun = preview.latents[..., :80], song.latents[..., :80]  # same noise, same score: near, not equal
    other = sing(pipeline, 2, score=song.score, output_type="latent").latents[..., :80]
    assert 0 < (draft - begun).square().mean() < 0.5 * (draft - other).square().mean()
    with pytest.raises(InputError, match="preview_duration: 1 s is out of range"):
        sing(pipeline, preview_duration=1.0)


def test_a_preview_of_a_short_song_and_of_known_cells(pipeline):
    song, heard = sing(pipeline, audio_duration=6.0, output_type="latent"), []
    mask = torch.ones(4, song.latents.shape[-1], dtype=torch.bool)
    arguments = {"score": song.score, "known_latents": song.latents, "known_mask": mask, "output_type": "latent"}
    sing(pipeline, **arguments, callback_on_preview=heard.append)
    sing(pipeline, **arguments, callback_on_preview=heard.append, preview_duration=2.0)
    assert torch.equal(heard[0].latents, song.latents)
    assert torch.equal(heard[1].latents, song.latents[..., : heard[1].latents.shape[-1]])


def test_some_tracks_alone(pipeline):
    song = sing(pipeline)
    assert np.allclose(song.only("vocals") + song.only("drums", "bass", "other"), sum(song.stems.values()), atol=1e-5)
    with pytest.raises(InputError, match="no track piano; there are vocals, drums"):
        song.only("piano")


def test_a_transformer_that_has_learned_guidance_goes_without_it_until_asked(checkpoint):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    before = sing(pipeline, output_type="latent").latents
    learned = SongTransformer.from_config(pipeline.transformer.config, guidance_embeds=True)
    learned.load_state_dict(pipeline.transformer.state_dict() | {"guidance_embed": torch.randn(32)})
    pipeline.register_modules(transformer=learned)
    calls = []
    hook = lambda module, arguments, output: calls.append((len(output), arguments[-1].tolist()))  # noqa: E731
    learned.register_forward_hook(hook)

    def called(**arguments):
        calls.clear()
        return sing(pipeline, output_type="latent", **arguments).latents, [*calls]

    latents, once = called()
    assert once == [(1, [True])] * 3
    assert not torch.allclose(latents, before, atol=1e-3)
    for arguments in ({"guidance_interval": (0, 1)}, {"guidance_scale": 2.0}, {"negative_prompt": "rock"}):
        latents, twice = called(**arguments)
        assert twice == [(2, [False, False])] * 3
    assert torch.equal(called(guidance_interval=(0, 1))[0], before)
