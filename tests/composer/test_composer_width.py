"""The composer at full width: genres, keys, modulation, emotion, motifs, voices, backing, dynamics."""

import itertools
import random
import statistics
from collections import Counter
from functools import lru_cache

import pytest

from songdiff.composer import GENRES, compose, parse_style
from songdiff.composer.drums import FILLS
from songdiff.composer.harmony import SCALES, Key, brightness
from songdiff.composer.melody import Melodist
from songdiff.lyrics.parse import parse_lyrics
from songdiff.score import PITCH_CLASSES, Note, Score, Singer, chord_pitch_classes

CHORUS = "[Chorus]\nHold me now, hold me tight\nWe are dancing in the light\n"
SONG = parse_lyrics(
    "[Verse]\nWalking down the river in the morning light\nI can hear the water calling out my name\n"
    + CHORUS
    + "[Verse]\nRunning up the mountain in the evening rain\nI can see the city burning in the sun\n"
    + CHORUS
    + "[Bridge]\nOver the hills and over the sea\n"
    + CHORUS
)


@lru_cache(maxsize=1)
def songs() -> list[Score]:
    """One short song of every genre, twice."""
    return [compose(SONG, genre=genre, seed=seed, duration=48) for seed, genre in enumerate([*GENRES] * 2)]


def lines_of(score: Score) -> list[list[Note]]:
    words = score.words or []
    return [
        [note for note in score.melody or [] if words[note.word or 0].line == i] for i in range(len(score.lines or []))
    ]


def shift_of(score: Score, time: float) -> int:
    home = Key.parse(score.key or "")
    section = next(s for s in reversed(score.sections or []) if s.start <= time + 0.01)
    return (Key.parse(section.key or str(home)).tonic - home.tonic) % 12


def minor_share(score: Score) -> float:
    chords = [(c.end - c.start, chord_pitch_classes(c.label)) for c in score.chords or []]
    dark = sum(length for length, (root, tones) in chords if root is not None and (root + 3) % 12 in tones)
    return dark / sum(length for length, _ in chords)


def strokes_a_second(score: Score) -> float:
    return sum(len({round(note.start, 2) for note in part.notes}) for part in score.parts or []) / score.duration


def correlation(xs: list[float], ys: list[float]) -> float:
    return statistics.correlation(xs, ys)


def test_the_genres_are_many_and_cover_tempos_metres_and_modes() -> None:
    assert len(GENRES) >= 26
    assert min(genre.tempo[0] for genre in GENRES.values()) == 55
    assert max(genre.tempo[1] for genre in GENRES.values()) == 180
    metres = Counter(genre.time_signature for genre in GENRES.values())
    assert metres["6/8"] >= 2
    assert metres["3/4"] >= 1
    assert {mode for genre in GENRES.values() for mode in genre.modes} == set(SCALES)
    grooves = {str(sorted((k, sorted(v.items())) for k, v in genre.grooves.items())) for genre in GENRES.values()}
    assert len(grooves) == len(GENRES)
    assert {genre.fills for genre in GENRES.values()} == {*FILLS, ""}


def test_all_keys_come_up_and_few_songs_modulate() -> None:
    scores = songs()
    assert {score.key.split()[0] for score in scores if score.key} == set(PITCH_CLASSES)
    share = sum(any(section.key for section in score.sections or []) for score in scores) / len(scores)
    assert 0.05 < share < 0.3


def test_a_modulation_lifts_chords_melody_and_bass_within_the_range() -> None:
    scores = [compose(SONG, "pop, E minor", seed=seed) for seed in range(24)]
    lifted = [score for score in scores if any(section.key for section in score.sections or [])]
    assert lifted
    for score in lifted:
        assert score.key == "E minor"
        assert score.singer is not None
        assert all(score.singer.low <= note.pitch <= score.singer.high for note in score.melody or [])
        chords: dict[int, set[str]] = {}
        for chord in score.chords or []:
            chords.setdefault(shift_of(score, chord.start), set()).add(chord.label)
        assert len(chords) == 2
        up = max(chords)
        assert 1 <= up <= 3
        lines = lines_of(score)
        first, last = lines[2], lines[-2]
        if shift_of(score, last[-1].start) == up:  # the last chorus is the first one, higher
            assert [note.pitch + up for note in first] == [note.pitch for note in last]
        bass = next(part for part in score.parts or [] if part.track == "bass")
        final = next(s for s in score.sections or [] if s.key)
        roots = {chord_pitch_classes(c.label)[0] for c in score.chords or [] if final.start <= c.start < final.end}
        beats = [note.pitch % 12 for note in bass.notes if final.start - 0.02 <= note.start < final.end - 0.05]
        assert sum(pitch in roots for pitch in beats) > 0.6 * len(beats)


