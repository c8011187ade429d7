"""The groups of features beyond what is played: each where the score says, and gone when dropped."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from songdiff.composer import compose
from songdiff.composer.harmony import SCALES
from songdiff.composer.progressions import COMMON
from songdiff.conditioning import CONTROLS, VOICE, FrameConditions, drop_controls, frame_conditions
from songdiff.conditioning.features import name_code
from songdiff.conditioning.groups import (
    ATTRIBUTES,
    GROUP_NAMES,
    GROUPS,
    LANGUAGES,
    METERS,
    MODES,
    NAME_CODE,
    NUM_FEATURES,
    OFFSETS,
    STREAMS,
    VOCAL_STYLES,
)
from songdiff.corpus.voices import MANNERS, VOICES
from songdiff.lyrics import parse_lyrics
from songdiff.score import Backing, Level, Note, Score, Section, Singer

RATE = 44100 / 2048


@pytest.fixture(scope="module")
def score() -> Score:
    lyrics = parse_lyrics("[Verse]\nthe river is calling me home\n[Chorus]\nsing it again")
    return compose(lyrics, "folk, harmonies", duration=20, seed=3, singer=Singer(name="mara", brightness=0.5))


def conditions_of(score: Score) -> FrameConditions:
    conditions = frame_conditions(score, int(np.ceil(score.duration * RATE)), RATE)
    return replace(conditions, voice=torch.ones(16))


def group(conditions: FrameConditions, name: str) -> torch.Tensor:
    return conditions.features[..., OFFSETS[name] : OFFSETS[name] + GROUPS[name]]


def known(conditions: FrameConditions, name: str) -> torch.Tensor:
    return conditions.known[..., GROUP_NAMES.index(name)]


def test_every_group_of_a_composed_song_is_known(score):
    conditions = conditions_of(score)
    assert conditions.features.shape == (conditions.num_frames, NUM_FEATURES)
    assert conditions.known.shape == (conditions.num_frames, len(GROUPS))
    assert conditions.known.all()
    assert conditions.features.abs().max() < 6
    assert not conditions.features.isnan().any()


def test_dynamics_follow_their_curves_in_units_of_6_dB_and_tracks_without_one_are_unknown():
    curve = [Level(time=0, decibels=-6), Level(time=10, decibels=6)]
    levels = group(conditions_of(Score(duration=10, dynamics={"drums": curve})), "dynamics")
    assert levels[int(3 * RATE + 0.5), 1].item() == pytest.approx(-1 + 2 * 3 / 10, abs=0.01)
    assert torch.equal(levels[0, 4:], torch.tensor([0.0, 1, 0, 0]))
    assert (levels[:, [0, 2, 3]] == 0).all()


def test_tempo_is_in_octaves_and_double_tempo_is_near():
    def tempo(bpm):
        return group(conditions_of(Score(duration=2, tempo=bpm)), "tempo")[0]

    assert tempo(120)[0] == 0
    assert tempo(240)[0] == pytest.approx(1)
    assert torch.allclose(tempo(80)[1:], tempo(160)[1:], atol=1e-5)
    assert (tempo(80)[1:] - tempo(110)[1:]).norm() > 1


def test_the_key_is_the_sections_own():
    sections = [Section(label="verse", start=0, end=5), Section(label="chorus", start=5, end=10, key="D major")]
    keys = group(conditions_of(Score(duration=10, key="C minor", sections=sections)), "key")
    assert keys[10].nonzero().flatten().tolist() == [0, 12 + MODES.index("minor")]
    assert keys[-10].nonzero().flatten().tolist() == [2, 12 + MODES.index("major")]
    strange = conditions_of(Score(duration=2, key="H major"))
    assert not known(strange, "key").any()
    lydian = conditions_of(Score(duration=2, key="F lydian"))
    assert group(lydian, "key")[0].nonzero().flatten().tolist() == [5]


def test_meter_and_language_have_a_place_for_the_rest():
    silent = Score(duration=2, time_signature="7/8")
    assert group(conditions_of(silent), "time_signature")[0].tolist() == [0, 0, 0, 1]
    assert group(conditions_of(Score(duration=2, time_signature="6/8")), "time_signature")[0].tolist() == [0, 0, 1, 0]
    assert not known(conditions_of(silent), "language").any()


def test_singer_attributes_are_known_one_by_one():
    def singer(**fields):
        return group(conditions_of(Score(duration=2, singer=Singer(**fields))), "singer")[0]

    assert (singer() == 0).all()
    assert singer(gender="male").nonzero().flatten().tolist() == [1]
    assert singer(style="airy").nonzero().flatten().tolist() == [2 + VOCAL_STYLES.index("airy")]
    dull = singer(brightness=0.0)
    assert dull.nonzero().flatten().tolist() == [len(dull) - 3]  # known to be none
    assert torch.allclose(singer(timbre=["warm", "dark"]), singer(timbre=["dark", "warm"]))
    assert not torch.equal(singer(timbre=["warm"]), singer(timbre=["dark"]))


def test_names_have_codes_that_a_linear_layer_can_tell_apart():
    codes = np.stack([name_code(name, NAME_CODE) for name in VOICES])
    assert len(VOICES) <= NAME_CODE
    assert np.linalg.matrix_rank(codes) == len(VOICES)
    likeness = np.abs(codes @ codes.T / NAME_CODE - np.eye(len(codes)))
    assert likeness.max() < 0.7


def test_backing_tells_the_notes_of_a_harmony_and_where_the_lead_is_doubled():
    def voice(kind, pitch, start):
        return Backing(kind=kind, start=start, end=start + 2, notes=[Note(start=start, end=start + 2, pitch=pitch)])

    backing = [voice("harmony", 64, 1), voice("harmony", 67, 1), voice("double", 60, 5)]
    rows = group(conditions_of(Score(duration=10, backing=backing)), "backing")
    assert rows[int(2 * RATE)].nonzero().flatten().tolist() == [4, 7, 12, 13, 14]
    assert rows[int(2 * RATE), 12:14].tolist() == pytest.approx([4 / 12, 7 / 12])
    assert rows[int(6 * RATE)].nonzero().flatten().tolist() == [15]
    assert (rows[int(8 * RATE)] == 0).all()
    assert known(conditions_of(Score(duration=2, backing=[])), "backing").all()


@pytest.mark.parametrize("name", CONTROLS)
def test_dropping_takes_exactly_its_own_columns(score, name):
    conditions = conditions_of(score)
    dropped = conditions.drop([name])
    others = [other for other in GROUPS if other != name]
    assert all(torch.equal(group(dropped, other), group(conditions, other)) for other in others)
    assert all(known(dropped, other).all() for other in others)
    for stream in STREAMS:
        unchanged = torch.equal(getattr(dropped, stream), getattr(conditions, stream))
        assert unchanged != (stream == name)
    assert torch.equal(dropped.voice, conditions.voice) != (name == VOICE)
    if name == VOICE:
        assert not dropped.voice.any()
    else:
        assert not group(dropped, name).any()
        assert not known(dropped, name).any()


def test_an_attribute_can_be_dropped_alone(score):
    for name, attributes in ATTRIBUTES.items():
        for index, columns in enumerate(attributes):
            dropped = conditions_of(score)
            before = dropped.features.clone()
            dropped.drop_attribute(name, index)
            columns = [OFFSETS[name] + column for column in columns]
            before[:, columns] = 0
            assert torch.equal(dropped.features, before)


def test_training_sees_nothing_at_all_and_words_alone(score):
    rng, seen = np.random.default_rng(0), []
    conditions = conditions_of(score)
    for _ in range(150):
        kept = drop_controls(conditions, rng)
        flags = kept.known.amax(0)
        names = {name for name, flag in zip(GROUP_NAMES, flags, strict=True) if flag and name != "position"}
        seen.append(names | ({VOICE} if kept.voice.any() else set()))
    assert set() in seen
    assert {"phonemes", "language"} in seen
    assert any(names > {"phonemes", "language"} and not names & {"drums", "beats"} for names in seen)
    assert 0.2 < np.mean([VOICE in names for names in seen]) < 0.6
    alone = [VOICE in names and not names & {"singer", "singer_name"} and "melody" in names for names in seen]
    assert 0.05 < np.mean(alone) < 0.25  # the clip alone says who sings
    assert torch.equal(conditions.features, conditions_of(score).features)  # the original is untouched


def test_the_lists_of_names_are_those_of_the_composer_and_the_corpus():
    assert set(MODES) == set(SCALES) == set(COMMON)
    assert set(VOCAL_STYLES) == set(MANNERS)
    assert set(LANGUAGES) == {voice.language.split("+")[0] for voice in VOICES.values()}
    assert set(METERS) >= {"4/4", "3/4", "6/8"}
