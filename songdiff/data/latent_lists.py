"""A list as DiffRhythm's training reads it (``id|lrc.pt|latent.pt|style.pt``) → a folder of songs for :mod:`.prepare`.

Of every song: ``latent.pt`` is (1, C, T), or (1, 2·C, T) with means before scales, at one frame for 2,048 samples of
44.1 kHz; the autoencoder that made it turns it into a FLAC. ``lrc.pt`` is a dict of ``time``, the seconds at which
lines start, and ``lrc``, a text or the phoneme numbers of each (one above those of the vocabulary); it becomes an LRC,
which is in IPA where it was numbers. ``style.pt`` is a vector in the space of another model (MuQ-MuLan) and says
nothing here: the style is heard, as in all songs without captions. Nothing in a list is run as code.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from ..audio.files import write_audio
from ..corpus.shards import write_beside
from ..errors import InputError
from ..lyrics import IPA, LyricsError, pronounce
from ..models import codec_of, load_autoencoder
from ..models.codec import chunks

SAMPLE_RATE, DOWNSAMPLING = 44100, 2048
LATENT_CHANNELS = 64  # of DiffRhythm's own autoencoder, as TorchScript
_CHUNK, _CONTEXT = 128, 16  # latent frames


class Listed(NamedTuple):
    """A line of a list; the paths are absolute."""

    name: str
    lyrics: Path
    latents: Path


class Decoder(NamedTuple):
    """``decode``: (1, ``channels``, T) → (1, 2, T · 2048)."""

    channels: int
    decode: Callable[[Tensor], Tensor]


def read_list(path: Path) -> list[Listed]:
    """The songs of a list, whose paths are relative to it. Raises :class:`InputError` naming file and line."""
    songs: dict[str, Listed] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.strip().split("|")
        if len(fields) != 4:
            raise InputError(f"{path}, line {number}: has {len(fields)} fields; write id|lrc.pt|latent.pt|style.pt")
        name, lyrics, latents, _ = fields
        if not name or Path(name).name != name or name in songs:
            raise InputError(f"{path}, line {number}: id {name!r} is no name of a file, or not the first of its kind")
        songs[name] = Listed(name, path.parent / lyrics, path.parent / latents)
    if not songs:
        raise InputError(f"{path}: lists no songs; write id|lrc.pt|latent.pt|style.pt, a line each")
    return list(songs.values())


def load_decoder(path: Path) -> Decoder:
    """The autoencoder of a list: a folder of diffusers' ``AutoencoderOobleck``, or a TorchScript file with
    ``decode_export``, as DiffRhythm publishes its own. Raises :class:`InputError`."""
    if path.is_dir():
        codec = codec_of(load_autoencoder(path))
        if (codec.sample_rate, codec.downsampling) != (SAMPLE_RATE, DOWNSAMPLING):
            raise InputError(
                f"{path}: makes a frame of {codec.downsampling} samples at {codec.sample_rate} Hz; the latents of a "
                f"list are of {DOWNSAMPLING} at {SAMPLE_RATE} Hz"
            )
        return Decoder(codec.latent_channels, codec.decode)
    try:
        module = torch.jit.load(path, map_location="cpu").eval()
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: neither an autoencoder's folder nor TorchScript ({reason})") from None
    if not hasattr(module, "decode_export"):
        raise InputError(f"{path}: has no decode_export; give DiffRhythm's vae_model.pt")

    @torch.no_grad()
    def decode(latents: Tensor) -> Tensor:
        pieces = []
        for window, kept in chunks(latents.shape[-1], _CHUNK, _CONTEXT):
            whole = module.decode_export(latents[..., window])
            pieces.append(whole[..., kept.start * DOWNSAMPLING : kept.stop * DOWNSAMPLING])
        return torch.cat(pieces, dim=-1)

    return Decoder(LATENT_CHANNELS, decode)


def read_vocabulary(path: Path) -> dict[int, str]:
    """Phonemes by number, of DiffRhythm's ``vocab.json``. Raises :class:`InputError`."""
    try:
        vocabulary = json.loads(path.read_text(encoding="utf-8"))["vocab"]
        return {int(number): str(symbol) for symbol, number in vocabulary.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f'{path}: is no vocabulary; give JSON with {{"vocab": {{phoneme: number}}}}') from None


