"""``python songs_of_noise.py RECIPE OVERRIDES [OVERRIDES …]``: trainings of transformers on three songs of random
latents, one after the other; overrides are separated by spaces. With ``STOP="SIGTERM 4"`` in its environment it sends
itself a signal when it draws the fourth batch, while it computes or saves.

A program of its own, so that tests can start several processes of it, and kill them.
"""

import os
import signal
import sys

from test_song_tasks import song

from songdiff.training import build_task, load_recipe, song_tasks, train


def train_on_noise(path, *overrides):
    songs = [song("a", "mara"), song("b", "jonas"), song("c", None)]
    encoded, song_tasks._encoded = song_tasks._encoded, lambda recipe, split, limit: songs
    recipe = load_recipe(path, overrides)
    task = build_task(recipe)
    song_tasks._encoded = encoded
    if "STOP" in os.environ:
        name, after = os.environ["STOP"].split()
        task.batch = stopping(task.batch, signal.Signals[name], int(after))
    train(task, recipe)


def stopping(batch, how, after):
    """Draw as ``batch`` does, and with the last of ``after`` batches send this process a signal."""
    drawn = []

    def draw(rng):
        drawn.append(rng)
        if len(drawn) == after:
            os.kill(os.getpid(), how)
        return batch(rng)

    return draw


if __name__ == "__main__":
    for overrides in sys.argv[2:]:
        train_on_noise(sys.argv[1], *overrides.split())
