"""How fast, and in how much memory: each stage of making a song, and others' networks beside it in the same run.

Every case runs in a process of its own, so that its peak memory is its own; times are medians over runs, after one
short warm-up. Composer, transformer steps and decoder are timed through the pipeline's public calls.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from ..audio import check_writable, replacing
from ..errors import InputError
from .report import Machine

DTYPES = ("auto", "float32", "bfloat16")
RIVALS = ("codec", "oobleck", "diffrhythm")
PROMPT = "warm pop, catchy, female vocals"
MAX_FRAMES = 2048  # of the DiffRhythm-size transformer: 95 s; longer songs are timed on so many, and scaled
_FRAME_RATE = 44100 / 2048  # latent frames a second, of DiffRhythm's and Oobleck's latents alike
_DIFFRHYTHM = {"hidden_size": 2048, "num_layers": 16, "num_heads": 32, "mlp_ratio": 3.5, "style_size": 512}
_DIFFRHYTHM |= {"num_tracks": 1, "cross_attention_every": 16, "preconditioning": False}
_DIFFRHYTHM_PASSES = 64  # 32 Euler steps with guidance
_LINE = "the river runs and the lights go down on the town\n"


class Timing(BaseModel):
    """One case. ``stages`` in seconds (medians over runs), ``seconds`` their sum for a whole song, ``peak_gb`` the most
    memory of the process, or of the GPU; ``note`` says what was not measured as it is."""

    model_config = ConfigDict(extra="forbid")
    name: str
    duration: float
    stages: dict[str, float]
    seconds: float
    times_real_time: float
    peak_gb: float
    dtype: str
    note: str = ""


class Speed(BaseModel):
    """What ``songdiff bench`` writes."""

    model_config = ConfigDict(extra="forbid")
    version: Literal[1] = 1
    model: str
    device: str
    runs: int
    machine: Machine
    timings: list[Timing]

    def table(self) -> Table:
        """To be printed, a line for every stage; the last column is :meth:`ratio`."""
        title = f"{self.model} on {self.device}, {self.machine.cores} cores, medians of {self.runs} runs"
        table = Table("case", "song", "stage", "seconds", "× real time", "peak GB", "× our time", title=title)
        for row in self.timings:
            ratio = self.ratio(row)
            last = "" if ratio is None else f"{ratio:.3g}"
            whole = (f"{row.seconds:.3g}", f"{row.times_real_time:.3g}", f"{row.peak_gb:.2f}", last)
            table.add_row(f"{row.name} ({row.dtype})", f"{row.duration:g} s", "whole", *whole, style="bold")
            for name, seconds in row.stages.items():
                table.add_row("", "", name, f"{seconds:.3g}")
            table.add_section()
        table.caption = "; ".join(dict.fromkeys(row.note for row in self.timings if row.note))
        return table

    def ratio(self, row: Timing) -> float | None:
        """How many times longer a rival takes than our same stage: Oobleck than decoding one track where that was timed
        ("codec"), and all tracks where it was not; DiffRhythm than all denoising."""
        stage = {"oobleck": "decode", "diffrhythm": "denoise"}.get(row.name)
        ours = [t for t in self.timings if t.name == self.model and t.duration == row.duration]
        if row.name == "oobleck":
            ours = [t for t in self.timings if t.name == "codec" and t.duration == row.duration] or ours
        return row.seconds / ours[0].stages[stage] if stage and ours and ours[0].stages[stage] > 0 else None

    def save(self, path: Path) -> None:
        """Write JSON. Raises :class:`InputError` where it cannot be written."""
        check_writable(path, (".json",))
        with replacing(path) as beside:
            beside.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Case:
    """What one process times."""

    name: str
    model: str
    duration: float
    runs: int
    device: str
    dtype: str
    steps: int | None


def bench(
    model: str,
    durations: Sequence[float],
    runs: int = 3,
    device: str = "cpu",
    dtype: str = "auto",
    steps: int | None = None,
    against: Sequence[str] = (),
    said: Callable[[str], None] = lambda line: None,
) -> Speed:
    """Time a checkpoint, and beside it some of :data:`RIVALS`, for songs of ``durations`` seconds. "codec" is the
    checkpoint's own autoencoder and vocoder on one stereo track, alone in its process.

    Args:
        runs: of each; medians are reported.
        device, dtype: as torch names them; "auto" takes bfloat16 where the device is fast at it.
        steps: denoising steps; None for the checkpoint's own.
        said: told a line of progress before every case.

    Raises :class:`InputError` for an unfit checkpoint, rival, duration or device.
    """
    from ..pipelines.checkpoint import checkpoint_folder
    from ..pipelines.song_pipeline import MAX_SECONDS, MIN_SECONDS

    checkpoint_folder(model)
    if unknown := set(against) - set(RIVALS):
        raise InputError(f"--against {', '.join(sorted(unknown))}: choose from {', '.join(RIVALS)}")
    for duration in durations:
        if not MIN_SECONDS <= duration <= MAX_SECONDS:
            raise InputError(f"--durations {duration:g}: out of range; choose {MIN_SECONDS:g} to {MAX_SECONDS:g} s")
    if dtype not in DTYPES:
        raise InputError(f"--dtype {dtype}: choose from {', '.join(DTYPES)}")
    _checked_device(device)
    timings = []
    for duration in durations:
        for name in (model, *against):
            said(f"{name}, {duration:g} s")
            timings.append(_in_process(Case(name, model, duration, runs, device, dtype, steps)))
    return Speed(model=model, device=device, runs=runs, machine=Machine.here(), timings=timings)


def _checked_device(name: str) -> None:
    try:
        torch.empty(1, device=name)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {name}: cannot be used ({str(error).splitlines()[0]})") from None


def _in_process(case: Case) -> Timing:
    """Time a case in a fresh process. Raises :class:`InputError` where it was killed, as for want of memory."""
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=_time_case, args=(case, send), daemon=True)
    process.start()
    send.close()
    try:
        result = receive.recv()
    except EOFError:
        process.join()
        raise InputError(f"{case.name}, {case.duration:g} s: the process ended early ({process.exitcode})") from None
    finally:
        process.join()
    if isinstance(result, InputError):
        raise result
    return Timing.model_validate(result)


def _time_case(case: Case, send: Any) -> None:
    try:
        time_case = {"codec": _codec, "oobleck": _oobleck, "diffrhythm": _diffrhythm}.get(case.name, _songdiff)
        send.send(time_case(case).model_dump())
    except InputError as error:
        send.send(error)


# --- cases ------------------------------------------------------------------------------------------------------------


def _songdiff(case: Case) -> Timing:
    """Compose, conditions and style, every denoising step, decode, loudness and mix."""
    from diffusers.utils import logging

    from ..pipelines import SongPipeline

    logging.disable_progress_bar()
    pipeline = SongPipeline.from_pretrained(case.model).to(case.device)
    pipeline.set_progress_bar_config(disable=True)
    dtype = _set_dtype(pipeline, case)
    steps = case.steps or pipeline.config.num_inference_steps
    _stages(pipeline, 2.0, 2, case.device)
    runs = [_stages(pipeline, case.duration, steps, case.device) for _ in range(case.runs)]
    stages = _medians(runs)
    total = sum(stages.values()) - stages["denoise per step"]
    return _timing(case, stages, total, dtype, f"{steps} steps")


def _stages(pipeline: Any, duration: float, steps: int, device: str) -> dict[str, float]:
    from ..audio import normalize

    generator = torch.Generator().manual_seed(0)
    clock = _Clock(device)
    lyrics = _LINE * max(1, int(duration / 8))
    score = pipeline.plan(lyrics if duration >= 12 else None, PROMPT, duration, 0)
    compose = clock()
    ends: list[float] = []

    def end_of_step(*arguments: Any) -> dict[str, Any]:
        ends.append(clock())
        return {}

    output = pipeline(
        prompt=PROMPT, score=score, num_inference_steps=steps, generator=generator, output_type="latent",
        callback_on_step_end=end_of_step,
    )  # fmt: skip
    after = clock()
    step = statistics.median(ends[1:] or ends)
    samples = round(score.duration * 44100)
    with torch.no_grad():
        stems = pipeline.decode_latents(output.latents, samples)
    decode = clock()
    normalize(torch.stack(list(stems.values())).sum(0).numpy(), 44100)
    return {
        "compose": compose,
        "condition": max(0.0, ends[0] - step) + after,
        "denoise": sum(ends) - max(0.0, ends[0] - step),
        "denoise per step": step,
        "decode": decode,
        "loudness": clock(),
    }


def _set_dtype(pipeline: Any, case: Case) -> str:
    """Computation in the asked type; the pipeline itself chooses it by device."""
    from ..models.blocks import inference_dtype

    chosen = inference_dtype(torch.device(case.device))
    if case.dtype not in ("auto", str(chosen).removeprefix("torch.")):
        from ..pipelines import song_pipeline

        chosen = getattr(torch, case.dtype)
        song_pipeline.inference_dtype = lambda device: chosen
    return str(chosen).removeprefix("torch.")


def _codec(case: Case) -> Timing:
    """One stereo track of noise through the checkpoint's autoencoder and vocoder, and nothing else loaded."""
    from ..models.blocks import inference_dtype
    from .reconstruction import load_codec

    codec = load_codec(case.model)
    for part in (codec.autoencoder, getattr(codec, "vocoder", None)):
        if part is not None:
            part.to(case.device)
    rng = torch.Generator().manual_seed(0)
    waveform = torch.randn(1, 2, round(case.duration * codec.sample_rate), generator=rng).mul_(0.1)
    runs = []
    codec.decode(codec.encode(waveform[..., : codec.sample_rate]))
    for _ in range(case.runs):
        clock = _Clock(case.device)
        latents = codec.encode(waveform.to(case.device))
        encode = clock()
        for _piece in codec.stream_decode(latents):
            pass
        runs.append({"encode": encode, "decode": clock()})
    stages = _medians(runs)
    dtype = str(inference_dtype(torch.device(case.device))).removeprefix("torch.")
    return _timing(case, stages, sum(stages.values()), dtype, "codec: one stereo track, waveform to waveform")


