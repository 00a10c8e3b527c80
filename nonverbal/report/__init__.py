"""Report: one page of what a run made, found and cost, that needs nothing beside it."""
