"""Score → tensors on the latent grid.

Everything a Score says becomes either a *stream* of tokens at four times the latent rate (phonemes, melody, bass) or
*features* at the latent rate, in named groups. Each group carries a flag per frame, "known" or not; an unknown group
reads zero there. Dropping a group (in training, for guidance, or because the user left it open) is one operation.
T latent frames; L = 4·T fine frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..lyrics.phonemes import INVENTORY, SILENCE, UNKNOWN
from ..score import SECTION_LABELS, TRACKS, Note, Score, chord_pitch_classes

FINE = 4  # fine frames per latent frame
DRUM_CLASSES: tuple[
    tuple[int, ...], ...
] = (  # General MIDI drum keys: kick, snare, closed hat, open hat, cymbal, tom, other
    (35, 36),
    (37, 38, 39, 40),
    (42, 44),
    (46,),
    (49, 51, 52, 53, 55, 57, 59),
    (41, 43, 45, 47, 48, 50),
    (),
)
ROLL_LOW, ROLL_HIGH = 36, 97  # pitches of the piano roll for the track "other"
GRAINS = ("phoneme", "word", "line")  # how finely the phonemes are timed
Grain = Literal["phoneme", "word", "line"]
GROUPS: dict[str, int] = {  # feature numbers per latent frame
    "phonemes": len(GRAINS),
    "melody": FINE,
    "bass": FINE,
    "drums": FINE * len(DRUM_CLASSES),
    "other": ROLL_HIGH - ROLL_LOW + FINE,
    "chords": 25,
    "beats": 2 * FINE + 4,
    "sections": len(SECTION_LABELS) + 1,
    "activity": len(TRACKS),
    "emotion": 2,
    "position": 4,  # always known: how far to the song's two ends
}
GROUP_NAMES = tuple(GROUPS)
CONTROLS = GROUP_NAMES[:-1]  # the groups that can be unknown
STREAMS = ("phonemes", "melody", "bass")
NUM_FEATURES = sum(GROUPS.values())
PHONEME_TOKENS = len(INVENTORY)
PITCH_TOKENS = 130  # 0 unknown, 1 rest, 2 + MIDI pitch
_OFFSETS = dict(zip(GROUPS, np.cumsum([0, *GROUPS.values()])[:-1].tolist(), strict=True))
_INDEX = {symbol: i for i, symbol in enumerate(INVENTORY)}


@dataclass
class FrameConditions:
    """What is known of a song, frame by frame; a leading batch dimension is allowed everywhere.

    ``phonemes, melody, bass`` (…, L) tokens, 0 = unknown; ``features`` (…, T, NUM_FEATURES); ``known`` (…, T, groups).
    """

    phonemes: Tensor
    melody: Tensor
    bass: Tensor
    features: Tensor
    known: Tensor

    @property
    def num_frames(self) -> int:
        return self.features.shape[-2]

    def crop(self, start: int, length: int) -> FrameConditions:
        """Frames ``start … start + length``; beyond the song's end everything is known to be silent."""
        inside = slice(start, min(start + length, self.num_frames))
        fine = slice(FINE * inside.start, FINE * inside.stop)
        missing = length - (inside.stop - inside.start)

        def pad(x: Tensor, before: Tensor | int, rate: int = 1) -> Tensor:
            shape = (missing * rate, *x.shape[1:])
            return torch.cat([x, torch.zeros(shape, dtype=x.dtype) + before]) if missing else x

        return FrameConditions(
            pad(self.phonemes[fine], _INDEX[SILENCE], FINE),
            pad(self.melody[fine], 1, FINE),
            pad(self.bass[fine], 1, FINE),
            pad(self.features[inside], 0),
            pad(self.known[inside], 1),
        )

    def drop(self, groups: tuple[str, ...], start: int = 0, stop: int | None = None) -> FrameConditions:
        """A copy in which ``groups`` are unknown in the latent frames ``start … stop``."""
        stop = self.num_frames if stop is None else stop
        result = FrameConditions(**{name: value.clone() for name, value in vars(self).items()})
        for group in groups:
            offset = _OFFSETS[group]
            result.features[..., start:stop, offset : offset + GROUPS[group]] = 0
            result.known[..., start:stop, GROUP_NAMES.index(group)] = 0
            if group in STREAMS:
                getattr(result, group)[..., FINE * start : FINE * stop] = 0
        return result

    def to(self, device: torch.device | str, dtype: torch.dtype) -> FrameConditions:
        return FrameConditions(
            self.phonemes.to(device, torch.long),
            self.melody.to(device, torch.long),
            self.bass.to(device, torch.long),
            self.features.to(device, dtype),
            self.known.to(device, dtype),
        )

    @staticmethod
    def stack(items: list[FrameConditions]) -> FrameConditions:
        """A batch of conditions of one length."""
        return FrameConditions(
            **{name: torch.stack([getattr(item, name) for item in items]) for name in vars(items[0])}
        )