def _oobleck(case: Case) -> Timing:
    """diffusers' AutoencoderOobleck (Stable Audio's, DiffRhythm's kind) at full size with random weights: decode."""
    from diffusers import AutoencoderOobleck

    dtype = _dtype(case)
    torch.manual_seed(0)
    decoder = AutoencoderOobleck().decoder.to(case.device, dtype).eval()
    latents = torch.randn(1, 64, round(case.duration * _FRAME_RATE), device=case.device, dtype=dtype)
    with torch.no_grad():
        decoder(latents[..., :22])
        times = list(_timed(lambda: decoder(latents), case))
    seconds = statistics.median(times)
    return _timing(case, {"decode": seconds}, seconds, str(dtype).removeprefix("torch."), "oobleck: one stereo mix")


def _diffrhythm(case: Case) -> Timing:
    """A transformer of DiffRhythm's size in our own code: one pass, times the 64 of a song."""
    from ..models import SongTransformer

    dtype = _dtype(case)
    with torch.device("meta"):
        transformer: Any = SongTransformer(**_DIFFRHYTHM)
    parameters = sum(p.numel() for p in transformer.parameters())
    needed = 1.3 * parameters * dtype.itemsize / 1e9
    if case.device == "cpu" and needed > _free_gb():
        raise InputError(f"diffrhythm: needs {needed:.1f} GB, {_free_gb():.1f} GB are free; leave it out of --against")
    transformer = torch.nn.Module.to(transformer, dtype).to_empty(device=case.device).eval()
    c = transformer.config
    for tensor in transformer.parameters():
        torch.nn.init.constant_(tensor, 1e-3)  # what the numbers are does not change how long they take
    wanted = round(case.duration * _FRAME_RATE)
    frames = min(wanted, MAX_FRAMES)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=case.device, dtype=dtype)

    latents = random(1, c.latent_channels, frames)
    yes = torch.ones(1, 1, dtype=torch.bool, device=case.device)
    arguments = (
        latents, torch.full((1,), 0.5, device=case.device, dtype=dtype), random(1, frames, c.hidden_size),
        random(1, 1, c.style_size), yes, random(1, c.style_size), torch.zeros_like(latents),
        torch.zeros(1, 1, frames, dtype=torch.bool, device=case.device),
    )  # fmt: skip
    with torch.no_grad():
        times = list(_timed(lambda: transformer(*arguments), case))
    one = statistics.median(times) * wanted / frames
    note = f"diffrhythm: {parameters / 1e9:.2f} B parameters, one pass timed, a song is {_DIFFRHYTHM_PASSES}"
    if frames < wanted:
        note += f"; above {MAX_FRAMES} frames scaled from them (a lower bound: attention grows faster)"
    return _timing(case, {"one pass": one}, one * _DIFFRHYTHM_PASSES, str(dtype).removeprefix("torch."), note)


