"""Bars, beats and slots of a song at one steady tempo, and what time they fall on.

A slot is a sixteenth note. Beats are the felt pulse: quarters in 4/4 and 3/4, dotted quarters in 6/8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

METERS: dict[str, tuple[int, int]] = {"4/4": (4, 4), "3/4": (3, 4), "6/8": (2, 6)}  # beats a bar, slots a beat


@dataclass(frozen=True)
class Grid:
    """``tempo`` in felt beats a minute; bar 0 starts at ``origin`` seconds (at most 0: a song may start inside it).

    ``swing`` 0 … 1 delays the second half of a beat (``swing_unit`` 2) or of a half beat (1); 1 is a full triplet.
    """

    tempo: float
    time_signature: str = "4/4"
    origin: float = 0.0
    swing: float = 0.0
    swing_unit: int = 2

    @property
    def beats_per_bar(self) -> int:
        return METERS[self.time_signature][0]

    @property
    def slots_per_beat(self) -> int:
        return METERS[self.time_signature][1]

    @property
    def slots_per_bar(self) -> int:
        return self.beats_per_bar * self.slots_per_beat

    @property
    def beat(self) -> float:
        """Seconds of a beat."""
        return 60.0 / self.tempo

    @property
    def bar(self) -> float:
        """Seconds of a bar."""
        return self.beat * self.beats_per_bar

    @property
    def slot(self) -> float:
        """Seconds of a sixteenth note, without swing."""
        return self.beat / self.slots_per_beat

    def bar_time(self, bar: int) -> float:
        """Seconds at which a bar starts."""
        return self.origin + bar * self.bar

    def time(self, slot: float) -> float:
        """Seconds of a slot counted from bar 0, swung."""
        if self.swing and self.slots_per_beat == 4:
            period = 2.0 * self.swing_unit
            whole, phase = divmod(slot, period)
            middle = 0.5 + self.swing / 6.0
            phase /= period
            phase = phase * 2 * middle if phase < 0.5 else middle + (phase - 0.5) * 2 * (1 - middle)
            slot = (whole + phase) * period
        return self.origin + slot * self.slot

    def nearest_slot(self, time: float) -> int:
        """The slot whose swung time lies nearest to ``time`` seconds."""
        guess = round((time - self.origin) / self.slot)
        return min(range(guess - 1, guess + 2), key=lambda slot: abs(self.time(slot) - time))

    def bar_at(self, time: float, tolerance: float = 1e-6) -> int:
        """The bar that sounds at ``time`` seconds; up to ``tolerance`` seconds before a bar line count as after it."""
        return math.floor((time - self.origin + tolerance) / self.bar)

    def accent(self, slot: int) -> float:
        """Metrical weight 0 … 1 of a slot: 1 on the downbeat, 0 on a weak sixteenth."""
        return _accent(self.time_signature, slot % self.slots_per_bar)


def _accent(time_signature: str, position: int) -> float:
    beats, slots = METERS[time_signature]
    beat, inside = divmod(position, slots)
    if inside == 0:
        return 1.0 if beat == 0 else 0.85 if beats == 4 and beat == 2 else 0.7
    if slots == 6:
        return 0.4 if inside % 2 == 0 else 0.0
    return 0.4 if inside == 2 else 0.0
