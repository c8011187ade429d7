"""What is known of a song: the cells of the grid, tracks × latent frames, that are there before anything is rendered.

A :class:`Known` is built from stems, from a song made by songdiff (with what was kept of it), from a mix alone or from
the output of a pipeline. Its audio stays at its own rate, depth and channels; the model sees it as latents and a mask.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from ..audio import FORMATS
from ..audio.files import replacing, resample
from ..audio.lossless import AudioFormat, read_lossless
from ..errors import InputError
from ..score import TRACKS, Score
from .song_pipeline import MIN_SECONDS, SongPipeline, SongPipelineOutput

FRAME_RATE = 44100 / 2048
"""Latent frames per second of the embedded models."""
USUAL_LEVELS = {"vocals": -15.5, "drums": -19.0, "bass": -20.0, "other": -20.0}
"""Level at which the model hears and makes each track, in dBFS while it sounds; the song is their sum."""
_SAMPLE_RATE = 44100
_ALIKE = 0.3  # the least correlation of the stems' sum with the mix, that a limiter has bent; of other songs it is 0
_LONG_AS = 0.1  # seconds by which stems, mix and score of one song may differ in length

Span = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Known:
    """A song, or some of its tracks, as far as it is known: what edit, extend, loop, accompany and cover work on.

    Made by :meth:`from_stems` of files or arrays, by :meth:`from_song` of a song's file and what was kept beside it, or
    by :meth:`from_output` of what a pipeline returned. It is not changed: they all return a new one, whose ``stems``,
    ``mixed`` and ``score`` are the result.

    ``stems`` by track of :data:`~songdiff.score.TRACKS`, each (channels, samples) at ``form.sample_rate``, all of one
    length; ``mix`` (form.channels, samples), None: the sum of the stems. ``kept_latents`` (K, C, T) of the whole song;
    ``stem_subtype`` is that of the stems' files, where it is not the mix's. ``score`` None: unknown. ``name`` is how
    messages call it, ``prompt`` the style it was made in, ``record`` the content of its sidecar.
    """

    name: str
    form: AudioFormat
    stems: dict[str, np.ndarray] = field(default_factory=dict)
    mix: np.ndarray | None = None
    kept_latents: Tensor | None = None
    score: Score | None = None
    prompt: str = ""
    record: dict[str, Any] | None = None
    stem_subtype: str = ""

    def __post_init__(self) -> None:
        if self.duration < MIN_SECONDS:
            raise InputError(f"{self.name}: lasts {self.duration:.1f} s; at least {MIN_SECONDS:g} s are needed")

    @classmethod
    def from_stems(
        cls,
        stems: Mapping[str, str | Path | np.ndarray],
        sample_rate: int = _SAMPLE_RATE,
        *,
        mix: str | Path | np.ndarray | None = None,
        score: Score | None = None,
        prompt: str = "",
        name: str | None = None,
    ) -> Known:
        """Stems by track, as files or as arrays (channels, samples) at ``sample_rate`` Hz; any of the tracks may lack.

        Shorter stems are filled up with silence. Raises :class:`InputError` naming what does not fit.

        >>> vocals = np.zeros((1, 48000 * 3), np.float32)
        >>> known = Known.from_stems({"vocals": vocals}, sample_rate=48000)
        >>> known.duration, known.tracks, known.missing
        (3.0, ('vocals',), ('drums', 'bass', 'other'))
        """
        if unknown := [track for track in stems if track not in TRACKS]:
            raise InputError(f"stems: no track {', '.join(unknown)}; tracks are {', '.join(TRACKS)}")
        if not stems and mix is None:
            raise InputError("stems: none given; give at least one track")
        sources: dict[str, str | Path | np.ndarray] = {track: stems[track] for track in TRACKS if track in stems}
        if mix is not None:
            sources["mix"] = mix
        names = {track: track if isinstance(s, np.ndarray) else str(s) for track, s in sources.items()}
        read = {track: _waveform(source, names[track], sample_rate) for track, source in sources.items()}
        rates = {form.sample_rate for _, form in read.values()}
        if len(rates) > 1:
            told = ", ".join(f"{names[track]} {form.sample_rate} Hz" for track, (_, form) in read.items())
            raise InputError(f"stems: sample rates differ ({told}); export them at one rate")
        samples = max(waveform.shape[1] for waveform, _ in read.values())
        waveforms = {track: _filled(waveform, samples) for track, (waveform, _) in read.items()}
        if mix is not None:
            form = read["mix"][1]
        else:
            forms = [f for _, f in read.values()]
            form = AudioFormat(rates.pop(), max(f.channels for f in forms), _deepest([f.subtype for f in forms]))
        label = name or names.get("mix") or names[next(iter(sources))]
        depth = _deepest([f.subtype for track, (_, f) in read.items() if track != "mix"] or [form.subtype])
        return cls(label, form, waveforms, waveforms.pop("mix", None), None, score, prompt, stem_subtype=depth)

    @classmethod
    def from_song(cls, path: str | Path, stems: str | Path | None = None, score: Score | None = None) -> Known:
        """A song's file, or a folder of stems whose sum is the song. The JSON beside a file tells its score, and where
        its stems and latents were kept.

        ``stems``: a folder with ``vocals.wav``, ``drums.wav`` … that replaces the stems the JSON names, ``score`` its
        score. A file without any of these is a mix alone. Raises :class:`InputError` where a file is missing, corrupt
        or of another song.
        """
        path = Path(path)
        if path.is_dir() and stems is None:
            return cls.from_stems(_stem_files(path), score=score, name=str(path))
        mix, form = read_lossless(path)
        record, home = _read_record(path.with_suffix(".json")), path.parent
        if score is None and record is not None:
            score = Score.from_json(json.dumps(record["score"]), str(path.with_suffix(".json")))
            score = None if _says_nothing(score) else score
        folder = Path(stems) if stems is not None else home / record["stems"] if record and "stems" in record else None
        waveforms, depth = ({}, "") if folder is None else read_stems(folder, form, mix.shape[1])
        if len(waveforms) == len(TRACKS) and not _alike(waveforms, mix):
            raise InputError(f"{folder}: the stems do not add up to {path.name}; give the stems of this song")
        latents = None
        if record is not None and "latents" in record and stems is None:
            latents = load_latents(home / record["latents"])
        request = (record or {}).get("request") or {}
        known = cls(str(path), form, waveforms, mix, latents, score, str(request.get("prompt", "")), record, depth)
        if score is not None and abs(score.duration - known.duration) > _LONG_AS:
            raise InputError(f"{path}: lasts {known.duration:.1f} s, but its score {score.duration:.1f} s")
        return known

    @classmethod
    def from_output(cls, song: SongPipelineOutput, prompt: str = "", name: str = "song") -> Known:
        """What a pipeline returned (``output_type`` "np" or "pt"), made in the style ``prompt``.

        >>> from songdiff.pipelines import SongPipeline
        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> known = Known.from_output(pipeline(prompt="folk", audio_duration=3, num_inference_steps=1), "folk")
        >>> known.mixed.shape, known.latents(pipeline).shape[-1], known.mask(["drums"], [(0.0, 1.0)])[1].sum().item()
        ((2, 132300), 65, 43)
        """
        if song.audio is None:
            raise InputError("song: holds latents only; make it with output_type np or pt")
        stems = {track: np.asarray(stem) for track, stem in song.stems.items()}
        form = AudioFormat(song.sample_rate, 2, "FLOAT")
        return cls(name, form, stems, np.asarray(song.audio), song.latents, song.score, prompt)

    @property
    def num_samples(self) -> int:
        """At ``form.sample_rate``."""
        waveform = self.mix if self.mix is not None else next(iter(self.stems.values()))
        return int(waveform.shape[1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.num_samples / self.form.sample_rate

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks that are known by themselves."""
        return TRACKS if self.kept_latents is not None else tuple(track for track in TRACKS if track in self.stems)

    @property
    def missing(self) -> tuple[str, ...]:
        """The tracks that are not."""
        return tuple(track for track in TRACKS if track not in self.tracks)

    @property
    def mixed(self) -> np.ndarray:
        """The mix (form.channels, samples): as given, else the sum of the stems."""
        if self.mix is not None:
            return self.mix
        total = np.zeros((self.form.channels, self.num_samples), self.form.dtype)
        for stem in self.stems.values():
            total += to_channels(stem, self.form.channels)
        return total

    def crop(self, start: int, length: int, frame_rate: float = FRAME_RATE) -> Known:
        """``length`` samples from sample ``start``: audio and latents; the score stays out."""
        stems = {track: stem[:, start : start + length] for track, stem in self.stems.items()}
        latents = self.kept_latents
        if latents is not None:
            first = round(start / self.form.sample_rate * frame_rate)
            latents = latents[..., first : first + math.ceil(length / self.form.sample_rate * frame_rate)]
        mix = None if self.mix is None else self.mix[:, start : start + length]
        return dataclasses.replace(self, stems=stems, mix=mix, kept_latents=latents, score=None)

    def level(self) -> float:
        """The factor that brings the known tracks to the level at which the model hears them."""
        total = np.zeros((2, self.num_samples), np.float32)
        for stem in self.stems.values() or [self.mixed]:
            total += to_channels(stem, 2)
        tracks = self.stems or USUAL_LEVELS
        wanted = 10 * math.log10(sum(10 ** (USUAL_LEVELS[track] / 10) for track in tracks)) - 1.0
        return float(10 ** ((wanted - active_level(total)) / 20)) if np.any(total) else 1.0

    def latents(self, pipeline: SongPipeline, gain: float | None = None) -> Tensor:
        """(K, C, T) on the CPU, T = ceil(duration · frame rate): those that were kept, else the stems encoded, ``gain``
        (None: :meth:`level`) times as loud; what is not known reads as silence. A mix alone stands in the place of
        "other"."""
        codec = pipeline.codec
        num_frames = math.ceil(round(self.duration * codec.sample_rate) / codec.downsampling)
        if self.kept_latents is not None:
            shape = (len(TRACKS), codec.latent_channels)
            if self.kept_latents.shape[:2] != shape:
                raise InputError(
                    f"{self.name}: its latents are {tuple(self.kept_latents.shape[:2])}, the model's {shape}; "
                    "give the model that made the song, or its stems"
                )
            return fit_frames(self.kept_latents.float(), num_frames, codec.silence_latent.float().cpu())
        silence = codec.silence_latent.float().cpu()
        latents = silence[None, :, None].repeat(len(TRACKS), 1, num_frames)
        gain = self.level() if gain is None else gain
        for track, stem in (self.stems or {"other": self.mixed}).items():
            stereo = to_channels(stem, 2).astype(np.float32)
            waveform = resample(stereo, self.form.sample_rate, codec.sample_rate) * np.float32(gain)
            encoded = codec.encode(torch.from_numpy(waveform)[None])[0].float().cpu()
            latents[TRACKS.index(track)] = fit_frames(encoded, num_frames, silence)
        return latents

    def with_latents(self, pipeline: SongPipeline) -> Known:
        """The same with the latents of its stems, where all are known: encoded once, they are the model's for good."""
        if self.kept_latents is not None or self.missing:
            return self
        return dataclasses.replace(self, kept_latents=self.latents(pipeline))

    def mask(
        self, tracks: Sequence[str], spans: Sequence[Span] | None = None, frame_rate: float = FRAME_RATE
    ) -> Tensor:
        """(K, T), True = known: all cells of the known tracks but those of ``tracks`` in ``spans`` (seconds; None: all
        of the song). Of a mix alone "other" counts as known outside the spans, for it holds the mix."""
        num_frames = math.ceil(self.duration * frame_rate - 0.5 * frame_rate / _SAMPLE_RATE)
        known = torch.zeros(len(TRACKS), num_frames, dtype=torch.bool)
        for track in self.tracks or ("other",):
            known[TRACKS.index(track)] = True
        for track in tracks:
            for start, end in [(0.0, self.duration)] if spans is None else spans:
                first, last = math.floor(start * frame_rate + 1e-6), math.ceil(end * frame_rate - 1e-6)
                known[TRACKS.index(track), max(0, first) : last] = False
        return known


