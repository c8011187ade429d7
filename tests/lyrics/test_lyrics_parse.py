from pathlib import Path

import pytest

from songdiff.lyrics import LyricsError, load_lyrics, parse_lyrics, section_label
from songdiff.score import SECTION_LABELS

EXAMPLES = Path(__file__).parents[2] / "recipes" / "examples"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Hook 2", "chorus"),
        ("Pre-Chorus", "prechorus"),
        ("VERSE2", "verse"),
        ("Instrumental", "break"),
        ("Verse 1: Ann", "verse"),
        ("Baby", None),
    ],
)
def test_section_names(name, label):
    assert section_label(name) == label
    assert label is None or label in SECTION_LABELS


@pytest.mark.parametrize(
    "tag", ["[Chorus]", "(Chorus)", "Chorus:", "**Chorus**", "## Chorus", "[Final Chorus]", "[hook]"]
)
def test_tags_on_their_own_line_are_not_sung(tag):
    lyrics = parse_lyrics(f"{tag}\nla la (ooh)\n")
    assert [section.label for section in lyrics.sections] == ["chorus"]
    assert [word.text for word in lyrics.lines[0].words] == ["la", "la", "(ooh)"]
    assert lyrics.lines[0].section == 0
    assert not lyrics.problems
    assert lyrics.timing == "none"


def test_what_is_not_understood_is_reported():
    lyrics = parse_lyrics("[Wibble]\nBaby: come (x2)\n♪♪\nhm [laughs]\n[ ]\n[x2]\n")
    assert [problem.number for problem in lyrics.problems] == [1, 2, 3, 4, 5, 6]
    assert [line.text for line in lyrics.lines] == ["Baby: come", "hm"]


def test_lrc_offset_repeats_and_empty_sections():
    lyrics = parse_lyrics(
        "\ufeff[ti:T]\n[offset:500]\n[Intro]\n[00:02.00][Verse]\n[00:03.5]one\n[Chorus]\n[00:05.00][00:15]la\nlost\n"
        "[00:10]two\n[00:12.00]\n"
    )
    assert lyrics.title == "T"
    assert lyrics.timing == "line"
    assert [line.start for line in lyrics.lines] == [3.0, 4.5, None, 9.5, 14.5]
    assert [section.label for section in lyrics.sections] == ["intro", "verse", "chorus", "chorus"][
        : len(lyrics.sections)
    ]
    assert lyrics.sections[1].start == 1.5
    assert lyrics.lines[3].end == 11.5
    assert [problem.text for problem in lyrics.problems] == ["lost"]


def test_repeated_lines_bring_their_section_back():
    lyrics = parse_lyrics("[Verse]\n[00:01]a\n[Chorus]\n[00:05][00:15]la\n[Verse 2]\n[00:10]b\n[Outro]\n")
    assert [section.label for section in lyrics.sections] == ["verse", "chorus", "verse", "chorus", "outro"]
    assert [line.section for line in lyrics.lines] == [0, 1, 2, 3]


def test_enhanced_lrc_times_words_and_joins_syllables():
    lyrics = parse_lyrics("[00:02.00]<00:02.00>He<00:02.30>llo <00:02.50>world<00:03.00>\n")
    (line,) = lyrics.lines
    assert [(word.text, word.start, word.end) for word in line.words] == [("Hello", 2.0, 2.5), ("world", 2.5, 3.0)]
    assert line.text == "Hello world"
    assert line.end == 3.0
    assert lyrics.timing == "word"


def test_word_json_breaks_lines_at_gaps_and_sentences():
    words = [("a", 0, 1), ("b.", 1, 2), ("c", 2, 3), ("d", 3.7, 4), ("e\n", 4, 5), ("f", 5, 6)]
    text = ", ".join(f'{{"word": {w!r}, "start": {s}, "end": {e}}}'.replace("'", '"') for w, s, e in words)
    assert [line.text for line in parse_lyrics(f"[{text}]").lines] == ["a b.", "c", "d e", "f"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("[Intro]\n", "nothing to sing"),
        ("a\n\0", "line 2: binary"),
        ("[00:05.00]a\n\n[00:04.00]b", "line 3: time 00:04.00 lies before 00:05.00 of line 1"),
        ("[00:75]a", "line 1: time 00:75"),
        ("[00:01]<00:02.00>a <00:01.50>b", "line 1: word time 00:01.50 lies before 00:02.00"),
        ('[{"start":0,"end":2,"word":"a"},\n{"start":1,"end":3,"word":"b"}]', "line 2: word 'b' starts at 1 s"),
        ('[{"start":2,"end":1,"word":"a"}]', "runs from 2 to 1 s"),
        ('[{"start":NaN,"end":1,"word":"a"}]', "times must be seconds"),
        ('[{"start":1,\n"end"}]', "line 2: malformed JSON"),
        ("[]", "nothing to sing"),
    ],
)
def test_refusals_are_one_line_with_the_place(text, message):
    with pytest.raises(LyricsError) as caught:
        parse_lyrics(text, "song.lrc")
    assert str(caught.value).startswith("song.lrc")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files(tmp_path):
    path = tmp_path / "a.txt"
    for data in ("\ufeffné".encode(), "né".encode("utf-16")):
        path.write_bytes(data)
        assert load_lyrics(path).lines[0].text == "né"
    path.write_bytes(b"ok\n\xff\xfa")
    with pytest.raises(LyricsError, match=r"a\.txt, line 2: not UTF-8"):
        load_lyrics(path)
    with pytest.raises(LyricsError, match="cannot be read"):
        load_lyrics(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("name", "timing"), [("first_song.lrc", "line"), ("first_song.txt", "none"), ("words.json", "word")]
)
def test_examples_are_fully_understood(name, timing):
    lyrics = load_lyrics(EXAMPLES / name)
    assert not lyrics.problems
    assert lyrics.timing == timing
