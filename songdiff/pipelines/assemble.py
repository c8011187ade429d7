"""Trained parts → one checkpoint folder."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from ..errors import InputError
from ..models import SongTransformer, SpectralVocoder, StyleEncoder
from ..models.codec import load_autoencoder
from .song_pipeline import SongPipeline


def assemble(
    out: Path,
    autoencoder: Path,
    vocoder: Path | None,
    style_encoder: Path,
    transformer: Path,
    **sampler_defaults: float | None,
) -> Path:
    """Write ``out`` with all parts as float16 safetensors and the sampler's defaults. Raises :class:`InputError`.

    A waveform autoencoder needs no ``vocoder``.
    """
    folders = {
        "autoencoder": autoencoder,
        "vocoder": vocoder,
        "style_encoder": style_encoder,
        "transformer": transformer,
    }
    for part, folder in folders.items():
        if folder is not None and not (folder / "config.json").exists():
            raise InputError(f"{folder}: holds no trained {part.replace('_', ' ')} (config.json is missing)")
    pipeline = SongPipeline(
        autoencoder=load_autoencoder(autoencoder, torch.float16),
        vocoder=None if vocoder is None else SpectralVocoder.from_pretrained(vocoder, dtype=torch.float16),
        style_encoder=StyleEncoder.from_pretrained(style_encoder, dtype=torch.float16),
        transformer=SongTransformer.from_pretrained(transformer, dtype=torch.float16),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        **sampler_defaults,  # type: ignore[arg-type]
    )
    pipeline.save_pretrained(out)
    for config in out.glob("*/config.json"):  # diffusers notes the folder from which each part came
        settings = json.loads(config.read_text(encoding="utf-8"))
        settings.pop("_name_or_path", None)
        config.write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return out
