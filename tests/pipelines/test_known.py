"""What is known of a song, from arrays, files and songs made here."""

import numpy as np
import pytest
import soundfile
import torch

from songdiff.errors import InputError
from songdiff.pipelines import Known, SongPipeline
from songdiff.pipelines.known import USUAL_LEVELS, active_level, load_latents, save_latents
from songdiff.score import TRACKS


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    return SongPipeline.from_pretrained(checkpoint)


def noise(seconds=3.0, rate=44100, channels=2, level=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return (level * rng.standard_normal((channels, round(seconds * rate)))).astype(np.float32)


def test_stems_of_several_shapes(tmp_path):
    soundfile.write(tmp_path / "v.flac", noise(3, 48000, 1).T, 48000, "PCM_24")
    soundfile.write(tmp_path / "d.wav", noise(2.5, 48000).T, 48000, "PCM_16")
    known = Known.from_stems({"drums": tmp_path / "d.wav", "vocals": tmp_path / "v.flac"})
    assert (known.tracks, known.missing) == (("vocals", "drums"), ("bass", "other"))
    assert (known.form.sample_rate, known.form.channels, known.form.subtype) == (48000, 2, "PCM_24")
    assert known.duration == 3.0
    assert known.stems["vocals"].shape == (1, 144000)
    assert not known.stems["drums"][:, 120000:].any()
    assert np.array_equal(known.mixed, known.stems["vocals"] + known.stems["drums"])


def test_what_does_not_fit_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(3, 48000).T, 48000)
    with pytest.raises(InputError, match="sample rates differ"):
        Known.from_stems({"vocals": tmp_path / "a.wav", "drums": noise()}, sample_rate=44100)
    with pytest.raises(InputError, match="no track piano; tracks are vocals, drums, bass, other"):
        Known.from_stems({"piano": noise()})
    with pytest.raises(InputError, match=r"lasts 0\.2 s; at least 2 s"):
        Known.from_stems({"vocals": noise(0.2)})
    with pytest.raises(InputError, match="none given"):
        Known.from_stems({})
    (tmp_path / "stems").mkdir()
    with pytest.raises(InputError, match="holds no stems"):
        Known.from_song(tmp_path / "a.wav", tmp_path / "stems")
    for i, track in enumerate(TRACKS):
        soundfile.write(tmp_path / "stems" / f"{track}.wav", noise(3, 48000, seed=i + 1).T, 48000)
    with pytest.raises(InputError, match=r"the stems do not add up to a\.wav"):
        Known.from_song(tmp_path / "a.wav", tmp_path / "stems")
    soundfile.write(tmp_path / "stems" / "bass.wav", noise(2, 48000).T, 48000)
    with pytest.raises(InputError, match=r"bass\.wav: lasts 2\.0 s, the song 3\.0 s"):
        Known.from_song(tmp_path / "a.wav", tmp_path / "stems")


def test_a_folder_of_stems_is_a_song(tmp_path):
    for track in ("vocals", "bass"):
        soundfile.write(tmp_path / f"{track}.wav", noise().T, 44100)
    known = Known.from_song(tmp_path)
    assert known.tracks == ("vocals", "bass")
    assert known.mix is None


def test_mask_and_latents_agree(pipeline):
    known = Known.from_stems({"vocals": noise(), "drums": 0 * noise()})
    latents, mask = known.latents(pipeline), known.mask(["vocals", "bass"], [(1.0, 2.0)])
    frames = -(-3 * 44100 // 2048)
    assert latents.shape == (4, 8, frames)
    assert mask.shape == (4, frames)
    assert mask[1].all()
    assert not mask[2:].any()
    unknown = torch.nonzero(~mask[0]).flatten()
    assert (unknown[0], unknown[-1]) == (21, 43)  # frames of 46.4 ms that the span touches
    silence = pipeline.codec.silence_latent
    assert torch.allclose(latents[2], silence[:, None].expand_as(latents[2]))
    assert not known.mask(["vocals"])[0].any()


def test_the_model_hears_stems_at_its_own_level(pipeline):
    for level in (0.01, 0.5):
        known = Known.from_stems({"vocals": noise(level=level)})
        heard = active_level(known.stems["vocals"] * known.level())
        assert heard == pytest.approx(USUAL_LEVELS["vocals"] - 1, abs=0.1)
    loud, soft = (Known.from_stems({"vocals": noise(level=level)}).latents(pipeline) for level in (0.5, 0.01))
    assert torch.allclose(loud, soft, atol=0.05)


def test_kept_latents_come_back(tmp_path, pipeline):
    latents = torch.randn(4, 8, 65)
    save_latents(tmp_path / "a.safetensors", latents)
    again = load_latents(tmp_path / "a.safetensors")
    assert torch.allclose(again, latents, atol=2e-3)
    (tmp_path / "b.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as latents"):
        load_latents(tmp_path / "b.safetensors")
    wrong = Known.from_stems({track: noise() for track in TRACKS})
    wrong = Known("song", wrong.form, wrong.stems, kept_latents=torch.randn(4, 64, 65))
    with pytest.raises(InputError, match="give the model that made the song"):
        wrong.latents(pipeline)


def test_stems_deeper_than_their_mix(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise().T, 44100, "PCM_16")
    (tmp_path / "stems").mkdir()
    soundfile.write(tmp_path / "stems" / "vocals.wav", noise().T, 44100, "PCM_24")
    known = Known.from_song(tmp_path / "a.wav", tmp_path / "stems")
    assert (known.form.subtype, known.stem_subtype) == ("PCM_16", "PCM_24")
    assert known.missing == ("drums", "bass", "other")
