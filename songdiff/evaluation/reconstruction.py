"""Waveform → latents → waveform: what autoencoder and vocoder leave of the sound, beside what bounds it.

Every excerpt goes through the model; through the baseline "PCA + Griffin-Lim", 64 principal components of the
autoencoder's own patches and 32 Griffin-Lim iterations on what they give back; and, where a figure needs no second
waveform, it is measured as it is ("original").
"""

from __future__ import annotations

import importlib.util
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from pydantic import Field
from rich.table import Table
from tqdm import tqdm

from ..corpus.shards import MANIFEST, read_corpus
from ..errors import InputError
from ..models import Codec, MelAutoencoder, SpectralVocoder, codec_of, load_autoencoder
from ..pipelines import checkpoint_folder
from ..pipelines.checkpoint import EMBEDDED
from . import excerpts as judged
from . import fidelity
from .errors import Figure
from .excerpts import (
    KINDS,
    RECORDING,
    Excerpt,
    Judge,
    choose_excerpts,
    corpus_excerpts,
    drum_strokes,
    prepare_judges,
    recordings,
)
from .fidelity import compare_copy, pitch_difference, pre_echo
from .measures import Figures
from .pitch import pitch_track
from .report import Mean, Report, Row, means

SAMPLE_RATE = 44100
BASELINE = "PCA + Griffin-Lim"
_CHANNELS, _ITERATIONS = 64, 32  # of the baseline
_SONGS, _FITTED, _FITTED_SECONDS = 240, 50, 8.0  # what it is fitted to: excerpts of so many training songs
_SHARED = ("sample_rate", "hop_length", "num_mels", "linear_bands", "num_width_bands", "f_min", "f_max")
_CORPUS = "corpus"  # all kinds together, save recordings
_FEWEST = 3  # excerpts over which a correlation is told

FIGURES = fidelity.FIGURES | judged.FIGURES | {
    "pitch_cents": Figure("cents", "low", "median difference of sung pitch, where both have one"),
    "voicing_changed": Figure("share", "low", "of frames with a pitch in only one of the two, of those with any"),
    "pre_echo_db": Figure("dB", "low", "more sound in the 20 ms before a drum stroke, against the 20 ms after"),
    "width_correlation": Figure("-1 … 1", "high", "of the excerpts' mean widths, before and after"),
    "encode_times_real_time": Figure("s / s", "high", "seconds of sound encoded in a second, on an idle machine"),
    "decode_times_real_time": Figure("s / s", "high", "seconds of sound decoded, waveform and all, in a second"),
}  # fmt: skip
"""All figures by name; reports have them as "kind.name"."""


COLUMNS = ("figure", "mean (95 %)", "original", BASELINE, "excerpts")


class Copy(NamedTuple):
    """``waveform`` (2, samples) as it came back, and the seconds that encoding and decoding took."""

    waveform: np.ndarray
    encode_seconds: float
    decode_seconds: float


def round_trip(codec: Codec, waveform: np.ndarray) -> Copy:
    """(2, samples) at the codec's sample rate through latents and back, of the same length."""
    began = time.perf_counter()
    latents = codec.encode(torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None])
    encoded = time.perf_counter()
    back = codec.decode(latents)[0, :, : waveform.shape[1]].float().cpu().numpy()
    return Copy(back, encoded - began, time.perf_counter() - encoded)


def load_codec(checkpoint: str, vocoder: str | None = None) -> Codec:
    """Of a checkpoint, embedded or a folder with ``autoencoder/`` and ``vocoder/``; or of a folder for each part.

    Raises :class:`~songdiff.errors.InputError` naming a folder that holds no such part, or parts that do not fit.
    """
    folder = checkpoint_folder(checkpoint) if checkpoint in EMBEDDED else Path(checkpoint)
    if vocoder is None:
        autoencoder_folder, vocoder_folder = folder / "autoencoder", folder / "vocoder"
    else:
        autoencoder_folder, vocoder_folder = folder, Path(vocoder)
    autoencoder = load_autoencoder(autoencoder_folder)
    if not isinstance(autoencoder, MelAutoencoder):
        codec = codec_of(autoencoder)
        if codec.sample_rate != SAMPLE_RATE:
            raise InputError(f"{folder}: works at {codec.sample_rate} Hz; figures are defined at {SAMPLE_RATE} Hz")
        return codec
    config = vocoder_folder / "config.json"
    if not config.is_file() or '"SpectralVocoder"' not in config.read_text(encoding="utf-8"):
        raise InputError(f"{vocoder_folder}: holds no SpectralVocoder; give a checkpoint, or autoencoder and vocoder")
    network = SpectralVocoder.from_pretrained(vocoder_folder, dtype=torch.float32, low_cpu_mem_usage=False).eval()
    for name in _SHARED:
        ours, theirs = autoencoder.config[name], network.config[name]
        if ours != theirs:
            raise InputError(f"{vocoder_folder}: {name} is {theirs}, the autoencoder's {ours}; take two that fit")
    return codec_of(autoencoder, network)


