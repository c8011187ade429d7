import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from songdiff.corpus.inflection import adds_syllable, inflected
from songdiff.corpus.vocabulary import LANGUAGES, VocabularyError, vocabulary
from songdiff.corpus.words import _clashes, _Writer, held_out, word_list, write_lyrics
from songdiff.lyrics import parse_lyrics, section_label
from songdiff.lyrics.pronounce import pronounce


def sections(lyrics):
    """(label, texts of its lines) of each section."""
    for index, section in enumerate(lyrics.sections):
        yield section.label, tuple(line.text for line in lyrics.lines if line.section == index)


def writer(seed, language="en-us", length=(5, 9)):
    return _Writer(np.random.default_rng(seed), length, 0.0, language, False)


@pytest.mark.parametrize("lines", [2, 3, 4, 6, 8, 10, 12, 17, 24, 32, 40, 60])
def test_form(lines):
    for seed in range(10):
        lyrics = write_lyrics(np.random.default_rng(seed), lines=lines)
        assert abs(len(lyrics.lines) - min(40, lines)) <= 1
        stanzas = list(sections(lyrics))
        assert all(2 <= len(texts) <= 8 for _, texts in stanzas)
        assert len({texts for label, texts in stanzas if label == "chorus"}) == 1 or len(stanzas) == 1
        assert [line.section for line in lyrics.lines] == sorted(line.section for line in lyrics.lines)
        assert all(section_label(section.name) == section.label for section in lyrics.sections)
        assert all(line.text == " ".join(word.text for word in line.words) for line in lyrics.lines)
        assert all(2 <= len(line.words) <= 9 for line in lyrics.lines)
        assert lyrics.title


def test_long_songs_have_all_kinds_of_sections_and_their_verses_differ():
    lyrics = write_lyrics(np.random.default_rng(1), lines=40)
    stanzas = list(sections(lyrics))
    assert {label for label, _ in stanzas} == {"verse", "prechorus", "chorus", "bridge"}
    verses = [texts for label, texts in stanzas if label == "verse"]
    assert len(set(verses)) == len(verses) > 1


def test_a_song_reads_back_from_its_text():
    lyrics = write_lyrics(np.random.default_rng(5), lines=24)
    text = "".join(
        f"[{section.name}]\n" + "".join(f"{line.text}\n" for line in lyrics.lines if line.section == index)
        for index, section in enumerate(lyrics.sections)
    )
    read = parse_lyrics(text)
    assert [line.text for line in read.lines] == [line.text for line in lyrics.lines]
    assert [line.number for line in read.lines] == [line.number for line in lyrics.lines]
    assert list(sections(read)) == list(sections(lyrics))


