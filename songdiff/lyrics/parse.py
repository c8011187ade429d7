"""Lyrics as people write them: tagged text, LRC, enhanced LRC and word JSON, read by one tolerant parser.

What is certainly wrong (times running backwards, a binary file) is refused with one line that names the place and the
remedy. What is only not understood (an unknown tag, a line without a time in an LRC) becomes a :class:`Problem`, so
that nothing disappears in silence. Times are seconds. It knows nothing of phonemes.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import InputError

_SYNONYMS = {  # our section labels, and the other names that people give them
    "intro": "introduction opening",
    "verse": "strophe stanza vers couplet verso estrofa strofa",
    "prechorus": "pre prehook prerefrain lift build buildup climb",
    "chorus": "hook refrain postchorus drop refrão estribillo coro ritornello kehrreim",
    "bridge": "middle8 middleeight puente ponte brücke",
    "solo": "guitarsolo",
    "break": "interlude instrumental breakdown interval",
    "outro": "coda ending end tag fadeout",
}
_LABELS = {name: label for label, names in _SYNONYMS.items() for name in [label, *names.split()]}

_TIME = r"\d{1,3}:\d{1,2}(?:[.:]\d{1,3})?"
_STAMP = re.compile(rf"\[({_TIME})\]\s*")
_WORD_STAMP = re.compile(rf"<({_TIME})>")
_METADATA = re.compile(r"\[(ti|ar|al|au|by|offset|length|re|ve|tool|la|lang|id|#):(.*)\]", re.IGNORECASE)
_BRACKETED = re.compile(r"\[([^\[\]]+)\]\s*:?\s*(.*)")
_NAMED = re.compile(r"([^\W\d_][\w -]{0,24}):\s*(.*)")
_DRESSED = re.compile(r"#+\s*(.+?)\s*#*|\*\*\s*(.+?)\s*:?\*\*:?|__\s*(.+?)\s*__|\((.+)\)|<(.+)>|-{2,}\s*(.+?)\s*-{2,}")
_INLINE = re.compile(r"\s*\[[^\[\]]*\]\s*")
_REPEAT = re.compile(r"(?:^|\s+)[(\[]?\s*(?:[x×]\s?\d+|\d+\s?[x×])\s*[)\]]?\s*$", re.IGNORECASE)
_NOT_EXPANDED = "repeats are not expanded; write the words as often as they are sung"
_LINE_GAP = 0.6  # seconds of silence that end a line of a word JSON
_OVERLAP = 0.001  # seconds by which words may overlap: rounding


class LyricsError(InputError):
    """Lyrics that cannot be sung; the message is one line naming the file, the line and the remedy."""


@dataclass(frozen=True)
class LyricWord:
    """A word as written; ``start`` and ``end`` in seconds where the source times words."""

    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class LyricLine:
    """A sung line; ``section`` indexes ``Lyrics.sections``, ``number`` is its line in the source, from 1."""

    text: str
    words: tuple[LyricWord, ...]
    section: int | None = None
    start: float | None = None
    end: float | None = None
    number: int = 1


@dataclass(frozen=True)
class LyricSection:
    """``label`` as the Score knows it ("chorus"), ``name`` as written ("Hook 2"), ``start`` only where stamped."""

    label: str
    name: str
    start: float | None = None


@dataclass(frozen=True)
class Problem:
    """Something at line ``number`` of the source that was not understood, and what was done about it."""

    number: int
    text: str
    message: str


@dataclass
class Lyrics:
    """What is to be sung, in order. A section without lines (an instrumental) stays in ``sections``."""

    lines: list[LyricLine] = field(default_factory=list)
    sections: list[LyricSection] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    language: str = "en-us"
    title: str | None = None

    @property
    def timing(self) -> str:
        """The finest times there are: ``"none"``, ``"line"`` or ``"word"``."""
        if any(word.start is not None for line in self.lines for word in line.words):
            return "word"
        return "line" if any(line.start is not None for line in self.lines) else "none"


def load_lyrics(path: str | Path) -> Lyrics:
    """Read a lyrics file of any form: UTF-8, or UTF-16 with a byte order mark. Raises :class:`LyricsError`."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise LyricsError(f"{path}: cannot be read ({error.strerror}); give the path of a lyrics file") from None
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise LyricsError(f"{path}, line {number}: not UTF-8 text; save the lyrics as UTF-8") from None
    return parse_lyrics(text, str(path))


