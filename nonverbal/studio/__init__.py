"""The studio corpus: stereo recordings of two actors, one a channel, cut into turns and matched with their script."""
