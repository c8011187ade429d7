import random

import pytest

from songdiff.composer import GENRES, STYLE_WORDS, caption, compose, parse_style, style_tokens
from songdiff.composer.style import parse_key
from songdiff.lyrics.parse import parse_lyrics


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
        ("R&B", "r&b"),
        ("drum & bass", "drum and bass"),
        ("8-bit", "chiptune"),
        ("a symphony", "orchestral"),
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


@pytest.mark.parametrize("genre", GENRES)
def test_captions_of_sung_songs_are_true_of_voice_band_and_metre(genre: str) -> None:
    lyrics = parse_lyrics("[Verse]\nOver the hills and over the sea\n[Chorus]\nHold me now, hold me tight\n")
    score = compose(lyrics, "with vocal harmonies, smoky voice", genre=genre, seed=3)
    assert score.singer is not None
    rng = random.Random(1)
    captions = {caption(score, rng) for _ in range(40)}
    assert len(captions) > 30
    machine = "drum machine" in {part.instrument for part in score.parts or []}
    valence = sum(point.valence for point in score.emotion or []) / len(score.emotion or [])
    for text in captions:
        style = parse_style(text)
        assert style.unknown_words == (), text
        assert style.genre in (None, genre), text
        assert style.key in (None, score.key), text
        assert style.gender in (None, score.singer.gender), text
        assert style.vocal_style in (None, score.singer.style), text
        assert style.timbre in ((), ("smoky",)), text
        assert set(style.backing or ()) <= {voice.kind for voice in score.backing or []}, text
        assert style.time_signature in (None, score.time_signature), text
        assert not style.a_cappella
        assert not style.instrumental
        assert not {"live" if machine else "drum machine"} & set(style.production), text
        assert style.valence is None or abs(style.valence - valence) < 0.6, text
    said = " ".join(captions)
    for word in (str(score.key), "smoky", score.time_signature or ""):
        assert word in said


def test_a_cappella_captions_say_so_and_prompts_may_ask_for_a_metre_or_production() -> None:
    score = compose(parse_lyrics("Hold me now, hold me tight\n"), "a cappella soul", seed=1)
    rng = random.Random(0)
    assert all(parse_style(caption(score, rng)).a_cappella for _ in range(10))
    assert compose(None, "in 3/4", duration=20).time_signature == "3/4"
    assert {compose(None, "6/8 time", seed=s, duration=20).time_signature for s in range(4)} == {"6/8"}
    assert all(GENRES[compose(None, "electronic", seed=s, duration=20).genre or ""].electronic for s in range(5))
    plugged = {"acoustic guitar", "upright bass", "drum kit", "piano", "strings", "violin", "harp", "flute"}
    assert {p.instrument for p in compose(None, "acoustic synthwave", duration=30).parts or []} <= plugged
    assert parse_style("soul, music box").instruments == ("music box",)
