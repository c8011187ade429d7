import torch

from songdiff.composer import compose, untimed_score
from songdiff.conditioning import resting_cells
from songdiff.lyrics import parse_lyrics
from songdiff.score import TRACKS, Note, Part

RATE = 44100 / 2048


def score(**update):
    return compose(parse_lyrics("the river calls me home"), "folk", duration=20.0, seed=1).model_copy(update=update)


def test_a_track_rests_from_its_tail_to_the_next_breath():
    notes = [Note(start=1.0, end=2.0, pitch=60), Note(start=12.0, end=13.0, pitch=62)]
    cells = resting_cells(score(melody=notes, phonemes=[], words=[], lines=[], backing=None), 430, RATE)[0]
    times = (torch.arange(430) + 0.5) / RATE
    inside = cells[(times > 5.1) & (times < 11.2)]
    assert inside.all()
    assert not cells[(times > 0.3) & (times < 5.0)].any()
    assert not cells[(times > 11.3) & (times < 16.0)].any()
    assert cells[times > 16.1].all()
    assert cells[times < 0.2].all()


def test_an_instrument_rests_until_it_plays():
    notes = [Note(start=1.0, end=2.0, pitch=40), Note(start=12.0, end=13.0, pitch=40)]
    bass = Part(track="bass", instrument="bass", role="bass", program=33, notes=notes)
    cells, times = resting_cells(score(parts=[bass]), 430, RATE)[2], (torch.arange(430) + 0.5) / RATE
    assert cells[times < 0.82].all()
    assert cells[(times > 5.1) & (times < 11.82)].all()
    assert not cells[(times > 11.9) & (times < 16.0)].any()


def test_an_instrumental_has_silent_vocals_and_an_a_cappella_silent_instruments():
    assert resting_cells(compose(None, "pop, instrumental", duration=12.0, seed=1), 258, RATE)[0].all()
    sung = resting_cells(compose(parse_lyrics("la la la la"), "a cappella", duration=12.0, seed=1), 258, RATE)
    assert sung[1:].all()
    assert not sung[0].all()


def test_what_is_not_known_does_not_rest():
    assert not resting_cells(untimed_score(parse_lyrics("la la"), duration=12.0), 258, RATE).any()
    cells = resting_cells(score(parts=None), 430, RATE)
    assert not cells[1:].any()
    assert cells.shape == (len(TRACKS), 430)
