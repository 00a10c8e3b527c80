"""A sentence in; words, face and body of the trained MARS out, as a video with speech."""
