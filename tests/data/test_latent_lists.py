"""DiffRhythm's lists: latents become sound, numbers become words that can be sung, and what is wrong is named."""

import json

import pytest
import torch
from diffusers import AutoencoderOobleck

from songdiff.audio.files import read_audio
from songdiff.data.latent_lists import import_list, load_decoder, read_list, read_vocabulary
from songdiff.data.prepare import prepare_corpus
from songdiff.errors import InputError
from songdiff.lyrics import load_lyrics, pronounce

SYMBOLS = [",", ".", "_", "h", "ə", "l", "oʊ", "w", "ɜː", "d", "?!"]


@pytest.fixture(scope="module")
def oobleck(tmp_path_factory):
    """A small autoencoder of the right rate, in a folder."""
    torch.manual_seed(0)
    sizes = {"encoder_hidden_size": 8, "channel_multiples": [1, 1, 1, 1], "decoder_channels": 8}
    rates = {"downsampling_ratios": [8, 8, 8, 4], "decoder_input_channels": 64}
    model = AutoencoderOobleck(**sizes, **rates).eval()
    folder = tmp_path_factory.mktemp("vae")
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def listed(tmp_path):
    """A list of three songs: lyrics as text, lyrics as numbers with means and scales, and a broken one."""
    torch.manual_seed(1)
    torch.save(torch.randn(1, 64, 130), tmp_path / "one.latent.pt")
    torch.save({"time": [59.997, 1.5], "lrc": ["the last line", "the first line"]}, tmp_path / "one.lrc.pt")
    torch.save(torch.randn(128, 108), tmp_path / "two.latent.pt")
    numbers = [[SYMBOLS.index(s) + 1 for s in ("h", "ə", "l", "oʊ", "_", "w", "ɜː", "l", "d", ".")], [999]]
    torch.save({"time": torch.tensor([0.5, 2.0]), "lrc": [torch.tensor(line) for line in numbers]}, tmp_path / "2.pt")
    torch.save(torch.randn(512), tmp_path / "style.pt")
    (tmp_path / "bad.pt").write_bytes(b"no tensor")
    (tmp_path / "vocab.json").write_text(json.dumps({"vocab": {s: i for i, s in enumerate(SYMBOLS)}}))
    path = tmp_path / "songs.lst"
    path.write_text(
        "one|one.lrc.pt|one.latent.pt|style.pt\ntwo|2.pt|two.latent.pt|style.pt\n\nbad|2.pt|bad.pt|style.pt\n"
    )
    return path


def test_a_list_becomes_songs_with_their_lyrics(listed, oobleck, tmp_path):
    decoder = load_decoder(oobleck)
    missing = import_list(listed, tmp_path / "songs", decoder, read_vocabulary(tmp_path / "vocab.json"), False)
    assert list(missing) == ["bad"]
    assert missing["bad"].startswith("bad.pt: cannot be read")
    latents = torch.load(tmp_path / "one.latent.pt")
    sound = torch.from_numpy(read_audio(tmp_path / "songs" / "one.flac"))
    assert sound.shape == (2, 130 * 2048)
    whole = AutoencoderOobleck.from_pretrained(oobleck).decode(latents).sample[0].detach().clamp(-1, 1)
    assert (sound - whole).abs().max() < 1e-3
    assert read_audio(tmp_path / "songs" / "two.flac").shape == (2, 108 * 2048)
    one, two = (load_lyrics(tmp_path / "songs" / f"{name}.lrc") for name in ("one", "two"))
    assert [(line.start, line.text) for line in one.lines] == [(1.5, "the first line"), (60.0, "the last line")]
    assert [line.text for line in two.lines] == ["h_ə_l_oʊ w_ɜː_l_d"]
    assert two.language == "ipa"
    said = pronounce([word.text for word in two.lines[0].words], "ipa")
    assert [[p for syllable in word for p in syllable.phonemes] for word in said] == [
        ["h", "ə", "l", "oʊ"],
        ["w", "ɚ", "l", "d"],
    ]


