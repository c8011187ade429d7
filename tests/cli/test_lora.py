"""``--lora`` as a user meets it, on a checkpoint and adapters of random weights."""

import json
import sys

import pytest
import torch

from songdiff.cli.main import main
from songdiff.models import SongTransformer
from songdiff.models.adapter import Concept, fingerprint, save_adapter

SETTINGS = {"r": 2, "lora_alpha": 2}
QUICK = ("--steps", 1, "--guidance", 1, "--style-guidance", 1)


@pytest.fixture(scope="module")
def home(checkpoint, tmp_path_factory):
    """A folder with words, two LoRAs, a concept and the song that the checkpoint makes without them."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "words.txt").write_text("the river is calling my name\n")
    base = SongTransformer.from_pretrained(checkpoint / "transformer", dtype=torch.float32)
    draw = torch.Generator().manual_seed(0)
    for name in ("a", "b", "mine"):
        matrices = {
            f"base_model.model.blocks.{block}.qkv.lora_{factor}.weight": torch.randn(*shape, generator=draw)
            for block in (0, 1)
            for factor, shape in (("A", (2, 32)), ("B", (96, 2)))
        }
        vectors = torch.randn(2, 16, generator=draw), torch.randn(16, generator=draw)
        concept = Concept("<mine>", *vectors) if name == "mine" else None
        file = save_adapter(folder / "trained", matrices, SETTINGS, fingerprint(base), concept)
        file.rename(folder / f"{name}.safetensors")
    return folder


@pytest.fixture
def run(home, capsys):
    """Runs a command in ``home``: exit code and what it says on stderr."""

    def command(*arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(home)
            patch.setattr(sys, "argv", ["songdiff", *map(str, arguments)])
            with pytest.raises(SystemExit) as stopped:
                main()
        return stopped.value.code or 0, capsys.readouterr().err

    return command


@pytest.fixture
def generate(checkpoint, home, run):
    """Makes a song with some adapters and returns its latents' bytes and what is said."""

    def command(name, *arguments, prompt="folk"):
        code, said = run(
            "generate", "--prompt", prompt, "--duration", 3, "--seed", 3, *QUICK, "--model", checkpoint,
            "--keep-latents", *arguments, "-o", name,
        )  # fmt: skip
        assert code == 0, said
        return (home / name).with_suffix(".latents.safetensors").read_bytes(), said

    return command


def test_loras_are_recorded_replayed_and_kept_by_edits(home, run, generate):
    plain, _ = generate("plain.wav")
    assert generate("zero.wav", "--lora", "a.safetensors:0")[0] == plain
    assert "adapters" not in json.loads((home / "plain.json").read_text())["request"]
    both, _ = generate("both.wav", "--lora", "a.safetensors", "--lora", "b.safetensors:0.5")
    assert both != generate("one.wav", "--lora", "a.safetensors")[0] != plain
    recorded = json.loads((home / "both.json").read_text())["request"]["adapters"]
    assert [(file["file"], file["scale"]) for file in recorded] == [("a.safetensors", 1.0), ("b.safetensors", 0.5)]
    (home / "again").mkdir()
    assert run("replay", "both.json", "-o", "again/both.wav")[0] == 0
    assert (home / "again" / "both.wav").read_bytes() == (home / "both.wav").read_bytes()

    edit = ("edit", "both.wav", "--span", "1:2", "--seed", 1, *QUICK, "-o")
    assert run(*edit, "edited.wav")[0] == 0
    assert json.loads((home / "edited.json").read_text())["edit"]["adapters"] == recorded
    assert run("replay", "edited.json", "-o", "again/edited.wav")[0] == 0
    assert (home / "again" / "edited.wav").read_bytes() == (home / "edited.wav").read_bytes()
    assert run(*edit, "other.wav", "--lora", "b.safetensors")[0] == 0
    assert (home / "other.wav").read_bytes() != (home / "edited.wav").read_bytes()

    content = (home / "b.safetensors").read_bytes()
    (home / "b.safetensors").write_bytes((home / "a.safetensors").read_bytes())
    code, said = run("replay", "both.json", "-o", "again.wav")
    (home / "b.safetensors").write_bytes(content)
    assert code == 2
    assert "songdiff: b.safetensors: has changed since this song was made with it" in said


def test_extensions_covers_and_accompaniments_take_them_too(home, run, generate, checkpoint):
    generate("song.wav", "--stems", "stems")
    (home / "score.json").write_text(json.dumps(json.loads((home / "song.json").read_text())["score"]))
    commands = {
        "extend": ("extend", "song.wav", "--after", 2),
        "cover": ("cover", "song.wav", "--prompt", "jazz"),
        "accompany": ("accompany", "vocals=stems/vocals.wav", "--score", "score.json", "--model", checkpoint),
    }
    for name, command in commands.items():
        made = {}
        for tag, adapters in (
            ("plain", ()),
            ("zero", ("--lora", "a.safetensors:0")),
            ("own", ("--lora", "a.safetensors")),
        ):
            code, said = run(*command, "--seed", 2, *QUICK, *adapters, "-o", f"{name}-{tag}.wav")
            assert code == 0, said
            made[tag] = (home / f"{name}-{tag}.wav").read_bytes()
        assert made["plain"] == made["zero"] != made["own"]
    assert json.loads((home / "cover-own.json").read_text())["edit"]["adapters"][0]["file"] == "a.safetensors"


def test_a_concepts_word_is_known_where_it_is_loaded(generate):
    plain, said = generate("plain.wav", prompt="folk, <mine>")
    assert "the style words <mine> are not known" in said
    concept, said = generate("concept.wav", "--lora", "mine.safetensors", prompt="folk, <mine>")
    assert "not known" not in said
    assert concept != plain
    assert generate("other.wav", "--lora", "mine.safetensors")[0] == generate("base.wav")[0]


def test_files_that_are_no_adapters_are_refused_before_anything_is_made(checkpoint, home, run):
    before = sorted(home.iterdir())
    for text, message in (
        ("nowhere.safetensors", "nowhere.safetensors: there is no such file"),
        ("a.safetensors:loud", "a.safetensors:loud: write FILE, or FILE:SCALE"),
        ("words.txt", "words.txt: cannot be read as an adapter"),
    ):
        code, said = run("generate", "words.txt", "--model", checkpoint, "--lora", text)
        assert code == 2
        assert f"songdiff: {message}" in said
    assert sorted(home.iterdir()) == before