def import_list(
    path: Path, folder: Path, decoder: Decoder, vocabulary: dict[int, str] | None = None, progress: bool = True
) -> dict[str, str]:
    """Write the songs of a list into ``folder`` as ``id.flac`` and ``id.lrc``; those that are there are kept.

    Returns why songs are not there, by id. Raises :class:`InputError` where the list itself is wrong, where none of its
    songs can be read, or where its lyrics are numbers and there is no ``vocabulary``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing: dict[str, str] = {}
    songs = read_list(path)
    for song in tqdm(songs, desc="decode", disable=not progress):
        audio = folder / f"{song.name}.flac"
        if audio.exists():  # it is written last
            continue
        try:
            lyrics, latents = _lyrics(_load(song.lyrics), song.lyrics), _latents(song.latents, decoder.channels)
        except InputError as error:
            missing[song.name] = str(error)
            continue
        write_beside(folder / f"{song.name}.lrc", _to_lrc(lyrics, vocabulary, path).encode())
        write_audio(audio, decoder.decode(latents)[0].clamp(-1, 1).numpy(), SAMPLE_RATE)
    if len(missing) == len(songs):
        raise InputError(f"{path}: none of its songs can be read; {songs[0].name}: {missing[songs[0].name]}")
    return missing


def _load(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError, ValueError) as error:
        raise InputError(f"{path.name}: cannot be read ({str(error).splitlines()[0]})") from None


def _latents(path: Path, channels: int) -> Tensor:
    """(1, channels, T) float32: of means and scales the means."""
    latents = _load(path)
    if isinstance(latents, Tensor):
        latents = latents.float().reshape(1, *latents.shape[-2:]) if latents.ndim in (2, 3) else latents
        if latents.ndim == 3 and latents.shape[1] in (channels, 2 * channels) and latents.shape[2]:
            return latents[:, :channels].contiguous()
    shape = tuple(latents.shape) if isinstance(latents, Tensor) else type(latents).__name__
    raise InputError(f"{path.name}: holds {shape}, not latents (1, {channels} or {2 * channels}, frames)")


def _lyrics(said: Any, path: Path) -> list[tuple[float, str | list[int]]]:
    """(seconds, text or numbers) of every line, in order of time."""
    try:
        times = [float(time) for time in said["time"]]
        lines = [line if isinstance(line, str) else [int(number) for number in line] for line in said["lrc"]]
        return sorted(zip(times, lines, strict=True), key=lambda line: line[0])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path.name}: is no dict of time and lrc, one of each for a line") from None


def _to_lrc(lines: Sequence[tuple[float, str | list[int]]], vocabulary: dict[int, str] | None, source: Path) -> str:
    written = []
    for time, line in lines:
        if not isinstance(line, str):
            if vocabulary is None:
                raise InputError(f"{source}: its lyrics are numbers of phonemes; give the vocabulary (vocab.json) too")
            line = _ipa([vocabulary.get(number - 1, "") for number in line])
        minutes, hundredths = divmod(round(100 * time), 6000)
        written.append(f"[{minutes:02d}:{hundredths / 100:05.2f}]{' '.join(line.split())}")
    if any(not isinstance(line, str) for _, line in lines):
        written.insert(0, f"[la:{IPA}]")
    return "\n".join(written) + "\n"


def _ipa(symbols: Sequence[str]) -> str:
    """Words of IPA, phonemes joined by "_"; what is no phoneme (a stop, the space between words) parts them."""
    words: list[list[str]] = [[]]
    for symbol in symbols:
        if _is_phoneme(symbol):
            words[-1].append(symbol)
        elif words[-1]:
            words.append([])
    return " ".join("_".join(word) for word in words if word)


def _is_phoneme(symbol: str) -> bool:
    try:
        return any(pronounce([symbol], IPA))
    except LyricsError:
        return False
