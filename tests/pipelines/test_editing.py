"""Spans rendered again, songs made longer and loops, on a checkpoint of random weights."""

import dataclasses
import itertools

import numpy as np
import pytest
import soundfile
import torch

from songdiff.audio.lossless import read_lossless, write_lossless
from songdiff.composer.continuation import ending
from songdiff.errors import InputError
from songdiff.evaluation.edits import measure_edit
from songdiff.lyrics import parse_lyrics
from songdiff.pipelines import Known, SongPipeline
from songdiff.pipelines.editing import edit, extend, loop, plan_edit, plan_extension
from songdiff.pipelines.known import active_level
from songdiff.pipelines.rendering import windows
from songdiff.pipelines.splicing import merge_spans, splice, track_gains
from songdiff.score import TRACKS
from songdiff.score.timeline import bars

LYRICS = "[Verse]\nthe river is calling my name\nacross the valley\n[Chorus]\nsing it again"
QUICK = {"num_inference_steps": 1, "guidance_scale": 1.0, "style_guidance_scale": 1.0}
NEAR = QUICK | {"context": 2.0}


@pytest.fixture(scope="module")
def pipeline(checkpoint):
    pipeline = SongPipeline.from_pretrained(checkpoint)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="module")
def song(pipeline):
    generator = torch.Generator().manual_seed(3)
    return pipeline(LYRICS, "folk", audio_duration=9.0, generator=generator, **QUICK)


@pytest.fixture(scope="module")
def known(song):
    return Known.from_output(song, "folk")


