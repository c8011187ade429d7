"""Sings a Score: its phrases, doubles and harmonies, and the breaths between them.

Words are spoken by the voice's engine and laid on notes by :mod:`.phrase`, in the style that the Score's singer has. It
knows seconds and samples; instruments and rooms are others' business.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.signal import butter, sosfilt

from ..score.score import Note, Phoneme, Score
from .phrase import SAMPLE_RATE, SungWord, analyse, sing_phrase
from .voices import MANNERS, Manner, Voice

_WORD_GAP = 0.1  # seconds between the phonemes of a word that are sung over
_PHRASE_GAP = 0.3  # seconds of rest that end a phrase
_ACTIVE_RMS = 0.1
_PEAK = 0.89
_UNKNOWN = "this score does not say what is sung: compose phonemes and melody first"
_BREATH_REST = 0.5  # seconds of rest before a phrase that leave room for a breath
_JITTER = 0.015  # seconds by which a double is early or late
_DETUNE = 8.0  # cents


def sing(score: Score, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Sing ``score.melody`` to ``score.phonemes``: mono float32, ``round(score.duration * 44100)`` samples at 44.1 kHz.

    Phonemes lie at their times in the Score (within half a hop of 5 ms); ``score.singer.style`` says how they are sung.
    The sung parts have an RMS of −20 dBFS (soft and airy ones less, belted ones more). Rests are exact zeros, but for a
    breath 25–32 dB below the voice in the last 0.45 s before some phrases. The same score, voice and state of ``rng``
    give the same samples. Raises ValueError where words, phonemes or melody are unknown, or where the phonemes of a
    word are not the voice's own (:meth:`Voice.pronounce`).
    """
    if score.melody is None:
        raise ValueError(_UNKNOWN)
    manner = _manner(score)
    phrases = _phrases(_sung_words(score, voice))
    output = np.zeros(round(score.duration * SAMPLE_RATE))
    _sing_phrases(output, phrases, score.melody, manner.of(voice), manner, rng)
    _bring_to_level(output, manner)
    _inhale(output, phrases, voice, manner, rng)
    return output.astype(np.float32)


def sing_backing(score: Score, voice: Voice, rng: np.random.Generator) -> np.ndarray:
    """Sing ``score.backing``: (2, samples) float32 at 44.1 kHz, as long as :func:`sing`; zeros where there is none.

    A double sings its words up to 15 ms early or late and up to 8 cents out of tune; a harmony sings its own notes at
    the lead's phoneme times. Doubles are panned to one side and harmonies to the other; where something is sung, the
    RMS is −20 dBFS over both channels. Determinism and errors as for :func:`sing`.
    """
    manner = _manner(score)
    styled = manner.of(voice)
    output = np.zeros((2, round(score.duration * SAMPLE_RATE)))
    side = rng.choice((-1.0, 1.0))
    lead = _sung_words(score, voice) if score.backing else []
    for backing in score.backing or []:
        wide, detune = rng.uniform(0.4, 0.8), 0.0
        words = [word for word in lead if backing.start <= (word.start + word.end) / 2 <= backing.end]
        notes = backing.notes
        if backing.kind == "double":
            detune = rng.uniform(2, _DETUNE) * rng.choice((-1, 1))
            words, notes = _loosely_timed(words, notes, rng)
        part = np.zeros(output.shape[1])
        _sing_phrases(part, _phrases(words), notes, styled, manner, rng, detune)
        angle = np.pi / 4 * (1 + wide * side * (1 if backing.kind == "double" else -1))
        output += np.outer([np.cos(angle), np.sin(angle)], part)
    _bring_to_level(output, manner)
    return output.astype(np.float32)


def _manner(score: Score) -> Manner:
    return MANNERS[(score.singer and score.singer.style) or "plain"]


def _sing_phrases(
    output: np.ndarray,
    phrases: list[list[SungWord]],
    melody: list[Note],
    voice: Voice,
    manner: Manner,
    rng: np.random.Generator,
    detune: float = 0.0,
) -> None:
    """Add the phrases to ``output`` (samples,), ``detune`` cents off."""
    notes = sorted(melody, key=lambda note: note.start)
    for phrase in phrases if notes else []:
        first, waveform = sing_phrase(phrase, notes, voice, manner, detune, rng)
        start, stop = max(first, 0), min(first + len(waveform), len(output))
        output[start:stop] += waveform[start - first : max(stop - first, 0)]


