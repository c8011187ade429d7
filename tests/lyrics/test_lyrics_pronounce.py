from concurrent.futures import ThreadPoolExecutor

import pytest

from songdiff.lyrics import ARPABET, INVENTORY, LyricsError, describe, parse_lyrics, pronounce, syllabify


def shape(word, language="en-us"):
    return " ".join("".join(syllable.phonemes) for syllable in pronounce([word], language)[0])


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("little", "lɪ təl"),
        ("world", "wɚld"),
        ("singing", "sɪŋ ɪŋ"),
        ("astray", "ə stɹeɪ"),
        ("captain", "kæp tɪn"),
        ("24", "twɛn ti fɔɹ"),
        ("shh!", "ʃ"),
        ("(NOOOO)", "noʊ"),
        ("don’t", "doʊnt"),
        ("[[x", "ɛks"),
        ("--", ""),
    ],
)
def test_english(word, expected):
    assert shape(word) == expected


def test_english_keeps_to_the_arpabet_symbols():
    words = (
        "fire water beautiful button ladder rhythm orange measure judge church thing this yes boy how nurse tour more"
    )
    symbols = {symbol for word in pronounce(words) for syllable in word for symbol in syllable.phonemes}
    assert symbols <= set(ARPABET.values()) <= set(INVENTORY)


@pytest.mark.parametrize(
    ("language", "word", "expected"),
    [
        ("es", "luego", "lwe ɣo"),
        ("de", "mädchen", "mɛd çən"),
        ("fr-fr", "nuit", "nɥi"),
        ("ja", "きょう", "kjo ɯ"),
        ("cmn-latn-pinyin", "zhong1", "tʂoŋ"),
    ],
)
def test_other_languages(language, word, expected):
    assert shape(word, language) == expected


def test_syllabify_carries_stress_and_refuses_strangers():
    syllables = syllabify(["ə", "m", "eɪ", "z"], [0, 0, 1, 0])
    assert [(s.phonemes, s.stress) for s in syllables] == [(("ə",), 0), (("m", "eɪ", "z"), 1)]
    assert syllabify([]) == []
    with pytest.raises(ValueError, match="inventory: Q"):
        syllabify(["Q"])


def test_unknown_language_is_refused():
    with pytest.raises(LyricsError, match="xx-nowhere"):
        pronounce("la da dum", "xx-nowhere")


def test_threads_agree():
    words = [f"wonder{suffix}" for suffix in ("ful", "ing", "land", "ment", "ous", "ed")] * 8
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda word: pronounce([word, "lune"], "en-us"), words))
    assert results == [pronounce([word, "lune"], "en-us") for word in words]


def test_report_tells_everything():
    report = describe(parse_lyrics("[Intro]\n[Verse]\nhello world\n[Wibble]\n"))
    for expected in ("[Intro] intro  (nothing is sung)", "hello world", "hə-loʊ wɚld", "3 syllables", "'[Wibble]'"):
        assert expected in report
