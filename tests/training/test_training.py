import json

import numpy as np
import pytest
import torch
from torch import nn

from songdiff.training import RecipeError, load_recipe, train
from songdiff.training.loop import Task, learning_rate_factor

RECIPE = """
kind: transformer
output: {output}
data: {{corpus: nowhere}}
optimizer: {{lr: 1.0e-2, warmup_steps: 2, decay: 0.5}}
steps: {steps}
batch_size: 4
crop_frames: 8
save_minutes: 1.0e-6
log_every: 2
mixed_precision: "no"
"""


class Network(nn.Linear):
    def save_pretrained(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.json").write_text(json.dumps(self.weight.tolist()))


class LinearTask(Task):
    """Learns y = −x."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.network = Network(3, 3)

    def batch(self, rng):
        return {"x": torch.from_numpy(rng.standard_normal((4, 3), np.float32))}

    def forward(self, batch):
        return {"square": (self.network(batch["x"]) + batch["x"]).square().mean()}


def recipe(tmp_path, name, steps):
    path = tmp_path / f"{name}-{steps}.yaml"
    path.write_text(RECIPE.format(output=tmp_path / name, steps=steps))
    return load_recipe(path)


def weights(tmp_path, name):
    return json.loads((tmp_path / name / "export" / "weights.json").read_text())


def test_training_learns_and_logs(tmp_path):
    train(LinearTask(), recipe(tmp_path, "run", 200))
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 200
    assert rows[-1]["square"] < 0.1 * rows[0]["square"]


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path):
    class Interrupted(LinearTask):
        def batch(self, rng):
            self.drawn = getattr(self, "drawn", 0) + 1
            if self.drawn > 8:
                raise KeyboardInterrupt
            return super().batch(rng)

    train(LinearTask(), recipe(tmp_path, "whole", 20))
    with pytest.raises(KeyboardInterrupt):
        train(Interrupted(), recipe(tmp_path, "parts", 20))
    train(LinearTask(), recipe(tmp_path, "parts", 20))
    assert weights(tmp_path, "parts") == weights(tmp_path, "whole")


class Faulty(LinearTask):
    """Losses that are no numbers, or far too large, in the steps that ``wrong`` names."""

    def __init__(self, wrong):
        super().__init__()
        self.wrong, self.taken = wrong, 0

    def forward(self, batch):
        losses, fault = super().forward(batch), self.wrong.get(self.taken, 1.0)
        self.taken += 1
        return {name: value * fault for name, value in losses.items()}


def test_losses_that_are_no_numbers_are_passed_over(tmp_path):
    faults = {5: float("nan"), 6: float("inf"), 40: 1e30}
    train(Faulty({i + 1: fault for i, fault in faults.items()}), recipe(tmp_path, "run", 200))
    whole = torch.tensor(weights(tmp_path, "run"))
    assert (whole + torch.eye(3)).abs().max() < 0.3


def test_a_run_that_is_lost_says_so(tmp_path):
    with pytest.raises(RecipeError, match=r"50 steps on end were not finite; lower optimizer\.lr"):
        train(Faulty({i: float("nan") for i in range(10, 1000)}), recipe(tmp_path, "run", 200))


def test_gradient_accumulation_takes_all_micro_batches(tmp_path):
    accumulating = recipe(tmp_path, "accumulated", 5).model_copy(update={"gradient_accumulation": 3})
    task = LinearTask()
    first = task.network.weight.clone()
    train(task, accumulating)
    assert not torch.equal(task.network.weight, first)


def test_schedule_rises_stays_and_falls(tmp_path):
    r = recipe(tmp_path, "schedule", 100)
    factors = [learning_rate_factor(step, r) for step in range(100)]
    assert factors[0] == 0.5
    assert factors[10] == factors[49] == 1.0
    assert 0 < factors[99] < 0.05


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("optimiser: {}", "optimiser"),
        ("optimizer: {lr: fast}", "optimizer.lr"),
        ("steps: 0", "steps"),
        ("kind: [", "not valid YAML"),
    ],
)
def test_bad_recipes_name_the_field(tmp_path, change, message):
    path = tmp_path / "bad.yaml"
    key = change.split(":")[0]
    lines = [line for line in RECIPE.format(output="x", steps=5).splitlines() if not line.startswith(key + ":")]
    path.write_text("\n".join([*lines, change]))
    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_overrides_and_missing_recipes(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text(RECIPE.format(output="x", steps=5))
    assert load_recipe(path, ("optimizer.lr=0.5", "data.corpus=there")).optimizer.lr == 0.5
    with pytest.raises(RecipeError, match=r"good\.yaml"):
        load_recipe(tmp_path / "absent.yaml")
    with pytest.raises(RecipeError, match="key=value"):
        load_recipe(path, ("steps",))
