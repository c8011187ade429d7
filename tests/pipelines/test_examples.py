"""The examples in the docstrings run, on a checkpoint of random weights."""

import doctest

import pytest

from songdiff.pipelines import known, song_pipeline
from songdiff.pipelines.checkpoint import EMBEDDED

EXAMPLES = {
    test.name.removeprefix("songdiff.pipelines."): test
    for module in (known, song_pipeline)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module)
    if test.examples
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name, checkpoint, monkeypatch):
    monkeypatch.setitem(EMBEDDED, "songdiff/tiny", str(checkpoint))
    assert not any(doctest.SKIP in example.options for example in EXAMPLES[name].examples)
    assert doctest.DocTestRunner().run(EXAMPLES[name]).failed == 0


def test_all_that_a_pipeline_does_has_one():
    for method in ("__call__", "edit", "extend", "loop", "accompany", "cover"):
        assert f"song_pipeline.SongPipeline.{method}" in EXAMPLES
    assert "known.Known.from_stems" in EXAMPLES
