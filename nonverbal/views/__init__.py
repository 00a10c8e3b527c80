"""What a run found, to look at: videos, contact sheets, recordings for a viewer, motion files for other programs."""