def parse_lyrics(text: str, source: str = "lyrics") -> Lyrics:
    """Read lyrics from text; the form is recognised. Raises :class:`LyricsError` naming ``source`` and the line."""
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        raise LyricsError(f"{source}, line {number}: binary data, not lyrics; give text, LRC or word JSON")
    if not text.strip():
        raise LyricsError(f"{source}: empty; write at least one line to sing")
    if re.match(r"\s*(\{|\[\s*(\{|\]))", text):
        lyrics = _parse_words(text, source)
    else:
        lyrics = _LineReader(source, has_times=bool(re.search(rf"[\[<]{_TIME}[\]>]", text))).read(text)
    if not lyrics.lines:
        raise LyricsError(f"{source}: nothing to sing, only tags and notes; write at least one line of words")
    return lyrics


def section_label(name: str) -> str | None:
    """``"Pre-Chorus 2"`` → ``"prechorus"``, ``"Hook"`` → ``"chorus"``; ``None`` for a name we do not know."""
    head = re.split(r"[:,;|–—(]| - |\bx ?\d|(?<=[^\W\d_])\s*#?\d", name.lower(), maxsplit=1)[0]
    return _LABELS.get(re.sub(r"[\W_]+", "", head))


class _LineReader:
    """Reads tagged text and both kinds of LRC, line by line."""

    def __init__(self, source: str, has_times: bool):
        self.source, self.has_times, self.offset = source, has_times, 0.0
        self.lyrics = Lyrics()
        self.last: tuple[float, int] | None = None  # the latest line time and its line number
        self.repeats = False

    def read(self, text: str) -> Lyrics:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                self._read_line(line.strip(), number)
        return _in_order(self.lyrics) if self.repeats else self.lyrics

    def _read_line(self, line: str, number: int) -> None:
        if metadata := _METADATA.fullmatch(line):
            self._read_metadata(metadata[1].lower(), metadata[2].strip(), line, number)
            return
        stamps: list[float] = []
        while stamp := _STAMP.match(line):
            stamps.append(self._seconds(stamp[1], number))
            line = line[stamp.end() :]
        if stamps:
            self._check_order(stamps[0], number)
        name, rest = _split_tag(line)
        if name is not None:
            if repeat := _REPEAT.search(name):
                self._problem(number, repeat[0].strip(), _NOT_EXPANDED)
            if label := section_label(name) or section_label(name.split()[-1]):
                start = stamps[0] if stamps and not rest else None
                self.lyrics.sections.append(LyricSection(label, name, start))
            else:
                self._problem(number, f"[{name}]", "not a section name that is known; not sung")
            line = rest
        if line:
            self._read_sung(line, stamps, number)
        elif name is None and stamps:
            self._end_line(stamps[0])

    def _read_metadata(self, key: str, value: str, line: str, number: int) -> None:
        if key == "ti":
            self.lyrics.title = value or None
        elif key in ("la", "lang") and value:
            self.lyrics.language = {"en": "en-us", "fr": "fr-fr"}.get(value.lower(), value.lower())
        elif key == "offset":
            try:
                self.offset = int(value) / 1000  # positive: the lyrics come sooner
            except ValueError:
                self._problem(number, line, "the offset is not a whole number of milliseconds; ignored")

    def _read_sung(self, line: str, stamps: list[float], number: int) -> None:
        if repeat := _REPEAT.search(line):
            self._problem(number, repeat[0].strip(), _NOT_EXPANDED)
            line = line[: repeat.start()]
        for note in _INLINE.findall(line):
            self._problem(number, note.strip(), "brackets inside a line are not sung; write backing vocals as (ooh)")
        line = _INLINE.sub(" ", line).strip()
        words = self._read_words(line, number)
        text = " ".join(_WORD_STAMP.sub("", line).split()) if " " in line else " ".join(word.text for word in words)
        if not words:
            if line:
                self._problem(number, line, "holds nothing to sing")
            return
        first = words[0].start
        if stamps and first is not None and first < stamps[0] - _OVERLAP:
            self._backwards(number, stamps[0], first)
        if not stamps and first is not None:
            stamps = [first]
            self._check_order(first, number)
        if not stamps and self.has_times:
            self._problem(number, text, "has no time in an LRC; it is sung where there is room")
        section = len(self.lyrics.sections) - 1 if self.lyrics.sections else None
        self.repeats |= len(stamps) > 1
        starts: list[float | None] = [*stamps] or [None]
        for start in starts:
            shift = start - stamps[0] if start is not None else 0.0
            shifted = tuple(replace(word, start=_plus(word.start, shift), end=_plus(word.end, shift)) for word in words)
            self.lyrics.lines.append(LyricLine(text, shifted, section, start, shifted[-1].end, number))

    def _read_words(self, line: str, number: int) -> list[LyricWord]:
        """Words of a line; after a word time without a space before it, a spaced line continues the word."""
        head, *timed = _WORD_STAMP.split(line)
        words = [LyricWord(word) for word in head.split()]
        spaced, glued, before = " " in line, False, None
        for stamp, chunk in zip(timed[::2], timed[1::2], strict=True):
            time = self._seconds(stamp, number)
            if before is not None and time < before - _OVERLAP:
                self._backwards(number, before, time)
            if words and words[-1].end is None and before is not None and not glued:
                words[-1] = replace(words[-1], end=time)
            pieces = chunk.split()
            if glued and pieces:
                words[-1] = replace(words[-1], text=words[-1].text + pieces.pop(0))
            elif glued:
                words[-1] = replace(words[-1], end=time)
            elif pieces:
                words.append(LyricWord(pieces.pop(0), time))
            words += [LyricWord(piece) for piece in pieces]
            glued, before = spaced and bool(chunk) and not chunk[-1].isspace(), time
        return [word for word in words if _singable(word.text)]

    def _end_line(self, time: float) -> None:
        """An empty timed line says when the line before it ends."""
        if self.lyrics.lines and self.lyrics.lines[-1].start is not None:
            self.lyrics.lines[-1] = replace(self.lyrics.lines[-1], end=time)

    def _seconds(self, stamp: str, number: int) -> float:
        minutes, seconds, *fraction = re.split("[:.]", stamp)
        if int(seconds) >= 60:
            raise LyricsError(f"{self.source}, line {number}: time {stamp} has {seconds} seconds; write mm:ss.xx")
        time = int(minutes) * 60 + float(f"{seconds}.{fraction[0] if fraction else 0}")
        return max(0.0, round(time - self.offset, 3))

    def _check_order(self, start: float, number: int) -> None:
        if self.last and start < self.last[0]:
            time, line = self.last
            raise LyricsError(
                f"{self.source}, line {number}: time {_clock(start)} lies before {_clock(time)} of line {line}; "
                "put the lines in order of time"
            )
        self.last = (start, number)

    def _backwards(self, number: int, before: float, after: float) -> None:
        raise LyricsError(
            f"{self.source}, line {number}: word time {_clock(after)} lies before {_clock(before)}; times must rise"
        )

    def _problem(self, number: int, text: str, message: str) -> None:
        self.lyrics.problems.append(Problem(number, text, message))


