"""SongPipeline and its output."""

from .song_pipeline import CheckpointError, SongPipeline, SongPipelineOutput, checkpoint_folder

__all__ = ["CheckpointError", "SongPipeline", "SongPipelineOutput", "checkpoint_folder"]