def test_songs_that_are_there_are_kept(listed, oobleck, tmp_path):
    names = read_vocabulary(tmp_path / "vocab.json")
    import_list(listed, tmp_path / "songs", load_decoder(oobleck), names, False)
    before = (tmp_path / "songs" / "two.flac").stat().st_mtime_ns
    (tmp_path / "songs" / "one.flac").unlink()
    import_list(listed, tmp_path / "songs", load_decoder(oobleck), names, False)
    assert (tmp_path / "songs" / "one.flac").exists()
    assert (tmp_path / "songs" / "two.flac").stat().st_mtime_ns == before


def test_a_torchscript_decoder_in_chunks_is_the_whole(tmp_path):
    class Published(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Conv1d(64, 2 * 2048, 3, padding=1)

        def forward(self, latents: torch.Tensor) -> torch.Tensor:
            return self.decode_export(latents)

        @torch.jit.export
        def decode_export(self, latents: torch.Tensor) -> torch.Tensor:
            frames = self.net(latents).unflatten(1, (2, 2048))
            return frames.transpose(2, 3).flatten(2)

    module = Published()
    torch.jit.script(module).save(tmp_path / "vae_model.pt")
    latents = torch.randn(1, 64, 300)
    sound = load_decoder(tmp_path / "vae_model.pt").decode(latents)
    assert torch.allclose(sound, module.decode_export(latents), atol=1e-5)


def test_the_report_says_what_became_of_every_song(listed, oobleck, tmp_path):
    with pytest.raises(InputError, match=r"out-songs: none of its 2 songs is fit; .*report\.html says why"):
        prepare_corpus(
            listed,
            tmp_path / "out",
            latent_decoder=oobleck,
            vocabulary=tmp_path / "vocab.json",
            progress=False,
            workers=1,
        )
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    reasons = {song["song"]: song["reasons"][0] for song in report["songs"]}
    assert set(reasons) == {"one", "two", "bad"}
    assert "cannot be read" in reasons["bad"]
    recordings = (tmp_path / "out" / "recordings.jsonl").read_text()
    assert all(reason.startswith("is a mix") == (f"{name}.flac" in recordings) for name, reason in reasons.items())


def test_what_is_wrong_is_named(listed, oobleck, tmp_path):
    (tmp_path / "short.lst").write_text("one|a.pt|b.pt|c.pt\ntwo|a.pt|b.pt\n")
    with pytest.raises(InputError, match=r"short\.lst, line 2: has 3 fields"):
        read_list(tmp_path / "short.lst")
    (tmp_path / "path.lst").write_text("../one|a.pt|b.pt|c.pt\n")
    with pytest.raises(InputError, match=r"line 1: id '\.\./one' is no name"):
        read_list(tmp_path / "path.lst")
    with pytest.raises(InputError, match=r"songs\.lst: its lyrics are numbers .* give the vocabulary"):
        import_list(listed, tmp_path / "songs", load_decoder(oobleck), None, False)
    with pytest.raises(InputError, match="neither an autoencoder's folder nor TorchScript"):
        load_decoder(listed)
    (tmp_path / "gone.lst").write_text("x|2.pt|gone.pt|style.pt\n")
    with pytest.raises(InputError, match=r"none of its songs can be read; x: gone\.pt: cannot be read"):
        import_list(tmp_path / "gone.lst", tmp_path / "none", load_decoder(oobleck), None, False)
    small = AutoencoderOobleck(
        encoder_hidden_size=8, decoder_channels=8, downsampling_ratios=[2, 4], channel_multiples=[1, 1]
    )
    small.save_pretrained(tmp_path / "small")
    with pytest.raises(InputError, match="makes a frame of 8 samples"):
        load_decoder(tmp_path / "small")
    with pytest.raises(InputError, match=r"is a list of latents; give the autoencoder .*--latent-decoder"):
        prepare_corpus(listed, tmp_path / "out")
    assert not (tmp_path / "out").exists()
