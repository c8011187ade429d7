"""Score → conditions on the latent grid. T latent frames; L = 4·T fine frames."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..lyrics.phonemes import INVENTORY, SILENCE, UNKNOWN
from ..score import PITCH_CLASSES, SECTION_LABELS, TRACKS, Backing, Note, Score, Singer, chord_pitch_classes
from .frames import FrameConditions
from .groups import (
    DRUM_CLASSES,
    FINE,
    GRAINS,
    GROUP_NAMES,
    GROUPS,
    LANGUAGES,
    METERS,
    MODES,
    NAME_CODE,
    NUM_FEATURES,
    OFFSETS,
    ROLL_HIGH,
    ROLL_LOW,
    TIMBRE_CODE,
    VOCAL_STYLES,
)

Grain = Literal["phoneme", "word", "line"]
_INDEX = {symbol: i for i, symbol in enumerate(INVENTORY)}
_FULL_LEVEL = 6.0  # decibels of dynamics that read 1
_Point = TypeVar("_Point")


def frame_conditions(score: Score, num_frames: int, frame_rate: float, grain: Grain = "phoneme") -> FrameConditions:
    """All that ``score`` says, on ``num_frames`` latent frames of ``frame_rate`` Hz.

    ``grain`` tells how finely the phonemes are timed: exactly, spread evenly over each word, or over each line.
    """
    fine_rate, L = frame_rate * FINE, num_frames * FINE
    features = np.zeros((num_frames, NUM_FEATURES), np.float32)
    known = np.zeros((num_frames, len(GROUPS)), np.float32)

    def write(group: str, values: np.ndarray | Sequence[float]) -> None:
        features[:, OFFSETS[group] : OFFSETS[group] + GROUPS[group]] = values
        known[:, GROUP_NAMES.index(group)] = 1

    if score.phonemes is not None:
        write("phonemes", np.eye(len(GRAINS))[GRAINS.index(grain)])
    streams: dict[str, np.ndarray] = {}
    for group, track in (("melody", "vocals"), ("bass", "bass")):
        tokens, onsets = np.zeros(L, np.int64), np.zeros(L)
        notes = score.track_notes(track)
        if notes is not None:
            tokens[:] = 1
            for note in notes:
                tokens[_frames(note.start, note.end, fine_rate)] = 2 + note.pitch
                _mark(onsets, note.start * fine_rate, 1.0)
            write(group, onsets.reshape(num_frames, FINE))
        streams[group] = tokens

    if score.parts is not None:
        hits = np.zeros((L, len(DRUM_CLASSES)))
        for note in score.track_notes("drums") or []:
            _mark(hits[:, _drum_class(note)], note.start * fine_rate, note.velocity / 127)
        write("drums", hits.reshape(num_frames, -1))
        roll, onsets = np.zeros((num_frames, ROLL_HIGH - ROLL_LOW)), np.zeros(L)
        for note in score.track_notes("other") or []:
            pitch = min(max(note.pitch, ROLL_LOW), ROLL_HIGH - 1) - ROLL_LOW
            roll[_frames(note.start, note.end, frame_rate), pitch] = note.velocity / 127
            _mark(onsets, note.start * fine_rate, note.velocity / 127)
        write("other", np.concatenate([roll, onsets.reshape(num_frames, FINE)], axis=1))
        active = np.stack([_active(score.track_notes(track) or [], num_frames, frame_rate) for track in TRACKS], axis=1)
        write("activity", active)

    if score.chords is not None:
        chords = np.zeros((num_frames, GROUPS["chords"]))
        for chord in score.chords:
            root, pitch_classes = chord_pitch_classes(chord.label)
            frames = _frames(chord.start, chord.end, frame_rate)
            chords[frames] = 0
            chords[frames, list(pitch_classes)] = 1
            chords[frames, 24 if root is None else 12 + root] = 1
        write("chords", chords)
    if score.beats is not None:
        write("beats", _beat_features(score, num_frames, frame_rate))
    if score.sections is not None:
        sections = np.zeros((num_frames, GROUPS["sections"]))
        for section in score.sections:
            frames = _frames(section.start, section.end, frame_rate)
            count = len(sections[frames])
            sections[frames, SECTION_LABELS.index(section.label)] = 1
            sections[frames, -1] = np.arange(count) / max(count, 1)
        write("sections", sections)
    times = np.arange(num_frames) / frame_rate
    if score.emotion:
        write("emotion", _curves(score.emotion, times, lambda e: (e.time, e.valence, e.arousal)))
    since, until = (times + 0.5 / frame_rate, score.duration - (times + 0.5 / frame_rate))
    write("position", np.stack([np.exp(-since), np.exp(-until.clip(0)), since / 60, until / 60], axis=1))

    if score.dynamics is not None:
        levels = np.zeros((num_frames, GROUPS["dynamics"]))
        for i, track in enumerate(TRACKS):
            if points := score.dynamics.get(track):  # type: ignore[call-overload]
                levels[:, i] = _curves(points, times, lambda p: (p.time, p.decibels / _FULL_LEVEL))[:, 0]
                levels[:, len(TRACKS) + i] = 1
        write("dynamics", levels)
    if score.tempo is not None:
        octaves = math.log2(score.tempo / 120)
        write("tempo", [octaves, math.sin(2 * math.pi * octaves), math.cos(2 * math.pi * octaves)])
    if (home := _key_features(score.key)) is not None:
        keys = np.tile(home, (num_frames, 1))
        for section in score.sections or []:
            if (other := _key_features(section.key)) is not None:
                keys[_frames(section.start, section.end, frame_rate)] = other
        write("key", keys)
    if score.time_signature is not None:
        write("time_signature", _one_hot(score.time_signature, METERS))
    if score.singer is not None:
        write("singer", _singer_features(score.singer))
        if score.singer.name is not None:
            write("singer_name", name_code(score.singer.name, NAME_CODE))
    if score.backing is not None:
        write("backing", _backing_features(score.backing, num_frames, frame_rate))
    if score.phonemes:
        write("language", _one_hot(score.language, LANGUAGES))
    return FrameConditions(
        phoneme_tokens(score, num_frames, frame_rate, grain),
        torch.from_numpy(streams["melody"]),
        torch.from_numpy(streams["bass"]),
        torch.from_numpy(features),
        torch.from_numpy(known),
    )


def phoneme_tokens(score: Score, num_frames: int, frame_rate: float, grain: Grain) -> Tensor:
    """The stream of phonemes (L,) at one grain of timing; all 0 where the score knows none."""
    tokens = np.full(num_frames * FINE, _INDEX[UNKNOWN])
    if score.phonemes is not None:
        tokens[:] = _INDEX[SILENCE]
        for symbol, start, end in _phoneme_times(score, grain):
            tokens[_frames(start, end, frame_rate * FINE)] = _INDEX[symbol]
    return torch.from_numpy(tokens)


def name_code(name: str, size: int) -> np.ndarray:
    """A word as ``size`` signs drawn from its hash: any name has its own, and names are nearly orthogonal."""
    digest = np.frombuffer(hashlib.sha256(name.encode()).digest(), np.uint8)
    return np.unpackbits(digest)[:size] * 2.0 - 1.0


def _frames(start: float, end: float, rate: float) -> slice:
    first = int(start * rate + 0.5)
    return slice(first, max(first + 1, int(end * rate + 0.5)))


def _mark(row: np.ndarray, position: float, value: float) -> None:
    index = int(position + 0.5)
    if index < len(row):
        row[index] = max(row[index], value)


def _curves(points: Sequence[_Point], times: np.ndarray, read: Callable[[_Point], tuple[float, ...]]) -> np.ndarray:
    """Curves that are linear between points, at ``times`` (T,); ``read`` gives (time, value, …) → (T, values)."""
    rows = np.array([read(point) for point in points])
    return np.stack([np.interp(times, rows[:, 0], column) for column in rows[:, 1:].T], axis=1)


def _one_hot(value: str, known: tuple[str, ...]) -> np.ndarray:
    return np.eye(len(known) + 1)[known.index(value) if value in known else len(known)]


def _drum_class(note: Note) -> int:
    return next((i for i, keys in enumerate(DRUM_CLASSES) if note.pitch in keys), len(DRUM_CLASSES) - 1)


def _active(notes: list[Note], num_frames: int, frame_rate: float, tail: float = 2.0) -> np.ndarray:
    """1 where a track plays or rings: from each note's start to ``tail`` seconds after its end."""
    active = np.zeros(num_frames)
    for note in notes:
        active[int(note.start * frame_rate) : math.ceil((note.end + tail) * frame_rate)] = 1
    return active


