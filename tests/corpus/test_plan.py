from collections import Counter

import numpy as np

from songdiff.composer import GENRES
from songdiff.corpus.plan import BLOCK, count_songs, plan_song, plan_split, plan_voice
from songdiff.corpus.voices import VOICES

PLANS = [plan_song(5, index) for index in range(0, 480, 2)]
BLOCKS = range(0, 400 * BLOCK, BLOCK)


def test_a_plan_is_a_pure_function_of_seed_and_index():
    assert plan_song(5, 17) == plan_song(5, 17) != plan_song(6, 17)


def test_every_twentieth_block_is_for_testing():
    splits = [plan_split(index) for index in range(400 * BLOCK)]
    assert splits.count("test") == 20 * BLOCK
    assert {index // BLOCK % 20 for index, split in enumerate(splits) if split == "test"} == {9}


def test_only_test_songs_have_held_out_voices_and_only_half_of_them():
    held_out = [index for index in range(200 * BLOCK) if VOICES[plan_voice(5, index)].held_out]
    assert len(held_out) == 10 * BLOCK // 2
    assert {plan_split(index) for index in held_out} == {"test"}


def test_songs_of_a_training_block_share_a_voice():
    for block in BLOCKS[:9]:
        assert len({plan_voice(5, index) for index in range(block, block + BLOCK)}) == 1


def test_voices_come_equally_often_and_four_in_five_are_english():
    counts = Counter(plan_voice(5, block + BLOCK - 1) for block in BLOCKS)
    english = {name: n for name, n in counts.items() if VOICES[name].language.startswith("en")}
    assert sum(english.values()) == 320
    assert max(english.values()) - min(english.values()) <= 1
    others = Counter(VOICES[name].language for name in counts.keys() - english.keys())
    assert len(others) == len({v.language for v in VOICES.values() if not v.language.startswith("en")})
    assert counts.keys() == {name for name, voice in VOICES.items() if not voice.held_out}


def test_genres_are_dealt_and_tempos_spread():
    counts = Counter(plan_song(0, index).genre for index in range(2 * len(GENRES)))
    assert counts == dict.fromkeys(GENRES, 2)
    for plan in PLANS:
        low, high = GENRES[plan.genre].tempo
        assert low - 0.11 * (high - low) <= plan.tempo <= high + 0.11 * (high - low)


def test_durations_are_log_uniform():
    logs = np.log([plan.duration for plan in PLANS])
    assert np.log(19.99) <= logs.min()
    assert logs.max() <= np.log(150.01)
    assert abs(np.median(logs) - np.log(20 * 150) / 2) < 0.15


def test_some_songs_are_instrumental_and_some_a_cappella():
    instrumental = [plan for plan in PLANS if plan.lyrics is None]
    assert 0.03 < len(instrumental) / len(PLANS) < 0.1
    assert all("instrumental" in plan.prompt for plan in instrumental)
    alone = [plan for plan in PLANS if "a cappella" in plan.prompt]
    assert 0.01 < len(alone) / len(PLANS) < 0.06
    assert all(plan.lyrics for plan in alone)


def test_count_songs_covers_the_hours():
    count = count_songs(0.1, 0)
    durations = [plan_song(0, index).duration for index in range(count)]
    assert sum(durations[:-1]) < 360 <= sum(durations)