def test_harmony_follows_valence() -> None:
    assert brightness("I | IV | V") > brightness("I | vi | ii7") > brightness("i | iv | v")
    rng = random.Random(0)
    scores = []
    for seed in range(48):
        mood = rng.choice(("sad", "gloomy", "moody", "romantic", "happy", "joyful", "sunny", "angry"))
        genre = ("pop", "ballad", "rock", "soul", "folk", "orchestral")[seed % 6]
        scores.append(compose(None, f"{genre}, {mood}", seed=seed, duration=24))
    valence = [statistics.fmean(point.valence for point in score.emotion or []) for score in scores]
    assert correlation(valence, [minor_share(score) for score in scores]) < -0.5


def test_a_mood_that_is_asked_for_is_kept_in_every_genre() -> None:
    kept = []
    for genre, mood in itertools.product(GENRES, ("gloomy", "cheerful")):
        score = compose(None, f"{genre}, {mood}", seed=1, duration=24)
        assert score.key is not None
        bright = score.key.split()[1] in ("major", "mixolydian")
        dark = minor_share(score)
        kept += [bright == (mood == "cheerful"), dark < 0.5 if mood == "cheerful" else dark > 0.3]
    assert statistics.fmean(kept) > 0.93


def test_within_one_key_the_chords_still_follow_valence() -> None:
    def share(mood: str, key: str) -> float:
        return statistics.fmean(
            minor_share(compose(None, f"{genre}, {mood}", key=key, seed=seed, duration=24))
            for genre in ("pop", "folk", "soul")
            for seed in range(5)
        )

    for key in ("C major", "A minor"):
        assert share("gloomy", key) > share("joyful", key) + 0.05, key


def test_density_and_tempo_follow_arousal() -> None:
    rng = random.Random(0)
    scores = []
    for seed, genre in enumerate([*GENRES] * 2):
        mood = rng.choice(("calm", "peaceful", "melancholic", "romantic", "catchy", "fun", "aggressive", "epic"))
        scores.append(compose(None, f"{genre}, {mood}", seed=seed, duration=24))
    arousal = [statistics.fmean(point.arousal for point in score.emotion or []) for score in scores]
    paces = []
    for score in scores:
        low, high = GENRES[score.genre or ""].tempo
        paces.append(((score.tempo or 0) - low) / (high - low))
    assert correlation(arousal, [strokes_a_second(score) for score in scores]) > 0.5
    assert correlation(arousal, paces) > 0.5
    for genre in ("pop", "jazz", "house", "celtic"):  # within a genre, at one tempo
        calm, wild = (
            statistics.fmean(
                strokes_a_second(compose(None, f"{genre}, {mood}", seed=s, tempo=GENRES[genre].tempo[0], duration=24))
                for s in range(3)
            )
            for mood in ("calm", "furious")
        )
        assert wild > 1.2 * calm, genre


def test_dynamics_follow_the_sections() -> None:
    for score in songs():
        assert score.dynamics is not None
        assert set(score.dynamics) == {"vocals"} | {part.track for part in score.parts or []}
        for levels in score.dynamics.values():
            assert all(abs(level.decibels) <= 6 for level in levels)
            assert all(a.time < b.time for a, b in itertools.pairwise(levels))
            assert (levels[0].time, levels[-1].time) == (0.0, pytest.approx(score.duration))
        drums = {level.time: level.decibels for level in score.dynamics["drums"]}
        of = {section.label: drums[section.end] for section in score.sections or [] if section.end in drums}
        assert of["chorus"] > of["verse"] > of["intro"] - 0.5
    calm, wild = (compose(SONG, f"pop, {mood}", seed=1).dynamics for mood in ("calm", "furious"))
    assert calm is not None
    assert wild is not None
    assert statistics.fmean(x.decibels for x in wild["drums"]) > statistics.fmean(x.decibels for x in calm["drums"]) + 1


def test_some_genres_stop_dead_and_others_ring() -> None:
    for genre, rings in (("punk", False), ("pop", True), ("celtic", False), ("ballad", True)):
        score = compose(SONG, genre=genre, seed=2)
        left = score.duration - max(note.end for part in score.parts or [] for note in part.notes)
        assert (left < 0.2) == rings, genre