def _key_features(key: str | None) -> np.ndarray | None:
    """Tonic and mode as flags; ``None`` where the key is unknown or its tonic is no pitch class."""
    tonic, _, mode = (key or "").partition(" ")
    if tonic not in PITCH_CLASSES:
        return None
    flags = np.zeros(GROUPS["key"])
    flags[PITCH_CLASSES.index(tonic)] = 1
    if mode in MODES:
        flags[12 + MODES.index(mode)] = 1
    return flags


def _singer_features(singer: Singer) -> np.ndarray:
    """Who sings; zeros for what is unknown of them."""
    amounts = (singer.brightness, singer.breathiness, singer.vibrato)
    timbre = sum((name_code(word, TIMBRE_CODE) for word in singer.timbre), np.zeros(TIMBRE_CODE))
    return np.concatenate(
        [
            [singer.gender == "female", singer.gender == "male"],
            [singer.style == style for style in VOCAL_STYLES],
            timbre / max(1, len(singer.timbre)) ** 0.5,
            [amount or 0.0 for amount in amounts],
            [amount is not None for amount in amounts],
        ]
    )


def _backing_features(backing: list[Backing], num_frames: int, frame_rate: float) -> np.ndarray:
    """Pitch classes that harmonies sing, their lowest and highest pitch in octaves from C4; whether there is a harmony,
    and a double (which sings the melody)."""
    rows = np.zeros((num_frames, GROUPS["backing"]))
    for voice in backing:
        for note in voice.notes:
            frames = _frames(note.start, note.end, frame_rate)
            if voice.kind == "double":
                rows[frames, 15] = 1
                continue
            height, sung = (note.pitch - 60) / 12, rows[frames, 14] > 0
            rows[frames, note.pitch % 12] = 1
            rows[frames, 12] = np.where(sung, np.minimum(rows[frames, 12], height), height)
            rows[frames, 13] = np.where(sung, np.maximum(rows[frames, 13], height), height)
            rows[frames, 14] = 1
    return rows


