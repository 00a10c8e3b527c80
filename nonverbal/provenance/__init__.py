"""Provenance: what made each artifact, from what, and whether it still is what it was."""
