"""The singers as data: who they are, and what a Score says of them."""

from __future__ import annotations

import pytest

from songdiff.corpus.voices import MANNERS, VOICES
from songdiff.score import Score, Singer

ENGLISH = [voice for voice in VOICES.values() if voice.language.startswith("en")]
LANGUAGES = {"en-us", "es", "de", "fr-fr", "it", "ja", "cmn-latn-pinyin"}


def test_voices_keep_within_singable_ranges() -> None:
    for name, voice in VOICES.items():
        assert voice.name == name
        assert voice.high - voice.low >= 12
        assert voice.low >= (52 if voice.gender == "female" else 43)
        assert voice.high <= (76 if voice.gender == "female" else 69)


def test_english_voices_are_many_and_balanced() -> None:
    women = sum(voice.gender == "female" for voice in ENGLISH)
    assert women >= 7
    assert abs(2 * women - len(ENGLISH)) <= 1
    sound = {(v.engine, v.formants, v.tilt, v.breath, v.vibrato) for v in ENGLISH}
    assert len(sound) == len(ENGLISH)


def test_one_woman_and_one_man_are_held_out_with_their_engine() -> None:
    held_out = [voice for voice in VOICES.values() if voice.held_out]
    assert sorted(voice.gender for voice in held_out) == ["female", "male"]
    sung = {voice.engine for voice in VOICES.values() if not voice.held_out}
    assert not sung & {voice.engine for voice in held_out}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_a_woman_and_a_man(language: str) -> None:
    assert {voice.gender for voice in VOICES.values() if voice.language == language} == {"female", "male"}


def test_a_score_names_the_singer_with_attributes() -> None:
    for voice in VOICES.values():
        singer = voice.singer
        assert (singer.name, singer.gender, singer.low, singer.high) == (
            voice.name,
            voice.gender,
            voice.low,
            voice.high,
        )
        assert singer.timbre == list(voice.timbre)
        assert singer.timbre
        assert None not in (singer.brightness, singer.breathiness, singer.vibrato)
        assert singer.style is None
        assert Score.from_json(Score(duration=1, singer=singer).to_json()).singer == singer
    assert (VOICES["odile"].singer.brightness or 0) < (VOICES["lena"].singer.brightness or 0)
    assert isinstance(VOICES["mara"].singer, Singer)


def test_every_style_of_a_score_has_a_manner() -> None:
    for style in MANNERS:
        assert Singer.model_validate({"style": style}).style == style
    styles = Singer.model_json_schema()["properties"]["style"]["anyOf"][0]["enum"]
    assert set(MANNERS) == set(styles)
    assert MANNERS["plain"].of(VOICES["mara"]) == VOICES["mara"]
    assert MANNERS["rap"].of(VOICES["mara"]).vibrato[1] == 0


def test_a_voice_refuses_other_languages() -> None:
    assert VOICES["mara"].pronounce(["rain"], "en-gb")
    with pytest.raises(ValueError, match="mara sings en-us, not de"):
        VOICES["mara"].pronounce(["Regen"], "de")
