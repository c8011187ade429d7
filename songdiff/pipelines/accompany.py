"""The tracks that given ones lack, in time and in key with them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ..audio.files import resample
from ..audio.loudness import limit
from ..composer.accompaniment import accompaniment
from ..composer.genres import GENRES
from ..composer.style import parse_key, parse_style
from ..errors import InputError
from ..lyrics import Lyrics
from ..score import TRACKS, Note, Part, Score, melody_from_midi
from .known import Known, to_channels
from .song_pipeline import MAX_SECONDS, SongPipeline, SongPipelineOutput
from .splicing import track_gains

if TYPE_CHECKING:
    from ..evaluation.hearing import Heard

_RATE = 44100
_CEILING = 0.98  # of the mix, where its tracks add up to more
_GROUPS = {"vocals": "phonemes", "drums": "drums", "bass": "bass", "other": "other"}  # what a score says of a track
_TUNE = ("flute", 73)  # who plays a given melody: a name of the composer's, and its General MIDI program
MIXED = (
    "a mix, or a track that its name does not tell: say which one it is (vocals=FILE), or take a mix apart first with "
    "`songdiff separate` or another program"
)


def hear(
    known: Known | None,
    prompt: str = "",
    *,
    melody: Sequence[Note] | None = None,
    bpm: float | None = None,
    key: str | None = None,
    time_signature: str | None = None,
    first_beat: float | None = None,
    chords: list[list[str]] | None = None,
) -> Heard:
    """Tempo, beats, key, chords and sung notes of the given tracks, or of a ``melody`` alone (``known`` None).

    What is told is kept. The genre of ``prompt`` says how many beats a bar has where ``time_signature`` does not.
    Raises :class:`InputError` where nothing is given, or nothing can be heard.
    """
    from ..evaluation.hearing import hear_music

    if bpm is not None and not 30 <= bpm <= 300:
        raise InputError(f"bpm: {bpm:g} is out of range; choose 30 to 300")
    home = None if key is None else parse_key(key)
    if key is not None and home is None:
        raise InputError(f"key: {key!r} is not understood; write for example 'D minor' or 'Bb major'")
    genre = parse_style(prompt).genre
    told: dict[str, Any] = {
        "tempo": bpm,
        "key": home,
        "time_signature": time_signature or (GENRES[genre].time_signature if genre else None),
        "first_beat": first_beat,
        "chords": chords,
    }
    if known is None:
        if not melody:
            raise InputError("accompany: nothing is given; give at least one track, or a melody")
        if bpm is None:
            raise InputError("bpm: a melody of notes says nothing of its beat; give its tempo")
        told["first_beat"] = 0.0 if first_beat is None else first_beat
        return dataclasses.replace(hear_music({"vocals": _tones(melody)}, **told), melody=list(melody))
    stems = {
        track: resample(to_channels(stem, 2).astype(np.float32), known.form.sample_rate, _RATE)
        for track, stem in (known.stems or {"mix": known.mixed}).items()
    }
    heard = hear_music(stems, **told)
    return heard if melody is None else dataclasses.replace(heard, melody=list(melody))


def read_melody(path: Path) -> tuple[list[Note], np.ndarray | None]:
    """The notes of a MIDI file (and None), or those of a hummed or sung recording (and its waveform at 44.1 kHz)."""
    from ..audio import read_audio
    from ..evaluation.hearing import sung_notes

    if path.suffix.lower() in (".mid", ".midi"):
        return melody_from_midi(path), None
    waveform = read_audio(path)
    notes = sung_notes(waveform)
    if not notes:
        raise InputError(f"{path}: no note can be heard in it; sing or hum one voice alone, or give a MIDI file")
    return notes, waveform


def plan_accompaniment(
    heard: Heard,
    tracks: Sequence[str],
    prompt: str = "",
    *,
    lyrics: Lyrics | None = None,
    tune: bool = False,
    seed: int = 0,
) -> Score:
    """The Score of ``tracks`` for what is heard, on its beats; it says nothing of what the other tracks play.

    ``tune``: the melody heard is not in the given tracks; somebody plays it.
    """
    if "vocals" in tracks and lyrics is None:
        raise InputError("tracks: vocals need words to sing; give lyrics, or leave vocals out")
    score = accompaniment(
        prompt,
        duration=heard.duration,
        beats=heard.beats,
        chords=heard.chords,
        key=heard.key,
        time_signature=heard.time_signature,
        melody=heard.melody,
        lyrics=lyrics,
        seed=seed,
    )
    parts = [part for part in score.parts or [] if part.track in tracks]
    if tune:
        parts.append(
            Part(track="other", instrument=_TUNE[0], role="lead", program=_TUNE[1], notes=list(heard.melody or []))
        )
    if "vocals" in tracks:
        return score.model_copy(update={"parts": parts})
    unknown = dict.fromkeys(("lines", "words", "phonemes", "singer", "backing"))
    melody = None if heard.melody is None or tune else list(heard.melody)
    if tune or heard.melody is None:
        unknown |= {"lines": [], "words": [], "phonemes": [], "backing": []}
        melody = []
    return score.model_copy(update={"parts": parts, "melody": melody} | unknown)


def accompany(
    pipeline: SongPipeline,
    known: Known | None,
    prompt: str = "",
    *,
    tracks: Sequence[str] | None = None,
    score: Score | None = None,
    heard: Heard | None = None,
    lyrics: Lyrics | None = None,
    tune: bool = False,
    seed: int = 0,
    **arguments: Any,
) -> Known:
    """Make ``tracks`` (None: all that are missing; vocals only with lyrics) for the known ones.

    Args:
        known: with stems; None: nothing but the melody of ``heard``.
        score: of the whole song, sung and played instead of a plan of our own.
        heard: what :func:`hear` found, perhaps amended; None: listen here. Not used with ``score``.
        lyrics, tune, seed: as of :func:`plan_accompaniment`; the seed is that of the noise, too.
        arguments: of :meth:`SongPipeline.__call__`.

    Returns the song at the rate of ``known``: the given stems sample for sample, the others in stereo at the level that
    suits them, and the mix, their sum. Raises :class:`InputError` where a track is both given and asked for, or none
    is left.
    """
    if known is not None and known.duration > MAX_SECONDS:
        raise InputError(f"{known.name}: lasts {known.duration:.1f} s; give at most {MAX_SECONDS:g} s")
    if known is not None and not known.stems:
        raise InputError(f"{known.name}: is {MIXED}")
    given = () if known is None else tuple(known.stems)
    words = lyrics is not None or (score is not None and bool(score.phonemes))
    wanted = _wanted(tracks, given, words)
    if score is None:
        heard = heard or hear(known, prompt)
        score = plan_accompaniment(heard, wanted, prompt, lyrics=lyrics, tune=tune or known is None, seed=seed)
        unknown = [_GROUPS[track] for track in given] + ["activity"] * bool(given)
    else:
        unknown = []
    if known is None:
        silence = np.zeros((2, round(score.duration * _RATE)), np.float32)
        known = Known.from_stems({next((t for t in TRACKS if t not in wanted), "vocals"): silence}, name="melody")
    if abs(score.duration - known.duration) > 0.1:
        raise InputError(f"score: lasts {score.duration:.2f} s, {known.name} {known.duration:.2f} s; give its own")
    score = score.model_copy(update={"duration": known.duration})
    gain = known.level()
    latents = known.latents(pipeline, gain)
    mask = torch.ones(len(TRACKS), latents.shape[-1], dtype=torch.bool)
    for track in wanted:
        mask[TRACKS.index(track)] = False
    song = pipeline(
        prompt=prompt,
        score=score,
        known_latents=latents,
        known_mask=mask,
        unknown_groups=unknown,
        generator=torch.Generator().manual_seed(seed % 2**32),
        output_type="latent",
        **arguments,
    )
    return joined(pipeline, known, song, wanted, gain, prompt)


def joined(
    pipeline: SongPipeline, known: Known, song: SongPipelineOutput, tracks: Sequence[str], gain: float, prompt: str
) -> Known:
    """The stems of ``known``, and beside them the sound of ``tracks`` of ``song``, of which only latents are there.

    ``gain``: the factor from the level of ``known`` to that at which the model hears it.
    """
    codec, rate, samples = pipeline.codec, known.form.sample_rate, known.num_samples
    form = dataclasses.replace(known.form, channels=max(2, known.form.channels))
    sound = {}
    for track, stem in pipeline.decode_latents(song.latents, round(known.duration * codec.sample_rate)).items():
        waveform = resample(stem.numpy(), codec.sample_rate, rate)[:, :samples]
        sound[track] = np.pad(waveform, ((0, 0), (0, samples - waveform.shape[1])))
    kept = {track: stem for track, stem in known.stems.items() if track not in tracks}
    rest = dataclasses.replace(known, form=form, stems=kept, mix=None, kept_latents=None) if kept else None
    gains = dict.fromkeys(TRACKS, 1 / gain)
    if rest is not None:
        gains = track_gains(rest, sound, np.ones(samples, bool), 1 / gain)
    made = kept | {track: (sound[track] * np.float32(gains[track])).astype(form.dtype) for track in tracks}
    stems = {track: made[track] for track in TRACKS if track in made}
    mix = sum((to_channels(stem, form.channels) for stem in stems.values()), np.zeros((form.channels, samples)))
    mix = limit(mix.astype(np.float32), rate, _CEILING)
    return Known(known.name, form, stems, mix, song.latents.cpu(), song.score, prompt)


def _wanted(tracks: Sequence[str] | None, given: Sequence[str], words: bool) -> tuple[str, ...]:
    if tracks is None:
        tracks = [track for track in TRACKS if track not in given and (words or track != "vocals")]
    if unknown := [track for track in tracks if track not in TRACKS]:
        raise InputError(f"tracks: no track {', '.join(unknown)}; tracks are {', '.join(TRACKS)}")
    if both := [track for track in tracks if track in given]:
        raise InputError(f"tracks: {', '.join(both)} is given already; leave it out, or do not give it")
    if not tracks:
        raise InputError("tracks: all are given; nothing is left to make")
    return tuple(track for track in TRACKS if track in tracks)


def _tones(notes: Sequence[Note]) -> np.ndarray:
    """(2, samples) at 44.1 kHz: the notes as plain tones, to hear their key and chords."""
    out = np.zeros(math.ceil((max(note.end for note in notes) + 1.0) * _RATE), np.float32)
    for note in notes:
        first, length = round(note.start * _RATE), max(1, round((note.end - note.start) * _RATE))
        time = np.arange(length) / _RATE
        hertz = 440 * 2 ** ((note.pitch - 69) / 12)
        tone = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3))
        out[first : first + length] += 0.2 * tone * np.minimum(1, np.minimum(time, time[::-1]) / 0.01 + 0.01)
    return np.stack([out, out])
