"""Songs on disk → training examples."""

from .songs import EncodedSong, corpus_songs, describe_corpus, encode_songs

__all__ = ["EncodedSong", "corpus_songs", "describe_corpus", "encode_songs"]
