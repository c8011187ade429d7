"""SongPipeline and its output."""

from .checkpoint import CheckpointError, checkpoint_folder
from .known import Known
from .song_pipeline import SongPipeline, SongPipelineOutput

__all__ = ["CheckpointError", "Known", "SongPipeline", "SongPipelineOutput", "checkpoint_folder"]
