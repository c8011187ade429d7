"""A Score as LRC, word JSON and MIDI, and a melody out of a MIDI file. Times in the Score are seconds."""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import mido

from .score import PITCH_CLASSES, Line, Note, Score, ScoreError, Section

_TICKS = 960  # MIDI ticks a beat: half a millisecond at 120 bpm
_PAUSE = 1.0  # seconds of silence after a line that an LRC says with an empty line
_DRUM_CHANNEL = 9
_MELODY_NAMES = ("vocals", "vocal", "voice", "melody", "lead", "singer", "sing")
_MINORS = ("Cm", "C#m", "Dm", "Ebm", "Em", "Fm", "F#m", "Gm", "G#m", "Am", "Bbm", "Bm")
_MINOR_KEYS = dict(zip(PITCH_CLASSES, _MINORS, strict=True))


def to_lrc(score: Score, words: bool = False) -> str:
    """The lines as LRC with section tags; ``words=True`` adds ``<mm:ss.xx>`` word times.

    Raises :class:`ScoreError` where the lines (or words) are unknown.
    """
    lines = _known(score.lines, "lines")
    sung = _known(score.words, "words") if words else []
    events = [(start, 0, f"[{_clock(start)}][{name}]") for start, name in _tags(score, lines)]
    for index, line in enumerate(lines):
        timed = [f"<{_clock(word.start)}>{word.text}" for word in sung if word.line == index]
        events.append((line.start, 1, f"[{_clock(line.start)}]{' '.join(timed) or line.text}"))
    ends = sorted(line.end for line in lines)
    starts = sorted(line.start for line in lines)
    for end, following in itertools.zip_longest(ends, starts[1:], fillvalue=score.duration):
        if following - end >= _PAUSE or following == score.duration:
            events.append((end, 2, f"[{_clock(end)}]"))
    events.sort(key=lambda event: event[:2])
    head = [f"[ti:{score.title}]"] if score.title else []
    return "\n".join([*head, f"[la:{score.language}]", *(text for *_, text in events)]) + "\n"


def to_word_json(score: Score) -> str:
    """The words as JSON, one a line: ``start``, ``end``, ``word``, ``line`` and, where known, ``section``.

    Raises :class:`ScoreError` where the words are unknown.
    """
    words, lines = _known(score.words, "words"), score.lines or []
    rows = []
    for word in words:
        row: dict[str, object] = {"start": round(word.start, 3), "end": round(word.end, 3), "word": word.text}
        section = lines[word.line].section
        rows.append(row | {"line": word.line} | ({"section": section} if section else {}))
    return "[\n" + ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"


def to_midi(score: Score, path: str | Path) -> None:
    """Write a MIDI file: tempo map, meter, key and sections; the melody with its lyrics as "vocals"; every part.

    Beats of the Score become beats of the file. Unknown fields are left out.
    """
    from ..audio.files import replacing  # here, for numpy and libsndfile are slow to import

    clock = _Clock(score)
    file = mido.MidiFile(ticks_per_beat=_TICKS, charset="utf-8")
    file.tracks.append(_conductor(score, clock))
    if score.melody is not None:
        file.tracks.append(_track("vocals", _note_events(score.melody, clock, 0) + _lyric_events(score, clock)))
    channels = itertools.cycle(channel for channel in range(1, 16) if channel != _DRUM_CHANNEL)
    for part in score.parts or []:
        channel = _DRUM_CHANNEL if part.track == "drums" else next(channels)
        program = [(0, mido.Message("program_change", channel=channel, program=part.program))]
        name = f"{part.track}: {part.instrument}"
        file.tracks.append(_track(name, program * (part.track != "drums") + _note_events(part.notes, clock, channel)))
    with replacing(path) as beside:
        file.save(beside)