@pytest.mark.parametrize("language", LANGUAGES)
def test_held_out_words_are_never_sung_in_training(language):
    train = [write_lyrics(np.random.default_rng(i), language=language) for i in range(40)]
    assert not any(held_out(word.text) for lyrics in train for line in lyrics.lines for word in line.words)
    test = [write_lyrics(np.random.default_rng(i), allow_held_out=True, language=language) for i in range(10)]
    assert any(held_out(word.text) for lyrics in test for line in lyrics.lines for word in line.words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_seed_writes_the_same_song(language):
    one, other, another = (write_lyrics(np.random.default_rng(seed), language=language) for seed in (4, 4, 5))
    assert one == other != another
    assert one.language == language


@pytest.mark.parametrize("scheme", ["AABB", "ABAB", "AAAA"])
def test_rhyme_schemes(scheme):
    rhymes = {entry.text: entry.rhyme for entry in word_list()}
    right = total = 0
    for seed in range(25):
        ends = [line[-1] for line in writer(seed).stanza(4, scheme=scheme)]
        assert len(set(ends)) == 4
        for i, j in [(0, 1), (0, 2), (1, 3), (2, 3)]:
            if scheme[i] == scheme[j]:
                total += 1
                right += rhymes[ends[i]] == rhymes[ends[j]]
    assert right >= 0.97 * total  # a line of few drafts may end otherwise


def test_rhymes_are_what_ears_expect():
    rhymes = {entry.text: entry.rhyme for entry in word_list()}
    assert rhymes["night"] == rhymes["light"] == rhymes["tonight"] != rhymes["time"]
    assert rhymes["never"] == rhymes["forever"] != rhymes["river"]
    assert rhymes["melody"] == rhymes["me"]
    spanish = {entry.text: entry.rhyme for entry in word_list("es")}
    assert spanish["corazón"] == spanish["canción"] != spanish["noche"]


def test_lines_of_a_stanza_are_alike_in_length():
    counts = {entry.text: entry.syllables for entry in word_list()}
    for seed in range(20):
        stanza = writer(seed, length=(6, 10)).stanza(4, scheme="AABB")
        lengths = [sum(counts.get(word, 0) for word in line) for line in stanza if all(w in counts for w in line)]
        assert all(6 <= length <= 10 for length in lengths)
        assert max(lengths, default=0) - min(lengths, default=0) <= 2


def test_stresses_alternate_more_than_in_random_lines():
    stress = {entry.text: list(entry.stress) for entry in word_list()}

    def clashes(random_share):
        songs = [write_lyrics(np.random.default_rng(i), random_share=random_share) for i in range(30)]
        lines = [line.words for song in songs for line in song.lines if all(w.text in stress for w in line.words)]
        return np.mean([_clashes([strong for word in words for strong in stress[word.text]]) for words in lines])

    assert clashes(0.0) < 0.5 * clashes(1.0)
    assert _clashes([0, 1, 0, 1]) == 0 < _clashes([0, 1, 1, 0]) == _clashes([0, 0, 0, 1])


def test_every_phoneme_and_every_common_pair_is_sung_in_200_songs():
    sounds = {entry.text: entry.sounds for entry in word_list()}
    pairs_of_list = Counter(pair for word in sounds.values() for pair in pairwise(word))
    common = {pair for pair, count in pairs_of_list.items() if count >= 3e-4 * sum(pairs_of_list.values())}
    phonemes, pairs = Counter(), Counter()
    for seed in range(200):
        for line in write_lyrics(np.random.default_rng(seed), lines=20).lines:
            for word in line.words:
                phonemes.update(sounds.get(word.text, ()))
                pairs.update(pairwise(sounds.get(word.text, ())))
    assert len(common) > 500
    assert set(phonemes) == {sound for word in sounds.values() for sound in word}
    assert min(phonemes.values()) >= 50
    assert len(phonemes) == 40
    assert common <= set(pairs)


def test_the_english_list_is_large_and_lowercase():
    entries = word_list()
    texts = {entry.text for entry in entries}
    assert len(texts) == len(entries) >= 6000
    assert all(text.isascii() and text.islower() and text.replace("'", "").isalpha() for text in texts)
    assert 0.04 < sum(held_out(entry.text) for entry in entries) / len(entries) < 0.06
    assert len(vocabulary().templates) >= 200


def test_english_words_sound_as_flite_says_them():
    speech = pytest.importorskip("songdiff.corpus.speech")
    from songdiff.corpus.tools import MissingToolError
    from songdiff.lyrics import ARPABET

    entries = [entry for entry in word_list()[::40] if entry.kinds != "w"]
    try:
        spoken = speech.Flite("kal16").pronounce([entry.text for entry in entries])
    except MissingToolError as error:
        pytest.skip(str(error))
    for entry, word in zip(entries, spoken, strict=True):
        assert [symbol for syllable in word for symbol in syllable.phonemes] == [ARPABET[s] for s in entry.sounds]
        assert [syllable.stress for syllable in word] == list(entry.stress)


@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_lists_of_other_languages_pronounce(language):
    entries = word_list(language)
    assert len(entries) >= 300
    assert len(vocabulary(language).templates) >= 15
    sample = entries[::4]
    spoken = pronounce([entry.text for entry in sample], language)
    assert all(spoken)
    close = [abs(len(word) - entry.syllables) <= 1 for word, entry in zip(spoken, sample, strict=True)]
    assert np.mean(close) > 0.97


def test_words_join_as_they_are_spelt():
    french = {word.text for seed in range(60) for line in write_lyrics(np.random.default_rng(seed), random_share=0.0,
              language="fr-fr").lines for word in line.words}  # fmt: skip
    assert any(word.startswith("l'") for word in french)
    english = [line.text.split() for seed in range(40) for line in write_lyrics(np.random.default_rng(seed)).lines]
    assert not any(a == "a" and b[0] in "ai" for line in english for a, b in pairwise(line))


@pytest.mark.parametrize(
    ("word", "forms"),
    {
        "run": "runs running ran",
        "cry": "cries crying cried",
        "play": "plays playing played",
        "die": "dies dying died",
        "dance": "dances dancing danced",
        "see": "sees seeing saw",
        "kiss": "kisses kissing kissed",
        "stop": "stops stopping stopped",
        "answer": "answers answering answered",
        "forget": "forgets forgetting forgot",
    }.items(),
)
def test_english_endings(word, forms):
    assert [inflected(word, ending) for ending in ("s", "ing", "ed")] == forms.split()


def test_endings_that_are_syllables():
    assert [adds_syllable(word, "s") for word in ("kiss", "dance", "song", "wife")] == [True, True, False, False]
    assert [adds_syllable(word, "ed") for word in ("want", "walk", "find")] == [True, False, False]


def test_it_is_fast():
    vocabulary.cache_clear()
    start = time.process_time()
    vocabulary()
    loaded = time.process_time()
    for seed in range(10):
        write_lyrics(np.random.default_rng(seed), lines=40)
    assert loaded - start < 0.3  # 0.05 on a quiet machine
    assert (time.process_time() - loaded) / 10 < 0.05  # 0.004 on a quiet machine, and once 0.05 to sort the words


def test_an_unknown_language_names_those_there_are():
    with pytest.raises(VocabularyError, match=r"'tlh'.*en-us, es"):
        write_lyrics(np.random.default_rng(0), language="tlh")
