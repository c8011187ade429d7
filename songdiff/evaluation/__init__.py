"""What was asked for against what came out. Independent of the models' inner parts.

Nothing is imported here, so that one measure does not need what another needs: see :mod:`.measures` for all groups of
figures, :mod:`.benchmark` for songs and checkpoints, :mod:`.report` for what comes out, :mod:`.speed` for time.
"""