def _bring_to_level(output: np.ndarray, manner: Manner) -> None:
    """Scale (…, samples) in place to the RMS of its active samples, but not above the highest peak."""
    power = np.mean(output.reshape(-1, output.shape[-1]) ** 2, axis=0)
    active = power[power > 0]
    if len(active):
        wanted = _ACTIVE_RMS * 10 ** (manner.level / 20) / np.sqrt(active.mean())
        output *= min(wanted, _PEAK / np.abs(output).max())


def _inhale(
    output: np.ndarray, phrases: list[list[SungWord]], voice: Voice, manner: Manner, rng: np.random.Generator
) -> None:
    """Add breaths to ``output`` (samples,) before phrases that follow a rest long enough."""
    band = butter(2, [600 * voice.formants, 4500 * voice.formants], "band", fs=SAMPLE_RATE, output="sos")
    quiet_since = 0.0
    for phrase in phrases:
        start, rest = phrase[0].start, phrase[0].start - quiet_since
        quiet_since = max(word.end for word in phrase)
        if rest < _BREATH_REST or rng.random() > manner.inhale:
            continue
        length = round(rng.uniform(0.15, 0.35) * SAMPLE_RATE)
        last = round((start - rng.uniform(0.04, 0.08)) * SAMPLE_RATE)
        across = np.arange(length) / length
        breath = sosfilt(band, rng.standard_normal(length)) * np.sin(np.pi * across**1.6)  # swells, then stops
        level = _ACTIVE_RMS * 10 ** ((manner.level + rng.uniform(-32, -25)) / 20)
        output[last - length : last] += breath * level / np.sqrt(np.mean(breath**2))


def _loosely_timed(
    words: list[SungWord], notes: list[Note], rng: np.random.Generator
) -> tuple[list[SungWord], list[Note]]:
    """Words and notes as somebody sings them who sings along: each word starts a little early or late."""
    starts = [word.start for word in words] or [0.0]
    offsets = rng.uniform(-_JITTER, _JITTER, len(starts))

    def late(time: float) -> float:
        return max(0.0, time + float(np.interp(time, starts, offsets)))

    sung = []
    for word in words:
        phonemes = [p.model_copy(update={"start": late(p.start), "end": late(p.end)}) for p in word.phonemes]
        sung.append(replace(word, phonemes=tuple(phonemes)))
    return sung, [note.model_copy(update={"start": late(note.start), "end": late(note.end)}) for note in notes]


# --- words ------------------------------------------------------------------------------------------------------------


def _sung_words(score: Score, voice: Voice) -> list[SungWord]:
    if score.phonemes is None:
        raise ValueError(_UNKNOWN)
    grouped: dict[int, list[Phoneme]] = {}
    for phoneme in sorted(score.phonemes, key=lambda phoneme: phoneme.start):
        grouped.setdefault(phoneme.word, []).append(phoneme)
    sung = []
    for index, phonemes in grouped.items():
        text = (score.words or [])[index].text
        sound = analyse(voice.engine, text)
        own, asked = [phone.symbol for phone in sound.phones], [phoneme.symbol for phoneme in phonemes]
        if own != asked:
            raise ValueError(
                f"word {text!r} at {phonemes[0].start:.2f} s: the score has the phonemes {' '.join(asked)}, but "
                f"{voice.name} says {' '.join(own) or 'nothing'}; compose with pronounce=voice.pronounce"
            )
        sung.append(SungWord(sound, _joined(phonemes)))
    return sorted(sung, key=lambda word: word.start)


def _joined(phonemes: list[Phoneme]) -> tuple[Phoneme, ...]:
    """The phonemes of a word without overlaps and small gaps."""
    joined = []
    for phoneme, after in zip(phonemes, [*phonemes[1:], None], strict=True):
        end = after.start if after and after.start < phoneme.end + _WORD_GAP else phoneme.end
        joined.append(phoneme.model_copy(update={"end": end}))
    return tuple(joined)


def _phrases(words: list[SungWord]) -> list[list[SungWord]]:
    phrases: list[list[SungWord]] = []
    for word in words:
        if phrases and word.start - phrases[-1][-1].end < _PHRASE_GAP:
            phrases[-1].append(word)
        else:
            phrases.append([word])
    return phrases
