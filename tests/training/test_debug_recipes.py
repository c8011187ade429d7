"""The README of recipes/debug: the whole path from nothing to a song, through the command line."""

import os
import subprocess
import sys
from pathlib import Path

RUN = Path(__file__).parents[2] / "recipes" / "debug" / "run.sh"


def test_the_whole_path(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", str(RUN), str(tmp_path)],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / "song.wav").stat().st_size == (tmp_path / "again.wav").stat().st_size > 5_000_000
    assert (tmp_path / "runs" / "transformer" / "log.jsonl").exists()
