"""States on disk: the last N, damaged ones passed over, full disks refused; what a run says when it cannot go on."""

import json
import os
import shutil
import signal
from collections import namedtuple

import pytest
import torch
from test_training import LinearTask, recipe, weights

from songdiff.training import RecipeError, train
from songdiff.training.progress import check_tracker
from songdiff.training.state import StateError


def names(tmp_path, run):
    return sorted(path.name for path in (tmp_path / run / "states").iterdir())


def test_the_last_states_are_kept_and_nothing_else(tmp_path):
    train(LinearTask(), recipe(tmp_path, "run", 6))
    assert names(tmp_path, "run") == ["step-00000005.safetensors", "step-00000006.safetensors"]
    (tmp_path / "run" / "states" / "step-00000007.part").write_bytes(b"half a state")
    train(LinearTask(), recipe(tmp_path, "run", 7).model_copy(update={"keep": 1}))
    assert names(tmp_path, "run") == ["step-00000007.safetensors"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: data[:-1] + bytes([data[-1] ^ 1])]
)
def test_a_damaged_state_is_named_and_the_one_before_taken(tmp_path, capsys, damage):
    train(LinearTask(), recipe(tmp_path, "whole", 8))
    train(LinearTask(), recipe(tmp_path, "damaged", 8))
    newest = tmp_path / "damaged" / "states" / "step-00000008.safetensors"
    newest.write_bytes(damage(newest.read_bytes()))
    shutil.rmtree(tmp_path / "damaged" / "export")
    train(LinearTask(), recipe(tmp_path, "damaged", 8))
    assert "step-00000008.safetensors is damaged" in capsys.readouterr().err
    assert weights(tmp_path, "damaged") == weights(tmp_path, "whole")
    for state in (tmp_path / "damaged" / "states").glob("*.safetensors"):
        state.write_bytes(b"nothing")
    with pytest.raises(StateError, match="every state is damaged; remove the folder"):
        train(LinearTask(), recipe(tmp_path, "damaged", 8))


def test_a_full_disk_is_refused_and_loses_nothing(tmp_path, monkeypatch):
    train(LinearTask(), recipe(tmp_path, "whole", 8))
    train(LinearTask(), recipe(tmp_path, "full", 4).model_copy(update={"steps": 4}))
    before = {path: path.read_bytes() for path in (tmp_path / "full" / "states").iterdir()}
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(100))
    with pytest.raises(StateError, match=r"no room for states: 0\.00 GB are needed.*goes on from its last state"):
        train(LinearTask(), recipe(tmp_path, "full", 8))
    room = iter([10**9, 100])  # enough to begin with
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(next(room)))
    with pytest.raises(StateError, match="no room"):
        train(LinearTask(), recipe(tmp_path, "full", 8))
    assert {path: path.read_bytes() for path in (tmp_path / "full" / "states").iterdir()} == before


def test_states_of_other_models_and_versions_are_refused(tmp_path):
    train(LinearTask(), recipe(tmp_path, "run", 2))
    other = LinearTask()
    other.network = type(other.network)(3, 3, bias=False)
    with pytest.raises(StateError, match=r"of another model than the recipe's \(.*differs\); remove the folder"):
        train(other, recipe(tmp_path, "run", 4))
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "state.safetensors").write_bytes(b"")
    with pytest.raises(StateError, match=r"of an older version.*choose another output"):
        train(LinearTask(), recipe(tmp_path, "old", 2))


def test_sigterm_ends_a_run_after_its_step_and_the_log_goes_on_without_doubles(tmp_path):
    class Terminated(LinearTask):
        def forward(self, batch):
            self.done = getattr(self, "done", 0) + 1
            if self.done == 6:  # once more than steps: operations are counted first
                os.kill(os.getpid(), signal.SIGTERM)
            return super().forward(batch)

    before = signal.getsignal(signal.SIGTERM)
    late = recipe(tmp_path, "run", 9).model_copy(update={"save_minutes": 60.0, "log_every": 1})
    with pytest.raises(SystemExit) as stopped:
        train(Terminated(), late)
    assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert names(tmp_path, "run") == ["step-00000005.safetensors"]
    log = tmp_path / "run" / "log.jsonl"
    log.write_text(log.read_text() + json.dumps({"step": 6}) + '\n{"step": 7, "squ')  # as if killed later
    train(LinearTask(), late)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, 10))
    train(LinearTask(), recipe(tmp_path, "whole", 9))
    assert weights(tmp_path, "run") == weights(tmp_path, "whole")


def test_out_of_memory_is_answered_with_settings(tmp_path):
    class Large(LinearTask):
        def forward(self, batch):
            raise torch.OutOfMemoryError("CUDA out of memory")

    half = "batch_size=2 gradient_accumulation=2"
    with pytest.raises(RecipeError, match=rf"batch_size=4.*try {half} or gradient_checkpointing=true \(the same"):
        train(Large(), recipe(tmp_path, "run", 2))


def test_trackers_by_name(tmp_path):
    train(LinearTask(), recipe(tmp_path, "run", 2))
    assert list((tmp_path / "run" / "songdiff").glob("events.*"))
    with pytest.raises(RecipeError, match=r"tracker: tensorbord is none of .*tensorboard, wandb"):
        check_tracker("tensorbord")
    with pytest.raises(RecipeError, match=r"tracker: swanlab is not installed: `pip install swanlab`"):
        check_tracker("swanlab")