def melody_from_midi(path: str | Path) -> list[Note]:
    """One voice of a MIDI file in seconds: the track named vocals, melody, voice or lead, else the first with notes.

    Of notes that start together the highest is sung, and a note ends where the next one starts. Raises
    :class:`ScoreError` naming the file.
    """
    if not Path(path).is_file():
        raise ScoreError(f"{path}: there is no such MIDI file")
    try:
        file = mido.MidiFile(path, charset="utf-8", clip=True)
    except (OSError, EOFError, ValueError, KeyError, IndexError, mido.KeySignatureError) as error:
        raise ScoreError(f"{path}: cannot be read as MIDI ({error or 'it is cut short'})") from None
    if file.type == 2 or file.ticks_per_beat <= 0:
        raise ScoreError(f"{path}: uses a MIDI form that is not supported; export it as type 0 or 1 with beats")
    voices = [(track.name.lower(), notes) for track in file.tracks if (notes := _ticked_notes(track))]
    if not voices:
        raise ScoreError(f"{path}: holds no notes besides drums; put the melody on a track named vocals")
    named = [notes for name, notes in voices if any(word in name for word in _MELODY_NAMES)]
    voice = sorted(named[0] if named else voices[0][1], key=lambda note: (note[0], note[2]))
    highest = {start: (end, pitch, velocity) for start, end, pitch, velocity in voice}
    starts = [*highest, None]
    seconds = _tempo_map(file)
    return [
        Note(
            start=seconds(start), end=seconds(end if after is None else min(end, after)), pitch=pitch, velocity=velocity
        )
        for (start, (end, pitch, velocity)), after in zip(highest.items(), starts[1:], strict=True)
    ]


class _Clock:
    """Seconds ⇄ ticks along the beats of a Score (or its tempo, or 120 bpm)."""

    def __init__(self, score: Score):
        times = [beat.time for beat in score.beats or []]
        interval = times[1] - times[0] if len(times) > 1 else 60 / (score.tempo or 120)
        if not times or times[0] <= 1e-4:
            times = [0.0, *times[1:]]
            self.lead_in = 0
        else:  # as many beats ahead of the first as fit best, so that the file starts at 0
            self.lead_in = max(1, round(times[0] / interval))
            times = [times[0] * index / self.lead_in for index in range(self.lead_in)] + times
        times = [time for time, after in itertools.zip_longest(times, times[1:]) if after is None or after > time]
        self.times = [*times, times[-1] + (times[-1] - times[-2] if len(times) > 1 else interval)]

    def tick(self, time: float) -> int:
        index = min(bisect.bisect_right(self.times, time), len(self.times) - 1) - 1
        index = max(0, index)
        fraction = (time - self.times[index]) / (self.times[index + 1] - self.times[index])
        return max(0, round((index + fraction) * _TICKS))

    def tempos(self) -> list[tuple[int, mido.MetaMessage]]:
        tempos = [min(0xFFFFFF, round((after - time) * 1e6)) for time, after in itertools.pairwise(self.times)]
        changes = [i for i, tempo in enumerate(tempos) if i == 0 or tempo != tempos[i - 1]]
        return [(i * _TICKS, mido.MetaMessage("set_tempo", tempo=tempos[i])) for i in changes]


def _conductor(score: Score, clock: _Clock) -> mido.MidiTrack:
    events = clock.tempos()
    if score.time_signature:
        above, _, below = score.time_signature.partition("/")
        meter = mido.MetaMessage("time_signature", numerator=int(above), denominator=int(below))
        downbeat = next((beat.time for beat in score.beats or [] if beat.position == 1), 0.0)
        events.append((clock.tick(downbeat), meter))
    root, _, mode = (score.key or "").partition(" ")
    key = {"major": root, "minor": _MINOR_KEYS.get(root, "")}.get(mode)
    if key and root in PITCH_CLASSES:
        events.append((0, mido.MetaMessage("key_signature", key=key)))
    for section in score.sections or []:
        events.append((clock.tick(section.start), mido.MetaMessage("marker", text=section.label)))
    return _track(score.title or "song", events)


