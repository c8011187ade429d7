import numpy as np
import pytest

from songdiff.corpus.words import held_out, word_list, write_lyrics


def test_the_list_is_large_and_lowercase():
    texts = {entry.text for entry in word_list()}
    assert len(texts) >= 1200
    assert all(text.isascii() and text.islower() and text.isalpha() for text in texts)
    assert 0.03 < sum(map(held_out, texts)) / len(texts) < 0.07


@pytest.mark.parametrize("lines", [2, 4, 6, 8, 10, 12, 40])
def test_form(lines):
    lyrics = write_lyrics(np.random.default_rng(lines), lines=lines)
    assert all(section.label in ("verse", "chorus") for section in lyrics.sections)
    choruses = set()
    for index, section in enumerate(lyrics.sections):
        texts = tuple(line.text for line in lyrics.lines if line.section == index)
        assert 2 <= len(texts) <= 4
        if section.label == "chorus":
            choruses.add(texts)
    assert len(choruses) <= 1
    assert all(line.text == " ".join(word.text for word in line.words) for line in lyrics.lines)
    assert all(3 <= len(line.words) <= 9 for line in lyrics.lines)


def test_held_out_words_are_never_sung_in_training():
    train = [write_lyrics(np.random.default_rng(i)) for i in range(40)]
    assert not any(held_out(word.text) for lyrics in train for line in lyrics.lines for word in line.words)
    test = [write_lyrics(np.random.default_rng(i), allow_held_out=True) for i in range(10)]
    assert any(held_out(word.text) for lyrics in test for line in lyrics.lines for word in line.words)


def test_pairs_rhyme():
    rhymes = {}
    for entry in word_list():
        rhymes.setdefault(entry.text, set()).add(entry.rhyme)
    lyrics = write_lyrics(np.random.default_rng(3), lines=8, random_share=0.0)
    last = [line.words[-1].text for line in lyrics.lines]
    pairs = list(zip(last[::2], last[1::2], strict=True))
    assert all(rhymes[one] & rhymes[other] for one, other in pairs)
    assert all(one != other for one, other in pairs)
