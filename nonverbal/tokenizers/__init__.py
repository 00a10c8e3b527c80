"""Tokenizers: VQ-VAEs that turn face and body motion into tokens (paper section 3.2, appendix B)."""
