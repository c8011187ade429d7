"""SongPipeline and its output."""

from .known import Known
from .song_pipeline import CheckpointError, SongPipeline, SongPipelineOutput, checkpoint_folder

__all__ = ["CheckpointError", "Known", "SongPipeline", "SongPipelineOutput", "checkpoint_folder"]
