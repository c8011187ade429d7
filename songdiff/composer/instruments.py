"""Instruments by plain name: the General MIDI program, the register they sound well in, and what players call them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Instrument:
    """``low`` … ``high``: the MIDI pitches it is used in; ``family`` decides what it may stand in for in a band."""

    name: str
    program: int
    low: int
    high: int
    family: str
    synonyms: tuple[str, ...] = ()


INSTRUMENTS: dict[str, Instrument] = {
    instrument.name: instrument
    for instrument in (
        Instrument("piano", 0, 48, 84, "keys", ("grand piano", "pianos", "upright piano")),
        Instrument("electric piano", 4, 48, 79, "keys", ("rhodes", "wurlitzer", "ep")),
        Instrument("organ", 16, 48, 79, "keys", ("hammond", "hammond organ", "drawbar organ")),
        Instrument("church organ", 19, 48, 79, "keys", ("pipe organ",)),
        Instrument("accordion", 21, 52, 84, "keys", ("squeezebox",)),
        Instrument("vibraphone", 11, 53, 84, "keys", ("vibes",)),
        Instrument("marimba", 12, 53, 84, "keys", ("kalimba",)),
        Instrument("xylophone", 13, 60, 91, "keys"),
        Instrument("music box", 10, 60, 91, "keys", ("celesta",)),
        Instrument("bells", 9, 60, 91, "keys", ("glockenspiel", "bell")),
        Instrument("harpsichord", 6, 48, 84, "keys"),
        Instrument("clavinet", 7, 48, 79, "keys", ("clavi",)),
        Instrument("steel drums", 114, 55, 84, "keys", ("steel pan", "steelpan")),
        Instrument("timpani", 47, 38, 57, "percussion", ("kettledrums",)),
        Instrument("harmonica", 22, 60, 84, "wind", ("blues harp",)),
        Instrument("nylon guitar", 24, 45, 76, "guitar", ("classical guitar", "spanish guitar")),
        Instrument("acoustic guitar", 25, 45, 76, "guitar", ("guitar", "guitars", "folk guitar")),
        Instrument("jazz guitar", 26, 47, 76, "guitar", ("hollowbody guitar",)),
        Instrument("electric guitar", 27, 45, 79, "guitar", ("clean guitar", "jangly guitar", "telecaster")),
        Instrument("muted guitar", 28, 45, 76, "guitar", ("palm muted guitar",)),
        Instrument("overdriven guitar", 29, 43, 79, "guitar", ("overdrive guitar", "crunchy guitar", "rock guitar")),
        Instrument("distorted guitar", 30, 40, 79, "guitar", ("distortion guitar", "heavy guitar", "fuzz guitar")),
        Instrument("banjo", 105, 50, 79, "guitar"),
        Instrument("ukulele", 24, 57, 81, "guitar", ("uke",)),
        Instrument("mandolin", 25, 60, 86, "guitar"),
        Instrument("sitar", 104, 50, 79, "guitar"),
        Instrument("harp", 46, 48, 88, "keys"),
        Instrument("upright bass", 32, 28, 50, "bass", ("double bass", "acoustic bass")),
        Instrument("contrabass", 43, 28, 52, "bass", ("bowed bass",)),
        Instrument("tuba", 58, 28, 53, "bass", ("sousaphone",)),
        Instrument("bass guitar", 33, 28, 50, "bass", ("electric bass", "finger bass", "bass", "fretless bass")),
        Instrument("picked bass", 34, 28, 50, "bass", ("pick bass",)),
        Instrument("slap bass", 36, 28, 52, "bass"),
        Instrument("synth bass", 38, 28, 52, "bass", ("bass synth", "moog bass")),
        Instrument("808 bass", 38, 28, 52, "bass", ("sub bass", "808")),
        Instrument("acid bass", 38, 28, 52, "bass", ("acid", "303")),
        Instrument("reese bass", 39, 28, 52, "bass", ("reese", "wobble bass")),
        Instrument("square bass", 80, 28, 52, "bass", ("chip bass", "8-bit bass")),
        Instrument("violin", 40, 60, 91, "strings", ("violins",)),
        Instrument("fiddle", 110, 57, 86, "strings"),
        Instrument("cello", 42, 40, 69, "strings", ("cellos",)),
        Instrument("pizzicato strings", 45, 48, 84, "strings", ("pizzicato", "plucked strings")),
        Instrument("strings", 48, 48, 84, "strings", ("string section", "orchestra", "orchestral strings")),
        Instrument("synth strings", 50, 48, 84, "pad", ("string machine",)),
        Instrument("choir", 52, 52, 79, "pad", ("choirs", "backing choir")),
        Instrument("trumpet", 56, 58, 82, "wind", ("trumpets", "muted trumpet")),
        Instrument("trombone", 57, 45, 70, "wind", ("trombones",)),
        Instrument("french horn", 60, 48, 72, "wind", ("horn",)),
        Instrument("brass", 61, 52, 79, "wind", ("brass section", "horns", "horn section")),
        Instrument("alto sax", 65, 55, 80, "wind", ("saxophone", "sax", "alto saxophone")),
        Instrument("tenor sax", 66, 48, 74, "wind", ("tenor saxophone",)),
        Instrument("oboe", 68, 58, 86, "wind", ("oboes",)),
        Instrument("bassoon", 70, 40, 67, "wind"),
        Instrument("clarinet", 71, 52, 82, "wind"),
        Instrument("flute", 73, 62, 91, "wind", ("flutes",)),
        Instrument("tin whistle", 74, 67, 93, "wind", ("whistle", "recorder", "penny whistle")),
        Instrument("bagpipes", 109, 58, 79, "wind", ("bagpipe", "uilleann pipes")),
        Instrument("square lead", 80, 60, 88, "synth", ("chiptune lead", "8-bit lead")),
        Instrument("saw lead", 81, 57, 86, "synth", ("synth lead", "lead synth")),
        Instrument("synth pad", 89, 48, 79, "pad", ("pad", "pads", "warm pad", "ambient pad")),
        Instrument("bright pad", 88, 48, 79, "pad", ("new age pad", "glassy pad")),
        Instrument("synth", 90, 48, 84, "synth", ("synths", "synthesizer", "synthesizers", "polysynth", "keyboard")),
        Instrument("square pluck", 80, 55, 86, "synth", ("chip arpeggio", "8-bit arpeggio")),
        Instrument("synth pluck", 84, 52, 86, "synth", ("plucks", "pluck", "arpeggiator")),
    )
}
