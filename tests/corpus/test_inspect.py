import base64
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from songdiff.cli.main import app
from songdiff.corpus.inspect import describe, describe_loudness, inspect_corpus
from songdiff.corpus.page import EXCERPT, excerpt_start
from songdiff.corpus.plan import plan_song
from songdiff.corpus.shards import CorpusError, read_corpus, write_manifest, write_shard
from songdiff.corpus.tools import MissingToolError
from songdiff.score import TRACKS, Line, Note, Phoneme, Score, Section, Singer, Word


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Two songs of 21 s: one sung <on> a sine, one instrumental and for testing."""
    from songdiff.corpus.song import encode_song

    out = tmp_path_factory.mktemp("inspect") / "corpus"
    out.mkdir()
    sung = Score(
        duration=21.0, genre="pop", tempo=121.5, key="C major", time_signature="4/4",
        sections=[Section(label="verse", start=0, end=8), Section(label="chorus", start=8, end=21)],
        lines=[Line(start=9, end=12, text="a <on> day")], words=[Word(start=9, end=12, text="day", line=0)],
        phonemes=[Phoneme(start=9, end=9.1, symbol="d", word=0), Phoneme(start=9.1, end=12, symbol="eɪ", word=0)],
        melody=[Note(start=9.1, end=12, pitch=69, word=0, syllable=0)], singer=Singer(gender="female", style="airy"),
    )  # fmt: skip
    played = Score(duration=21.0, genre="ambient", tempo=60.0, key="D minor", time_signature="6/8", melody=[])
    time = np.arange(21 * 44100) / 44100
    waveforms = {track: np.zeros((2, len(time)), np.float32) for track in TRACKS}
    waveforms["vocals"] += np.float32(0.2) * np.sin(2 * np.pi * 440 * time).astype(np.float32)
    samples = []
    for index, score in ((0, sung), (72, played)):
        plan = plan_song(0, index)
        samples.append((plan.id, encode_song(plan, score, waveforms)))
    write_manifest(out, write_shard(out / "shard-00000.tar", samples))
    return out


def test_statistics_count_what_the_scores_say(corpus):
    rows = dict(describe(list(read_corpus(corpus))))
    assert rows["songs"] == "2, 0.01 hours, 21 to 21 s"
    assert rows["splits"] == "test 1 · train 1; hours test 0.01 · train 0.01"
    assert rows["genres"] == "ambient 1 · pop 1"
    assert rows["tempos"] == "60–79 1 · 120–139 1"
    assert rows["keys"] == "C major 1 · D minor 1"
    assert rows["styles"] == "airy 1"
    assert rows["singers"] == "female 1"
    assert rows["instrumental"] == "1; a cappella 1"
    assert rows["phonemes"] == "d 1 · eɪ 1"
    assert " eɪ " not in rows["phonemes missing"]
    assert " aɪ " in rows["phonemes missing"]
    assert rows["English diphones"].startswith("1 kinds, 0 of them")


def test_loudness_is_measured_from_the_sound(corpus):
    # a sine of RMS 0.2/√2 = −17 dBFS on two channels: −17 + 3 LUFS (BS.1770 weighs 440 Hz by about 0 dB)
    text = describe_loudness(read_corpus(corpus))
    assert abs(float(text.split(" LUFS")[0]) + 14) < 0.8
    assert "true peaks -14.0 to -14.0 dBTP" in text


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.sources, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.sources += [(tag, value) for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_holds_sound_and_pictures_itself(corpus, tmp_path):
    result = CliRunner().invoke(app, ["corpus", "inspect", str(corpus), "--html", str(tmp_path / "page.html")])
    assert result.exit_code == 0, result.output
    assert "ambient 1" in result.output
    page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.sources] == ["audio", "audio", "img"] * 2
    assert all(source.startswith("data:") for _, source in page.sources)
    assert "a <on> day" in page.text
    data = [base64.b64decode(re.sub("^[^,]*,", "", source)) for _, source in page.sources]
    sound, rate = soundfile.read(io.BytesIO(data[0]))
    assert rate == 44100
    assert abs(len(sound) / rate - EXCERPT) < 0.2
    assert np.abs(sound).max() > 0.1
    assert data[2].startswith(b"\x89PNG")


def test_excerpts_start_where_it_is_worth_listening():
    assert excerpt_start(Score(duration=60)) == 0
    assert excerpt_start(Score(duration=60, melody=[Note(start=30, end=31, pitch=60)])) == 29
    chorus = Section(label="chorus", start=55, end=60)
    assert excerpt_start(Score(duration=60, sections=[chorus])) == 40


def test_a_folder_without_songs_and_a_missing_matplotlib_are_named(corpus, tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="songdiff corpus build"):
        inspect_corpus(tmp_path)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingToolError, match="pip install matplotlib"):
        inspect_corpus(corpus, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
