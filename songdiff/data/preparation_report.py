"""What became of every song of a folder: as JSON, as a table of the command line, and as an HTML page."""

from __future__ import annotations

import html
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.table import Table

from ..corpus.shards import write_beside
from ..evaluation.drawing import page

_KINDS = {  # what a reason says → what all songs with such a reason have in common
    "cannot be read": "cannot be read",
    "same recording": "the same recording twice",
    "is a mix": "a mix without stems",
    "accompaniment": "one accompaniment in place of stems",
    "its stems": "stems that do not fit",
    "clipped": "clipped",
    "lasts": "too short",
}


class SongReport(BaseModel):
    """One song: kept or not, and why not; what is known of it, and how sure each estimate is (``estimated``)."""

    model_config = ConfigDict(extra="forbid")
    song: str
    kept: bool
    duration: float
    reasons: list[str]
    remarks: list[str]
    figures: dict[str, float]
    pieces: list[str] = []
    split: str | None = None
    tempo: float | None = None
    key: str | None = None
    time_signature: str | None = None
    genre: str | None = None
    language: str | None = None
    lines: int | None = None
    sections: list[str] = []
    captions: list[str] = []
    estimated: dict[str, float | None] = {}

    @property
    def facts(self) -> str:
        """Tempo, metre, key and genre in a few words; a question mark behind what was heard."""
        named = {
            "tempo": self.tempo and f"{self.tempo:.1f} bpm",
            "time_signature": self.time_signature,
            "key": self.key,
            "genre": self.genre,
        }
        return ", ".join(f"{text}{'?' * (name in self.estimated)}" for name, text in named.items() if text)

    @property
    def words(self) -> str:
        """How many lines are sung, and how surely they are timed."""
        if self.lines is None:
            return "unknown"
        sure = self.estimated.get("phonemes")
        return f"{self.lines} lines" + (f", {sure:.0%} heard" if sure is not None else "")


class PreparationReport(BaseModel):
    """All songs of ``folder``, and its files that belong to none (``unused``)."""

    model_config = ConfigDict(extra="forbid")
    folder: str
    songs: list[SongReport]
    unused: list[str] = []

    def save(self, out: Path) -> None:
        """Write report.json and report.html."""
        write_beside(out / "report.json", (self.model_dump_json(indent=1) + "\n").encode())
        write_beside(out / "report.html", self.page().encode())

    @property
    def summary(self) -> str:
        """One line: how many songs and hours are kept, and what the others lack."""
        kept = [song for song in self.songs if song.kept]
        hours = sum(song.duration for song in kept) / 3600
        text = f"{len(kept)} of {len(self.songs)} songs kept, {hours:.2f} hours"
        held_out = sum(song.split == "test" for song in kept)
        return text + (f", {held_out} of them held out for tests" if held_out else "")

    def table(self, most: int = 60) -> Table:
        """A row for each song; of more than ``most`` those that were left out come first."""
        table = Table(title=self.summary)
        for column in ("song", "seconds", "heard", "words", "why not; remarks"):
            table.add_column(column)
        songs = sorted(self.songs, key=lambda song: song.kept) if len(self.songs) > most else self.songs
        for song in songs[:most]:
            told = [f"[red]left out:[/red] {_plain(reason)}" for reason in song.reasons]
            told += [_plain(remark) for remark in song.remarks]
            words = song.words if song.kept else ""
            table.add_row(_plain(song.song), f"{song.duration:.1f}", song.facts, words, "\n".join(told))
        if len(songs) > most:
            table.caption = f"and {len(songs) - most} more in report.html"
        return table

    def page(self) -> str:
        """The whole report as an HTML document."""
        reasons = Counter(_kind(reason) for song in self.songs for reason in song.reasons)
        counts = "".join(f"<li>{html.escape(kind)}: {count}</li>" for kind, count in reasons.most_common())
        head = "<tr><th>song</th><th>kept</th><th>seconds</th><th>heard (? estimated)</th><th>words</th>"
        head += "<th>sections</th><th>captions</th><th>why not; remarks</th></tr>\n"
        rows = "".join(_row(song) for song in self.songs)
        unused = "".join(f"<li>{html.escape(path)}</li>" for path in self.unused)
        body = f"<p>{html.escape(self.summary)}, from {html.escape(self.folder)}</p>\n"
        body += f"<h2>Left out</h2>\n<ul>{counts}</ul>\n" if counts else ""
        body += f'<h2>Songs</h2>\n<div class="wide"><table>\n{head}{rows}</table></div>\n'
        body += f"<h2>Files that belong to no song</h2>\n<ul>{unused}</ul>\n" if unused else ""
        return page("Prepared songs", body)


def _row(song: SongReport) -> str:
    told = [f"<b>left out:</b> {html.escape(reason)}" for reason in song.reasons]
    told += [html.escape(remark) for remark in song.remarks]
    kept = f"{song.split}, {len(song.pieces)} piece{'s' * (len(song.pieces) != 1)}" if song.kept else "no"
    words = song.words if song.kept else ""
    texts = (song.song, kept, f"{song.duration:.1f}", song.facts, words, " ".join(song.sections))
    cells = [html.escape(text) for text in texts]
    cells += ["<br>".join(html.escape(caption) for caption in song.captions), "<br>".join(told)]
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"


def _kind(reason: str) -> str:
    """A reason without what is particular to one song."""
    return next((kind for sign, kind in _KINDS.items() if sign in reason), reason)


def _plain(text: str) -> str:
    """Text in which rich reads no markup."""
    return text.replace("[", r"\[")