def _split_tag(line: str) -> tuple[str | None, str]:
    """``"[Chorus] la la"`` → ("Chorus", "la la"); a line that is no tag → (None, line)."""
    if (bracketed := _BRACKETED.fullmatch(line)) and bracketed[1].strip() and not _REPEAT.fullmatch(bracketed[1]):
        return bracketed[1].strip(), bracketed[2]
    dressed = _DRESSED.fullmatch(line)
    bare = next(filter(None, dressed.groups())) if dressed else line
    if dressed and section_label(bare) and len(bare) < 32:
        return bare.strip("[]: "), ""
    named = _NAMED.fullmatch(bare)
    if named and section_label(named[1]):
        return named[1].strip(), named[2]
    return None, line


def _in_order(lyrics: Lyrics) -> Lyrics:
    """Lines with several stamps go where they are sung, and the section they belong to returns with them."""
    keyed: list[tuple[float, LyricLine]] = []
    time = 0.0
    written: set[int] = set()
    for line in lyrics.lines:  # an untimed line follows the line written before it
        time = line.start if line.start is not None and line.number not in written else time
        keyed.append((time if line.start is None else line.start, line))
        written.add(line.number)
    sections: list[LyricSection] = []
    lines: list[LyricLine] = []
    current: int | None = None
    placed = -1
    for _, line in sorted(keyed, key=lambda pair: pair[0]):
        if line.section is not None and line.section != current:
            sections += lyrics.sections[placed + 1 : line.section]  # sections without lines, at their first passing
            returned = line.section <= placed
            section = lyrics.sections[line.section]
            sections.append(replace(section, start=None) if returned else section)
            placed, current = max(placed, line.section), line.section
        lines.append(replace(line, section=len(sections) - 1 if current is not None else None))
    sections += lyrics.sections[placed + 1 :]
    return replace(lyrics, lines=lines, sections=sections)