def test_bands_come_in_differently_and_fills_open_sections() -> None:
    entries: set[tuple[bool, bool]] = set()
    for seed in range(12):
        score = compose(SONG, genre=("rock", "house", "ballad")[seed % 3], seed=seed, duration=70)
        intro = (score.sections or [])[0]
        drums, bass = (next(p for p in score.parts or [] if p.track == track) for track in ("drums", "bass"))
        middle = (intro.start + intro.end) / 2
        entries.add((drums.notes[0].start < 0.3, bass.notes[0].start < middle))
    assert len(entries) == 3

    def last_beats(genre: str) -> set[tuple[int, ...]]:
        """Which drums sound in the half bar before each chorus."""
        score = compose(SONG, genre=genre, seed=1, duration=70)
        drums = next(part for part in score.parts or [] if part.track == "drums").notes
        starts = [section.start for section in score.sections or [] if section.label == "chorus"]
        beat = 60 / (score.tempo or 0)
        return {tuple(sorted({n.pitch for n in drums if t - 2 * beat < n.start + 0.02 < t})) for t in starts}

    assert len({frozenset(last_beats(genre)) for genre in ("rock", "ballad", "techno", "trap", "jazz", "folk")}) == 6


def test_the_theme_returns_varied_in_like_sections() -> None:
    """The first lines of both verses have the same number of syllables: their contours agree, those of other songs'
    do not."""

    def contour(notes: list[Note]) -> list[int]:
        heads = list({note.word * 10 + (note.syllable or 0): note for note in notes if note.word is not None}.values())
        return [(b.pitch > a.pitch) - (b.pitch < a.pitch) for a, b in itertools.pairwise(heads)]

    def alike(a: list[int], b: list[int]) -> float:
        return sum(x == y for x, y in zip(a, b, strict=False)) / min(len(a), len(b))

    scores = [compose(SONG, "pop, plain vocals", seed=seed) for seed in range(14)]
    lines = [[contour(notes) for notes in lines_of(score)] for score in scores]
    within = statistics.fmean(alike(line[0], line[4]) for line in lines)
    between = statistics.fmean(alike(a[0], b[4]) for a, b in itertools.permutations(lines, 2))
    assert within > between + 0.2


def test_sections_and_players_vary_one_theme() -> None:
    pop = GENRES["pop"]
    for seed in map(str, range(8)):
        singer = Melodist(Key(0, "major"), pop, 55, 74, 0.0, seed)
        player = Melodist(Key(0, "major"), pop, 60, 79, 0.0, f"{seed}/lead", theme=seed)
        verse, chorus, bridge = (singer._motif(label) for label in ("verse", "chorus", "bridge"))
        assert player._motif("chorus") == chorus == [1.3 * step for step in verse]
        turned = [verse[i:] + verse[:i] for i in range(len(verse))]
        assert bridge in ([-step for step in verse], verse[::-1], *turned)
    assert len({tuple(Melodist(Key(0, "major"), pop, 55, 74, 0.0, str(s))._motif("verse")) for s in range(8)}) > 6


def test_a_cappella_has_no_band() -> None:
    for prompt in ("a cappella folk", "acapella pop, female vocals"):
        score = compose(SONG, prompt, seed=3, duration=60)
        assert score.parts == []
        assert score.chords is not None
        assert {chord.label for chord in score.chords} == {"N"}
        assert score.sections is not None
        assert all(section.end - section.start < 5 for section in score.sections if section.label == "break")
        assert set(score.dynamics or {}) == {"vocals"}
        assert score.melody
    assert compose(None, "a cappella pop", duration=20).parts  # nobody sings: somebody must play


@pytest.mark.parametrize(
    ("prompt", "style", "genre"),
    [
        ("rap, hip hop", "rap", "hip-hop"),
        ("rock with rapping", "rap", "rock"),
        ("spoken word jazz", "rap", "jazz"),
        ("powerful vocals, pop", "belted", "pop"),
        ("whispery folk", "airy", "folk"),
        ("metal, soft vocals", "soft", "metal"),
    ],
)
def test_the_prompt_chooses_how_it_is_sung(prompt: str, style: str, genre: str) -> None:
    assert parse_style(prompt).unknown_words == ()
    score = compose(SONG, prompt, seed=1)
    assert score.singer is not None
    assert (score.singer.style, score.genre) == (style, genre)
    assert compose(SONG, "rap", seed=3).genre in ("hip-hop", "trap")
    assert compose(SONG, genre="rap").genre == "hip-hop"


def test_genres_have_their_voices_and_a_given_singer_stays() -> None:
    def most(genre: str) -> str | None:
        styles = [compose(SONG, genre=genre, seed=seed).singer for seed in range(5)]
        return Counter(singer.style for singer in styles if singer).most_common(1)[0][0]

    assert [most(genre) for genre in ("trap", "metal", "ambient")] == ["rap", "belted", "airy"]
    singer = Singer(name="mara", gender="female", low=55, high=72, style="airy", timbre=["smoky"], vibrato=0.2)
    assert compose(SONG, "metal, male, belting, clear voice", singer=singer).singer == singer
    filled = compose(SONG, "metal, belting", singer=singer.model_copy(update={"style": None, "timbre": []})).singer
    assert filled is not None
    assert (filled.name, filled.style, filled.vibrato) == ("mara", "belted", 0.2)


