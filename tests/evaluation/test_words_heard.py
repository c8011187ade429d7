import numpy as np
import pytest
import torch

from songdiff.errors import InputError
from songdiff.evaluation.words import align, hear, words_heard
from songdiff.models import PhonemeRecogniser
from songdiff.models.recogniser import BLANK, recogniser_loss
from songdiff.score import Line, Phoneme, Score, Word


@pytest.fixture(scope="module")
def recogniser() -> PhonemeRecogniser:
    torch.manual_seed(0)
    return PhonemeRecogniser(hidden_size=16, num_layers=1).eval()


def score(*lines: str) -> Score:
    """A score whose words are single phonemes, one every 0.2 s."""
    symbols = [(number, symbol) for number, line in enumerate(lines) for symbol in line.split()]
    spans = [{"start": 0.2 * i, "end": 0.2 * i + 0.2} for i in range(len(symbols))]
    return Score(
        duration=0.2 * len(symbols) + 1,
        lines=[Line(text=line, start=0, end=1) for line in lines],
        words=[Word(text=s, line=n, **span) for (n, s), span in zip(symbols, spans, strict=True)],
        phonemes=[
            Phoneme(symbol=s, word=i, **span) for i, ((_, s), span) in enumerate(zip(symbols, spans, strict=True))
        ],
    )


def spoken(symbols: str, recogniser: PhonemeRecogniser) -> torch.Tensor:
    """Log-probabilities (T, P) of a recogniser that is sure of ``symbols``, 4 frames each and 4 blanks after each."""
    path = [i for s in symbols.split() for i in [recogniser.inventory.index(s)] * 4 + [BLANK] * 4]
    return torch.nn.functional.one_hot(torch.tensor(path), len(recogniser.inventory)).float().mul(20).log_softmax(-1)


def test_what_is_sung_right_has_no_error(recogniser):
    asked = score("h ə l oʊ", "w ɜ l d".replace("ɜ", "ɚ"))
    heard = words_heard(spoken("h ə l oʊ w ɚ l d", recogniser), asked, recogniser)
    assert (heard.edits, heard.asked, heard.line_error, heard.missed_lines) == (0, 8, (0.0, 0.0), [])


def test_errors_are_counted_and_lie_in_their_line(recogniser):
    asked = score("h ə l oʊ", "w ɚ l d", "s i")
    heard = words_heard(spoken("h ə l oʊ oʊ k s i", recogniser), asked, recogniser)
    assert heard.asked == 10
    assert heard.edits == 4
    assert heard.missed_lines == [1]
    assert heard.line_error[0] == 0
    assert heard.line_error[2] == 0
    assert words_heard(spoken("b b b b b b b b b b", recogniser), asked, recogniser).error_rate == 1.0
    with pytest.raises(InputError, match="phonemes"):
        words_heard(spoken("s", recogniser), Score(duration=2), recogniser)


def test_alignment_finds_the_times(recogniser):
    phonemes = score("h ə l oʊ").phonemes
    times = align(spoken("h ə l oʊ", recogniser), phonemes, recogniser)
    assert np.allclose(times, np.arange(4) * 8 * recogniser.frame_seconds, atol=0.03)
    with pytest.raises(InputError, match="fit"):
        align(spoken("h", recogniser), phonemes * 20, recogniser)


def test_long_songs_in_pieces_are_heard_as_at_once(recogniser):
    waveform = 0.1 * np.random.default_rng(0).standard_normal((2, 44100 * 7)).astype(np.float32)
    at_once, in_pieces = hear(recogniser, waveform), hear(recogniser, waveform, seconds=2.0)
    assert at_once.shape == in_pieces.shape
    assert torch.allclose(at_once, in_pieces, atol=1e-4)


def test_loss_teaches_the_sequence():
    torch.manual_seed(0)
    network = PhonemeRecogniser(hidden_size=32, num_layers=1, num_mels=20, kernel_size=5)
    features, targets = torch.randn(2, 20, 24), torch.tensor([[5, 6, 7], [8, 9, BLANK]])
    labels = torch.randint(1, 10, (2, 12))
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(100):
        loss = sum(recogniser_loss(*network(features), targets, labels).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    best = network(features)[0].argmax(-1)
    sequences = [
        [int(i) for i, j in zip(row, [BLANK, *row[:-1]], strict=True) if i != j and i] for row in best.tolist()
    ]
    assert sequences == [[5, 6, 7], [8, 9]]
