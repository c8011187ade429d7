"""The adapters of a pipeline: LoRAs act on every song, a concept where its word is in the prompt and nowhere else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from ..errors import InputError
from ..models.adapter import Adapter, AdapterError, Concept, apply_adapters, fingerprint, read_adapter, weights_file


class AdapterFile(BaseModel):
    """An adapter of a request: its ``file``, how strongly it acts, and the ``digest`` of what is in it."""

    model_config = ConfigDict(extra="forbid")
    file: str
    scale: float = 1.0
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> AdapterFile:
        """``"mine.safetensors"`` or, with a scale, ``"mine.safetensors:0.8"``."""
        file, scale = text, 1.0
        head, colon, tail = text.rpartition(":")
        if colon and not Path(text).exists():
            try:
                file, scale = head, float(tail)
            except ValueError:
                raise AdapterError(f"{text}: write FILE, or FILE:SCALE such as mine.safetensors:0.8") from None
        return cls(file=file, scale=scale, digest=_digest(file))

    def read(self) -> Adapter:
        """What is in the file. Raises :class:`AdapterError` where it is not what it was."""
        adapter = read_adapter(self.file)
        if self.digest and self.digest != _digest(self.file):
            raise AdapterError(f"{self.file}: has changed since this song was made with it; bring it back as it was")
        return adapter


class Adapters:
    """Those that are loaded, and the weights of the network that they changed."""

    def __init__(self) -> None:
        self._loaded: list[tuple[Adapter, float]] = []
        self._kept: dict[str, Tensor] = {}
        self._applied: list[tuple[Adapter, float]] = []

    @property
    def words(self) -> list[str]:
        """Of the concepts."""
        return [adapter.concept.word for adapter, _ in self._loaded if adapter.concept is not None]

    def called_by(self, prompt: str) -> list[Concept]:
        """The concepts whose words are in a prompt."""
        found = [adapter.concept for adapter, _ in self._loaded if adapter.concept is not None]
        return [concept for concept in found if concept.word in prompt.lower()]

    def add(self, network: nn.Module, adapter: Adapter, scale: float) -> None:
        """Load one more; it acts from now on. Raises :class:`AdapterError` where it does not fit ``network``."""
        apply_adapters(network, (), self._kept)
        self._applied = []
        adapter.check(network, fingerprint(network))
        if adapter.concept is not None and adapter.concept.word in self.words:
            raise InputError(f"{adapter.name}: its word {adapter.concept.word} is another concept's already; load one")
        self._loaded.append((adapter, scale))
        self.apply(network)

    def clear(self, network: nn.Module) -> None:
        """Unload all: the network is what it was, bit for bit."""
        self._loaded.clear()
        self.apply(network)

    def apply(self, network: nn.Module, prompt: str = "") -> None:
        """Make the network's weights those of a song with this prompt."""
        words = [concept.word for concept in self.called_by(prompt)]
        wanted = [pair for pair in self._loaded if pair[0].concept is None or pair[0].concept.word in words]
        if wanted != self._applied:
            apply_adapters(network, wanted, self._kept)
            self._applied = wanted


def _digest(file: str) -> str:
    try:
        return hashlib.sha256(weights_file(file).read_bytes()).hexdigest()[:16]
    except OSError:
        return ""  # reading it says what is wrong
