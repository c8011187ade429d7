"""Adapters of a trained transformer: LoRA on users' songs, and concepts, a new style word from a few minutes of sound.

The transformer of ``initial`` stays as it is; peft lays low-rank matrices beside its own. What is exported is an
adapter (:mod:`songdiff.models.adapter`) of a few hundred kilobytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..models import SongTransformer, Style
from ..models.adapter import Concept, fingerprint, save_adapter
from .recipe import ConceptSettings, LoraSettings, Recipe, RecipeError, new_part
from .song_tasks import TransformerTask

MATRICES = ("qkv", "attention_out", "condition", "gate_up", "down", "query", "key_value", "out")
"""Of every block, what can be adapted; the last three are those of the style's attention."""
_LOOKED_AT = 4  # batches by which the matrices that matter are told


class LoraTask(TransformerTask):
    """The examples and the loss of the transformer; only the adapter's matrices learn."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe)
        self._base = fingerprint(self.network)
        self.network = self.adapted()

    def build_network(self, sizes: dict[str, Any]) -> SongTransformer:
        if self.recipe.initial is None:
            raise RecipeError("initial: name the transformer to adapt, such as checkpoints/tiny/transformer")
        return new_part(SongTransformer, self.recipe, **sizes)

    def parameter_groups(self) -> list[dict[str, Any]]:
        return [{"params": [parameter for parameter in self.parameters() if parameter.requires_grad]}]

    def adapted(self) -> Any:
        """The network within peft's, which has its own methods too."""
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError:
            raise RecipeError("peft is not installed; pip install 'songdiff[train]'") from None
        settings = self.recipe.lora or LoraSettings()
        chosen = adaptable(self.network)
        if settings.modules is not None:
            chosen = self.matrices_that_matter(chosen, settings.modules)
        return get_peft_model(
            self.network,
            LoraConfig(r=settings.rank, lora_alpha=settings.alpha or settings.rank, target_modules=chosen),
        )

    def matrices_that_matter(self, modules: list[str], count: int) -> list[str]:
        """Those of ``modules`` whose weights the loss on a few batches depends on most (the mean square of the
        gradient): the pivotal parameters of JEN-1 DreamStyler, arXiv:2406.12292, by the matrix."""
        power = dict.fromkeys(modules, 0.0)
        for number in range(_LOOKED_AT):
            self.zero_grad()
            losses = self(self.batch(np.random.default_rng((self.recipe.seed, number))))
            torch.stack(list(losses.values())).sum().backward()
            for module in modules:
                gradient = self.network.get_parameter(f"{module}.weight").grad
                power[module] += 0.0 if gradient is None else float(gradient.square().mean())
        self.zero_grad()
        return sorted(modules, key=lambda module: -power[module])[:count]

    def export(self, folder: Path) -> None:
        """``adapter_model.safetensors``, and peft's config beside it."""
        from peft import get_peft_model_state_dict

        settings = self.network.peft_config["default"].to_dict()
        settings = {name: sorted(v) if isinstance(v, set) else v for name, v in settings.items()}
        save_adapter(folder, get_peft_model_state_dict(self.network), settings, self._base, self.learned_concept())

    def learned_concept(self) -> Concept | None:
        """None: the adapter acts on every song."""
        return None


class ConceptTask(LoraTask):
    """Every example has the concept in its style. Its vectors begin as what the style encoder hears in the songs."""

    def adapted(self) -> Any:
        settings = self.recipe.concept or ConceptSettings()
        with torch.no_grad():
            heard = [self._on_cpu["style_encoder"].encode_audio(s.mix_log_mel[None].float()) for s in self.songs]
        token = torch.cat([style.tokens[:, 0] for style in heard]).mean(0)
        self.word = settings.word
        self.tokens = nn.Parameter(token + 0.1 * token.std() * torch.randn(settings.tokens, len(token)))
        self.pooled = nn.Parameter(torch.cat([style.pooled for style in heard]).mean(0))
        return super().adapted()

    def learned_concept(self) -> Concept:
        return Concept(self.word, self.tokens, self.pooled)

    def forward(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        style = Style(batch["style_tokens"], batch["style_mask"], batch["style_pooled"])
        style = self.learned_concept().in_style(style)
        return super().forward(batch | {f"style_{name}": value for name, value in style._asdict().items()})


def adaptable(network: nn.Module) -> list[str]:
    """The modules of a transformer's blocks that :data:`MATRICES` names."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    return [name for name in names if name.startswith("blocks.") and name.rpartition(".")[2] in MATRICES]
