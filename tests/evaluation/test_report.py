import io
import re

import numpy as np
import pytest
from rich.console import Console

from songdiff.errors import InputError
from songdiff.evaluation.compare import compare, differences
from songdiff.evaluation.page import write_report_page
from songdiff.evaluation.report import Mean, Report, Row, bootstrap, means
from songdiff.evaluation.songs import Audio, Song
from songdiff.score import TRACKS, Line, Note, Score, Word


def rows(values, names="abcdefghijkl"):
    return [
        Row(name=name, prompt="folk", seconds=10, figures={"music.pitch": float(v), "music.never": None})
        for name, v in zip(names, values, strict=False)
    ]


def report(values, **kwargs):
    return Report.of("model", rows(values, **kwargs), rows(np.ones(6)), ["style is not measured: <no probe>"])


def test_means_leave_out_what_was_not_measured():
    songs = rows([1, 2, 3, 4, 5])
    songs[0].figures["music.pitch"] = None
    found = means(songs)
    assert found.keys() == {"music.pitch"}
    assert (found["music.pitch"].mean, found["music.pitch"].songs) == (3.5, 4)
    assert found["music.pitch"].low is None


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    intervals = [bootstrap(rng.normal(3, 1, 40)) for _ in range(100)]
    assert 85 <= sum(low < 3 < high for low, high in intervals) <= 100
    assert np.mean([high - low for low, high in intervals]) == pytest.approx(2 * 1.96 / 40**0.5, rel=0.1)
    assert bootstrap(np.arange(9.0)) == bootstrap(np.arange(9.0))
    assert bootstrap(np.arange(4.0)) == (None, None)


def test_a_report_comes_back_as_it_was_written(tmp_path):
    before = report([1, 2, 3, 4, 5, 6])
    before.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == before
    assert before.machine.cores >= 1


def test_reports_that_cannot_be_read_are_refused(tmp_path):
    path = tmp_path / "report.json"
    report([1, 2]).save(path)
    path.write_text(path.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(InputError, match=r"report\.json.*version"):
        Report.load(path)
    path.write_text("{}")
    with pytest.raises(InputError, match="songdiff evaluate"):
        Report.load(path)
    with pytest.raises(InputError, match="absent"):
        Report.load(tmp_path / "absent.json")


def test_a_small_steady_difference_shows_only_between_the_same_songs():
    first = np.array([0.1, 0.9, 0.3, 0.7, 0.5, 0.2, 0.8, 0.4])
    second = first + np.linspace(0.02, 0.04, 8)
    (paired,) = differences(report(first), report(second))
    assert paired.significant
    assert (paired.pairs, paired.second - paired.first) == (8, pytest.approx(0.03))
    (unpaired,) = differences(report(first), report(second, names="mnopqrst"))
    assert not unpaired.significant
    assert unpaired.pairs == 0
    assert not differences(report(first), report(first))[0].significant


def test_figures_of_all_songs_together_are_compared_without_an_interval():
    first, second = report([1, 2]), report([1, 2], names="yz")
    for song_report, distance in ((first, 2.0), (second, 3.5)):
        song_report.figures["sound.frechet"] = Mean(mean=distance, low=None, high=None, songs=2)
    for other in (second, first.model_copy(update={"figures": second.figures})):
        found = {row.figure: row for row in differences(first, other)}
        assert (found["sound.frechet"].first, found["sound.frechet"].second) == (2.0, 3.5)
        assert not found["sound.frechet"].significant


def test_the_table_marks_what_is_significant():
    console = Console(file=io.StringIO(), width=200)
    console.print(compare(report(np.zeros(6)), report([1, 2, 3, 2, 1, 2])))
    console.print(compare(report([0, 0]), report([1, 1])))
    text = console.file.getvalue()
    assert re.search(r"music\.pitch .*\+1\.8\d+ \(.*\*", text)
    assert "+1 (–)" in text
    assert "paired" in text


def test_the_page_holds_figures_pictures_and_sound_itself(tmp_path):
    time = np.arange(3 * 44100) / 44100
    tone = np.tile(0.2 * np.sin(2 * np.pi * 220 * time), (2, 1)).astype(np.float32)
    score = Score(
        duration=3, melody=[Note(start=0, end=3, pitch=57)],
        lines=[Line(start=0, end=3, text="a <on> day")], words=[Word(start=0, end=3, text="day", line=0)],
    )  # fmt: skip
    stems = {track: tone / 4 for track in TRACKS}
    songs = [Song(name, "folk & blues", score, lambda: Audio(tone, stems)) for name in "abcdef"]
    path = tmp_path / "page.html"
    write_report_page(path, report([1, 2, 3, 4, 5, 6]), songs, pictured=2)
    text = path.read_text(encoding="utf-8")
    sources = re.findall(r'src="([^"]{20})', text)
    assert [source[:14] for source in sources] == ["data:audio/mpe", "data:audio/mpe", "data:image/png"] * 2
    assert "http" not in re.sub(r'src="[^"]*"', "", text)
    for piece in ("a &lt;on&gt; day", "folk &amp; blues", "&lt;no probe&gt;", "music.pitch", "3.5"):
        assert piece in text
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match=r"\.html"):
        write_report_page(tmp_path / "page.pdf", report([1]), songs)
