"""What a lyrics file means to songdiff, in words: the text behind ``songdiff lyrics check``."""

from __future__ import annotations

from .parse import LyricLine, Lyrics
from .pronounce import pronounce

_TIMING = {"none": "untimed: the composer times it", "line": "line starts are timed", "word": "words are timed"}


def describe(lyrics: Lyrics) -> str:
    """What will be sung, when and in which section, with phonemes and syllable counts, then what was not understood.

    Raises :class:`~songdiff.lyrics.parse.LyricsError` for a language espeak-ng does not know.
    """
    out = [f"{lyrics.title or 'Untitled'}: {len(lyrics.lines)} lines, {_TIMING[lyrics.timing]}, {lyrics.language}"]
    by_section: dict[int | None, list[LyricLine]] = {None: [], **{i: [] for i in range(len(lyrics.sections))}}
    for line in lyrics.lines:
        by_section[line.section].append(line)
    for index, lines in by_section.items():
        if index is not None:
            section = lyrics.sections[index]
            note = "" if lines else "  (nothing is sung)"
            out += ["", f"[{section.name}] {section.label}{_when(section.start, None)}{note}"]
        for line in lines:
            out += _describe_line(line, lyrics.language)
    if lyrics.problems:
        out += ["", f"Not understood ({len(lyrics.problems)}):"]
        out += [f"  line {problem.number}: {problem.text!r} {problem.message}" for problem in lyrics.problems]
    return "\n".join(out) + "\n"


def _describe_line(line: LyricLine, language: str) -> list[str]:
    spoken = pronounce([word.text for word in line.words], language)
    count = sum(len(word) for word in spoken)
    words = " ".join("-".join("".join(syllable.phonemes) for syllable in word) for word in spoken)
    heading = f"  {line.number:3d}{_when(line.start, line.end)}  {line.text}"
    return [heading, f"       {words}   ({count} syllable{'s' if count != 1 else ''})"]


def _when(start: float | None, end: float | None) -> str:
    if start is None:
        return ""
    return f"  {start:.2f} s" if end is None else f"  {start:.2f}–{end:.2f} s"
