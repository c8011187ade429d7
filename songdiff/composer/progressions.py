"""Chord progressions by family of genres, mode and section.

Roman numerals count from the major scale of the tonic (so minor keys spell ``bVI``); ``|`` separates bars. A
section that a family does not list takes the chords of a related one; ``any`` serves all.
"""

from __future__ import annotations

from collections.abc import Mapping

Progressions = Mapping[str, tuple[str, ...]]  # section label (or "any") → choices

COMMON: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | V | vi | IV", "I | vi | IV | V", "I | IV | vi | V", "I | IV | I | V", "vi | iii | IV | ii"),
        "prechorus": ("ii | IV | V | V", "vi | V | IV | V", "IV | V | vi | V"),
        "chorus": ("IV | I | V | vi", "I | V | vi | IV", "IV | V | I | I", "I | IV | I | V", "vi | ii | iii | IV"),
        "bridge": ("vi | iii | IV | V", "ii | vi | IV | V", "IV | iv | I | V"),
    },
    "minor": {
        "verse": (
            "i | bVI | bIII | bVII",
            "i | iv | bVI | V",
            "i | bVII | bVI | bVII",
            "i | v | bVI | iv",
            "i | iv | i | v",
        ),
        "prechorus": ("iv | bVI | bVII | V", "bVI | bVII | i | V"),
        "chorus": ("bVI | bVII | i | bIII", "i | bVI | bIII | bVII", "bVI | iv | i | bVII", "iv | i | v | i"),
        "bridge": ("iv | i | bVI | V", "bVI | bIII | iv | V"),
    },
    "dorian": {
        "verse": ("i | IV | i | IV", "i | bVII | IV | i"),
        "chorus": ("bIII | IV | i | i", "i | IV | bVII | i"),
        "bridge": ("ii | IV | i | bVII",),
    },
    "mixolydian": {
        "verse": ("I | bVII | IV | I", "I | I | bVII | IV"),
        "chorus": ("IV | bVII | I | I", "I | v | IV | bVII"),
        "bridge": ("vi | IV | bVII | I",),
    },
}
FOLK: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | I | IV | I", "I | V | IV | I", "I | IV | I | V", "I | vi | IV | V", "I | iii | vi | ii"),
        "chorus": ("IV | I | V | I", "IV | I | IV | V", "I | V | vi | IV", "vi | iii | IV | ii"),
        "bridge": ("vi | IV | I | V", "ii | V | vi | V"),
    },
    "minor": {
        "verse": ("i | bVII | i | bVII", "i | i | iv | i", "i | bIII | bVII | i", "i | bIII | bVII | bVII"),
        "chorus": ("bIII | bVII | i | i", "bVI | bIII | bVII | i", "iv | i | v | i"),
        "bridge": ("iv | i | bVI | V",),
    },
}
ROCK: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | bVII | IV | I", "I | I | IV | V", "I | V | IV | IV"),
        "chorus": ("I | V | vi | IV", "I | IV | V | IV", "IV | I | V | V"),
        "bridge": ("vi | V | IV | V", "bVI | bVII | I | I"),
    },
    "minor": {
        "verse": ("i | i | bVII | bVI", "i | bVI | bVII | i", "i | bIII | bVII | iv"),
        "chorus": ("bVI | bVII | i | i", "i | bVI | bIII | bVII"),
        "bridge": ("iv | bVI | bVII | V",),
    },
}
JAZZ: Mapping[str, Progressions] = {
    "major": {
        "verse": ("Imaj7 | vi7 | ii7 | V7", "iii7 | VI7 | ii7 | V7", "Imaj7 | Imaj7 VI7 | ii7 | V9"),
        "chorus": ("IVmaj7 | iv6 | iii7 VI7 | ii7 V7", "ii7 | V7 | Imaj7 | vi7", "I6 | #idim7 | ii7 | V7"),
        "bridge": ("iv7 | bVII9 | Imaj7 | VI7", "III7 | VI7 | II7 | V7"),
    },
    "minor": {
        "verse": ("imin6 | iihdim7 V7 | imin6 | V7", "i7 | iv7 | iihdim7 | V7"),
        "chorus": ("iv7 | bVII9 | bIIImaj7 | bVImaj7", "iihdim7 | V7 | i7 | imin6"),
        "bridge": ("iv7 | i7 | iihdim7 | V7",),
    },
}
BOSSA: Mapping[str, Progressions] = {
    "major": {
        "verse": ("Imaj7 | Imaj7 | II9 | ii7 V7", "Imaj7 | #idim7 | ii7 | V9"),
        "chorus": ("IVmaj7 | iv6 | iii7 | VI7", "ii7 | V9 | Imaj7 | VI7"),
        "bridge": ("iv7 | bVII9 | Imaj7 | V9",),
    },
    "minor": {
        "verse": ("i7 | iv7 | iihdim7 V7 | i7", "imin6 | bVImaj7 | iihdim7 | V7"),
        "chorus": ("iv7 | bVII9 | bIIImaj7 | V7",),
        "bridge": ("bVImaj7 | iihdim7 | V7 | V7",),
    },
}
BLUES: Mapping[str, Progressions] = {
    "major": {
        "any": ("I7 | IV7 | I7 | I7 | IV7 | IV7 | I7 | I7 | V7 | IV7 | I7 | V7",),
        "bridge": ("IV7 | IV7 | I7 | I7 | II7 | II7 | V7 | V7",),
    },
    "minor": {"any": ("i7 | iv7 | i7 | i7 | iv7 | iv7 | i7 | i7 | bVI7 | V7 | i7 | V7",)},
}
FUNK: Mapping[str, Progressions] = {
    "dorian": {"verse": ("i7 | i7 | IV9 | IV9", "i7 | IV9 | i7 | IV9"), "chorus": ("bVII | IV9 | i7 | i7",)},
    "mixolydian": {"verse": ("I9 | I9 | IV9 | IV9", "I9 | I9 | I9 | bVII"), "chorus": ("IV9 | bVII | I9 | I9",)},
    "minor": {"verse": ("i7 | iv7 | i7 | bVII",), "chorus": ("bVImaj7 | v7 | i7 | iv7",)},
}
SOUL: Mapping[str, Progressions] = {
    "major": {
        "verse": ("Imaj7 | vi7 | ii7 | V9", "I | iii7 | IVmaj7 | V", "I | I7 | IV | iv"),
        "chorus": ("IVmaj7 | iii7 | ii7 | V9", "I | vi7 | ii7 | V7", "IV | V | I | I7", "vi7 | iii7 | ii7 | iv6"),
        "bridge": ("IV | iv6 | I | VI7", "ii7 | iii7 | IVmaj7 | V9"),
    },
    "minor": {
        "verse": ("i7 | iv7 | bVImaj7 | V7", "i7 | bVII | bVImaj7 | V7", "i7 | iv7 | i7 | v7"),
        "chorus": ("bVImaj7 | bVII | i7 | iv7", "bIIImaj7 | bVII | bVImaj7 | i7", "iv7 | v7 | i7 | i7"),
        "bridge": ("iv7 | bVII9 | bIIImaj7 | V7",),
    },
}
REGGAE: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | IV | I | IV", "I | V | vi | IV", "I | ii | I | ii"),
        "chorus": ("IV | I | V | I", "I | V | IV | V"),
    },
    "minor": {
        "verse": ("i | iv | i | iv", "i | bVII | i | bVII"),
        "chorus": ("bVI | bVII | i | i", "i | bVI | bVII | i"),
    },
}
CLUB: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i7 | i7 | bVImaj7 | bVII", "i | bIII | bVII | bVI", "i7 | iv7 | i7 | v7"),
        "chorus": ("bVI | bVII | i | v", "bVImaj7 | bVII | i7 | bIII", "iv7 | bVII | i | bVI"),
    },
    "major": {
        "verse": ("vi | IV | I | V", "Imaj7 | iii7 | vi7 | IVmaj7"),
        "chorus": ("IV | V | vi | I", "IVmaj7 | V | iii7 | vi7"),
    },
}
WALTZ: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | I | V7 | I", "I | vi | ii | V7", "I | IV | V7 | I"),
        "chorus": ("IV | I | V7 | I", "IV | I | II7 | V7", "vi | ii | V7 | I"),
    },
    "minor": {"verse": ("i | iv | V7 | i", "i | i | V7 | V7"), "chorus": ("bVI | bIII | V7 | i", "iv | i | V7 | i")},
}
METAL: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i5 | i5 | bVI5 | bVII5", "i5 | bII5 | i5 | bVII5", "i5 | bIII5 | iv5 | bVI5"),
        "chorus": ("i5 | bVI5 | bIII5 | bVII5", "bVI5 | bVII5 | i5 | i5", "iv5 | bVI5 | i5 | bVII5"),
        "bridge": ("i5 | bII5 | i5 | V5",),
    },
}
LOFI: Mapping[str, Progressions] = {
    "major": {"any": ("ii7 | V9 | Imaj7 | vi7", "IVmaj7 | iii7 | ii7 | Imaj7", "Imaj7 | iii7 | vi7 | IVmaj7")},
    "minor": {"any": ("i7 | iv7 | bVImaj7 | v7", "bVImaj7 | v7 | i7 | i7", "iv7 | bVII9 | bIIImaj7 | bVImaj7")},
}
SKA: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | IV | I | V", "I | vi | IV | V", "I | IV | V | IV"),
        "chorus": ("IV | V | I | vi", "I | V | IV | V", "I | I | IV | V"),
        "bridge": ("ii | V | iii | vi", "vi | vi | ii | V"),
    },
    "minor": {"verse": ("i | iv | i | V", "i | bVII | bVI | V"), "chorus": ("iv | i | V | i", "bVI | bVII | i | i")},
}
DISCO: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i7 | iv7 | bVII | bIIImaj7", "i7 | i7 | iv7 | iv7", "i7 | bVImaj7 | iv7 | v7"),
        "chorus": ("iv7 | bVII | bIIImaj7 | bVImaj7", "bVImaj7 | bVII | i7 | i7"),
    },
    "major": {
        "verse": ("Imaj7 | vi7 | ii7 | V7", "IVmaj7 | iii7 | ii7 | Imaj7"),
        "chorus": ("IVmaj7 | V7 | iii7 | vi7", "Imaj7 | IVmaj7 | ii7 | V7"),
    },
    "dorian": {"any": ("i7 | IV9 | i7 | IV9", "i7 | bVII | IV | i7")},
}
RNB: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i7 | bVImaj7 | iv7 | v7", "i9 | iv7 | bVII9 | bIIImaj7", "bVImaj7 | v7 | i7 | i7"),
        "chorus": ("bVImaj7 | bVII | i7 | iv7", "iv7 | v7 | i7 | bIIImaj7"),
        "bridge": ("iv7 | bVII9 | bIIImaj7 | bVImaj7",),
    },
    "major": {
        "verse": ("Imaj7 | iii7 | vi7 | IVmaj7", "IVmaj7 | iii7 | vi7 | V9", "ii7 | iii7 | IVmaj7 | iv6"),
        "chorus": ("IVmaj7 | V9 | iii7 | vi7", "Imaj7 | vi7 | ii7 | V9"),
        "bridge": ("vi7 | II9 | ii7 | V9",),
    },
}
TRAP: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i | i | bVI | bVI", "i | i | bVI | V", "i | bII | i | bII"),
        "chorus": ("i | bVI | iv | V", "i | bIII | bVI | V", "iv | i | bVI | V"),
    },
}
TECHNO: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i7 | i7 | i7 | i7", "i7 | i7 | i7 | bVII"),
        "chorus": ("i7 | i7 | bVI | bVII", "i7 | bIII | i7 | v7"),
    },
    "dorian": {"any": ("i7 | i7 | i7 | IV", "i7 | i7 | bVII | IV")},
}
DNB: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i7 | i7 | bVImaj7 | bVImaj7", "i7 | i7 | iv7 | v7"),
        "chorus": ("bVImaj7 | bVII | i7 | bIII", "i | bVI | bIII | bVII", "iv7 | bVImaj7 | i7 | bVII"),
    },
    "major": {
        "verse": ("Imaj7 | Imaj7 | vi7 | IVmaj7", "IVmaj7 | Imaj7 | IVmaj7 | V"),
        "chorus": ("IVmaj7 | V | vi7 | I", "I | V | vi7 | IVmaj7"),
    },
}
CHIP: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | V | vi | IV", "I | IV | V | I", "I | bVII | IV | V"),
        "chorus": ("IV | V | iii | vi", "bVI | bVII | I | I", "I | V | IV | V"),
        "bridge": ("vi | iii | IV | V",),
    },
    "minor": {
        "verse": ("i | bVII | bVI | V", "i | bVI | bVII | i"),
        "chorus": ("bVI | bVII | i | V", "i | bIII | bVII | bVI"),
    },
}
CELTIC: Mapping[str, Progressions] = {
    "major": {
        "verse": ("I | I | V | V", "I | IV | I | V", "I | V | IV | I"),
        "chorus": ("IV | I | V | I", "I | vi | IV | V", "IV | IV | I | V"),
    },
    "dorian": {"verse": ("i | i | bVII | bVII", "i | bVII | i | v"), "chorus": ("bIII | bVII | i | bVII",)},
    "mixolydian": {"verse": ("I | I | bVII | bVII", "I | bVII | I | IV"), "chorus": ("IV | I | bVII | I",)},
    "minor": {"verse": ("i | bVII | i | bVII", "i | bVI | bVII | i"), "chorus": ("bIII | bVII | iv | i",)},
}
ORCHESTRAL: Mapping[str, Progressions] = {
    "minor": {
        "verse": ("i | bVI | iv | V", "i | v | bVI | iv", "i | bVI | bIII | bVII"),
        "chorus": ("bVI | bVII | i | i", "i | bIII | bVI | V", "bVI | iv | bII | V"),
        "bridge": ("iv | iihdim7 | V | V7", "bIII | bVII | iv | V"),
    },
    "major": {
        "verse": ("I | V | vi | iii", "I | IV | ii | V", "I | vi | IV | V7"),
        "chorus": ("IV | V | I | vi", "I | bVII | IV | I", "bVI | bVII | I | I"),
        "bridge": ("vi | iii | IV | V7", "iv | I | II7 | V7"),
    },
}
