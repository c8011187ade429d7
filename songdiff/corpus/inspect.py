"""What a corpus holds: hours, styles, voices, phonemes, loudness, as a table (and a page: :mod:`.page`).

It counts what the annotations say; whether they are right is for the tests to measure from the audio.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from rich.table import Table

from ..audio.loudness import integrated_loudness, true_peak
from ..lyrics.phonemes import INVENTORY, SILENCE, UNKNOWN
from ..lyrics.pronounce import ARPABET
from ..score import Score
from .page import write_page
from .shards import CorpusError, CorpusSong, read_corpus, stems
from .synthesizer import SAMPLE_RATE

Row = tuple[str, str]
_RARE = 20  # a diphone that is sung less often than this


def inspect_corpus(corpus: Path, page: Path | None = None, sample: int = 8) -> Table:
    """Statistics of a corpus folder; every shard is checked on the way, and damaged ones are named on standard error.

    Args:
        corpus: the folder.
        page: HTML file to write with ``sample`` songs to hear and see; None for none.
        sample: on how many songs loudness is measured; they are spread over the corpus.

    Raises :class:`CorpusError` where there are no songs, :class:`.tools.MissingToolError` where a page is asked for and
        matplotlib is missing.
    """
    songs = list(read_corpus(corpus))
    if not songs:
        raise CorpusError(f"{corpus}: holds no songs; run `songdiff corpus build --out {corpus}`")
    chosen = [songs[i] for i in np.unique(np.linspace(0, len(songs) - 1, sample).round().astype(int))]
    rows = [*describe(songs), ("loudness", describe_loudness(chosen))]
    if page is not None:
        write_page(page, str(corpus), rows, chosen)
    table = Table(title=str(corpus), show_header=False, show_lines=True)
    for row in rows:
        table.add_row(*row)
    return table


def describe(songs: Sequence[CorpusSong]) -> list[Row]:
    """Rows of (what, how many songs of which kind), from the songs' annotations."""
    scores = [song.score for song in songs]
    hours = Counter[str]()
    for song in songs:
        hours[song.split] += song.score.duration / 3600  # type: ignore[assignment]
    durations = [score.duration for score in scores]
    sung = [score for score in scores if score.melody]
    words = [word.text for score in sung for word in score.words or []]
    return [
        ("songs", f"{len(songs)}, {sum(durations) / 3600:.2f} hours, {min(durations):.0f} to {max(durations):.0f} s"),
        ("splits", _listed(Counter(song.split for song in songs)) + "; hours " + _listed(hours, ".2f")),
        ("genres", _listed(Counter(str(score.genre) for score in scores))),
        ("time signatures", _listed(Counter(str(score.time_signature) for score in scores))),
        ("tempos", _listed(Counter(_tempo_range(score) for score in scores), by_name=True)),
        ("keys", _listed(Counter(str(score.key) for score in scores))),
        ("songs that change key", str(sum(any(part.key for part in score.sections or []) for score in scores))),
        ("sections", _listed(Counter(part.label for score in scores for part in score.sections or []))),
        ("instruments", _listed(Counter(name for score in scores for name in _instruments(score)))),
        ("instrumental", f"{len(scores) - len(sung)}; a cappella {sum(not score.parts for score in sung)}"),
        ("languages", _listed(Counter(score.language for score in sung))),
        ("voices", _listed(Counter(str(song.voice) for song in songs if song.voice))),
        ("singers", _listed(Counter(str(score.singer and score.singer.gender) for score in sung))),
        ("styles", _listed(Counter(str((score.singer and score.singer.style) or "plain") for score in sung))),
        ("backing", _listed(Counter(line.kind for score in sung for line in score.backing or []))),
        ("captions", f"{len({caption for song in songs for caption in song.captions})} different ones"),
        ("words", f"{len(words)}, {len(set(words))} kinds"),
        *_phonemes(sung),
    ]


def describe_loudness(songs: Iterable[CorpusSong]) -> str:
    """Loudness and true peaks of the mixes of some songs."""
    mixes = [np.sum(list(stems(song).values()), axis=0) for song in songs]
    loudness = [integrated_loudness(mix, SAMPLE_RATE) for mix in mixes]
    peaks = [true_peak(mix) for mix in mixes]
    return (
        f"{np.median(loudness):.1f} LUFS ({min(loudness):.1f} to {max(loudness):.1f}), true peaks "
        f"{min(peaks):.1f} to {max(peaks):.1f} dBTP, over {len(mixes)} songs"
    )


def _phonemes(scores: Sequence[Score]) -> list[Row]:
    """How often each phoneme is sung, what is missing, and pairs of phonemes within a line of English."""
    sung = Counter(phoneme.symbol for score in scores for phoneme in score.phonemes or [])
    pairs = Counter[tuple[str, str]]()
    for score in scores:
        if score.language.startswith("en"):
            lines = [word.line for word in score.words or []]
            for one, other in itertools.pairwise(score.phonemes or []):
                if lines[one.word] == lines[other.word]:
                    pairs[one.symbol, other.symbol] += 1
    missing = [symbol for symbol in INVENTORY if symbol not in sung and symbol not in (UNKNOWN, SILENCE)]
    english = sorted(set(ARPABET.values()) - sung.keys())
    often = sum(count >= _RARE for count in pairs.values())
    return [
        ("phonemes", _listed(sung)),
        ("phonemes missing", f"of English: {' '.join(english) or 'none'}; of all: {' '.join(missing) or 'none'}"),
        ("English diphones", f"{len(pairs)} kinds, {often} of them {_RARE} times or more"),
    ]


def _tempo_range(score: Score) -> str:
    if score.tempo is None:
        return "unknown"
    low = int(score.tempo // 20 * 20)
    return f"{low:3d}–{low + 19}"


def _instruments(score: Score) -> set[str]:
    return {part.instrument for part in score.parts or [] if part.notes}


def _listed(counts: Counter[str], form: str = "d", by_name: bool = False) -> str:
    """``"pop 12 · rock 9"``: most frequent first, or in order of their names."""
    items = sorted(counts.items()) if by_name else sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return " · ".join(f"{name.strip()} {count:{form}}" for name, count in items) or "none"
