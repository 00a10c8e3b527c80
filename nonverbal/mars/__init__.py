"""MARS: a language model over text, face and body tokens (paper section 3.3, appendix C)."""
