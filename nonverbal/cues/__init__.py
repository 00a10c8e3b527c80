"""Cues: face and body parameters a frame, with validity and confidence, smoothed (paper P5, P6)."""
