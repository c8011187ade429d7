import random

import pytest

from songdiff.composer import GENRES, STYLE_WORDS, caption, compose, parse_style, style_tokens
from songdiff.composer.style import parse_key


def test_a_full_prompt_is_understood() -> None:
    style = parse_style("warm acoustic folk, male vocals, 92 bpm, in D minor, sad, slow, fingerpicked guitar")
    assert (style.genre, style.tempo, style.key, style.gender) == ("folk", 92.0, "D minor", "male")
    assert style.instruments == ("acoustic guitar",)
    assert style.valence is not None
    assert style.valence < 0
    assert style.pace is not None
    assert style.pace < 0
    assert style.unknown_words == ()


def test_unknown_words_are_named_in_order_and_an_empty_prompt_asks_for_nothing() -> None:
    assert parse_style("glorbish pop, zany wobble").unknown_words == ("glorbish", "zany", "wobble")
    empty = parse_style("")
    assert (empty.genre, empty.tempo, empty.key, empty.valence, empty.unknown_words) == (None, None, None, None, ())


@pytest.mark.parametrize(
    ("prompt", "genre"),
    [
        ("Lo-Fi beats", "lo-fi"),
        ("hip hop", "hip-hop"),
        ("bossa nova", "bossa nova"),
        ("R&B", "soul"),
        ("80s", "synthwave"),
    ],
)
def test_genres_have_many_names(prompt: str, genre: str) -> None:
    assert parse_style(prompt).genre == genre


@pytest.mark.parametrize(
    ("text", "key"),
    [("in f# minor", "Gb minor"), ("Bb major", "Bb major"), ("key of A", "A major"), ("d sharp dorian", "Eb dorian")],
)
def test_keys_are_respelled_with_flats(text: str, key: str) -> None:
    assert parse_key(text) == key


def test_negation_rules_instruments_and_singing_out() -> None:
    style = parse_style("jazz without drums, no piano, no vocals")
    assert style.without == ("drums", "piano")
    assert style.instrumental
    score = compose(None, "jazz without drums, no piano", duration=20)
    assert score.parts is not None
    assert all(part.track != "drums" and part.instrument != "piano" for part in score.parts)


def test_style_words_hold_every_word_that_is_understood() -> None:
    assert list(STYLE_WORDS) == sorted(set(STYLE_WORDS))
    for word in ("folk", "db", "minor", "bpm", "fingerpicked", "soprano", "r&b"):
        assert word in STYLE_WORDS
        assert parse_style(word).unknown_words in ((), (word,))  # note names alone are no key


@pytest.mark.parametrize("genre", GENRES)
def test_captions_are_truthful_varied_and_in_the_vocabulary(genre: str) -> None:
    score = compose(None, "", genre=genre, duration=16, seed=1)
    rng = random.Random(0)
    captions = {caption(score, rng) for _ in range(12)}
    assert len(captions) > 8
    known = set(STYLE_WORDS)
    for text in captions:
        assert all(token in known or token.replace(".", "").isdigit() for token in style_tokens(text)), text
        style = parse_style(text)
        assert style.unknown_words == ()
        assert style.genre in (None, genre), text
        assert style.key in (None, score.key), text
        assert style.gender is None
        assert style.tempo is None or abs(style.tempo - (score.tempo or 0)) <= 0.5
