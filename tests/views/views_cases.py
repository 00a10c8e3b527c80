"""What the clip in conftest.py is."""

FRAMES, WIDTH, PICTURE = 30, 320, 180
SHARD = "00001"
FIRST = 2  # frame of the first utterance, which has 20
KNOWN = slice(5, 15)  # frames of which there are parameters
