"""The import direction of HOUSE: a package imports only what lies below it, and `import songdiff` is light."""

import ast
import subprocess
import sys
from pathlib import Path

import songdiff

PACKAGE = Path(songdiff.__file__).parent
LAYERS = [
    {"errors"},
    {"audio"},
    {"lyrics"},
    {"score"},
    {"composer"},
    {"conditioning", "models", "diffusion"},
    {"training", "pipelines", "evaluation", "corpus", "data"},
    {"cli"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            depth = len(path.relative_to(PACKAGE).parts) - 1
            if node.level == depth + 1 and node.module:
                found.add(node.module.split(".")[0])
            elif node.module and node.module.startswith("songdiff."):
                found.add(node.module.split(".")[1])
    return found & LEVEL.keys()


def test_imports_run_one_way():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {target}"
        for source in LEVEL
        for path in (PACKAGE / source).glob("**/*.py")
        for target in imported_packages(path)
        if LEVEL[target] > LEVEL[source]
    ]
    assert not wrong


def test_the_walk_sees_imports():
    assert imported_packages(PACKAGE / "cli" / "generate.py") >= {"pipelines", "score", "composer"}


def test_diffusion_imports_no_model():
    assert not any("models" in imported_packages(path) for path in (PACKAGE / "diffusion").glob("*.py"))


def test_import_is_light():
    heavy = ("torch", "diffusers", "accelerate", "numpy", "pydantic")
    code = f"import songdiff, sys; print([m for m in {heavy} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_public_surface():
    assert sorted(songdiff.__all__) == [
        "Score",
        "SongPipeline",
        "__version__",
        "compose",
        "load_lyrics",
        "parse_lyrics",
    ]
    assert all(getattr(songdiff, name) is not None for name in songdiff.__all__)
