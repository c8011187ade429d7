import numpy as np
import pytest
import torch

from songdiff.composer import compose
from songdiff.conditioning import FINE, draw_known_mask, drop_controls, frame_conditions
from songdiff.conditioning.groups import GROUP_NAMES
from songdiff.lyrics import INVENTORY, SILENCE, parse_lyrics
from songdiff.score import Score

RATE = 44100 / 2048


@pytest.fixture(scope="module")
def score() -> Score:
    return compose(
        parse_lyrics("[Verse]\nthe river is calling me home\n[Chorus]\nsing it again"), "folk", duration=20, seed=3
    )


def conditions_of(score: Score, grain="phoneme"):
    return frame_conditions(score, int(np.ceil(score.duration * RATE)), RATE, grain)


def test_phonemes_and_notes_lie_where_the_score_says(score):
    conditions = conditions_of(score)
    for phoneme in score.phonemes:
        if phoneme.end - phoneme.start > 0.03:
            fine = int((phoneme.start + phoneme.end) / 2 * RATE * FINE)
            assert INVENTORY[conditions.phonemes[fine]] == phoneme.symbol
    for note in score.melody:
        assert conditions.melody[int((note.start + note.end) / 2 * RATE * FINE)] == 2 + note.pitch
    assert INVENTORY[conditions.phonemes[-1]] == SILENCE


def test_unknown_is_flagged_and_empty_is_not_unknown():
    unknown = conditions_of(Score(duration=5))
    assert [name for name, flag in zip(GROUP_NAMES, unknown.known[0], strict=True) if flag] == ["position"]
    instrumental = conditions_of(Score(duration=5, phonemes=[], melody=[], words=[], lines=[]))
    assert instrumental.known[:, GROUP_NAMES.index("phonemes")].all()
    assert (instrumental.melody == 1).all()


def test_drop_makes_a_span_unknown_and_leaves_the_rest(score):
    conditions = conditions_of(score)
    dropped = conditions.drop(("melody", "chords"), 10, 20)
    assert (dropped.melody[40:80] == 0).all()
    assert torch.equal(dropped.melody[:40], conditions.melody[:40])
    assert dropped.known[10:20, GROUP_NAMES.index("chords")].sum() == 0
    assert torch.equal(dropped.known[20:], conditions.known[20:])
    assert torch.equal(conditions.features, conditions_of(score).features)  # the original is untouched


def test_line_grain_keeps_the_order_of_phonemes(score):
    conditions = conditions_of(score, "line")
    collapsed = torch.unique_consecutive(conditions.phonemes)
    asked = [INVENTORY.index(p.symbol) for p in score.phonemes]
    sung = [int(token) for token in collapsed if INVENTORY[token] != SILENCE]
    assert len(sung) > 0.8 * len(asked)
    remaining = iter(asked)
    assert all(token in remaining for token in sung)  # a subsequence: order kept


def test_crop_beyond_the_end_is_silence(score):
    conditions = conditions_of(score)
    crop = conditions.crop(conditions.num_frames - 5, 16)
    assert crop.num_frames == 16
    assert (crop.melody[-4 * 10 :] == 1).all()


def test_random_drops_and_masks_reach_every_task(score):
    rng = np.random.default_rng(0)
    masks = [draw_known_mask(4, 50, rng) for _ in range(200)]
    shares = torch.stack([mask.float().mean() for mask in masks])
    assert 0.35 < (shares == 0).float().mean() < 0.7
    assert ((shares > 0) & (shares < 1)).any()
    kept = torch.stack([drop_controls(conditions_of(score), rng).known.amax(0) for _ in range(100)]).mean(0)
    for group, share in zip(GROUP_NAMES, kept.tolist(), strict=True):
        if group == "position":
            assert share == 1
        elif group != "singer_name":  # a composed song has none
            assert 0.3 < share < 1, group
