"""Style prompts: free text in, musical wishes out; and back, a truthful prompt for a composed Score.

One lexicon serves both, so that what the style encoder reads in training is what users may say.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..score import PITCH_CLASSES, Score
from .genres import GENRES
from .instruments import INSTRUMENTS

MODES = ("major", "minor", "dorian", "mixolydian")
_RESPELLED = {"C#": "Db", "D#": "Eb", "E#": "F", "F#": "Gb", "G#": "Ab", "A#": "Bb", "B#": "C", "Cb": "B", "Fb": "E"}

GENRE_WORDS: dict[str, tuple[str, ...]] = {
    "pop": ("pop music", "dance pop", "indie pop", "electropop", "teen pop", "k-pop", "j-pop", "radio"),
    "rock": (
        "rock music",
        "indie rock",
        "classic rock",
        "alternative rock",
        "alternative",
        "indie",
        "grunge",
        "hard rock",
    ),
    "ballad": ("ballads", "love song", "torch song", "power ballad", "piano ballad"),
    "folk": ("folk music", "singer-songwriter", "indie folk", "celtic", "irish", "campfire"),
    "country": ("country music", "bluegrass", "americana", "western", "honky tonk", "nashville"),
    "blues": ("blues music", "delta blues", "bluesy", "chicago blues", "shuffle"),
    "jazz": ("jazz music", "swing", "swing jazz", "jazzy", "bebop", "big band", "vocal jazz"),
    "bossa nova": ("bossa", "samba", "brazilian", "latin jazz", "latin"),
    "reggae": ("reggae music", "ska", "dub", "roots reggae", "jamaican", "dancehall"),
    "funk": ("funk music", "disco funk", "p-funk", "disco"),
    "hip-hop": ("hip hop", "hiphop", "rap", "trap", "boom bap"),
    "house": ("house music", "edm", "dance", "techno", "club", "deep house", "electronic", "trance", "electronica"),
    "synthwave": ("synth-pop", "synthpop", "synth pop", "retrowave", "new wave", "80s", "eighties", "outrun"),
    "lo-fi": ("lofi", "lo fi", "chillhop", "study beats", "lo-fi hip hop", "chillout"),
    "waltz": ("waltzes", "viennese waltz", "three four", "musette"),
    "soul": ("soul music", "r&b", "rnb", "motown", "gospel", "doo-wop", "neo soul"),
    "metal": ("heavy metal", "metal music", "thrash", "death metal", "metalcore", "power metal"),
    "punk": ("punk rock", "pop punk", "hardcore", "ska punk"),
    "ambient": ("new age", "drone", "soundscape", "meditation", "cinematic"),
}
MOODS: dict[str, tuple[float, float]] = {  # valence, arousal (after Russell's circumplex)
    "happy": (0.8, 0.4), "joyful": (0.9, 0.6), "cheerful": (0.8, 0.4), "upbeat": (0.7, 0.6), "bright": (0.6, 0.3),
    "uplifting": (0.7, 0.5), "euphoric": (0.8, 0.9), "playful": (0.6, 0.4), "sunny": (0.7, 0.2), "fun": (0.7, 0.6),
    "hopeful": (0.5, 0.1), "romantic": (0.4, -0.2), "warm": (0.4, -0.3), "tender": (0.3, -0.5), "gentle": (0.3, -0.6),
    "peaceful": (0.5, -0.8), "calm": (0.3, -0.8), "relaxed": (0.4, -0.6), "relaxing": (0.4, -0.6),
    "chill": (0.3, -0.5), "dreamy": (0.2, -0.5), "soft": (0.1, -0.6), "mellow": (0.2, -0.5), "intimate": (0.1, -0.5),
    "quiet": (0.0, -0.8), "sad": (-0.7, -0.4), "melancholic": (-0.6, -0.4), "melancholy": (-0.6, -0.4),
    "gloomy": (-0.7, -0.3), "lonely": (-0.6, -0.5), "heartbroken": (-0.8, -0.2), "nostalgic": (-0.1, -0.3),
    "bittersweet": (-0.2, -0.2), "wistful": (-0.3, -0.4), "moody": (-0.4, -0.1), "dark": (-0.6, 0.1),
    "mysterious": (-0.3, 0.0), "haunting": (-0.5, -0.1), "tense": (-0.5, 0.5), "dramatic": (-0.2, 0.6),
    "angry": (-0.8, 0.8), "aggressive": (-0.6, 0.9), "furious": (-0.8, 0.9), "intense": (-0.2, 0.8),
    "epic": (0.1, 0.8), "powerful": (0.1, 0.8), "anthemic": (0.4, 0.7), "triumphant": (0.7, 0.8),
    "serious": (-0.3, 0.0), "restless": (-0.3, 0.5), "groovy": (0.5, 0.4), "funky": (0.5, 0.6), "raw": (-0.2, 0.5),
    "cozy": (0.4, -0.5), "sweet": (0.6, -0.2), "sentimental": (-0.1, -0.3), "passionate": (0.1, 0.6),
    "lively": (0.6, 0.6), "smooth": (0.3, -0.3), "heavy": (-0.4, 0.8), "catchy": (0.5, 0.3), "emotional": (-0.2, 0.1),
    "reflective": (-0.1, -0.4),
}  # fmt: skip
ENERGY: dict[str, float] = {
    "energetic": 0.8, "high energy": 0.8, "driving": 0.6, "danceable": 0.5, "loud": 0.7, "wild": 0.9, "dynamic": 0.4,
    "low energy": -0.6, "laid-back": -0.4, "laid back": -0.4, "minimal": -0.5, "sparse": -0.6, "subdued": -0.6,
}  # fmt: skip
PACE: dict[str, float] = {  # −1 the bottom of the genre's tempo range, 1 its top
    "very slow": -1.0, "slow": -0.8, "slow tempo": -0.8, "downtempo": -0.7, "unhurried": -0.5, "midtempo": 0.0,
    "mid-tempo": 0.0, "moderate": 0.0, "medium tempo": 0.0, "walking pace": 0.0, "fast": 0.8, "fast tempo": 0.8,
    "uptempo": 0.7, "up-tempo": 0.7, "quick": 0.7, "brisk": 0.5, "very fast": 1.0, "racing": 1.0,
}  # fmt: skip
GENDERS: dict[str, tuple[str, ...]] = {
    "female": (
        *("female vocal", "female vocals", "female voice", "female singer"),
        *("woman", "girl", "women", "soprano", "alto", "female", "she"),
    ),
    "male": (
        *("male vocal", "male vocals", "male voice", "male singer"),
        *("man", "boy", "men", "tenor", "baritone", "male", "he"),
    ),
}
PLAYING: dict[str, str] = {  # ways to play that name an instrument by themselves
    "fingerpicked": "acoustic guitar", "fingerpicked guitar": "acoustic guitar", "fingerpicking": "acoustic guitar",
    "strummed guitar": "acoustic guitar", "acoustic": "acoustic guitar",
    "slapped bass": "slap bass", "power chords": "distorted guitar", "walking bass": "upright bass",
}  # fmt: skip
_NEUTRAL = (  # understood, nothing to do
    "a an the and with in of at on to for by or my me song songs music track tune style vibe vibes mood feel "
    "feeling sound sounds vocal vocals voice voices singer singing sung sings bpm beats per minute key tempo drums "
    "drum kit percussion beat groove instrumental featuring feat some very slightly quite rather really modern "
    "vintage retro old new clean lush rich big small light deep melody melodic harmony harmonies chorus verse hook "
    "solo lead rhythm section live studio recording about like played plays energy is it backing band one that "
    "this no without"
)
_CLOSE_SYNONYMS = 4  # the first of GENRE_WORDS are true of every song of the genre
_NEGATIONS = ("no", "without")


@dataclass(frozen=True)
class Style:
    """What a prompt asks for; ``None`` where it says nothing.

    ``tempo`` in beats a minute, ``pace`` −1 … 1 within the genre's range, ``valence`` and ``arousal`` −1 … 1, ``key``
    as in
    ``Score.key``. ``tags`` are the phrases understood, ``unknown_words`` those that were not; ``without`` names
    instruments
    the prompt rules out ("no drums").
    """

    genre: str | None = None
    tempo: float | None = None
    key: str | None = None
    gender: str | None = None
    valence: float | None = None
    arousal: float | None = None
    instruments: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    unknown_words: tuple[str, ...] = ()
    pace: float | None = None
    without: tuple[str, ...] = ()
    instrumental: bool = False


def _lexicon() -> Iterator[tuple[str, tuple[str, object]]]:
    for word in _NEUTRAL.split():
        yield word, ("neutral", word)
    for name in INSTRUMENTS:
        for phrase in (name, *INSTRUMENTS[name].synonyms):
            yield phrase, ("instrument", name)
    for phrase, name in PLAYING.items():
        yield phrase, ("instrument", name)
    for mood, point in MOODS.items():
        yield mood, ("mood", point)
    for phrase, arousal in ENERGY.items():
        yield phrase, ("energy", arousal)
    for phrase, pace in PACE.items():
        yield phrase, ("pace", pace)
    for gender, phrases in GENDERS.items():
        for phrase in phrases:
            yield phrase, ("gender", gender)
    for genre in GENRES:
        for phrase in (genre, *GENRE_WORDS[genre]):
            yield phrase, ("genre", genre)


def style_tokens(prompt: str) -> list[str]:
    """The words and numbers of a prompt in lower case: ``"Lo-fi, 92 BPM"`` → ``["lo-fi", "92", "bpm"]``."""
    return re.findall(
        r"\d+(?:\.\d+)?(?![\w])|[^\W_](?:[\w&'#-]*[\w#])?", prompt.lower().replace("♭", "b").replace("♯", "#")
    )


_LEXICON: dict[tuple[str, ...], tuple[str, object]] = {tuple(style_tokens(p)): value for p, value in _lexicon()}
_LONGEST = max(map(len, _LEXICON))
_KEY = re.compile(
    rf"\b(?:key of |in )?([a-g])\s?(#|♯|b|♭|sharp|flat)?[\s-]*({'|'.join((*MODES, 'maj', 'min'))})\b"
    r"|\bkey of ([a-g])(#|b)?(?!\w)",
    re.IGNORECASE,
)
_TEMPO = re.compile(r"(\d{2,3}(?:\.\d+)?)\s*-?\s*(?:bpm|beats per minute)\b", re.IGNORECASE)

STYLE_WORDS: tuple[str, ...] = tuple(
    sorted(
        {word for phrase in _LEXICON for word in phrase}
        | {name.lower() for name in PITCH_CLASSES}
        | {name.lower() for name in _RESPELLED}
        | {*MODES, "sharp", "flat"}
    )
)
"""Every word a style prompt may use, lower case, as :func:`style_tokens` cuts it (numbers aside)."""


def parse_key(text: str) -> str | None:
    """``"f# minor"`` → ``"Gb minor"``; ``None`` when no key is named."""
    match = _KEY.search(text)
    if not match:
        return None
    tonic, accidental, mode, bare, bare_accidental = match.groups()
    root = (tonic or bare).upper() + {"#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}.get(
        (accidental or bare_accidental or "").lower(), ""
    )
    name = (mode or "major").lower()
    full = {"maj": "major", "min": "minor"}.get(name, name)
    return f"{_RESPELLED.get(root, root)} {full}"


def parse_style(prompt: str) -> Style:
    """Read a style prompt. Never fails: words that mean nothing here come back in ``unknown_words``, in order."""
    key, tempo_match = parse_key(prompt), _TEMPO.search(prompt)
    tokens = style_tokens(_KEY.sub(" ", _TEMPO.sub(" ", prompt)))
    genre: str | None = None
    gender: str | None = None
    moods: list[tuple[float, float]] = []
    energies: list[float] = []
    paces: list[float] = []
    wanted: list[str] = []
    without: list[str] = []
    tags: list[str] = []
    unknown: list[str] = []
    instrumental = negated = False
    position = 0
    while position < len(tokens):
        length = next((n for n in range(_LONGEST, 0, -1) if tuple(tokens[position : position + n]) in _LEXICON), 0)
        phrase = " ".join(tokens[position : position + max(length, 1)])
        position += max(length, 1)
        if not length:
            if phrase not in unknown:
                unknown.append(phrase)
            negated = False
            continue
        kind, value = _LEXICON[tuple(phrase.split())]
        if phrase in _NEGATIONS:
            negated = True
            continue
        if negated and phrase in ("vocals", "vocal", "singing", "singer", "voice"):
            instrumental = True
        elif negated and (kind == "instrument" or phrase in ("drums", "drum", "percussion")):
            without.append(str(value) if kind == "instrument" else "drums")
        elif kind == "genre":
            genre = genre or str(value)
        elif kind == "gender":
            gender = gender or str(value)
        elif kind == "instrument":
            wanted.append(str(value))
        elif isinstance(value, tuple):
            moods.append(value)
        elif kind == "energy" and isinstance(value, float):
            energies.append(value)
        elif kind == "pace" and isinstance(value, float):
            paces.append(value)
        instrumental = instrumental or phrase == "instrumental"
        if kind != "neutral":
            tags.append(phrase)
        negated = False
    arousals = [arousal for _, arousal in moods] + energies
    return Style(
        genre=genre,
        tempo=float(tempo_match.group(1)) if tempo_match else None,
        key=key,
        gender=gender,
        valence=sum(valence for valence, _ in moods) / len(moods) if moods else None,
        arousal=sum(arousals) / len(arousals) if arousals else None,
        instruments=tuple(dict.fromkeys(wanted)),
        tags=tuple(tags),
        unknown_words=tuple(unknown),
        pace=sum(paces) / len(paces) if paces else None,
        without=tuple(dict.fromkeys(without)),
        instrumental=instrumental,
    )


def caption(score: Score, rng: random.Random) -> str:
    """A truthful style prompt for a composed score: tags or a sentence, parts missing at random, words varied.

    Every word is in :data:`STYLE_WORDS` (numbers aside). Raises ValueError when the score has no genre.
    """
    if score.genre not in GENRES:
        raise ValueError(f"a caption needs a genre of {', '.join(GENRES)}; the score has {score.genre!r}")
    genre = rng.choice((score.genre, score.genre, *GENRE_WORDS[score.genre][:_CLOSE_SYNONYMS]))
    points = score.emotion or []
    moods: list[str] = []
    energy: list[str] = []
    if points:
        valence = sum(point.valence for point in points) / len(points)
        arousal = sum(point.arousal for point in points) / len(points)
        near = sorted(MOODS, key=lambda word: (MOODS[word][0] - valence) ** 2 + (MOODS[word][1] - arousal) ** 2)
        moods = rng.sample(near[:8], rng.choice((1, 1, 2)))
        if abs(arousal) > 0.35:
            energy = [rng.choice(sorted(ENERGY, key=lambda word: abs(ENERGY[word] - arousal))[:3])]
    tempo: list[str] = []
    if score.tempo is not None:
        low, high = GENRES[score.genre].tempo
        pace = 2 * (score.tempo - low) / (high - low) - 1
        words = [word for word, level in PACE.items() if abs(level - pace) < 0.45]
        tempo = [rng.choice((f"{round(score.tempo)} bpm", rng.choice(words) if words else f"{round(score.tempo)} bpm"))]
    key = [f"in {score.key}" if rng.random() < 0.7 else str(score.key)] if score.key else []
    heard = list(dict.fromkeys(part.instrument for part in score.parts or [] if part.track != "drums" and part.notes))
    band = [rng.choice((name, name, *INSTRUMENTS[name].synonyms)) for name in heard if name in INSTRUMENTS]
    band = rng.sample(band, min(len(band), rng.choice((1, 1, 2, 3))))
    voice = ["instrumental"] if score.melody == [] else []
    if score.singer is not None and score.singer.gender and score.melody:
        voice = [rng.choice(GENDERS[score.singer.gender][:4])]

    def keep(words: list[str], probability: float) -> list[str]:
        return words if rng.random() < probability else []

    moods, energy, tempo, key = keep(moods, 0.8), keep(energy, 0.35), keep(tempo, 0.6), keep(key, 0.35)
    band, voice = keep(band, 0.7), keep(voice, 0.75)
    if rng.random() < 0.6:
        tags = moods + energy + tempo + key + band + voice + keep([genre], 0.92)
        rng.shuffle(tags)
        return ", ".join(tags) or genre
    noun = rng.choice(("track", "tune") if genre.endswith("song") else ("song", "track", "tune"))
    what = " ".join([*moods[:1], *energy, genre, noun])
    text = f"{'an' if what[0] in 'aeiou8' else 'a'} {what}"
    if band or voice:
        text += " with " + " and ".join(band + voice)
    if tempo and tempo[0].endswith("bpm"):
        text += " at " + tempo[0]
    elif tempo:
        text += ", " + tempo[0]
    return text + ("" if not key else " " + key[0] if key[0].startswith("in ") else ", " + key[0])
