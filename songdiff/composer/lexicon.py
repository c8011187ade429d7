"""The words of style prompts: genres, moods, energy, pace, voices, production, backing."""

from __future__ import annotations

GENRE_WORDS: dict[str, tuple[str, str]] = {  # true of every song of the genre; understood as the genre
    "pop": ("pop music, pop song", "dance pop, indie pop, electropop, teen pop, k-pop, j-pop, radio"),
    "rock": (
        "rock music, rock song, guitar rock",
        "indie rock, classic rock, alternative rock, alternative, indie, grunge, hard rock",
    ),
    "ballad": ("slow ballad, ballads", "love song, torch song, power ballad, piano ballad"),
    "metal": ("heavy metal, metal music", "thrash, death metal, metalcore, power metal"),
    "punk": ("punk rock, punk music", "pop punk, hardcore"),
    "soul": ("soul music, soul song", "motown, gospel, doo-wop, southern soul"),
    "funk": ("funk music, funk groove", "p-funk, disco funk"),
    "disco": ("disco music, disco song", "nu disco, boogie, disco house"),
    "r&b": ("rnb, r and b, r&b music", "rhythm and blues, neo soul, neo-soul, contemporary r&b, slow jam"),
    "folk": ("folk music, folk song", "singer-songwriter, indie folk, campfire"),
    "country": ("country music, country song", "bluegrass, americana, western, honky tonk, nashville"),
    "blues": ("blues music, blues song, shuffle blues", "delta blues, bluesy, chicago blues, shuffle"),
    "jazz": ("jazz music, swing jazz, jazzy", "swing, bebop, big band, vocal jazz"),
    "bossa nova": ("bossa, bossa nova music", "samba, brazilian, latin jazz, latin"),
    "reggae": ("reggae music, reggae song", "dub, roots reggae, jamaican, dancehall"),
    "ska": ("ska music, ska song", "two tone, third wave ska, ska punk, rocksteady"),
    "waltz": ("waltzes, waltz song", "viennese waltz, three four, musette, waltz time"),
    "celtic": ("celtic music, celtic folk", "irish, irish folk, jig, scottish, sea shanty, shanty"),
    "orchestral": (
        "orchestral music, symphonic music",
        "symphonic, classical, classical music, symphony, film score, cinematic, soundtrack",
    ),
    "hip-hop": ("hip hop, hip-hop music", "hiphop, boom bap"),
    "trap": ("trap music, trap beat", "drill, southern trap"),
    "lo-fi": ("lofi, lo-fi music", "lo fi, chillhop, study beats, lo-fi hip hop, chillout"),
    "house": ("house music, house track", "edm, dance, club, deep house, trance, electronica"),
    "techno": ("techno music, techno track", "minimal techno, acid techno, detroit techno, rave"),
    "drum and bass": ("dnb, drum & bass, drum and bass music", "d&b, drum n bass, jungle, liquid drum and bass"),
    "synthwave": ("retrowave, synthwave music", "synth-pop, synthpop, synth pop, new wave, outrun"),
    "ambient": ("ambient music, soundscape", "new age, drone, meditation"),
    "chiptune": ("chip music, 8-bit, 8-bit music", "video game music, chip tune, game boy, arcade"),
}
ERAS: dict[str, tuple[str, ...]] = {  # true of every song of the genre; named alone they mean it
    "synthwave": ("80s", "eighties"),
    "disco": ("70s", "seventies"),
    "soul": ("60s", "sixties"),
    "drum and bass": ("90s", "nineties"),
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
    "serious": (-0.3, 0.0), "restless": (-0.3, 0.5), "groovy": (0.5, 0.4), "funky": (0.5, 0.6),
    "spirited": (0.5, 0.7), "frantic": (-0.1, 0.9), "serene": (0.5, -0.7), "bleak": (-0.8, -0.5),
    "sombre": (-0.6, -0.6), "longing": (-0.3, -0.3), "carefree": (0.8, 0.1), "majestic": (0.4, 0.6),
    "menacing": (-0.7, 0.6),
    "confident": (0.4, 0.5), "raw": (-0.2, 0.5),
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
        *("female vocal", "female vocals", "female voice", "female singer", "sung by a woman", "female lead vocals"),
        *("woman", "girl", "women", "soprano", "alto", "female", "she"),
    ),
    "male": (
        *("male vocal", "male vocals", "male voice", "male singer", "sung by a man", "male lead vocals"),
        *("man", "boy", "men", "tenor", "baritone", "male", "he"),
    ),
}
TRUE_GENDERS = 6  # the first of them are true of every singer
VOCAL_STYLES: dict[str, tuple[str, str]] = {  # true of the style; understood as it
    "plain": ("plain vocals, natural vocals", "natural voice, straightforward vocals"),
    "soft": (
        "soft vocals, softly sung, gentle vocals",
        "soft voice, soft singing, gentle voice, tender vocals, hushed, hushed vocals, quiet vocals, delicate vocals",
    ),
    "belted": (
        "belted, belting, powerful vocals, belted vocals",
        "powerful voice, strong vocals, big voice, soaring vocals, shouted, shouted vocals, screamed, screaming",
    ),
    "airy": (
        "airy vocals, breathy vocals, airy",
        "breathy, whispery, whispered, whispered vocals, ethereal, ethereal vocals, breathy voice, airy voice",
    ),
    "rap": (
        "rap, rapping, rapped, rap vocals",
        "rapper, spoken, spoken word, spoken vocals, rapped verses, rhymes, mc",
    ),
}
TIMBRES = (  # of voices; those that also name a mood mean the voice only before "voice" or "vocals"
    "clear deep young smoky steady round nasal synthetic reedy husky raspy gritty silky mature full crisp velvety high "
    "low thin robotic rough pure resonant"
).split()
SHARED_TIMBRES = "warm bright dark light mellow smooth sweet rich".split()
TIMBRE_NOUNS = ("voice", "vocals", "timbre")
BACKING: dict[str, tuple[str, str]] = {  # as in Score.backing: true of it; understood as it
    "harmony": (
        "harmonies, vocal harmonies, harmony vocals",
        "backing vocals, background vocals, harmonised vocals, harmonized vocals",
    ),
    "double": ("double-tracked, double-tracked vocals, doubled vocals", "double tracked, doubled, vocal doubles"),
}
A_CAPPELLA = ("a cappella", "acapella", "unaccompanied", "acappella", "a capella", "voice only", "only vocals")
PRODUCTION: dict[str, tuple[str, str]] = {
    "acoustic": ("acoustic, unplugged", "all acoustic, acoustic instruments"),
    "electronic": ("electronic, programmed, synthetic production", "electronic music, electronic production"),
    "live": ("live band, live drums, band recording", "full band, real drums, live instruments"),
    "drum machine": ("drum machine, programmed drums", "drum machines, electronic drums, programmed beats"),
}
PLAYING: dict[str, str] = {  # ways to play that name an instrument by themselves
    "fingerpicked": "acoustic guitar", "fingerpicked guitar": "acoustic guitar", "fingerpicking": "acoustic guitar",
    "strummed guitar": "acoustic guitar",
    "slapped bass": "slap bass", "power chords": "distorted guitar", "walking bass": "upright bass",
}  # fmt: skip
METRES: dict[str, tuple[str, ...]] = {
    "4/4": ("4/4", "4/4 time", "common time"),
    "3/4": ("3/4", "3/4 time", "triple metre"),
    "6/8": ("6/8", "6/8 time", "compound metre"),
}
NEUTRAL = (  # understood, nothing to do
    "a an the and with in of at on to for by or my me song songs music track tune style vibe vibes mood feel "
    "feeling sound sounds vocal vocals voice voices singer singing sung sings bpm beats per minute key tempo drums "
    "drum kit percussion beat groove instrumental featuring feat some very slightly quite rather really modern "
    "vintage retro old new clean lush big small light deep melody melodic harmony chorus verse hook "
    "solo lead rhythm section live studio recording about like played plays energy is it backing band one that "
    "this no without time metre meter piece number tones shaped around where has full mid modulation lifts rises "
    "changes last final production made"
)
NEGATIONS = ("no", "without")


def both(phrases: tuple[str, str]) -> list[str]:
    """The true ones first, then those that are only understood."""
    return [phrase for part in phrases for phrase in part.split(", ")]