def tones(seconds, rate, channels, seed=0):
    """Something with a level that does not hide small changes."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    row = [
        0.1 * np.sin(2 * np.pi * rng.uniform(100, 900) * time) + 0.02 * rng.standard_normal(len(time))
        for _ in range(channels)
    ]
    return np.array(row, np.float32)  # fmt: skip


def changed(a, b, rate):
    """(first, last) second at which two waveforms differ."""
    places = np.flatnonzero((a != b).any(0))
    return (places[0] / rate, places[-1] / rate) if len(places) else None


@pytest.mark.parametrize("ending", [".wav", ".flac"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_outside_the_span_the_file_is_the_source(pipeline, tmp_path, ending, channels, rate, subtype):
    if ending == ".flac" and subtype == "FLOAT":
        pytest.skip("FLAC holds no floats")
    folder, source = tmp_path / "stems", tmp_path / f"song{ending}"
    folder.mkdir()
    stems = {track: tones(5, rate, channels, i) for i, track in enumerate(TRACKS)}
    for track, stem in stems.items():
        soundfile.write(folder / f"{track}{ending}", stem.T, rate, subtype)
    soundfile.write(source, sum(stems.values()).T, rate, subtype)
    known = Known.from_song(source, folder)
    edited = edit(pipeline, known, [(2.0, 3.0)], ["vocals", "bass"], **NEAR)
    assert edited.form == known.form
    write_lossless(tmp_path / f"out{ending}", edited.mixed, edited.form)
    write_lossless(tmp_path / f"bass{ending}", edited.stems["bass"], edited.form)
    whole = "float64" if subtype == "FLOAT" else "int32"
    for before, after, fade in ((source, "out", 0.1), (folder / f"bass{ending}", "bass", 0.05)):
        one, _ = soundfile.read(before, dtype=whole, always_2d=True)
        other, own_rate = soundfile.read(tmp_path / f"{after}{ending}", dtype=whole, always_2d=True)
        assert (own_rate, other.shape) == (rate, one.shape)
        first, last = changed(one.T, other.T, rate)
        assert 2.0 - fade - 1e-6 <= first < 2.0
        assert 3.0 < last <= 3.0 + fade + 1e-6
    assert np.array_equal(edited.stems["drums"], known.stems["drums"])


def test_a_song_of_ours_keeps_everything_but_the_cells(pipeline, known):
    edited = edit(pipeline, known, [(3.0, 5.0)], ["vocals"], seed=1, **NEAR)
    figures = measure_edit(known.mixed, edited.mixed, [(3.0, 5.0)], 44100)
    assert figures["outside_difference"] == 0
    assert figures["inside_change_db"] > -40
    same = (edited.kept_latents == known.kept_latents).all(1)
    assert same[1:].all()
    frames = torch.nonzero(~same[0]).flatten() / pipeline.frame_rate
    assert 2.85 < frames[0] < 3.0
    assert 4.95 < frames[-1] < 5.1
    again = edit(pipeline, known, [(3.0, 5.0)], ["vocals"], seed=1, **NEAR)
    assert np.array_equal(again.mixed, edited.mixed)
    other = edit(pipeline, known, [(3.0, 5.0)], ["vocals"], seed=2, **NEAR)
    assert not np.array_equal(other.mixed, edited.mixed)


def test_spans_at_the_very_ends_and_overlapping_ones(pipeline, known):
    edited = edit(pipeline, known, [(8.0, 9.0), (0.0, 0.5), (0.4, 1.0)], **NEAR)
    rate = 44100
    for track in TRACKS:
        inside = known.stems[track] != edited.stems[track]
        assert not inside[:, round(1.05 * rate) + 1 : round(7.95 * rate) - 1].any()
    assert (known.mix[:, :100] != edited.mix[:, :100]).any()
    assert (known.mix[:, 8 * rate : 8 * rate + 100] != edited.mix[:, 8 * rate : 8 * rate + 100]).any()
    assert edited.mix.shape == known.mix.shape
    assert merge_spans([(8.0, 9.0), (0.0, 0.5), (0.4, 1.0), (1.1, 2.0)], 9.0) == [(0.0, 2.0), (8.0, 9.0)]


def test_latents_alone_are_enough(pipeline, known):
    bare = dataclasses.replace(known, stems={})
    edited = edit(pipeline, bare, [(3.0, 5.0)], ["drums"], **NEAR)
    assert edited.stems == {}
    first, last = changed(known.mix, edited.mix, 44100)
    assert first >= 2.9 - 1e-6
    assert last <= 5.1 + 1e-6
    assert not torch.equal(edited.kept_latents, known.kept_latents)


def test_a_mix_alone(pipeline, known):
    mix = dataclasses.replace(known, stems={}, kept_latents=None, score=None)
    with pytest.raises(InputError, match=r"is a mix without stems, so vocals cannot .* leave the tracks out"):
        edit(pipeline, mix, [(3, 5)], ["vocals"], **NEAR)
    edited = edit(pipeline, mix, [(3, 5)], **NEAR)
    first, last = changed(mix.mix, edited.mix, 44100)
    assert (first, last) == (pytest.approx(2.9, abs=2e-3), pytest.approx(5.1, abs=2e-3))
    level = [10 * np.log10(np.square(x[:, 3 * 44100 : 5 * 44100]).mean()) for x in (mix.mix, edited.mix)]
    assert abs(level[0] - level[1]) < 6


def test_new_stretches_have_the_level_of_the_song(pipeline, known):
    """The same song 20 dB softer gives the same edit 20 dB softer."""
    soft = dataclasses.replace(known, stems={t: 0.1 * s for t, s in known.stems.items()}, mix=0.1 * known.mix)
    span = slice(round(3.1 * 44100), round(4.9 * 44100))
    one, other = (edit(pipeline, k, [(3, 5)], ["vocals"], **NEAR).stems["vocals"][:, span] for k in (known, soft))
    assert np.allclose(0.1 * one, other, atol=1e-4)


def test_gains_are_told_track_by_track(known):
    rendered = {track: stem / (1 + i) for i, (track, stem) in enumerate(known.stems.items())}
    outside = np.ones(known.num_samples, bool)
    outside[44100 : 2 * 44100] = False
    rendered = {
        track: np.where(outside, stem, 7.0) for track, stem in rendered.items()
    }  # what is inside does not count
    gains = track_gains(known, rendered, outside, 1.0)
    assert list(gains.values()) == pytest.approx([1, 2, 3, 4], rel=1e-3)
    silent = dataclasses.replace(known, stems=known.stems | {"bass": 0 * known.stems["bass"]})
    assert track_gains(silent, rendered, outside, 1.0)["bass"] == pytest.approx(2, rel=1e-3)  # the others' median
    nothing = dataclasses.replace(known, stems={track: 0 * stem for track, stem in known.stems.items()})
    assert track_gains(nothing, rendered, outside, 0.3) == dict.fromkeys(TRACKS, 0.3)


def test_seams_keep_the_power():
    """Noise into other noise, and a tone into itself: neither dips nor bulges at the seam."""
    rng = np.random.default_rng(0)
    noise, other = (rng.standard_normal((2, 4 * 44100)).astype(np.float32) for _ in range(2))
    for new in (other, noise):
        made = splice(Known.from_stems({"drums": noise}), {"drums": new}, [(1.0, 3.0)], ["drums"]).stems["drums"]
        seam = made[:, round(0.95 * 44100) : 44100]
        assert abs(10 * np.log10(np.square(seam).mean())) < 0.5


def test_tracks_that_the_song_lacks_are_added(known):
    vocals = Known.from_stems({"vocals": known.stems["vocals"]})
    made = splice(vocals, {track: known.stems[track] for track in TRACKS}, None, ["drums", "bass"])
    assert set(made.stems) == {"vocals", "drums", "bass"}
    assert np.array_equal(made.stems["vocals"], known.stems["vocals"])
    assert np.allclose(made.mix, sum(made.stems.values()), atol=1e-6)


def test_new_words_another_melody_another_singer(pipeline, known):
    line = known.score.lines[1]
    span = (line.start - 0.02, line.end + 0.02)
    edited = edit(pipeline, known, [span], lyrics="over the mountain", **NEAR)
    assert [line.text for line in edited.score.lines][1] == "over the mountain"
    assert [track for track in TRACKS if changed(known.stems[track], edited.stems[track], 44100)] == ["vocals"]
    melody = plan_edit(known, [span], keep="words", seed=4).melody
    assert [note.start for note in melody] == [note.start for note in known.score.melody]
    assert [note.pitch for note in melody] != [note.pitch for note in known.score.melody]
    both = plan_edit(known, [span], parse_lyrics("over the mountain"), "nothing", seed=4)
    assert [line.text for line in both.lines][1] == "over the mountain"
    assert [note.pitch for note in both.melody] != [note.pitch for note in edited.score.melody]
    one, other = (edit(pipeline, known, [span], singer=singer, **NEAR) for singer in ("female, airy", "male, dark"))
    assert not np.array_equal(one.stems["vocals"], other.stems["vocals"])


def test_words_where_nothing_was_sung(pipeline, known):
    instrumental = dataclasses.replace(
        known, score=known.score.model_copy(update={"lines": [], "words": [], "phonemes": [], "melody": []})
    )
    edited = edit(pipeline, instrumental, [(2.0, 8.0)], lyrics="hello there", **NEAR)
    assert [line.text for line in edited.score.lines] == ["hello there"]
    assert all(2.0 <= phoneme.start < 8.0 for phoneme in edited.score.phonemes)
    assert edited.score.sections == known.score.sections
    unknown = plan_edit(dataclasses.replace(known, score=None), [(2.0, 8.0)], parse_lyrics("hello there"))
    assert [line.text for line in unknown.lines] == ["hello there"]
    assert unknown.melody is None  # nobody knows in which key


def test_what_contradicts_itself_is_refused(pipeline, known):
    for arguments, message in (
        ({"keep": "words", "lyrics": "hello"}, "keep words: new lyrics are given"),
        ({"keep": "melody"}, "keep melody: needs the new words"),
        ({"keep": "everything"}, "none of melody, words, nothing"),
        ({"melody": []}, "melody: its notes are for the words that are there"),
        ({"lyrics": "hello", "tracks": ["drums"]}, "name vocals too"),
        ({"tracks": ["piano"]}, "piano is none of vocals"),
        ({"tracks": []}, "tracks: none given"),
    ):
        with pytest.raises(InputError, match=message):
            edit(pipeline, known, [(3, 5)], **arguments, **NEAR)
    with pytest.raises(InputError, match=r"span 8:11 does not lie in song, which lasts 9\.00 s"):
        edit(pipeline, known, [(8, 11)], **NEAR)
    with pytest.raises(InputError, match="span 5:5 does not lie"):
        edit(pipeline, known, [(5, 5)], **NEAR)
    with pytest.raises(InputError, match="the notes of song are not known"):
        edit(pipeline, dataclasses.replace(known, score=None), [(3, 5)], keep="words", **NEAR)


def test_a_ten_minute_source_is_edited_in_a_window(pipeline, monkeypatch):
    rate, seconds = 22050, 600
    ramp = np.linspace(-0.5, 0.5, rate * seconds, dtype=np.float32)[None]  # no two samples alike
    known = Known.from_stems({track: ramp for track in TRACKS}, rate)
    frames = []
    denoise = pipeline.transformer.forward
    monkeypatch.setattr(
        pipeline.transformer, "forward", lambda x, *rest: frames.append(x.shape[-1]) or denoise(x, *rest)
    )
    edited = edit(pipeline, known, [(300, 301)], ["vocals"], context=2.0, **QUICK)
    assert max(frames) < 120  # 5 s and not 600
    first, last = changed(known.mixed, edited.mixed, rate)
    assert (first, last) == (pytest.approx(299.95, abs=2e-3), pytest.approx(301.05, abs=2e-3))
    assert edited.num_samples == rate * seconds


def test_windows():
    assert windows([(100, 101), (110, 111)], 600, 20) == [((80, 131), [(100, 101), (110, 111)])]
    assert windows([(0, 1), (500, 600)], 600, 20) == [((0, 21), [(0, 1)]), ((480, 600), [(500, 600)])]
    (low, high), _ = windows([(100, 380)], 600, 20)[0]
    assert high - low <= 285
    with pytest.raises(InputError, match="lasts 300 s; at most 281 s"):
        windows([(100, 400)], 600, 20)


@pytest.mark.parametrize(("before", "after"), [(0, 3.3), (2.5, 0), (2.2, 3.0)])
def test_a_longer_song_holds_the_shorter_one(pipeline, known, before, after):
    longer = extend(pipeline, known, before, after, **NEAR)
    frames = round(before * pipeline.frame_rate)
    assert longer.duration == pytest.approx(frames / pipeline.frame_rate + 9.0 + after, abs=1e-4)
    start, fade = round(frames / pipeline.frame_rate * 44100), round(0.1 * 44100) + 1
    for old, new in [(known.mix, longer.mix), *((known.stems[t], longer.stems[t]) for t in TRACKS)]:
        kept = new[:, start : start + known.num_samples]
        inner = slice(fade if before else 0, -fade if after else None)
        assert np.array_equal(kept[:, inner], old[:, inner])
    assert longer.score.duration == pytest.approx(longer.duration, abs=1e-4)
    assert bars(longer.score)[1] == pytest.approx(bars(known.score)[1])
    inner = slice(2, -2)
    kept = longer.kept_latents[..., frames : frames + known.kept_latents.shape[-1]]
    assert torch.equal(kept[..., inner], known.kept_latents[..., inner])


def test_extended_again_and_again_nothing_moves(pipeline, known):
    song, start = known, 0
    for seed in range(2):
        song = extend(pipeline, song, before=1.0, after=1.0, seed=seed, **NEAR)
        start += round(round(pipeline.frame_rate) / pipeline.frame_rate * 44100)
    inner = slice(5000, -5000)
    assert np.array_equal(song.mix[:, start : start + known.num_samples][:, inner], known.mix[:, inner])
    first = 2 * round(pipeline.frame_rate)
    kept = song.kept_latents[..., first : first + known.kept_latents.shape[-1]]
    assert torch.equal(kept[..., 2:-2], known.kept_latents[..., 2:-2])


def test_playing_over_the_ending(pipeline, known):
    end = ending(known.score)
    assert end < known.duration - 0.5
    assert any(beat.position == 1 and beat.time == end for beat in known.score.beats)
    bar = bars(known.score)[1]

    def struck(score):
        starts = [note.start for track in TRACKS for note in score.track_notes(track)]
        return sum(end + 0.1 < start < known.duration for start in starts), max(starts)

    assert end <= struck(known.score)[1] < end + bar
    longer = extend(pipeline, known, after=4.0, over_ending=True, **NEAR)
    assert longer.duration == pytest.approx(13.0, abs=1e-4)
    kept = round((end - 0.1) * 44100) - 1
    assert np.array_equal(longer.mix[:, :kept], known.mix[:, :kept])
    tail = slice(round((end + 0.1) * 44100), known.num_samples)
    assert not np.array_equal(longer.mix[:, tail], known.mix[:, tail])
    assert struck(longer.score)[0] > 2 * struck(known.score)[0]  # the music goes on where it rang out
    with pytest.raises(InputError, match="where its last bar begins is not known"):
        extend(pipeline, dataclasses.replace(known, score=None), after=3, over_ending=True, **NEAR)


def test_extended_again_and_again_nothing_drifts(pipeline, known):
    """Bars, key, tempo and level of a song that was made longer four times are those of its beginning."""
    song, edges = known, []
    for seed in range(4):
        edges.append(ending(song.score))
        song = extend(pipeline, song, after=5.0, over_ending=True, seed=seed, **NEAR)
    assert song.duration == pytest.approx(29.0, abs=1e-3)
    lines = [beat.time for beat in song.score.beats if beat.position == 1]
    bar = bars(known.score)[1]
    assert np.allclose(np.diff(lines), bar, atol=2e-3)
    assert lines[-1] == pytest.approx(lines[0] + bar * (len(lines) - 1), abs=2e-3)
    assert (song.score.key, song.score.tempo) == (known.score.key, known.score.tempo)
    assert {section.key for section in song.score.sections} <= {None, known.score.key}
    pieces = [song.mix[:, round((a + 0.2) * 44100) : round(b * 44100)] for a, b in itertools.pairwise([0.0, *edges])]
    levels = [active_level(piece) for piece in pieces]
    assert max(levels) - min(levels) < 3


def test_words_in_what_comes_after(pipeline, known):
    longer = extend(pipeline, known, after=6.0, lyrics="one more line to sing", **NEAR)
    assert [line.text for line in longer.score.lines][-1] == "one more line to sing"
    assert longer.score.lines[-1].start > 9.0
    unknown, lyrics = dataclasses.replace(known, score=None), parse_lyrics("one more line to sing")
    words = plan_extension(unknown, 0.0, 6.0, lyrics, None, 0)
    assert words.melody is words.beats is None
    assert words.phonemes[0].start > 9.0
    assert plan_extension(unknown, 0.0, 6.0, None, None, 0) is None


def test_extending_what_cannot_be(pipeline, known):
    vocals = Known.from_stems({"vocals": known.stems["vocals"]})
    with pytest.raises(InputError, match=r"all four stems are needed \(there: vocals\)"):
        extend(pipeline, vocals, after=3, **NEAR)
    with pytest.raises(InputError, match="more than 0"):
        extend(pipeline, known, **NEAR)
    with pytest.raises(InputError, match="is more than 245 s at a time"):
        extend(pipeline, known, after=400, **QUICK)


@pytest.mark.parametrize("latents", [True, False])
def test_a_loop_joins(pipeline, known, latents):
    source = dataclasses.replace(known, stems={}) if latents else dataclasses.replace(known, kept_latents=None)
    origin, bar = bars(known.score)
    made = loop(pipeline, source, 2, start=origin - 0.01, **QUICK)
    assert made.num_samples == round(2 * bar * 44100)
    first = round(origin * 44100)
    old = known.mix[:, first : first + made.num_samples]
    edge = round((min(0.5, bar / 4) + 0.1) * 44100) + 2
    assert np.array_equal(made.mix[:, edge:-edge], old[:, edge:-edge])
    assert not np.array_equal(made.mix[:, :100], old[:, :100])
    twice = np.concatenate([made.mix, made.mix], axis=1)
    steps = np.abs(np.diff(twice, axis=1)).max(0)
    assert steps[made.num_samples - 1] <= np.quantile(steps, 0.999)
    assert made.score.duration == pytest.approx(made.duration, abs=1e-4)


def test_a_loop_that_cannot_be(pipeline, known):
    with pytest.raises(InputError, match=r"loop: 99 bars from .* has \d; take fewer"):
        loop(pipeline, known, 99, **QUICK)
    with pytest.raises(InputError, match="where its bars lie is not known"):
        loop(pipeline, dataclasses.replace(known, score=None), 1, **QUICK)


def test_methods_of_the_pipeline(pipeline, known):
    assert np.array_equal(
        pipeline.edit(known, [(3, 4)], seed=1, **NEAR).mix, edit(pipeline, known, [(3, 4)], seed=1, **NEAR).mix
    )
    assert pipeline.extend(known, after=1.0, **NEAR).duration == 10.0
    assert pipeline.loop(known, 1, **QUICK).duration > 1


def test_a_lossy_source_keeps_what_it_decodes_to(pipeline, tmp_path):
    soundfile.write(tmp_path / "song.ogg", tones(4, 44100, 2).T, 44100)
    known = Known.from_song(tmp_path / "song.ogg")
    edited = edit(pipeline, known, [(1, 2)], **NEAR)
    write_lossless(tmp_path / "out.wav", edited.mixed, edited.form)
    again, _ = read_lossless(tmp_path / "out.wav")
    assert np.array_equal(again[:, 3 * 44100 :], known.mix[:, 3 * 44100 :])