def _deepest(subtypes: Sequence[str]) -> str:
    return max(subtypes, key=("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "FLOAT", "PCM_32", "DOUBLE").index)


def read_stems(folder: Path, form: AudioFormat, samples: int) -> tuple[dict[str, np.ndarray], str]:
    """The stems of a song in ``folder``, named by track, at the song's rate and length, and the deepest of their
    subtypes. Raises :class:`InputError`."""
    found: dict[str, np.ndarray] = {}
    depths = []
    for track, file in _stem_files(folder).items():
        waveform, own = read_lossless(file)
        if own.sample_rate != form.sample_rate:
            raise InputError(
                f"{file}: has {own.sample_rate} Hz, the song {form.sample_rate} Hz; export both at one rate"
            )
        if abs(waveform.shape[1] - samples) > _LONG_AS * form.sample_rate:
            seconds = waveform.shape[1] / form.sample_rate, samples / form.sample_rate
            raise InputError(f"{file}: lasts {seconds[0]:.1f} s, the song {seconds[1]:.1f} s; give stems of this song")
        found[track] = _filled(waveform[:, :samples], samples)
        depths.append(own.subtype)
    return found, _deepest(depths)


def _stem_files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder of stems; make the song again with --stems, or give them")
    there = [(track, folder / f"{track}{ending}") for track in TRACKS for ending in reversed(FORMATS)]
    files = {track: file for track, file in there if file.is_file()}  # of several formats the first one of FORMATS
    if not files:
        raise InputError(f"{folder}: holds no stems; name them {', '.join(f'{track}.wav' for track in TRACKS)}")
    return files


def save_latents(path: Path, latents: Tensor) -> None:
    """(K, C, T) as 16-bit floats, in safetensors."""
    with replacing(path) as beside:
        beside.write_bytes(save({"latents": latents.to(torch.float16).contiguous().cpu()}))


def load_latents(path: Path) -> Tensor:
    """(K, C, T) float32 of :func:`save_latents`. Raises :class:`InputError`."""
    try:
        latents = load_file(path)["latents"]
    except (OSError, KeyError, SafetensorError):
        raise InputError(f"{path}: cannot be read as latents; make the song again with --keep-latents") from None
    if latents.ndim != 3 or not latents.isfinite().all():
        raise InputError(f"{path}: holds no latents (K, C, T); make the song again with --keep-latents")
    return latents.float()


def to_channels(waveform: np.ndarray, channels: int) -> np.ndarray:
    """(any, samples) → (channels, samples): mono to all, several averaged to mono, else the first ones, repeated."""
    if waveform.shape[0] == channels:
        return waveform
    if channels == 1:
        return waveform.mean(axis=0, keepdims=True)
    return waveform[np.arange(channels) % waveform.shape[0]]


def active_level(waveform: np.ndarray, block: int = 2205) -> float:
    """dBFS of (channels, samples) where it sounds: the mean square of its blocks within 30 dB of the loudest one."""
    rows = waveform[:, : waveform.shape[1] // block * block].reshape(waveform.shape[0], -1, block)
    blocks = np.einsum("cns,cns->n", rows, rows) / (block * len(rows)) if rows.shape[1] else np.zeros(1)
    loud = blocks[blocks >= blocks.max() / 1000]
    return float(10 * np.log10(max(loud.mean(), 1e-12)))


def fit_frames(latents: Tensor, num_frames: int, silence: Tensor) -> Tensor:
    """(…, C, T) cut, or filled up with ``silence`` (C,), to ``num_frames``."""
    missing = num_frames - latents.shape[-1]
    if missing <= 0:
        return latents[..., :num_frames]
    return torch.cat([latents, silence[:, None].expand(*latents.shape[:-1], missing)], dim=-1)


def _waveform(source: str | Path | np.ndarray, name: str, sample_rate: int) -> tuple[np.ndarray, AudioFormat]:
    if not isinstance(source, np.ndarray):
        return read_lossless(source)
    if source.ndim != 2 or not 1 <= source.shape[0] <= 8 or not source.shape[1]:
        raise InputError(f"{name}: expected an array (channels, samples), got {source.shape}")
    if not np.isfinite(source).all():
        raise InputError(f"{name}: holds samples that are not numbers (NaN or infinite)")
    waveform = source if source.dtype in (np.float32, np.float64) else source.astype(np.float32)
    return waveform, AudioFormat(sample_rate, source.shape[0], "FLOAT" if waveform.dtype == np.float32 else "DOUBLE")


def _filled(waveform: np.ndarray, samples: int) -> np.ndarray:
    return np.pad(waveform, ((0, 0), (0, samples - waveform.shape[1]))) if waveform.shape[1] < samples else waveform


def _says_nothing(score: Score) -> bool:
    """True where a score knows no more than its length."""
    return not score.model_dump(exclude_none=True, exclude={"version", "duration", "language", "title", "singer"})


def _alike(stems: Mapping[str, np.ndarray], mix: np.ndarray) -> bool:
    total = sum((to_channels(stem, 1) for stem in stems.values()), np.zeros((1, 1), np.float32))
    mono = to_channels(mix, 1)
    power = float(np.vdot(total, total)) * float(np.vdot(mono, mono))
    return power <= 0 or float(np.vdot(total, mono)) / power**0.5 >= _ALIKE


def _read_record(sidecar: Path) -> dict[str, Any] | None:
    """The content of a song's JSON; None where there is none, or where it is another program's."""
    try:
        record = json.loads(sidecar.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return None
    return record if isinstance(record, dict) and "songdiff" in record and "score" in record else None
