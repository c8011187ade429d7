"""Picking the sung line among ten, by a recogniser from outside."""

from __future__ import annotations

import ctypes
import importlib.util
import sys

import numpy as np
import pytest

from songdiff.corpus.tools import MissingToolError
from songdiff.errors import InputError
from songdiff.evaluation import lines as lines_module
from songdiff.evaluation.lines import identify_line, line_identification
from songdiff.score import Line, Score

LINES = [
    "i will find you in the morning light",
    "every star is falling from the sky",
    "hold me closer than you did before",
    "the river carries all my sorrow down",
    "we were young and running through the rain",
    "tell me why the summer had to end",
    "dancing in the shadows of the moon",
    "no one ever told me love was blind",
    "burning bridges on the road to you",
    "give me one more reason to believe",
]


def test_bad_input_is_refused_before_anything_is_heard() -> None:
    with pytest.raises(InputError, match="no words"):
        identify_line(np.zeros(16000), 16000, ["hello there", "—"])
    for seconds in (0, 61):
        with pytest.raises(InputError, match=rf"lasts {seconds} s; give 0 to 60 s"):
            identify_line(np.zeros(seconds * 1000), 1000, LINES)
    score = Score(duration=3, lines=[Line(start=0, end=2, text=LINES[0])])
    with pytest.raises(InputError, match="at least 9 distractors"):
        line_identification(score, np.zeros(100), LINES[:9], np.random.default_rng(0))
    for other in (score.model_copy(update={"language": "de"}), Score(duration=3)):
        with pytest.raises(InputError, match="cannot be identified"):
            line_identification(other, np.zeros(100), LINES, np.random.default_rng(0))


def test_distractors_are_other_lines_of_like_length() -> None:
    rng = np.random.default_rng(0)
    long, short = [f"{line} over and over again" for line in LINES * 3], [f"word{'s' * i}" for i in range(50)]
    drawn = lines_module._like("Every star is falling from the sky!", [*long, *LINES, *short], rng)
    assert len(set(drawn)) == 9
    assert "every star is falling from the sky" not in drawn
    assert not any(len(line.split()) == 1 for line in drawn)


def test_a_missing_recogniser_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    lines_module._decoder.cache_clear()
    with pytest.raises(MissingToolError, match="pip install pocketsphinx"):
        identify_line(np.zeros(16000), 16000, LINES)


@pytest.fixture(scope="module")
def spoken() -> np.ndarray:
    """The third line, spoken word by word at 16 kHz."""
    if importlib.util.find_spec("pocketsphinx") is None or importlib.util.find_spec("pyworld") is None:
        pytest.skip("needs pocketsphinx: pip install pocketsphinx")
    try:
        ctypes.CDLL("libflite.so.1")
    except OSError:
        pytest.skip("flite is not installed: apt-get install flite")
    from songdiff.corpus.speech import Flite

    return np.concatenate([Flite("rms").speak(word).waveform for word in LINES[2].split()])


def test_a_line_is_told_from_nine_others(spoken: np.ndarray) -> None:
    assert identify_line(spoken, 16000, LINES) == 2
    assert identify_line(np.stack([spoken, spoken]), 16000, ["Hold me — closer than you did before!", *LINES[3:]]) == 0
    unlisted = "throbs of gladness kneels at chapels"  # three words are not in the recogniser's dictionary
    assert identify_line(spoken, 16000, [unlisted, *LINES]) == 3


def test_the_answer_does_not_depend_on_what_was_heard_before(spoken: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, 0.3, 32000)
    first = identify_line(noise, 16000, LINES)
    for _ in range(3):
        identify_line(spoken, 16000, LINES)
    assert identify_line(noise, 16000, LINES) == first


def test_lines_are_cut_at_their_times(spoken: np.ndarray) -> None:
    rest = np.zeros(16000)
    song = np.concatenate([rest, spoken, rest, spoken[::-1], rest])
    length = len(spoken) / 16000
    lines = [
        Line(start=1, end=1 + length, text=LINES[2]),
        Line(start=2 + length, end=2 + 2 * length, text=LINES[0]),  # played backwards: nothing to tell
    ]
    score = Score(duration=len(song) / 16000, lines=lines)
    right, total = line_identification(score, song, LINES, np.random.default_rng(1), 16000)
    assert total == 2
    assert right >= 1
