import dataclasses

import numpy as np
import pytest
import torch

from songdiff.composer.accompaniment import accompaniment
from songdiff.errors import InputError
from songdiff.lyrics import parse_lyrics
from songdiff.pipelines import SongPipeline
from songdiff.pipelines.accompany import accompany, hear, plan_accompaniment
from songdiff.pipelines.accompany_request import named_stems
from songdiff.pipelines.cover import cover, plan_cover
from songdiff.pipelines.known import Known
from songdiff.pipelines.separation import load_separator, separate
from songdiff.score import Beat, Chord, Note

RATE = 44100


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    pipe = SongPipeline.from_pretrained(checkpoint)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def beat_track(seconds=6.0, tempo=100.0, first=0.4, rate=RATE):
    """Drum and bass strokes on every beat, the low ones on the first and third: (drums, bass), mono."""
    drums, bass = np.zeros((2, round(seconds * rate)), np.float32)
    time = np.arange(round(0.5 * rate)) / rate
    for i in range(int((seconds - first) * tempo / 60)):
        at = round((first + i * 60 / tempo) * rate)
        hertz = (130.8, 110.0)[i // 4 % 2]
        stroke = np.sin(2 * np.pi * (60 if i % 2 == 0 else 900) * time) * np.exp(-time / 0.03)
        tone = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3)) * np.exp(-time / 0.3)
        length = min(len(time), len(drums) - at)
        drums[at : at + length] += 0.5 * stroke[:length]
        bass[at : at + length] += 0.2 * tone[:length]
    return drums, bass


@pytest.fixture(scope="module")
def known():
    drums, bass = beat_track()
    return Known.from_stems({"drums": drums[None], "bass": np.stack([bass, 0.5 * bass])})


def test_the_given_stems_come_back_sample_for_sample(pipeline, known):
    song = accompany(pipeline, known, "lo-fi", seed=3)
    assert list(song.stems) == ["drums", "bass", "other"]
    for track in ("drums", "bass"):
        assert np.array_equal(song.stems[track], known.stems[track])
    assert song.stems["other"].shape == (2, known.num_samples)
    assert song.stems["other"].any()
    assert song.mix.shape == (2, known.num_samples)
    assert np.abs(song.mix).max() <= 0.981
    assert [part.track for part in song.score.parts] == ["other"] * len(song.score.parts)
    again = accompany(pipeline, known, "lo-fi", seed=3)
    assert np.array_equal(again.mix, song.mix)


def test_another_rate_and_mono(pipeline):
    drums, _ = beat_track(rate=48000)
    known = Known.from_stems({"drums": drums[None]}, sample_rate=48000)
    song = accompany(pipeline, known, "rock", tracks=["bass"])
    assert list(song.stems) == ["drums", "bass"]
    assert song.form.sample_rate == 48000
    assert song.form.channels == 2
    assert np.array_equal(song.stems["drums"], known.stems["drums"])
    assert song.stems["bass"].shape == (2, len(drums))


def test_known_cells_are_those_given_or_not_asked_for(pipeline, known, monkeypatch):
    seen = {}

    def spy(self, **arguments):
        seen.update(arguments)
        raise InterruptedError

    monkeypatch.setattr(type(pipeline), "__call__", spy)
    with pytest.raises(InterruptedError):
        accompany(pipeline, known, tracks=["other"])
    assert seen["known_mask"].all(1).tolist() == [True, True, True, False]  # vocals: known to be silent
    assert not seen["known_mask"][3].any()
    assert set(seen["unknown_groups"]) == {"drums", "bass", "activity"}
    assert seen["score"].phonemes == []
    assert seen["score"].melody == []


def test_given_vocals_leave_words_unknown_and_melody_known(known):
    heard = dataclasses.replace(hear(known), melody=[Note(start=1, end=2, pitch=60)])
    score = plan_accompaniment(heard, ["drums", "bass", "other"], "rock")
    assert score.phonemes is None
    assert score.words is None
    assert [note.pitch for note in score.melody] == [60]
    tune = plan_accompaniment(heard, ["other"], "rock", tune=True)
    assert tune.phonemes == []
    assert tune.melody == []
    assert any(part.role == "lead" and [n.pitch for n in part.notes] == [60] for part in tune.parts)


def test_a_melody_of_notes_becomes_a_song(pipeline):
    notes = [Note(start=i * 0.6, end=i * 0.6 + 0.5, pitch=p) for i, p in enumerate((60, 64, 67, 72, 67, 64, 60))]
    heard = hear(None, "pop", melody=notes, bpm=100)
    assert heard.tempo == pytest.approx(100)
    assert heard.key == "C major"
    assert heard.melody == notes
    song = accompany(pipeline, None, "pop", heard=heard, num_inference_steps=2)
    assert song.duration == pytest.approx(heard.duration)
    assert song.stems["other"].any()
    assert not song.stems["vocals"].any()
    with pytest.raises(InputError, match="give its tempo"):
        hear(None, melody=notes)


def test_lyrics_are_sung_over_the_given_band(pipeline, known):
    song = accompany(pipeline, known, "pop", lyrics=parse_lyrics("la la la la"), num_inference_steps=2)
    assert [p.symbol for p in song.score.phonemes]
    heard = hear(known, "pop")
    assert min(n.start for n in song.score.melody) >= heard.first_downbeat - 0.02
    assert "vocals" in song.stems