# --- measuring --------------------------------------------------------------------------------------------------------


class _Clock:
    """Seconds since the last call, once the device has finished."""

    def __init__(self, device: str) -> None:
        self.cuda = device.startswith("cuda")
        gc.collect()
        self.last = 0.0
        self()

    def __call__(self) -> float:
        if self.cuda:
            torch.cuda.synchronize()
        now = time.perf_counter()
        elapsed, self.last = now - self.last, now
        return elapsed


def _timed(work: Callable[[], object], case: Case) -> Iterator[float]:
    for _ in range(case.runs):
        clock = _Clock(case.device)
        work()
        yield clock()


def _medians(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _timing(case: Case, stages: dict[str, float], seconds: float, dtype: str, note: str) -> Timing:
    return Timing(
        name=case.name,
        duration=case.duration,
        stages={name: round(value, 4) for name, value in stages.items()},
        seconds=round(seconds, 4),
        times_real_time=round(case.duration / max(seconds, 1e-9), 3),
        peak_gb=round(_peak_gb(case.device), 3),
        dtype=dtype,
        note=note,
    )


def _dtype(case: Case) -> torch.dtype:
    from ..models.blocks import inference_dtype

    return inference_dtype(torch.device(case.device)) if case.dtype == "auto" else getattr(torch, case.dtype)


def _peak_gb(device: str) -> float:
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated() / 1e9
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e9 if sys.platform == "darwin" else most * 1024 / 1e9


def _free_gb() -> float:
    """Memory that is free, or would be given back, in GB."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1e6
