import json

import numpy as np
import pytest
import torch
from torch import nn

from songdiff.training import RecipeError, load_recipe, train
from songdiff.training.adversary import Adversary
from songdiff.training.loop import Task
from songdiff.training.recipe import AdversarySettings
from songdiff.training.spectral_loss import multi_resolution_stft_loss

RECIPE = """
kind: waveform_autoencoder
output: {output}
data: {{corpus: nowhere}}
optimizer: {{lr: 1.0e-2, warmup_steps: 0}}
adversary: {{filters: 1, lr_scale: 0.5}}
steps: {steps}
batch_size: 2
crop_frames: 8
save_minutes: 1.0e-6
log_every: 1
mixed_precision: "no"
"""


@pytest.fixture
def adversary():
    torch.manual_seed(0)
    return Adversary(AdversarySettings(filters=1))


class Gain(nn.Module):
    """The smallest network with an output: noise times one number."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(0.1))

    def save_pretrained(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "gain.json").write_text(json.dumps(self.gain.item()))


class GainTask(Task):
    def __init__(self, recipe):
        super().__init__()
        torch.manual_seed(0)
        self.network, self.adversary = Gain(), Adversary(recipe.adversary)

    def parameter_groups(self):
        return [{"params": list(self.network.parameters())}, self.adversary.parameter_group()]

    def batch(self, rng):
        return {"noise": torch.from_numpy(rng.standard_normal((2, 2, 2, 3000), np.float32))}

    def forward(self, batch):
        real, noise = batch["noise"].unbind(0)
        return self.adversary.losses(self.network.gain * noise, real)


def recipe(tmp_path, name, steps):
    path = tmp_path / f"{name}-{steps}.yaml"
    path.write_text(RECIPE.format(output=tmp_path / name, steps=steps))
    return load_recipe(path)


def test_each_side_is_taught_by_its_own_losses_only(adversary):
    gain = torch.tensor(0.1, requires_grad=True)
    real, noise = torch.randn(2, 2, 2, 3000)
    losses = adversary.losses(gain * noise, real)
    assert losses["discriminator"].item() == pytest.approx(2, abs=0.2)  # it cannot tell yet
    theirs = list(adversary.parameters())
    ours = torch.autograd.grad(losses["adversarial"] + losses["features"], [gain, *theirs], allow_unused=True)
    assert ours[0] != 0
    assert all(gradient is None for gradient in ours[1:])
    losses = adversary.losses(gain * noise, real)
    ours = torch.autograd.grad(losses["discriminator"], [gain, *theirs], allow_unused=True)
    assert ours[0] is None
    assert all(gradient is not None for gradient in ours[1:])


def test_features_of_the_same_sound_are_at_no_distance(adversary):
    real = torch.randn(1, 2, 3000)
    assert adversary.losses(real.clone(), real)["features"] < 1e-6
    assert adversary.losses(0.5 * real, real)["features"] > 1e-3


def test_a_step_changes_both_and_each_at_its_own_rate(tmp_path):
    task = GainTask(recipe(tmp_path, "run", 1))
    before = [p.clone() for p in task.parameters()]
    train(task, recipe(tmp_path, "run", 1))
    moved = [(p - b).abs().max().item() for p, b in zip(task.parameters(), before, strict=True)]
    assert moved[0] == pytest.approx(1e-2, rel=0.01)  # Adam's first step is the learning rate
    assert all(0 < m < 0.6e-2 for m in moved[1:])
    row = json.loads((tmp_path / "run" / "log.jsonl").read_text())
    assert row.keys() >= {"adversarial", "features", "discriminator"}


def test_an_interrupted_duel_ends_the_same(tmp_path):
    class Interrupted(GainTask):
        def batch(self, rng):
            self.drawn = getattr(self, "drawn", 0) + 1
            if self.drawn > 2:
                raise KeyboardInterrupt
            return super().batch(rng)

    train(GainTask(recipe(tmp_path, "whole", 4)), recipe(tmp_path, "whole", 4))
    with pytest.raises(KeyboardInterrupt):
        train(Interrupted(recipe(tmp_path, "parts", 4)), recipe(tmp_path, "parts", 4))
    train(GainTask(recipe(tmp_path, "parts", 4)), recipe(tmp_path, "parts", 4))
    parts, whole = ((tmp_path / name / "export" / "gain.json").read_text() for name in ("parts", "whole"))
    assert parts == whole


def test_a_recipe_without_a_waveform_has_no_adversary(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(RECIPE.format(output="x", steps=1).replace("kind: waveform_autoencoder", "kind: transformer"))
    with pytest.raises(RecipeError, match=r"adversary: .*only for waveform_autoencoder"):
        load_recipe(path)


def test_spectral_loss_hears_level_colour_and_width():
    torch.manual_seed(0)
    left = torch.randn(1, 1, 8192) * 0.1
    mono = left.expand(1, 2, -1)
    assert sum(multi_resolution_stft_loss(mono, mono)) == 0
    convergence, log_l1 = multi_resolution_stft_loss(0.5 * mono, mono)
    assert convergence == pytest.approx(0.45, abs=0.05)  # a quiet signal: an error of a half counts a little less
    assert log_l1 == pytest.approx(np.log(2) / 2, abs=0.02)  # the side is silent in both
    wide = torch.cat([left, -left], dim=1)
    assert all(loss > 0.5 for loss in multi_resolution_stft_loss(wide, mono))
    silence = torch.zeros(1, 2, 8192, requires_grad=True)
    sum(multi_resolution_stft_loss(silence, torch.zeros(1, 2, 8192))).backward()
    assert silence.grad.isfinite().all()
