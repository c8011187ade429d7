"""Known cells and spans to sound: the model renders the spans in windows of the song, the rest is spliced back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..audio.files import resample
from ..errors import InputError
from ..score import TRACKS, Score, Singer
from ..score.timeline import cut
from .known import Known, Span, active_level, fit_frames, to_channels
from .song_pipeline import MAX_SECONDS, MIN_SECONDS, SongPipeline
from .splicing import FADE, merge_spans, splice, track_gains

CONTEXT = 20.0
"""Seconds of the song on either side that the model has in view when it renders a span."""
_QUIET = -45.0  # dBFS: a span of a mix below it says nothing about how loud the new sound should be
_STYLE_SECONDS = 30.0  # of a mix alone, which stands for the prompt that nobody gave


def render(
    pipeline: SongPipeline,
    known: Known,
    spans: Sequence[Span],
    tracks: Sequence[str],
    *,
    singer: str | Singer | None = None,
    prompt: str | None = None,
    seed: int = 0,
    context: float = CONTEXT,
    **arguments: Any,
) -> Known:
    """``known``, whose score says what is to be heard, with ``tracks`` in ``spans`` rendered by the model.

    Each span is rendered in a window with ``context`` seconds of the song on either side, so that songs of any length
    can be worked on; spans near one another share a window.
    """
    spans = merge_spans(spans, known.duration, known.name)
    check_tracks(known, tracks)
    gain, rate = known.level(), known.form.sample_rate
    keep_new = known.kept_latents is None  # stems that only serve to splice are decoded again when needed
    made = dataclasses.replace(  # written to window by window, so that each hears what the ones before it made
        known,
        stems={track: stem.copy() if track in tracks else stem for track, stem in known.stems.items()},
        mix=None if known.mix is None else known.mix.copy(),
        kept_latents=None if known.kept_latents is None else known.kept_latents.clone(),
        prompt=known.prompt or prompt or "",
        record=None,
    )
    generator = torch.Generator().manual_seed(seed)
    style = known.prompt if prompt is None else prompt
    for (low, high), inside in windows(spans, known.duration, context):
        frame = math.floor(low * pipeline.frame_rate + 1e-6)
        low = frame / pipeline.frame_rate
        first = round(low * rate)
        stop = min(known.num_samples, round(high * rate))
        part = made.crop(first, stop - first, pipeline.frame_rate)
        score = Score(duration=part.duration) if known.score is None else cut(known.score, low, low + part.duration)
        own = [(start - low, end - low) for start, end in inside]
        stems, mix, latents = _render_window(
            pipeline, part, score, own, tracks, gain, generator, singer=singer, prompt=style, **arguments
        )
        for track in tracks:
            if track in stems and track not in made.stems and keep_new:
                made.stems[track] = np.zeros((stems[track].shape[0], known.num_samples), stems[track].dtype)
            if track in made.stems:
                made.stems[track][:, first:stop] = stems[track]
        if made.mix is not None:
            made.mix[:, first:stop] = mix
        if made.kept_latents is not None:
            length = min(latents.shape[-1], made.kept_latents.shape[-1] - frame)
            made.kept_latents[..., frame : frame + length] = latents[..., :length]
    return made


def _render_window(
    pipeline: SongPipeline,
    part: Known,
    score: Score,
    spans: Sequence[Span],
    tracks: Sequence[str],
    gain: float,
    generator: torch.Generator,
    prompt: str,
    **arguments: Any,
) -> tuple[dict[str, np.ndarray], np.ndarray, Tensor]:
    """Stems and mix of ``part`` with ``tracks`` of ``spans`` rendered again, and its latents (K, C, T)."""
    if not part.stems and part.kept_latents is not None:
        part = decoded(pipeline, part)
    codec, rate = pipeline.codec, part.form.sample_rate
    score = score.canonical()
    num_samples = round(score.duration * codec.sample_rate)
    num_frames = math.ceil(num_samples / codec.downsampling)
    touched = [(max(0.0, start - FADE), min(end + FADE, part.duration)) for start, end in spans]
    if not part.tracks and not prompt:  # what a mix alone sounds like says its style
        reference = resample(to_channels(part.mixed, 2).astype(np.float32), rate, codec.sample_rate) * np.float32(gain)
        arguments["reference_audio"] = torch.from_numpy(reference[:, : round(_STYLE_SECONDS * codec.sample_rate)])
    mask = part.mask(tracks, touched, pipeline.frame_rate)[:, :num_frames]
    made = pipeline(
        score=score,
        prompt=prompt,
        known_latents=fit_frames(part.latents(pipeline, gain), num_frames, codec.silence_latent.float().cpu()),
        known_mask=torch.nn.functional.pad(mask, (0, num_frames - mask.shape[1])),
        generator=generator,
        output_type="latent",
        **arguments,
    ).latents.cpu()
    waveforms = {track: w.numpy() for track, w in pipeline.decode_latents(made, num_samples).items()}
    rendered = {track: resample(waveforms[track], codec.sample_rate, rate) for track in waveforms}
    outside = np.ones(part.num_samples, bool)
    for start, end in touched:
        outside[round(start * rate) : round(end * rate)] = False
    if part.tracks:
        gains = track_gains(part, rendered, outside, 1 / gain)
    else:
        inside, total = ~outside, np.sum(list(rendered.values()), axis=0)
        replaced, new = part.mixed[:, inside], total[:, inside[: total.shape[1]].nonzero()[0]]
        wanted = active_level(replaced if active_level(replaced) > _QUIET else part.mixed)
        gains = dict.fromkeys(TRACKS, 10 ** ((wanted - active_level(new)) / 20))
    rendered = {track: waveform * np.float32(gains[track]) for track, waveform in rendered.items()}
    return *splice(part, rendered, spans, tracks, sample_rate=rate), made


def decoded(pipeline: SongPipeline, known: Known) -> Known:
    """``known`` with the stems that its kept latents decode to, at the level of its mix."""
    codec, rate = pipeline.codec, known.form.sample_rate
    waveforms = pipeline.decode_latents(known.latents(pipeline), round(known.duration * codec.sample_rate))
    stems = {}
    for track, waveform in waveforms.items():
        stem = to_channels(resample(waveform.numpy(), codec.sample_rate, rate), known.form.channels)
        stems[track] = np.pad(stem, ((0, 0), (0, max(0, known.num_samples - stem.shape[1]))))[:, : known.num_samples]
    gains = track_gains(known, stems, np.ones(known.num_samples, bool), 1.0)
    stems = {track: stem * np.float32(gains[track]) for track, stem in stems.items()}
    return dataclasses.replace(known, stems=stems)


def windows(spans: Sequence[Span], duration: float, context: float) -> list[tuple[Span, list[Span]]]:
    """The stretches that are rendered at once, none longer than a song may be, each with its spans."""
    found: list[tuple[Span, list[Span]]] = []
    for start, end in spans:
        if end - start > MAX_SECONDS - 2 * MIN_SECONDS:
            raise InputError(
                f"span {start:g}:{end:g} lasts {end - start:.0f} s; at most {MAX_SECONDS - 2 * MIN_SECONDS:g} s can be "
                "rendered at once: take it in pieces"
            )
        room = min(max(context, MIN_SECONDS), (MAX_SECONDS - (end - start)) / 2)
        low, high = max(0.0, start - room), min(duration, end + room)
        if found and low < found[-1][0][1] and high - found[-1][0][0] <= MAX_SECONDS:
            (first, _), inside = found.pop()
            found.append(((first, high), [*inside, (start, end)]))
        else:
            found.append(((low, high), [(start, end)]))
    return found


def check_tracks(known: Known, tracks: Sequence[str]) -> None:
    """Refuse tracks that there are none of, and those that cannot be told apart from the rest."""
    if unknown := [track for track in tracks if track not in TRACKS]:
        raise InputError(f"tracks: {', '.join(unknown)} is none of {', '.join(TRACKS)}")
    if not tracks:
        raise InputError(f"tracks: none given; name some of {', '.join(TRACKS)}")
    if known.mix is None:
        return
    if not known.tracks and set(tracks) != set(TRACKS):
        raise InputError(
            f"{known.name}: is a mix without stems, so {', '.join(tracks)} cannot be rendered alone; leave the tracks "
            f"out to render all of the span again, or give a folder with {', '.join(f'{t}.wav' for t in TRACKS)}"
        )
    if known.tracks and (mixed := [track for track in tracks if track in known.missing]):
        raise InputError(
            f"{known.name}: {', '.join(mixed)} is in the mix, but there is no stem of it; add {mixed[0]}.wav to them"
        )
