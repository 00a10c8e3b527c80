"""Speech: who speaks when, which language, which words, which utterances (paper F3, F4, P2)."""