def test_parts_follow_beats_that_are_not_even():
    times = np.cumsum([0.37, *np.linspace(0.5, 0.56, 39)])
    beats = [Beat(time=float(t), position=(i + 2) % 4 + 1) for i, t in enumerate(times)]  # the song begins in a bar
    duration = float(times[-1] + 0.3)
    chords = [Chord(start=0, end=10, label="C:maj"), Chord(start=10, end=duration, label="A:min")]
    score = accompaniment(
        "techno", duration=duration, beats=beats, chords=chords, key="C major", time_signature="4/4", seed=1
    )
    kicks = [n.start for p in score.parts if p.track == "drums" for n in p.notes if n.pitch in (35, 36)]
    assert len(kicks) > 8
    grid = np.sort(np.concatenate([times, (times[1:] + times[:-1]) / 2]))
    near = [np.abs(grid - kick).min() for kick in kicks if kick > times[0]]
    assert np.median(near) < 0.015
    assert score.beats == beats
    assert score.duration == duration
    assert all(0 <= n.start < n.end <= duration for p in score.parts for n in p.notes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tracks": ["drums"]}, "drums is given already"),
        ({"tracks": ["flute"]}, "no track flute"),
        ({"tracks": ["vocals"]}, "vocals need words"),
        ({"tracks": []}, "nothing is left"),
    ],
)
def test_tracks_that_cannot_be_made_are_refused(pipeline, known, arguments, message):
    with pytest.raises(InputError, match=message):
        accompany(pipeline, known, **arguments)


def test_a_mix_is_refused_with_what_works(pipeline, known):
    mix = dataclasses.replace(known, stems={}, mix=known.mixed)
    for make in (accompany, cover):
        with pytest.raises(InputError, match="songdiff separate"):
            make(pipeline, mix)


def test_stems_by_name(tmp_path):
    for name in ("My_Vocals 2.wav", "drumloop.wav", "Drums.wav", "song.wav", "a.wav"):
        (tmp_path / name).touch()
    folder = str(tmp_path)
    assert set(named_stems([f"{folder}/My_Vocals 2.wav", f"{folder}/Drums.wav", f"bass={folder}/a.wav"])) == {
        "vocals",
        "drums",
        "bass",
    }
    for wrong, message in (
        ([f"{folder}/song.wav"], "say which one"),
        ([f"{folder}/drumloop.wav"], "say which one"),
        ([f"drums={folder}/a.wav", f"{folder}/Drums.wav"], "given twice"),
        ([f"vocals={folder}/none.wav"], "no such audio file"),
    ):
        with pytest.raises(InputError, match=message):
            named_stems(wrong)


# --- cover ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def song(pipeline):
    made = pipeline("la la la la", "folk", audio_duration=6, generator=torch.Generator().manual_seed(1))
    return Known.from_output(made, "folk")


def test_strength_goes_from_the_song_to_its_score(pipeline, song):
    start = song.latents(pipeline)
    assert cover(pipeline, song, "metal", strength=0) is song
    distance = [
        float((cover(pipeline, song, "metal", strength=s, num_inference_steps=8).kept_latents - start).square().mean())
        for s in (0.1, 0.5, 1.0)
    ]
    assert distance[0] < distance[1] < distance[2]
    arguments = {"score": song.score, "prompt": "metal", "output_type": "latent", "num_inference_steps": 3}
    alone = pipeline(generator=torch.Generator().manual_seed(5), **arguments).latents
    whole = pipeline(generator=torch.Generator().manual_seed(5), start_latents=start, strength=1.0, **arguments)
    none = pipeline(generator=torch.Generator().manual_seed(5), start_latents=start, strength=0.0, **arguments)
    assert torch.equal(whole.latents, alone)
    assert torch.equal(none.latents.cpu(), start)


def test_a_cover_keeps_words_melody_chords_and_form(song):
    score = plan_cover(song, "jazz")
    for name in ("phonemes", "words", "melody", "chords", "sections", "beats", "key", "tempo"):
        assert getattr(score, name) == getattr(song.score, name), name
    assert score.genre == "jazz"
    assert score.parts != song.score.parts
    assert plan_cover(song, "jazz", keep_parts=True).parts == song.score.parts


def test_a_cover_of_stems_without_a_score(pipeline):
    drums, bass = beat_track()
    known = Known.from_stems({"drums": drums[None], "bass": bass[None], "other": bass[None], "vocals": 0 * bass[None]})
    made = cover(pipeline, known, "rock", strength=0.5, num_inference_steps=2)
    assert made.score.phonemes is None
    assert made.score.beats
    assert set(made.stems) == {"vocals", "drums", "bass", "other"}
    with pytest.raises(InputError, match="other missing"):
        cover(
            pipeline, dataclasses.replace(known, stems={t: known.stems[t] for t in ("vocals", "drums")}), strength=0.5
        )
    with pytest.raises(InputError, match="strength"):
        cover(pipeline, known, strength=1.5)


# --- separation -------------------------------------------------------------------------------------------------------


def test_separated_stems_add_up_to_the_mix(tmp_path, known):
    torchaudio = pytest.importorskip("torchaudio")
    sizes = {"channels": 4, "nfft": 1024, "depth": 5}
    torch.manual_seed(0)
    sources = ["drums", "bass", "other", "vocals"]
    torch.save(torchaudio.models.HDemucs(sources, **sizes).state_dict(), tmp_path / "weights.pt")
    mix = dataclasses.replace(known, stems={}, mix=known.mixed)
    stems = separate(mix, load_separator(tmp_path / "weights.pt", **sizes)).stems
    assert set(stems) == {"vocals", "drums", "bass", "other"}
    assert np.allclose(sum(stems.values()), known.mixed, atol=1e-5)
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    for name in ("broken.pt", "none.pt"):
        with pytest.raises(InputError, match="hdemucs_high_trained"):
            load_separator(tmp_path / name)