def fit_baseline(codec: Codec, corpus: Path) -> Codec:
    """:data:`BASELINE`: no network, its components fitted to excerpts of a corpus's training songs.

    Its spectra are those of ``codec`` where that is a mel autoencoder, and the usual ones where it is not. Raises
    :class:`~songdiff.errors.InputError` where there are no training songs.
    """
    songs = list(itertools.islice(read_corpus(corpus, "train", verify=False), _SONGS))
    if not songs:
        raise InputError(f"{corpus}: holds no training songs to fit the baseline to; build a longer corpus")
    config = codec.autoencoder.config if isinstance(codec.autoencoder, MelAutoencoder) else {}
    small = {"hidden_size": 8, "num_layers": 1}  # networks that are not trained add nothing
    linear = MelAutoencoder.from_config(dict(config), latent_channels=_CHANNELS, **small).eval()
    waveforms = (torch.from_numpy(excerpt.read()) for excerpt in choose_excerpts(songs, _FITTED, _FITTED_SECONDS))
    with torch.no_grad():
        linear.fit_principal_components(torch.cat([linear.patches(waveform[None])[0] for waveform in waveforms]))
    shared = {name: linear.config[name] for name in (*_SHARED, "n_fft", "floor")}
    vocoder = SpectralVocoder(**shared, **small, phase="griffin-lim", griffin_lim_iterations=_ITERATIONS)
    return codec_of(linear, vocoder.eval())


def find_excerpts(targets: Sequence[Path], count: int) -> list[Excerpt]:
    """``count`` excerpts of every corpus of ``targets``, and at most as many of every other one.

    Raises :class:`~songdiff.errors.InputError` for what is neither a corpus nor audio.
    """
    found: list[Excerpt] = []
    for target in targets:
        is_corpus = (target / MANIFEST).is_file()
        found += corpus_excerpts(target, count) if is_corpus else recordings(target)[:count]
    return found


def measure_reconstruction(
    parts: Sequence[str],
    targets: Sequence[Path],
    count: int = 50,
    corpus: Path | None = None,
    *,
    recogniser: str | None = None,
    progress: bool = True,
) -> tuple[ReconstructionReport, dict[str, Codec], list[Excerpt]]:
    """Load, choose excerpts, fit the baseline, measure: the report, and what it is of.

    Args:
        parts: a checkpoint, or the folders of an autoencoder and a vocoder.
        targets: corpus folders, audio files and folders of them.
        count: excerpts of each target, at most.
        corpus: what the baseline is fitted to; None for the first corpus of ``targets``. Without one, there is none.
        recogniser: folder of a phoneme recogniser; None for the one that comes with songdiff.

    Raises :class:`~songdiff.errors.InputError` naming what cannot be loaded, found or read.
    """
    systems = {" + ".join(parts): load_codec(*parts)}
    excerpts = find_excerpts(targets, count)
    for fitted in [corpus] if corpus else [target for target in targets if (target / MANIFEST).is_file()][:1]:
        systems[BASELINE] = fit_baseline(next(iter(systems.values())), fitted)
    return evaluate_reconstruction(systems, excerpts, recogniser=recogniser, progress=progress), systems, excerpts


# --- report -----------------------------------------------------------------------------------------------------------


class ReconstructionReport(Report):
    """``songs`` are the model's excerpts, ``ceiling_songs`` the originals, ``baseline_songs`` :data:`BASELINE`'s."""

    parameters: dict[str, int] = Field(default_factory=dict)
    baseline: dict[str, Mean] = Field(default_factory=dict)
    baseline_songs: list[Row] = Field(default_factory=list)

    @property
    def heading(self) -> str:
        """What was measured, and how large the parts are."""
        sizes = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in self.parameters.items())
        return f"{self.model} ({sizes}): waveform → latents → waveform, {len(self.songs)} excerpts"

    def cells(self) -> list[tuple[str, ...]]:
        """A row of text for every figure, under :data:`COLUMNS`: all kinds together, then each kind."""
        rows = []
        for name in (f"{kind}.{figure}" for kind in (_CORPUS, *KINDS, RECORDING) for figure in FIGURES):
            if name not in self.figures:
                continue
            bounds = (f"{found[name].mean:.4g}" if name in found else "" for found in (self.ceilings, self.baseline))
            rows.append((name, str(self.figures[name]), *bounds, str(self.figures[name].songs)))
        return rows

    def table(self) -> Table:
        """:meth:`cells`, to be printed."""
        table = Table(*COLUMNS, title=self.heading)
        rows = self.cells()
        for row, after in itertools.zip_longest(rows, rows[1:]):
            kind = row[0].partition(".")[0]
            table.add_row(*row, end_section=after is not None and not after[0].startswith(f"{kind}."))
        return table


