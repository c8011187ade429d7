"""English endings: "-s" of nouns and verbs, "-ing" and the past, regular and not. Spelling only."""

from __future__ import annotations

import re

_DOUBLED = re.compile(r"[^aeiou]*(?:qu)?[aeiou][bdgklmnprt]")  # "run" → "running": one closed short syllable
_DOUBLED_LONGER = frozenset(
    "abet acquit admit allot begin commit compel concur control defer deter dispel emit equip excel expel forbid "
    "forget incur infer occur omit outrun overlap patrol permit prefer propel rebel recur refer regret submit "
    "transfer".split()
)
_PLURALS = dict(
    pair.split(":")
    for pair in (
        "man:men woman:women child:children foot:feet tooth:teeth goose:geese mouse:mice ox:oxen have:has wife:wives "
        "life:lives knife:knives leaf:leaves loaf:loaves thief:thieves wolf:wolves half:halves shelf:shelves "
        "calf:calves scarf:scarves person:people sheep:sheep deer:deer fish:fish aircraft:aircraft series:series"
    ).split()
)
_PLURALS |= {f"{kind}man": f"{kind}men" for kind in "business chair clergy country fire fisher gentle horse".split()}
_PLURALS |= {f"{kind}man": f"{kind}men" for kind in "marks police post rifle sales snow sports states".split()}
_PASTS = dict(
    pair.split(":")
    for pair in (
        "arise:arose awake:awoke be:was bear:bore beat:beat become:became befall:befell begin:began behold:beheld "
        "bend:bent beset:beset bet:bet bid:bid bind:bound bite:bit bleed:bled blow:blew break:broke breed:bred "
        "bring:brought build:built burst:burst buy:bought cast:cast catch:caught choose:chose cling:clung come:came "
        "cost:cost creep:crept cut:cut deal:dealt dig:dug do:did draw:drew dream:dreamt drink:drank drive:drove "
        "eat:ate fall:fell feed:fed feel:felt fight:fought find:found fit:fit flee:fled fling:flung fly:flew "
        "forbid:forbade forecast:forecast forget:forgot forgive:forgave forsake:forsook freeze:froze get:got "
        "give:gave go:went grind:ground grow:grew have:had hear:heard hide:hid hit:hit hold:held hurt:hurt keep:kept "
        "kneel:knelt know:knew lay:laid lead:led leap:leapt leave:left lend:lent let:let lie:lay lose:lost make:made "
        "mean:meant meet:met mislead:misled mistake:mistook outdo:outdid overcome:overcame overtake:overtook "
        "overthrow:overthrew pay:paid put:put quit:quit read:read rebuild:rebuilt recast:recast repay:repaid "
        "ride:rode ring:rang rise:rose run:ran say:said see:saw seek:sought sell:sold send:sent set:set shake:shook "
        "shed:shed shine:shone shoot:shot show:showed shrink:shrank shut:shut sing:sang sink:sank sit:sat "
        "sleep:slept slide:slid sling:slung slit:slit sow:sowed speak:spoke spend:spent spin:spun spit:spat "
        "split:split spread:spread spring:sprang stand:stood steal:stole stick:stuck sting:stung stride:strode "
        "strike:struck string:strung strive:strove swear:swore sweep:swept swell:swelled swim:swam swing:swung "
        "take:took teach:taught tear:tore tell:told think:thought throw:threw undergo:underwent "
        "understand:understood undertake:undertook undo:undid uphold:upheld upset:upset wake:woke wear:wore "
        "weave:wove weep:wept win:won wind:wound withdraw:withdrew withhold:withheld withstand:withstood "
        "wring:wrung write:wrote"
    ).split()
)


def inflected(word: str, ending: str) -> str:
    """``word`` with "s" (plural or third person), "ing" or "ed" (the past, irregular where it is); "": as it is."""
    if ending == "s":
        if word in _PLURALS:
            return _PLURALS[word]
        if _consonant_y(word):
            return word[:-1] + "ies"
        return word + ("es" if _hisses(word) or word in ("go", "hero", "echo", "potato", "tomato") else "s")
    if ending == "ing":
        if word.endswith("ie"):
            return word[:-2] + "ying"
        return (word[:-1] if word.endswith("e") and word[-2:] not in ("ee", "oe", "ye") else _doubled(word)) + "ing"
    if ending == "ed":
        if word in _PASTS:
            return _PASTS[word]
        if _consonant_y(word):
            return word[:-1] + "ied"
        return word + "d" if word.endswith("e") else _doubled(word) + "ed"
    return word


def adds_syllable(word: str, ending: str) -> bool:
    """Whether the regular ending is a syllable of its own: "rushes", "waiting", "wanted"."""
    if ending == "s":
        return word not in _PLURALS and word.endswith(("s", "x", "z", "ch", "sh", "se", "ze", "ce", "ge"))
    if ending == "ed":
        return word not in _PASTS and word.endswith(("t", "d", "te", "de"))
    return ending == "ing"


def _hisses(word: str) -> bool:
    return word.endswith(("s", "x", "z", "ch", "sh"))


def _consonant_y(word: str) -> bool:
    return word.endswith("y") and word[-2] not in "aeiou"


def _doubled(word: str) -> str:
    return word + word[-1] if _DOUBLED.fullmatch(word) or word in _DOUBLED_LONGER else word