def test_rap_stays_near_one_pitch_and_its_phrases_fall() -> None:
    near = total = falls = lines = 0
    rate: dict[str, float] = {}
    for style in ("rap", "plain vocals"):
        scores = [compose(SONG, f"hip-hop, {style}", seed=seed) for seed in range(6)]
        long = [notes for score in scores for notes in lines_of(score) if len(notes) >= 9]
        rate[style] = statistics.fmean(len(notes) / (notes[-1].end - notes[0].start) for notes in long)
        if style != "rap":
            continue
        for notes in long:
            home = statistics.mode(note.pitch for note in notes)
            near += sum(abs(note.pitch - home) <= 1 for note in notes)
            total += len(notes)
            falls += notes[-1].pitch < home
            lines += 1
            assert len({(note.word, note.syllable) for note in notes}) == len(notes)  # no melisma
    assert near / total > 0.55
    assert falls / lines > 0.9
    assert rate["rap"] > 1.2 * rate["plain vocals"]


def test_backing_is_sparing_consonant_and_on_the_words_of_the_lead() -> None:
    scores = songs()
    some = [score for score in scores if score.backing]
    assert all(score.backing is not None for score in scores)
    assert 0.2 < len(some) / len(scores) < 0.5
    intervals: Counter[int] = Counter()
    rubs = total = 0
    for score in some:
        lead = {(n.word, n.syllable, n.start): n for n in score.melody or []}
        words = score.words or []
        for voice in score.backing or []:
            own = {note.word for note in voice.notes}
            assert own == {i for i, w in enumerate(words) if voice.start <= w.start and w.end <= voice.end + 1e-9}
            for note in voice.notes:
                sung = lead[note.word, note.syllable, note.start]
                assert note.end == sung.end
                if voice.kind == "double":
                    assert note.pitch == sung.pitch
                    continue
                assert score.singer is not None
                assert score.singer.low <= note.pitch <= score.singer.high + 4
                intervals[abs(note.pitch - sung.pitch)] += 1
                chord = next(c for c in reversed(score.chords or []) if c.start <= (note.start + note.end) / 2)
                tones = chord_pitch_classes(chord.label)[1]
                total += note.end - note.start > 0.35
                rubs += (
                    note.end - note.start > 0.35
                    and note.pitch % 12 not in tones
                    and bool({(note.pitch + 1) % 12, (note.pitch - 1) % 12} & set(tones))
                )
    assert {voice.kind for score in some for voice in score.backing or []} == {"double", "harmony"}
    assert set(intervals) <= {0, 3, 4, 5, 8, 9}
    assert intervals[3] + intervals[4] > 0.6 * sum(intervals.values())
    assert rubs < 0.05 * total
    assert compose(SONG, "pop, no harmonies", seed=4).backing == []
    assert compose(SONG, "pop with vocal harmonies", seed=4).backing


def test_soul_singers_ornament_and_rock_singers_hardly() -> None:
    def ornamented(genre: str) -> float:
        shares = []
        for seed in range(10):
            score = compose(SONG, genre=genre, seed=seed)
            counts = Counter((note.word, note.syllable) for note in score.melody or [])
            assert max(counts.values()) <= 4
            ends = [counts[notes[-1].word, notes[-1].syllable] > 1 for notes in lines_of(score)]
            shares.append(sum(ends) / len(ends))
        return statistics.fmean(shares)

    assert ornamented("r&b") > 0.25
    assert ornamented("r&b") > 2 * ornamented("rock")


@pytest.mark.parametrize("genre", ["pop", "techno", "celtic", "trap", "ballad"])
def test_long_songs_have_more_sections_rather_than_gaps(genre: str) -> None:
    for lyrics in (SONG, None):
        score = compose(lyrics, genre=genre, duration=285, seed=5)
        assert score.duration == 285
        sections = score.sections or []
        assert len(sections) >= 10
        assert max(section.end - section.start for section in sections) < 45
        starts = sorted(note.start for part in score.parts or [] for note in part.notes)
        assert max(b - a for a, b in itertools.pairwise(starts)) < 5
    two = parse_lyrics("[Verse]\nHold me now, hold me tight\nWe are dancing in the light\n")
    assert compose(two, genre=genre, duration=20, seed=1).duration == 20