def _phoneme_times(score: Score, grain: Grain) -> list[tuple[str, float, float]]:
    """(symbol, start, end) of every phoneme at the given grain."""
    phonemes, words, lines = score.phonemes or [], score.words or [], score.lines or []
    if grain == "phoneme":
        return [(p.symbol, p.start, p.end) for p in phonemes]
    groups: dict[int, list[str]] = {}
    for phoneme in phonemes:
        key = phoneme.word if grain == "word" else words[phoneme.word].line
        groups.setdefault(key, []).append(phoneme.symbol)
    result = []
    for key, symbols in groups.items():
        span = words[key] if grain == "word" else lines[key]
        edges = np.linspace(span.start, span.end, len(symbols) + 1).tolist()
        result += list(zip(symbols, edges[:-1], edges[1:], strict=True))
    return result


def _beat_features(score: Score, num_frames: int, frame_rate: float) -> np.ndarray:
    """Beat and downbeat pulses on fine frames, and the phases within beat and bar as sine and cosine."""
    beats = score.beats or []
    pulses = np.zeros((2, num_frames * FINE))
    for beat in beats:
        _mark(pulses[0], beat.time * frame_rate * FINE, 1.0)
        if beat.position == 1:
            _mark(pulses[1], beat.time * frame_rate * FINE, 1.0)
    phases = np.zeros((num_frames, 4))
    times = (np.arange(num_frames) + 0.5) / frame_rate
    for column, instants in ((0, [b.time for b in beats]), (2, [b.time for b in beats if b.position == 1])):
        if len(instants) > 1:
            phase = 2 * math.pi * np.interp(times, instants, np.arange(len(instants)))
            phases[:, column], phases[:, column + 1] = np.sin(phase), np.cos(phase)
    return np.concatenate([pulses[0].reshape(-1, FINE), pulses[1].reshape(-1, FINE), phases], axis=1)
