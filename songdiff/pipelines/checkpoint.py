"""Where a checkpoint lies, and whether all of its parts are there. Nothing is loaded."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from ..errors import InputError

EMBEDDED = {"songdiff/tiny": "tiny"}
PARTS = ("autoencoder", "vocoder", "style_encoder", "transformer", "scheduler")


class CheckpointError(InputError):
    """A checkpoint folder that cannot be loaded; the message names what is missing and what there is."""


def checkpoint_folder(name_or_path: str | Path) -> Path:
    """The folder of an embedded model or of the user's own; :class:`CheckpointError` says what is missing."""
    name = str(name_or_path)
    folder = Path(str(files("songdiff"))) / "checkpoints" / EMBEDDED[name] if name in EMBEDDED else Path(name)
    if name in EMBEDDED and not folder.is_dir():  # a checkout: the folder lies beside the package
        folder = Path(str(files("songdiff"))).parent / "checkpoints" / EMBEDDED[name]
    if not folder.is_dir():
        raise CheckpointError(f"{name}: no such checkpoint folder; embedded models are {', '.join(EMBEDDED)}")
    parts = [part for part in PARTS if part != "vocoder" or _needs_vocoder(folder)]
    missing = [part for part in ("model_index.json", *parts) if not (folder / part).exists()]
    for part in parts[:-1]:
        if part not in missing and not list((folder / part).glob("*.safetensors")):
            missing.append(f"{part}/*.safetensors")
    if missing:
        there = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
        raise CheckpointError(f"{folder}: the checkpoint lacks {', '.join(missing)}; it holds {there}")
    return folder


def _needs_vocoder(folder: Path) -> bool:
    """False where ``model_index.json`` names an autoencoder that decodes to a waveform by itself."""
    index = folder / "model_index.json"
    try:
        content = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
    except json.JSONDecodeError as error:
        raise CheckpointError(f"{index}: not valid JSON ({error}); copy it again from the model") from None
    return content.get("autoencoder", [None, None])[1] not in ("AutoencoderOobleck", "WaveformAutoencoder")