def _parse_words(text: str, source: str) -> Lyrics:
    """Word JSON: a list of ``{"start", "end", "word"}`` with optional ``"line"`` and ``"section"``."""
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise LyricsError(f"{source}, line {error.lineno}: malformed JSON ({error.msg}); mend it there") from None
    if isinstance(items, dict):
        items = items.get("words")
    if not isinstance(items, list):
        raise LyricsError(f'{source}: no list of words; write [{{"start": 0.5, "end": 0.9, "word": "hello"}}, ...]')
    places = [text.count("\n", 0, match.start()) + 1 for match in re.finditer(r'"(?:word|text)"\s*:', text)]
    numbers = places if len(places) == len(items) else [1] * len(items)
    lyrics = Lyrics()
    group: list[LyricWord] = []
    first, marks, time = 1, (None, None), 0.0
    has_lines = any(isinstance(item, dict) and "line" in item for item in items)
    for number, item in zip(numbers, items, strict=True):
        word, raw = _read_item(item, f"{source}, line {number}")
        assert word.start is not None
        assert word.end is not None
        if word.start < time - _OVERLAP:
            raise LyricsError(
                f"{source}, line {number}: word {word.text!r} starts at {word.start:g} s, before the word ahead of it "
                f"ends ({time:g} s); order the words and cut the overlap"
            )
        new_marks = (item.get("line"), item.get("section"))
        if group and (new_marks != marks or (not has_lines and word.start - time > _LINE_GAP)):
            _close_line(lyrics, group, first)
            group = []
        if new_marks[1] and new_marks[1] != marks[1]:
            _open_section(lyrics, str(new_marks[1]), number)
        first = first if group else number
        marks, time = new_marks, word.end
        if _singable(word.text):
            group.append(word)
        else:
            lyrics.problems.append(Problem(number, raw, "holds nothing to sing"))
        if not has_lines and group and (raw.endswith("\n") or re.search(r"[.!?。！？…]\W*$", word.text)):
            _close_line(lyrics, group, first)
            group = []
    if group:
        _close_line(lyrics, group, first)
    return lyrics


def _read_item(item: Any, place: str) -> tuple[LyricWord, str]:
    if not isinstance(item, dict) or not {"start", "end"} <= item.keys() or not {"word", "text"} & item.keys():
        raise LyricsError(f'{place}: a word needs "start", "end" and "word"; found {json.dumps(item)[:60]}')
    raw, start, end = item.get("word", item.get("text")), item["start"], item["end"]
    if not isinstance(raw, str) or not all(_is_number(time) for time in (start, end)):
        raise LyricsError(f"{place}: times must be seconds and the word a text; found {json.dumps(item)[:60]}")
    if not 0 <= start <= end:
        raise LyricsError(
            f"{place}: word {raw.strip()!r} runs from {start:g} to {end:g} s; it must end after it starts"
        )
    return LyricWord(raw.strip(), float(start), float(end)), raw


def _open_section(lyrics: Lyrics, name: str, number: int) -> None:
    if label := section_label(name):
        lyrics.sections.append(LyricSection(label, name))
    else:
        lyrics.problems.append(Problem(number, name, "not a section name that is known; ignored"))


def _close_line(lyrics: Lyrics, words: list[LyricWord], number: int) -> None:
    section = len(lyrics.sections) - 1 if lyrics.sections else None
    text = " ".join(word.text for word in words)
    lyrics.lines.append(LyricLine(text, tuple(words), section, words[0].start, words[-1].end, number))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _singable(word: str) -> bool:
    return any(char.isalnum() or char in "&%$€" for char in word)


def _plus(time: float | None, shift: float) -> float | None:
    return None if time is None else round(time + shift, 3)


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{seconds % 60:05.2f}"
