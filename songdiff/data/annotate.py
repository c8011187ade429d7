"""Stems and what is given of a song → its Score and captions. What is not given is heard, and said to be.

Nothing is invented: what can be neither read nor heard (the notes of the band, emotion, dynamics) stays unknown.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..composer import caption
from ..errors import InputError
from ..evaluation.hearing import Heard, hear_music
from ..evaluation.style import listen, load_probe
from ..evaluation.words import load_recogniser
from ..lyrics import Lyrics
from ..models.style_probe import GENDERS
from ..score import Note, Score, Singer
from .align import align_lyrics
from .sections import heard_sections, told_sections
from .sidecars import Given

CAPTIONS = 6  # that are written for a song; those of the user come on top
_AUDIBLE = 3e-3  # peak of a track that is not silent
_CERTAIN = 0.6  # probability from which on the style probe's genre and gender are believed
_NOT_SUNG = 0.85  # phoneme error rate from which on untimed lyrics are not those of the song
_DOUBTFUL = 0.6
_OWN_MELODY = 0.5  # share of a MIDI melody's time in which the voice is on its pitch, or an octave away
_UNSURE = 0.6


@dataclass
class Annotated:
    """``estimated``: fields of the score that were heard, with how sure that is (0 … 1) where it is known."""

    score: Score
    captions: list[str]
    estimated: dict[str, float | None] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def annotate(stems: Mapping[str, np.ndarray], given: Given, language: str = "en-us") -> Annotated:
    """The Score of a song whose ``stems`` are (2, samples) at 44.1 kHz of all tracks.

    ``language`` counts where neither the lyrics nor ``given`` name one. Raises MissingToolError without pyworld or
    torchaudio.
    """
    samples = next(iter(stems.values())).shape[1]
    score = Score(duration=samples / 44100, title=given.title, key=given.key, time_signature=given.time_signature)
    song = Annotated(score, list(given.captions), remarks=list(given.remarks))
    sings = bool(np.abs(stems["vocals"]).max() > _AUDIBLE)
    _style(song, stems, given, sings)
    heard = _music(song, stems, given, sings)
    _melody(song, given, heard, sings)
    lyrics = _words(song, stems, given, sings, given.language or language)
    bars = [beat.time for beat in song.score.beats or [] if beat.position == 1]
    told = None if lyrics is None else told_sections(lyrics, song.score.lines or [], bars, score.duration)
    sections = told or heard_sections(stems, bars)
    if told is None and sections is not None:
        song.estimated["sections"] = None
    song.score = song.score.model_copy(update={"sections": sections}).canonical()
    song.captions += [text for text in _captions(song.score) if text not in song.captions]
    return song


def _style(song: Annotated, stems: Mapping[str, np.ndarray], given: Given, sings: bool) -> None:
    """Genre and singer: as given, else what the style probe is sure of."""
    probe = load_probe()
    genre, gender = given.genre, given.gender
    if genre is None:
        odds = listen(probe, np.sum(list(stems.values()), axis=0)).genre[0].softmax(-1)
        if odds.max() > _CERTAIN:
            genre = probe.config.genres[int(odds.argmax())]
            song.estimated["genre"] = float(odds.max())
    if sings and gender is None:
        odds = listen(probe, stems["vocals"]).gender[0].softmax(-1)
        if odds.max() > _CERTAIN and odds.argmax() > 0:
            gender = GENDERS[int(odds.argmax())]
            song.estimated["singer"] = float(odds.max())
    singer = None
    if sings and (given.singer or gender):
        singer = Singer.model_validate({"name": given.singer, "gender": gender})
    song.score = song.score.model_copy(update={"genre": genre, "singer": singer})


def _music(song: Annotated, stems: Mapping[str, np.ndarray], given: Given, sings: bool) -> Heard | None:
    """Tempo, beats, bars, key and chords; what is given of them is kept."""
    sounding = {track: stem for track, stem in stems.items() if np.abs(stem).max() > _AUDIBLE}
    try:
        heard = hear_music(sounding, tempo=given.bpm, time_signature=given.time_signature, key=given.key)
    except InputError as error:
        song.remarks.append(f"no music is heard: {error}")
        return None
    update = {
        "tempo": given.bpm or heard.tempo,
        "time_signature": heard.time_signature,
        "beats": heard.beats,
        "key": heard.key,
        "chords": heard.chords,
    }
    song.score = song.score.model_copy(update=update)
    sure = heard.confidence
    if given.bpm is None:
        song.estimated["tempo"] = sure.get("tempo")
    song.estimated["beats"] = sure.get("bars")
    if given.time_signature is None:
        song.estimated["time_signature"] = sure.get("bars")
    if given.key is None and heard.key is not None:
        song.estimated["key"] = sure.get("key")
    song.estimated["chords"] = sure.get("chords")
    unsure = [name for name in ("tempo", "beats", "key", "chords") if (song.estimated.get(name) or 1.0) < _UNSURE]
    if unsure:
        song.remarks.append(f"unsure of {', '.join(unsure)}")
    return heard


def _melody(song: Annotated, given: Given, heard: Heard | None, sings: bool) -> None:
    """The given melody where the voice sings it, else the sung notes; with the singer's range."""
    melody: list[Note] | None = [] if not sings else None if heard is None else heard.melody
    if melody:
        song.estimated["melody"] = heard.confidence.get("melody") if heard else None
    if given.melody is not None and melody:
        share = _agreement(given.melody, melody)
        if share >= _OWN_MELODY:
            melody = [note for note in given.melody if note.end <= song.score.duration]
            del song.estimated["melody"]
        else:
            song.remarks.append(f"the voice is on the MIDI's melody for {share:.0%} of its time: not used")
    singer = song.score.singer
    if singer is not None and melody:
        low, high = np.percentile([note.pitch for note in melody], (2, 98)).round().astype(int).tolist()
        singer = singer.model_copy(update={"low": low, "high": high})
    song.score = song.score.model_copy(update={"melody": melody, "singer": singer})


