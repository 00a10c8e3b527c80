"""Paper: the published tables and figures, regenerated with the published value beside ours."""
