"""SongPipeline: lyrics and a style prompt in, a song with its stems and its Score out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from diffusers import AutoencoderOobleck, FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from diffusers.utils import BaseOutput
from torch import Tensor

from ..audio import integrated_loudness, normalize
from ..audio.loudness import limit
from ..composer import compose, untimed_score
from ..conditioning import (
    CONTROLS,
    VOICE,
    VOICE_SECONDS,
    FrameConditions,
    Grain,
    frame_conditions,
    resting_cells,
    sounding_frames,
    voice_statistics,
)
from ..diffusion import Denoiser, Guidance, Limits, vocals_apart
from ..errors import InputError
from ..lyrics import Lyrics, load_lyrics, parse_lyrics
from ..models import (
    Codec,
    MelAutoencoder,
    SongTransformer,
    SpectralVocoder,
    Style,
    StyleEncoder,
    WaveformAutoencoder,
    codec_of,
    mix_log_mel,
)
from ..models.adapter import read_adapter
from ..models.blocks import inference_dtype
from ..score import TRACKS, Emotion, Level, Note, Score, Singer
from ..score.timeline import cut
from .adapters import AdapterFile, Adapters
from .checkpoint import checkpoint_folder
from .controls import Controls

if TYPE_CHECKING:
    from .known import Known

MIN_SECONDS, MAX_SECONDS = 2.0, 285.0
PREVIEW_SECONDS = 20.0
_OnStep = Callable[[int, Tensor, dict[str, Tensor]], Tensor]  # (step, timestep, tensors) → the latents to go on with
_CALLBACK_TENSORS = ["latents", "velocity"]
_OPTIONAL = ["vocoder"]
_CEILING = 0.98  # of some tracks alone, where they add up to more
_SILENT = 1e-6  # mean square of a clip in which nothing sounds: -60 dB


@dataclass
class SongPipelineOutput(BaseOutput):
    """``audio`` (2, samples) mix at −14 LUFS; ``stems`` by track at the same gain (both float32 arrays, or tensors for
    ``output_type="pt"``; empty for ``"latent"``); the ``score`` that was sung; ``latents`` (K, C, T) float32;
    ``chosen`` how the song was chosen, of :mod:`.selection` (None: it was the only one)."""

    audio: Any
    stems: dict[str, Any]
    score: Score
    latents: Tensor
    sample_rate: int
    chosen: dict[str, Any] | None = None

    def only(self, *tracks: str) -> np.ndarray:
        """(2, samples): the sum of some stems at their level in the mix, such as ``only("vocals")``."""
        if unknown := [track for track in tracks if track not in self.stems]:
            raise InputError(
                f"only: no track {', '.join(unknown)}; there are {', '.join(self.stems) or 'only latents'}"
            )
        return limit(np.sum([np.asarray(self.stems[track]) for track in tracks], axis=0), self.sample_rate, _CEILING)


class SongPipeline(DiffusionPipeline):
    """Composer → conditions → transformer → vocoder. ``SongPipeline.from_pretrained("songdiff/tiny")`` loads the
    embedded model, a folder loads your own.

    The autoencoder may be diffusers' ``AutoencoderOobleck`` (or :class:`~songdiff.models.WaveformAutoencoder`, which
    normalises its latents): it decodes to a waveform by itself, and ``vocoder`` is None. The numbers are the
    checkpoint's sampler; ``vocals_guidance_scale`` (None: as the other tracks) is both scales of the vocals.
    """

    model_cpu_offload_seq = "style_encoder->transformer->autoencoder->vocoder"
    _callback_tensor_inputs = _CALLBACK_TENSORS
    _optional_components = _OPTIONAL

    def __init__(
        self,
        autoencoder: MelAutoencoder | WaveformAutoencoder | AutoencoderOobleck,
        vocoder: SpectralVocoder | None,
        style_encoder: StyleEncoder,
        transformer: SongTransformer,
        scheduler: FlowMatchEulerDiscreteScheduler,
        num_inference_steps: int = 32,
        guidance_scale: float = 2.0,
        style_guidance_scale: float = 2.0,
        guidance_interval: list[float] | None = None,
        vocals_guidance_scale: float | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            autoencoder=autoencoder,
            vocoder=vocoder,
            style_encoder=style_encoder,
            transformer=transformer,
            scheduler=scheduler,
        )
        self.register_to_config(
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            style_guidance_scale=style_guidance_scale,
            guidance_interval=guidance_interval,
            vocals_guidance_scale=vocals_guidance_scale,
        )
        self.interrupt = False
        self._adapters = Adapters()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **kwargs: Any) -> SongPipeline:
        """Load ``"songdiff/tiny"`` (embedded), or a folder written by :meth:`save_pretrained`.

        Weights are kept in float32 and computed in bfloat16 where the device is fast at it. Raises
        :class:`CheckpointError` naming a missing part.
        """
        folder = checkpoint_folder(pretrained_model_name_or_path)
        kwargs.setdefault("dtype", torch.float32)
        kwargs.setdefault("low_cpu_mem_usage", False)  # the other way needs accelerate, which generation does without
        return super().from_pretrained(str(folder), local_files_only=True, **kwargs)

    @classmethod
    def with_adapters(cls, model: str | Path, adapters: Sequence[AdapterFile] | None) -> SongPipeline:
        """The model and the adapters of a request."""
        read = [(file.read(), file.scale) for file in adapters or ()]  # first: bad files are refused at once
        pipeline = cls.from_pretrained(model)
        for adapter, scale in read:
            pipeline._adapters.add(pipeline.transformer, adapter, scale)
        return pipeline

    def load_lora_weights(self, file: str | Path, scale: float = 1.0) -> None:
        """Load a LoRA, of which ``scale`` times its change acts from now on, or a concept, which acts where its word is
        in the prompt. Several add up. Raises :class:`~songdiff.models.adapter.AdapterError` where it does not fit."""
        self._adapters.add(self.transformer, read_adapter(file), scale)

    def unload_lora_weights(self) -> None:
        """Unload all LoRAs and concepts: the transformer is what it was, bit for bit."""
        self._adapters.clear(self.transformer)

    @property
    def concepts(self) -> list[str]:
        """The words of the concepts that are loaded."""
        return self._adapters.words

    @property
    def codec(self) -> Codec:
        """Waveform ⇄ latents: the autoencoder, with the vocoder where it needs one."""
        return codec_of(self.autoencoder, self.vocoder)

    @property
    def frame_rate(self) -> float:
        """Latent frames per second."""
        return self.codec.frame_rate

    def check_inputs(
        self, prompt: str, audio_duration: float | None, steps: int, output_type: str, planner: str
    ) -> None:
        """Refuse early what cannot work; ValueError names the argument and what is allowed."""
        if not isinstance(prompt, str):
            raise InputError(f"prompt: expected text, got {type(prompt).__name__}")
        if audio_duration is not None and not MIN_SECONDS <= audio_duration <= MAX_SECONDS:
            raise InputError(
                f"audio_duration: {audio_duration:g} s is out of range; choose {MIN_SECONDS:g} to {MAX_SECONDS:g}"
            )
        if steps < 1:
            raise InputError(f"num_inference_steps: {steps} is out of range; choose 1 or more")
        if output_type not in ("np", "pt", "latent"):
            raise InputError(f"output_type: {output_type!r} is none of np, pt, latent")
        if planner not in ("composer", "none"):
            raise InputError(f"planner: {planner!r} is none of composer, none")

    def plan(
        self,
        lyrics: Lyrics | str | Path | None,
        prompt: str,
        audio_duration: float | None,
        seed: int,
        planner: Literal["composer", "none"] = "composer",
        controls: Controls | None = None,
    ) -> Score:
        """The Score to be sung: composed, or (``planner="none"``) only the lines' words and rough times, and what
        ``controls`` say."""
        controls = controls or Controls()
        if isinstance(lyrics, Path):
            lyrics = load_lyrics(lyrics)
        elif isinstance(lyrics, str):
            lyrics = parse_lyrics(lyrics)
        if planner == "none":
            controls.check_without_composer()
            return controls.on(untimed_score(lyrics, duration=audio_duration))
        return compose(lyrics, prompt, duration=audio_duration, seed=seed, **controls.for_composer())

    def encode_voice(self, voice_audio: Tensor) -> Tensor:
        """A clip of a voice alone, (2, samples) at 44.1 kHz, at least 3 s → (2·C,) of the conditions. Raises
        :class:`InputError` where it is too short or silent, or where the transformer does not hear voices."""
        if VOICE not in self.transformer.groups:
            raise InputError("voice: this checkpoint cannot follow a clip; leave it out, or describe a singer instead")
        seconds = voice_audio.shape[-1] / self.codec.sample_rate
        if seconds < VOICE_SECONDS:
            raise InputError(f"voice: the clip lasts {seconds:.1f} s; give at least {VOICE_SECONDS:g} s of one voice")
        statistics = None
        if voice_audio.square().mean() > _SILENT:
            latents = self.codec.encode(voice_audio[None].float())[0].float().cpu()
            statistics = voice_statistics(latents, sounding_frames(latents, self.codec.silence_latent.cpu()))
        if statistics is None:
            raise InputError("voice: the clip is silent, or nearly so; give at least 3 s in which the voice sounds")
        return statistics

    def encode_style(
        self, prompt: str, negative_prompt: str, reference_audio: Tensor | None = None
    ) -> tuple[Style, Style]:
        """(style, style of the unconditional branch), a batch of one each; a recording replaces the text, but for the
        words of concepts."""
        if reference_audio is not None:
            style = self.style_encoder.encode_audio(mix_log_mel(reference_audio[None].to(self.device)))
        else:
            style = self.style_encoder.encode_text([prompt])
        for concept in self._adapters.called_by(prompt):
            style = concept.in_style(style)
        return style, self.style_encoder.encode_text([negative_prompt])

    def guidance_scales(
        self, score: float | None, style: float | None, negative_prompt: str
    ) -> tuple[float | Tensor, float | Tensor]:
        """Scales of score and style; where none is asked for, the checkpoint's own, which may differ for the vocals."""
        c = self.config
        default = 2.0 if negative_prompt and c.style_guidance_scale == 1 else c.style_guidance_scale
        score_scale, style_scale = (c.guidance_scale if score is None else score, default if style is None else style)
        own = c.vocals_guidance_scale if score is None and style is None else None
        sizes = len(TRACKS), self.transformer.config.latent_channels
        return vocals_apart(score_scale, own, *sizes), vocals_apart(style_scale, own, *sizes)

    def prepare_latents(self, num_frames: int, generator: torch.Generator | None) -> Tensor:
        """Noise (1, K·C, T), drawn on the CPU so that every device sings the same song."""
        channels = self.transformer.config.num_tracks * self.transformer.config.latent_channels
        device = generator.device if generator is not None else torch.device("cpu")
        return torch.randn(1, channels, num_frames, generator=generator, device=device).to(self.device)

    def decode_latents(self, latents: Tensor, num_samples: int) -> dict[str, Tensor]:
        """(K, C, T) → {track: (2, num_samples)}; the last 50 ms fade out. Takes little more memory than the result."""
        stems = {track: torch.zeros(2, num_samples) for track in TRACKS}
        start = 0
        for pieces in self.stream(latents, num_samples):
            stop = start + pieces[TRACKS[0]].shape[-1]
            for track, piece in pieces.items():
                stems[track][:, start:stop] = piece
            start = stop
        return stems

    @torch.no_grad()
    def render_latents(self, latents: Tensor, num_samples: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(K, C, T) → the mix (2, num_samples) at −14 LUFS, and the stems by track at the same gain; float32."""
        decoded, sample_rate = self.decode_latents(latents, num_samples), self.codec.sample_rate
        mix = sum(decoded.values(), torch.zeros(2, num_samples)).numpy()
        loudness = integrated_loudness(mix, sample_rate)
        gain = 10 ** ((-14.0 - loudness) / 20) if math.isfinite(loudness) else 1.0
        return normalize(mix, sample_rate), {track: stem.mul_(gain).numpy() for track, stem in decoded.items()}

    def stream(self, latents: Tensor, num_samples: int, chunk_frames: int | None = None) -> Iterator[dict[str, Tensor]]:
        """What :meth:`decode_latents` gives, {track: (2, n)} at a time, for playing while the rest is decoded.

        The first piece is a second, ready when less than two have been decoded (two and a half where the vocoder makes
        24 iterations of Griffin-Lim). ``latents`` (K, C, T) on any device; ``chunk_frames`` of them are decoded at a
        time (None: what suits the codec). The pieces are on the CPU, at the level the model gives: the song's loudness
        is known only when all is decoded.
        """
        codec = self.codec
        fade, start = codec.sample_rate // 20, 0
        latents = latents[..., : math.ceil(num_samples / codec.downsampling)]
        for waveforms in codec.stream_decode(latents, chunk_frames):
            waveforms = waveforms[..., : num_samples - start].float().cpu()
            left = torch.arange(num_samples - start, num_samples - start - waveforms.shape[-1], -1) - 1  # samples
            start += waveforms.shape[-1]
            yield dict(zip(TRACKS, waveforms * (left / (fade - 1)).clamp(max=1), strict=True))

    @torch.no_grad()
    def __call__(
        self,
        lyrics: Lyrics | str | Path | None = None,
        prompt: str = "",
        *,
        score: Score | None = None,
        planner: Literal["composer", "none"] = "composer",
        bpm: float | None = None,
        key: str | None = None,
        time_signature: str | None = None,
        chords: str | list[list[str]] | None = None,
        melody: str | Path | list[Note] | None = None,
        singer: str | Singer | None = None,
        emotion: str | list[Emotion] | None = None,
        dynamics: str | dict[str, list[Level]] | None = None,
        voice_audio: Tensor | None = None,
        reference_audio: Tensor | None = None,
        negative_prompt: str = "",
        audio_duration: float | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        style_guidance_scale: float | None = None,
        guidance_interval: tuple[float, float] | None = None,
        known_latents: Tensor | None = None,
        known_mask: Tensor | None = None,
        start_latents: Tensor | None = None,
        strength: float = 1.0,
        unknown_groups: Sequence[str] = (),
        generator: torch.Generator | None = None,
        output_type: Literal["np", "pt", "latent"] = "np",
        callback_on_step_end: Callable[..., dict[str, Tensor]] | None = None,
        callback_on_step_end_tensor_inputs: list[str] | None = None,
        callback_on_preview: Callable[[SongPipelineOutput], None] | None = None,
        preview_duration: float = PREVIEW_SECONDS,
    ) -> SongPipelineOutput:
        """Make one song.

        Args:
            lyrics: text (tagged, LRC, enhanced LRC or word JSON), a file's path, parsed lyrics, or None (instrumental).
            prompt: style in words.
            score: sing this Score instead of planning one; then ``lyrics`` and ``planner`` are not used.
            planner: "composer" proposes what is missing; "none" leaves all but the words to the transformer.
            bpm, key, time_signature: felt beats a minute; as in "D minor"; as in "3/4".
            chords: "C Am F G", a bar each and repeated, or names of the Score bar by bar.
            melody: a MIDI file or notes, one for every syllable.
            singer: "female, bright, breathy", a name that the checkpoint knows, or a Singer.
            emotion, dynamics: curves, "0:0.2,0.5; 30:0.8,0.9" (seconds:valence,arousal) and "drums 0:-6; 30:3"
                (seconds:decibels), or as in the Score. With ``score``, these and ``singer`` replace its own.
            voice_audio: stereo (2, samples) at 44.1 kHz of a voice alone that the singer shall resemble, at least 3 s.
            reference_audio: stereo (2, samples) at 44.1 kHz whose style replaces the prompt's, at least a second.
            negative_prompt: style to steer away from; where the checkpoint goes without style guidance, at scale 2.
            audio_duration: seconds, 2 to 285; None: what the lyrics need.
            num_inference_steps, guidance_scale, style_guidance_scale: None takes the checkpoint's own.
            guidance_interval: least and greatest time t (1 noise, 0 data) at which guidance acts; None: at all. A
                transformer that has learned the guided velocity goes without the second evaluation that guidance costs,
                unless one of these or a negative prompt is given: (0, 1) alone computes what it has learned.
            known_latents, known_mask: (K, C, T) and (K, T); True cells come back as given.
            start_latents, strength: (K, C, T) of a song to begin with, and how far from it: 0 gives it back, 1 knows
                only the score; between, denoising starts at time ``strength`` from the song with so much noise (SDEdit,
                Meng et al., ICLR 2022).
            unknown_groups: of :data:`songdiff.conditioning.CONTROLS`, what the model is not told of the score.
            generator: CPU generator; its seed is the composer's seed too.
            callback_on_step_end: called as (pipeline, step, timestep, tensors), where tensors hold "latents" and on
                request "velocity"; may return new latents; set ``pipeline.interrupt = True`` in it to stop early.
            callback_on_preview: called with the first ``preview_duration`` seconds before the rest is begun. They are a
                draft, rendered by themselves from the same score and noise: much like the song, which does not change
                by it, yet not its samples.
        Raises:
            ValueError: naming the argument, or the line of the lyrics, and the remedy.

        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> heard = []
        >>> seed = torch.Generator().manual_seed(7)
        >>> song = pipeline("the river runs", "folk", audio_duration=6, num_inference_steps=2,
        ...                 generator=seed, callback_on_preview=heard.append, preview_duration=3)
        >>> song.audio.shape, sorted(song.stems), heard[0].audio.shape, song.score.lines[0].text
        ((2, 264600), ['bass', 'drums', 'other', 'vocals'], (2, 132300), 'the river runs')
        """
        c = self.config
        # 1. Check before memory is taken.
        steps = c.num_inference_steps if num_inference_steps is None else num_inference_steps
        self.check_inputs(prompt, audio_duration, steps, output_type, planner)
        controls = Controls.read(
            self.transformer.config.singers,
            bpm=bpm,
            key=key,
            time_signature=time_signature,
            chords=chords,
            melody=melody,
            singer=singer,
            emotion=emotion,
            dynamics=dynamics,
        )
        score_scale, style_scale = self.guidance_scales(guidance_scale, style_guidance_scale, negative_prompt)
        low, high = guidance_interval or c.guidance_interval or (0.0, 1.0)
        asked = (guidance_scale, style_guidance_scale, guidance_interval) != (None, None, None)
        learned = bool(self.transformer.config.guidance_embeds) and not asked and not negative_prompt
        seen = self.transformer.config.latent_limits
        limits = None if seen is None else Limits(**{name: torch.tensor(values) for name, values in seen.items()})
        scales = (1.0, 1.0) if learned else (score_scale, style_scale)
        guidance = Guidance(*scales, low, high, match_moments=True, limits=limits)
        if not 0 <= guidance.low <= guidance.high <= 1:
            raise InputError(f"guidance_interval: {guidance.low:g} to {guidance.high:g} is none within 0 to 1")
        if preview_duration < MIN_SECONDS:
            raise InputError(
                f"preview_duration: {preview_duration:g} s is out of range; choose {MIN_SECONDS:g} or more"
            )
        if not 0 <= strength <= 1:
            raise InputError(
                f"strength: {strength:g} is out of range; choose 0 (the song itself) to 1 (only its score)"
            )
        generator = torch.Generator().manual_seed(torch.seed()) if generator is None else generator

        # 2. Plan the song.
        grain: Grain = "phoneme"
        if score is None:
            seed = generator.initial_seed() % 2**32
            score = self.plan(lyrics, prompt, audio_duration, seed, planner, controls)
            grain = "line" if planner == "none" else "phoneme"
        else:
            score = controls.on_given(score)
        score = score.canonical()
        num_frames = self._num_frames(score.duration)

        # 3. Conditions: the score on the latent grid, the style as tokens.
        conditions = frame_conditions(score, num_frames, self.frame_rate, grain)
        if score.singer is not None and score.singer.name not in (self.transformer.config.singers or {}):
            conditions = conditions.drop(["singer_name"])
        conditions = conditions.drop(unknown_groups)
        if voice_audio is not None:
            conditions.voice = self.encode_voice(voice_audio)
        style, no_style = self.encode_style(prompt, negative_prompt, reference_audio)
        self._adapters.apply(self.transformer, prompt)

        # 4. Noise, schedule and what is known.
        noise = self.prepare_latents(num_frames, generator)
        steps = steps if start_latents is None else math.ceil(steps * strength)
        first = 1.0 if start_latents is None else strength
        sigmas = np.linspace(first, first / max(1, steps), steps)
        song = None if start_latents is None else self._cells(start_latents, num_frames, "start_latents")
        rests = resting_cells(score, num_frames, self.frame_rate)
        known, mask = self._known(known_latents, known_mask, num_frames, rests)

        def denoised(frames: int, on_step: _OnStep | None = None) -> Tensor:
            """The first ``frames`` of the song, (1, K·C, frames), as if there were no more."""
            own, cells = known[..., :frames], mask[..., :frames]
            denoise = self._denoiser(conditions.crop(0, frames), style, no_style, own, cells, learned)
            start = None if song is None else song[..., :frames]
            return self._denoise(denoise, guidance, sigmas, noise[..., :frames], start, own, cells, on_step)

        # 5. On request, the beginning by itself.
        if callback_on_preview is not None:
            seconds = min(preview_duration, score.duration)
            beginning = denoised(self._num_frames(seconds))
            callback_on_preview(self._output(beginning, cut(score, 0.0, seconds), "np"))

        # 6. Denoise.
        callback_tensors = callback_on_step_end_tensor_inputs or ["latents"]

        def on_step(i: int, timestep: Tensor, tensors: dict[str, Tensor]) -> Tensor:
            chosen = {name: tensors[name] for name in callback_tensors}
            outputs = {} if callback_on_step_end is None else callback_on_step_end(self, i, timestep, chosen)
            return (outputs or {}).get("latents", tensors["latents"])

        latents = denoised(num_frames, on_step)

        # 7. Decode each track, mix, set the loudness.
        made = self._output(latents, score, output_type)
        self._adapters.apply(self.transformer)  # concepts end with their song
        self.maybe_free_model_hooks()
        return made

    def _denoise(
        self,
        denoise: Denoiser,
        guidance: Guidance,
        sigmas: np.ndarray,
        noise: Tensor,
        song: Tensor | None,
        known: Tensor,
        mask: Tensor,
        on_step: _OnStep | None,
    ) -> Tensor:
        """Noise, or ``song`` with so much of it as the first of ``sigmas`` says → latents, all (1, K·C, T); cells of
        ``mask`` (1, K, T) come out as ``known``."""
        latents, cells = noise, mask.repeat_interleave(self.transformer.config.latent_channels, dim=1)
        if len(sigmas):
            self.scheduler.set_timesteps(sigmas=sigmas, device=self.device)
        if song is not None:
            sigma = float(self.scheduler.sigmas[0]) if len(sigmas) else 0.0
            latents = (1 - sigma) * song + sigma * latents
        self.interrupt = False
        for i, timestep in enumerate(self.progress_bar(self.scheduler.timesteps if len(sigmas) else [])):
            latents = torch.where(cells, known, latents)
            velocity = guidance.velocity(denoise, latents, float(self.scheduler.sigmas[i]))
            latents = self.scheduler.step(velocity, timestep, latents, return_dict=False)[0]
            if on_step is not None:
                latents = on_step(i, timestep, {"latents": latents, "velocity": velocity})
            if self.interrupt:
                break
        return torch.where(cells, known, latents)

    def _output(self, latents: Tensor, score: Score, output_type: str) -> SongPipelineOutput:
        """What a call returns of (1, K·C, T)."""
        per_track, sample_rate = latents[0].unflatten(0, (len(TRACKS), -1)).float(), self.codec.sample_rate
        stems: dict[str, Any] = {}
        audio: Any = None
        if output_type != "latent":
            audio, stems = self.render_latents(per_track, round(score.duration * sample_rate))
            if output_type == "pt":
                audio, stems = torch.from_numpy(audio), {track: torch.from_numpy(w) for track, w in stems.items()}
        return SongPipelineOutput(audio, stems, score, per_track, sample_rate)

    def _num_frames(self, seconds: float) -> int:
        return math.ceil(round(seconds * self.codec.sample_rate) / self.codec.downsampling)

    def _known(
        self, known_latents: Tensor | None, known_mask: Tensor | None, num_frames: int, rests: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Known cells as a batch of one: those given, and silence where a track ``rests`` (K, T)."""
        c = self.transformer.config
        if known_latents is None or known_mask is None:
            known_latents = torch.zeros(c.num_tracks, c.latent_channels, num_frames)
            known_mask = torch.zeros(c.num_tracks, num_frames, dtype=torch.bool)
        known = self._cells(known_latents, num_frames, "known_latents")
        silence = self.codec.silence_latent.to(known).repeat(c.num_tracks)[:, None]
        silent = (rests & ~known_mask).repeat_interleave(c.latent_channels, dim=0).to(self.device)
        return torch.where(silent, silence, known), (known_mask | rests)[None].to(self.device)

    def _cells(self, latents: Tensor, num_frames: int, name: str) -> Tensor:
        """(K, C, T) as a batch of one."""
        c = self.transformer.config
        if latents.shape != (c.num_tracks, c.latent_channels, num_frames):
            raise InputError(
                f"{name}: got {tuple(latents.shape)}, expected {(c.num_tracks, c.latent_channels, num_frames)}"
            )
        return latents.flatten(0, 1)[None].to(self.device)

    def _denoiser(
        self,
        conditions: FrameConditions,
        style: Style,
        no_style: Style,
        known: Tensor,
        mask: Tensor,
        guided: bool = False,
    ) -> Denoiser:
        """A callable for :class:`Guidance`; encodes conditions and style once for all steps. ``guided``: it gives the
        guided velocity that the transformer has learned."""
        device, dtype = self.device, inference_dtype(self.device)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            both = FrameConditions.stack([conditions, conditions.drop(CONTROLS)]).to(device, torch.float32)
            with_score, without_score = self.transformer.encode_conditions(both)

        def pad(x: Tensor, length: int) -> Tensor:
            return torch.nn.functional.pad(x, (0, 0) * (x.ndim - 2) + (0, length - x.shape[1]))

        def denoise(latents: Tensor, times: Tensor, has_score: Tensor, has_style: Tensor) -> Tensor:
            length = max(style.tokens.shape[1], no_style.tokens.shape[1])
            chosen = [style if flag else no_style for flag in has_style.tolist()]
            with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
                return self.transformer(
                    latents,
                    times.to(device),
                    torch.stack([with_score if flag else without_score for flag in has_score.tolist()]),
                    torch.cat([pad(s.tokens, length) for s in chosen]),
                    torch.cat([pad(s.mask, length) for s in chosen]),
                    torch.cat([s.pooled for s in chosen]),
                    known.expand(len(latents), -1, -1),
                    mask.expand(len(latents), -1, -1),
                    torch.full((len(latents),), guided, device=device),
                ).float()

        return denoise

    def edit(self, known: Known, spans: Sequence[tuple[float, float]], **arguments: Any) -> Known:
        """``known`` with spans rendered again: :func:`.editing.edit` and its arguments.

        >>> from songdiff.pipelines import Known, SongPipeline
        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> song = pipeline("a line to sing", "folk", audio_duration=6, num_inference_steps=2)
        >>> known = Known.from_output(song, "folk")
        >>> edited = pipeline.edit(known, [(1, 6)], lyrics="and so it goes", num_inference_steps=2)
        >>> edited.score.lines[0].text, bool((edited.stems["drums"] == known.stems["drums"]).all())
        ('and so it goes', True)
        """
        from .editing import edit

        return edit(self, known, spans, **arguments)

    def extend(self, known: Known, before: float = 0.0, after: float = 0.0, **arguments: Any) -> Known:
        """``known`` with so many seconds more: :func:`.editing.extend` and its arguments.

        >>> from songdiff.pipelines import Known, SongPipeline
        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> known = Known.from_output(pipeline(prompt="folk", audio_duration=4, num_inference_steps=2), "folk")
        >>> longer = pipeline.extend(known, after=3.0, over_ending=True, num_inference_steps=2)
        >>> known.duration, longer.duration, longer.score.key == known.score.key
        (4.0, 7.0, True)
        """
        from .editing import extend

        return extend(self, known, before, after, **arguments)

    def loop(self, known: Known, num_bars: int, start: float = 0.0, **arguments: Any) -> Known:
        """Bars of ``known`` that join seamlessly: :func:`.editing.loop` and its arguments.

        >>> from songdiff.pipelines import Known, SongPipeline
        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> song = pipeline(prompt="techno", bpm=120, audio_duration=8, num_inference_steps=2)
        >>> pipeline.loop(Known.from_output(song, "techno"), 2, num_inference_steps=2).duration  # two bars of 2 s
        4.0
        """
        from .editing import loop

        return loop(self, known, num_bars, start, **arguments)

    def accompany(self, known: Known | None, prompt: str = "", **arguments: Any) -> Known:
        """The tracks that ``known`` lacks, in time and in key: :func:`.accompany.accompany` and its arguments.

        >>> import numpy as np
        >>> from songdiff.pipelines import Known, SongPipeline
        >>> click = np.sin(np.arange(2000) / 20) * np.linspace(1, 0, 2000) ** 2  # a stroke, two a second
        >>> drums = np.tile(np.pad(click, (0, 20050)), 8)[None].astype(np.float32)
        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> song = pipeline.accompany(Known.from_stems({"drums": drums}), "lo-fi", seed=1, num_inference_steps=2)
        >>> round(song.score.tempo), list(song.stems), bool((song.stems["drums"] == drums).all())
        (120, ['drums', 'bass', 'other'], True)
        """
        from .accompany import accompany

        return accompany(self, known, prompt, **arguments)

    def cover(self, known: Known, prompt: str = "", **arguments: Any) -> Known:
        """``known`` in another style or voice: :func:`.cover.cover` and its arguments.

        >>> from songdiff.pipelines import Known, SongPipeline
        >>> pipeline = SongPipeline.from_pretrained("songdiff/tiny")
        >>> pipeline.set_progress_bar_config(disable=True)
        >>> song = pipeline(prompt="folk", audio_duration=4, num_inference_steps=2)
        >>> jazz = pipeline.cover(Known.from_output(song, "folk"), "jazz", strength=0.7, num_inference_steps=2)
        >>> jazz.score.chords == song.score.chords, jazz.score.genre, jazz.num_samples
        (True, 'jazz', 176400)
        """
        from .cover import cover

        return cover(self, known, prompt, **arguments)
