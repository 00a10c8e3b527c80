"""From two-person videos to a language model over words, faces and bodies (library; free of Snakemake)."""
