"""Speakers: face and person tracks, active speaker scores, who is who, person crops as boxes (paper P3, F5, P4)."""
