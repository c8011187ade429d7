"""docs/training.md: its commands, in order and in one folder. The first goes from nothing to a song (recipes/debug)."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_walk_through(tmp_path):
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "training.md").read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks:
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert result.returncode == 0, f"{block}\n{result.stderr[-3000:]}"
    assert (tmp_path / "song.wav").stat().st_size == (tmp_path / "again.wav").stat().st_size > 5_000_000
    rows = [json.loads(line) for line in (tmp_path / "runs" / "transformer" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 12
    assert any("words.phoneme_error_vocals" in row for row in rows)
    assert (tmp_path / "runs" / "two" / "export" / "config.json").exists()
    assert (tmp_path / "runs" / "again" / "export" / "config.json").exists()
