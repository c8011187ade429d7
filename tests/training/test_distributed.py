"""Processes on this CPU (gloo): two train as one does, whole or split; after SIGTERM and kill -9 they go on exactly."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file
from songs_of_noise import train_on_noise

PROGRAM = Path(__file__).parent / "songs_of_noise.py"
RECIPE = """
kind: transformer
output: {folder}/run
data: {{corpus: nowhere, autoencoder: {checkpoint}/autoencoder, style_encoder: {checkpoint}/style_encoder}}
model: {{hidden_size: 32, num_layers: 2, num_heads: 1}}
optimizer: {{lr: 1.0e-3, warmup_steps: 2}}
steps: 10
batch_size: 2
crop_frames: 32
mixed_precision: "no"
tracker: null
save_minutes: 1.0e-6
keep: 10
"""
PATIENCE = 300
"""Seconds; each takes ten on two idle cores, most of it imports."""


def launch(recipe, processes, *runs, stop=None):
    """What `accelerate launch --cpu` starts, without the imports of a launcher; the last process is to ``stop`` itself.
    Returns their exit codes and what they said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    world |= {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": str(processes)}
    programs = []
    for i in range(processes):
        own = world | {"RANK": str(i), "LOCAL_RANK": str(i)} if processes > 1 else {}
        if stop is not None and i + 1 == processes:
            own = own | {"STOP": stop}
        command = [sys.executable, str(PROGRAM), str(recipe), *runs]
        env = os.environ | own
        programs.append(
            subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        )
    said = [program.communicate(timeout=PATIENCE)[1] for program in programs]
    return [program.returncode for program in programs], "\n".join(text[-3000:] for text in said)


def state(recipe, name, step=10):
    return load_file(recipe.parent / name / "states" / f"step-{step:08d}.safetensors")


def distance(a, b):
    assert a.keys() == b.keys()
    return max((a[name] - b[name]).abs().max().item() for name in a)


@pytest.fixture(scope="module")
def recipe(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("distributed")
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.format(folder=folder, checkpoint=checkpoint))
    return path


@pytest.fixture(scope="module")
def alone(recipe):
    """One process, with as many crops to a step as two have."""
    train_on_noise(recipe, f"output={recipe.parent / 'alone'}", "gradient_accumulation=2")
    return state(recipe, "alone")


@pytest.fixture(scope="module")
def together(recipe, alone):
    """Two processes: a run that SIGTERM stops and one that kill -9 does; then whole runs, and those two once more."""
    interrupted = {
        name: launch(recipe, 2, f"output={recipe.parent / name}", stop=f"{how} 5")
        for name, how in (("terminated", "SIGTERM"), ("killed", "SIGKILL"))
    }
    (recipe.parent / "resumed" / "states").mkdir(parents=True)
    halfway = "states/step-00000005.safetensors"
    shutil.copy(recipe.parent / "alone" / halfway, recipe.parent / "resumed" / halfway)
    runs = ["two", "split fsdp=true", "resumed fsdp=true", "terminated", "killed"]
    codes, said = launch(recipe, 2, *(f"output={recipe.parent}/{run}" for run in runs))
    assert codes == [0, 0], said
    return interrupted


def test_two_processes_train_as_one_does(recipe, alone, together):
    assert distance(state(recipe, "two"), alone) < 1e-5
    assert distance(state(recipe, "two", 1), state(recipe, "two")) > 1e-3


def test_split_weights_train_as_whole_ones_do(recipe, alone, together):
    assert distance(state(recipe, "split"), alone) < 1e-5


@pytest.mark.parametrize(("name", "code"), [("terminated", 143), ("killed", -9)])
def test_interrupted_processes_go_on_to_the_same_bits(recipe, together, name, code):
    codes, said = together[name]
    assert codes[1] == code, said
    if name == "terminated":  # both stop, after the same step
        assert codes == [code, code], said
    assert distance(state(recipe, name), state(recipe, "two")) == 0


def test_a_run_goes_on_with_another_number_of_processes(recipe, alone, together):
    """From one to two that split it, and back: its states are whole."""
    assert distance(state(recipe, "resumed"), alone) < 1e-5
    for later in range(6, 11):
        (recipe.parent / "split" / "states" / f"step-{later:08d}.safetensors").unlink()
    train_on_noise(recipe, f"output={recipe.parent / 'split'}", "gradient_accumulation=2")
    assert distance(state(recipe, "split"), alone) < 1e-5


@pytest.mark.parametrize(("how", "code"), [("SIGTERM", 143), ("SIGKILL", -9)])
def test_an_interrupted_process_goes_on_to_the_same_bits(recipe, alone, how, code):
    folder = f"output={recipe.parent / how}"
    codes, said = launch(recipe, 1, f"{folder} gradient_accumulation=2", stop=f"{how} 9")
    assert codes == [code], said
    train_on_noise(recipe, folder, "gradient_accumulation=2")
    assert distance(state(recipe, how), alone) == 0