def evaluate_reconstruction(
    systems: dict[str, Codec],
    excerpts: Sequence[Excerpt],
    *,
    recogniser: str | None = None,
    progress: bool = True,
) -> ReconstructionReport:
    """Send excerpts through the first of ``systems``, the model, and through :data:`BASELINE` if it is there.

    ``recogniser`` is the folder of a phoneme recogniser; None for the one that comes with songdiff. What cannot be
    measured here is named in the report's notes.
    """
    judges, notes = prepare_judges(excerpts, recogniser)
    pitched = importlib.util.find_spec("pyworld") is not None
    if not pitched:
        notes.append("pitch_cents is not measured: pyworld is not installed")
    if BASELINE not in systems:
        notes.append(f"no {BASELINE}: give a corpus to fit it to")
    rows: dict[str, list[Row]] = {name: [] for name in ("original", *systems)}
    for codec in systems.values():
        round_trip(codec, np.zeros((2, SAMPLE_RATE), np.float32))  # what is slow only once is not timed
    for excerpt in tqdm(excerpts, desc="reconstruct", disable=not progress):
        original = excerpt.read()
        seconds = original.shape[1] / SAMPLE_RATE
        rows["original"].append(_row(excerpt, seconds, *_judged(judges, excerpt, original)))
        pitch = pitch_track(original) if pitched and excerpt.kind == "vocals" else None
        for name, codec in systems.items():
            copy = round_trip(codec, original)
            figures, remarks = _judged(judges, excerpt, copy.waveform)
            figures |= compare_copy(original, copy.waveform)
            if excerpt.kind == "drums" and excerpt.score is not None:
                figures["pre_echo_db"] = pre_echo(original, copy.waveform, drum_strokes(excerpt.score))
            if pitch is not None:
                figures |= pitch_difference(pitch, pitch_track(copy.waveform))
            speed = {
                "encode_times_real_time": seconds / copy.encode_seconds,
                "decode_times_real_time": seconds / copy.decode_seconds,
            }
            rows[name].append(_row(excerpt, seconds, figures, remarks, speed))
    name, *others = systems
    report = Report.of(name, rows[name], rows["original"], notes)
    report.figures |= _width_correlations(rows["original"], rows[name])
    baseline = rows[BASELINE] if BASELINE in others else []
    return ReconstructionReport(
        **dict(report),
        parameters=_parameters(systems[name]),
        baseline=means(baseline) | _width_correlations(rows["original"], baseline) if baseline else {},
        baseline_songs=baseline,
    )


def _parameters(codec: Codec) -> dict[str, int]:
    parts = {"autoencoder": codec.autoencoder, "vocoder": getattr(codec, "vocoder", None)}
    return {name: sum(p.numel() for p in part.parameters()) for name, part in parts.items() if part is not None}


def _judged(judges: Sequence[Judge], excerpt: Excerpt, waveform: np.ndarray) -> tuple[Figures, list[str]]:
    figures: Figures = {}
    remarks = []
    for judge in judges:
        try:
            figures |= judge(excerpt, waveform)
        except InputError as error:
            remarks.append(str(error))
    return figures, remarks


def _row(excerpt: Excerpt, seconds: float, figures: Figures, remarks: list[str], speed: Figures | None = None) -> Row:
    """Figures under the excerpt's kind and, save of recordings, under the whole corpus; speed is told once."""
    whole = RECORDING if excerpt.kind == RECORDING else _CORPUS
    named = {f"{kind}.{name}": value for kind in (excerpt.kind, whole) for name, value in figures.items()}
    named |= {f"{whole}.{name}": value for name, value in (speed or {}).items()}
    known = {
        name: round(float(value), 6) if value is not None and math.isfinite(value) else None
        for name, value in named.items()
    }
    return Row(name=f"{excerpt.name} {excerpt.kind}", seconds=seconds, figures=known, remarks=remarks)


def _width_correlations(originals: Sequence[Row], copies: Sequence[Row]) -> dict[str, Mean]:
    """By kind: of the mean widths of at least three excerpts, before and after; none where all are alike."""
    found = {}
    for kind in (_CORPUS, *KINDS, RECORDING):
        name = f"{kind}.width_db"
        pairs = [(a.figures.get(name), b.figures.get(name)) for a, b in zip(originals, copies, strict=True)]
        before, after = np.array([(a, b) for a, b in pairs if a is not None and b is not None]).reshape(-1, 2).T
        if len(before) >= _FEWEST and min(before.std(), after.std()) > 1e-6:
            correlation = round(float(np.corrcoef(before, after)[0, 1]), 6)
            found[f"{kind}.width_correlation"] = Mean(mean=correlation, low=None, high=None, songs=len(before))
    return found
