"""Collect: channels, videos, thumbnails, media, clips (paper section 3.1, F1, P1, F2)."""