def _note_events(notes: Sequence[Note], clock: _Clock, channel: int) -> list[tuple[int, mido.Message]]:
    events = []
    for note in notes:
        start = clock.tick(note.start)
        on = mido.Message("note_on", channel=channel, note=note.pitch, velocity=note.velocity)
        off = mido.Message("note_off", channel=channel, note=note.pitch, velocity=0)
        events += [(start, on), (max(start + 1, clock.tick(note.end)), off)]
    return events


def _lyric_events(score: Score, clock: _Clock) -> list[tuple[int, mido.MetaMessage]]:
    """The word at its first note, ``-`` at each further syllable, nothing within a melisma."""
    events, before = [], None
    for note in score.melody or []:
        sung = (note.word, note.syllable or 0)
        if note.word is not None and sung != before and note.word < len(score.words or []):
            text = (score.words or [])[note.word].text if before is None or before[0] != note.word else "-"
            events.append((clock.tick(note.start), mido.MetaMessage("lyrics", text=text)))
        before = sung
    return events


def _track(name: str, events: list) -> mido.MidiTrack:
    """A track of events at absolute ticks; at the same tick a note ends before the next begins."""
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
    now = 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type == "note_on")):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _ticked_notes(track: mido.MidiTrack) -> list[tuple[int, int, int, int]]:
    """(start, end, pitch, velocity) of a track in ticks, without drums."""
    notes: list[tuple[int, int, int, int]] = []
    sounding: dict[int, tuple[int, int]] = {}
    now = 0
    for message in track:
        now += message.time
        if message.type not in ("note_on", "note_off") or message.channel == _DRUM_CHANNEL:
            continue
        if message.note in sounding:
            start, velocity = sounding.pop(message.note)
            notes.append((start, now, message.note, velocity))
        if message.type == "note_on" and message.velocity > 0:
            sounding[message.note] = (now, message.velocity)
    return notes


def _tempo_map(file: mido.MidiFile) -> Callable[[int], float]:
    """A function from ticks to seconds."""
    changes, now, seconds, tempo = [(0, 0.0, 500_000)], 0, 0.0, 500_000
    for message in mido.merge_tracks(file.tracks):
        seconds += mido.tick2second(message.time, file.ticks_per_beat, tempo)
        now += message.time
        if message.type == "set_tempo":
            tempo = message.tempo
            changes.append((now, seconds, tempo))

    def to_seconds(tick: int) -> float:
        start, offset, tempo = changes[bisect.bisect_right(changes, tick, key=lambda change: change[0]) - 1]
        return round(offset + mido.tick2second(tick - start, file.ticks_per_beat, tempo), 5)

    return to_seconds


def _tags(score: Score, lines: Sequence[Line]) -> list[tuple[float, str]]:
    """Where each section starts in an LRC: with its first line, if that comes as an upbeat."""
    if score.sections is None:
        before = [None, *(line.section for line in lines[:-1])]
        changes = [line for section, line in zip(before, lines, strict=True) if line.section != section]
        return [(line.start, _title(line.section)) for line in changes if line.section]
    return [(min([section.start, *_upbeats(section, lines)]), _title(section.label)) for section in score.sections]


def _upbeats(section: Section, lines: Sequence[Line]) -> list[float]:
    return [line.start for line in lines if line.start < section.start < (line.start + line.end) / 2]


def _title(label: str | None) -> str:
    return {"prechorus": "Pre-Chorus"}.get(label or "", (label or "").capitalize())


def _clock(seconds: float) -> str:
    hundredths = round(seconds * 100)
    return f"{hundredths // 6000:02d}:{hundredths // 100 % 60:02d}.{hundredths % 100:02d}"


def _known(items: list | None, name: str) -> list:
    if items is None:
        raise ScoreError(f"the score's {name} are unknown; compose them first (`songdiff compose`)")
    return items