def _words(song: Annotated, stems: Mapping[str, np.ndarray], given: Given, sings: bool, language: str) -> Lyrics | None:
    """Lines, words and phonemes of the lyrics; known to be empty where nobody sings, unknown without lyrics."""
    lyrics = given.lyrics
    if not sings:
        if lyrics is not None:
            song.remarks.append("has lyrics, but nobody sings: not used")
        song.score = song.score.model_copy(update={"lines": [], "words": [], "phonemes": []})
        return None
    if lyrics is None:
        song.remarks.append("no lyrics: what is sung is unknown")
        return None
    if lyrics.language == "en-us":
        lyrics.language = language
    try:
        aligned = align_lyrics(lyrics, stems["vocals"], load_recogniser())
    except InputError as error:
        song.remarks.append(f"{error}: lyrics not used")
        return None
    if lyrics.timing == "none" and aligned.error_rate > _NOT_SUNG:
        song.remarks.append(f"the lyrics are not what is heard ({aligned.error_rate:.0%} of the phonemes differ)")
        return None
    if aligned.error_rate > _DOUBTFUL:
        song.remarks.append(f"{aligned.error_rate:.0%} of the lyrics' phonemes are not heard as such: check them")
    update = {"lines": aligned.lines, "words": aligned.words, "phonemes": aligned.phonemes}
    song.score = song.score.model_copy(update=update | {"language": lyrics.language})
    sure = max(0.0, 1 - aligned.error_rate)
    if lyrics.timing == "none":
        song.estimated["lines"] = sure
    if lyrics.timing != "word":
        song.estimated["words"] = sure
    song.estimated["phonemes"] = sure
    return lyrics


def _agreement(told: list[Note], sung: list[Note]) -> float:
    """Share of the time of ``told`` in which ``sung`` has the same pitch class."""
    together = sum(
        max(0.0, min(a.end, b.end) - max(a.start, b.start)) for a in told for b in sung if (a.pitch - b.pitch) % 12 == 0
    )
    return together / max(sum(note.end - note.start for note in told), 1e-9)


def _captions(score: Score) -> list[str]:
    """Style prompts that are true of the score; without a genre, its tempo, key and singer as tags."""
    if score.genre is not None:
        draws = random.Random(score.duration)
        return list(dict.fromkeys(caption(score, draws) for _ in range(4 * CAPTIONS)))[:CAPTIONS]
    tags = [f"{round(score.tempo)} bpm"] if score.tempo else []
    tags += [f"in {score.key}"] if score.key else []
    if score.melody == []:
        tags.append("instrumental")
    elif score.singer is not None and score.singer.gender:
        tags.append(f"{score.singer.gender} vocals")
    return [", ".join(tags) or "song"]