def frame_conditions(score: Score, num_frames: int, frame_rate: float, grain: Grain = "phoneme") -> FrameConditions:
    """All that ``score`` says, on ``num_frames`` latent frames of ``frame_rate`` Hz.

    ``grain`` tells how finely the phonemes are timed: exactly, spread evenly over each word, or over each line.
    """
    fine_rate, L = frame_rate * FINE, num_frames * FINE
    features = np.zeros((num_frames, NUM_FEATURES), np.float32)
    known = np.zeros((num_frames, len(GROUPS)), np.float32)

    def write(group: str, values: np.ndarray) -> None:
        features[:, _OFFSETS[group] : _OFFSETS[group] + GROUPS[group]] = values
        known[:, GROUP_NAMES.index(group)] = 1

    def span(start: float, end: float, rate: float) -> slice:
        first = int(start * rate + 0.5)
        return slice(first, max(first + 1, int(end * rate + 0.5)))

    phonemes = np.full(L, _INDEX[UNKNOWN])
    if score.phonemes is not None:
        phonemes[:] = _INDEX[SILENCE]
        for symbol, start, end in _phoneme_times(score, grain):
            phonemes[span(start, end, fine_rate)] = _INDEX[symbol]
        write("phonemes", np.eye(len(GRAINS))[GRAINS.index(grain)])

    streams: dict[str, np.ndarray] = {}
    for group, track in (("melody", "vocals"), ("bass", "bass")):
        tokens, onsets = np.zeros(L, np.int64), np.zeros(L)
        notes = score.track_notes(track)
        if notes is not None:
            tokens[:] = 1
            for note in notes:
                tokens[span(note.start, note.end, fine_rate)] = 2 + note.pitch
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
            roll[span(note.start, note.end, frame_rate), pitch] = note.velocity / 127
            _mark(onsets, note.start * fine_rate, note.velocity / 127)
        write("other", np.concatenate([roll, onsets.reshape(num_frames, FINE)], axis=1))
        active = np.stack([_active(score.track_notes(track) or [], num_frames, frame_rate) for track in TRACKS], axis=1)
        write("activity", active)

    if score.chords is not None:
        chords = np.zeros((num_frames, 25))
        for chord in score.chords:
            root, pitch_classes = chord_pitch_classes(chord.label)
            frames = span(chord.start, chord.end, frame_rate)
            chords[frames] = 0
            chords[frames, list(pitch_classes)] = 1
            chords[frames, 24 if root is None else 12 + root] = 1
        write("chords", chords)
    if score.beats is not None:
        write("beats", _beat_features(score, num_frames, frame_rate))
    if score.sections is not None:
        sections = np.zeros((num_frames, GROUPS["sections"]))
        for section in score.sections:
            frames = span(section.start, section.end, frame_rate)
            count = len(sections[frames])
            sections[frames, SECTION_LABELS.index(section.label)] = 1
            sections[frames, -1] = np.arange(count) / max(count, 1)
        write("sections", sections)
    if score.emotion:
        times = np.arange(num_frames) / frame_rate
        points = np.array([(e.time, e.valence, e.arousal) for e in score.emotion])
        write("emotion", np.stack([np.interp(times, points[:, 0], points[:, i]) for i in (1, 2)], axis=1))
    since, until = (
        (np.arange(num_frames) + 0.5) / frame_rate,
        score.duration - (np.arange(num_frames) + 0.5) / frame_rate,
    )
    write("position", np.stack([np.exp(-since), np.exp(-until.clip(0)), since / 60, until / 60], axis=1))
    return FrameConditions(
        torch.from_numpy(phonemes),
        torch.from_numpy(streams["melody"]),
        torch.from_numpy(streams["bass"]),
        torch.from_numpy(features),
        torch.from_numpy(known),
    )


def _mark(row: np.ndarray, position: float, value: float) -> None:
    index = int(position + 0.5)
    if index < len(row):
        row[index] = max(row[index], value)


def _drum_class(note: Note) -> int:
    return next((i for i, keys in enumerate(DRUM_CLASSES) if note.pitch in keys), len(DRUM_CLASSES) - 1)


def _active(notes: list[Note], num_frames: int, frame_rate: float, tail: float = 2.0) -> np.ndarray:
    """1 where a track plays or rings: from each note's start to ``tail`` seconds after its end."""
    active = np.zeros(num_frames)
    for note in notes:
        active[int(note.start * frame_rate) : math.ceil((note.end + tail) * frame_rate)] = 1
    return active


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
