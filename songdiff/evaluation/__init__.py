"""What was asked for against what came out. Independent of the models' inner parts."""

from .adherence import evaluate_corpus, measure, summarise
from .chords import chord_accuracy, chroma
from .pitch import pitch_accuracy, pitch_track

__all__ = ["chord_accuracy", "chroma", "evaluate_corpus", "measure", "pitch_accuracy", "pitch_track", "summarise"]
