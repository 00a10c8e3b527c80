"""Demo: a small podcast feed made by the project, with the truth beside it, and the score of each stage."""
