"""Dataset: safety, splits, VENUS records, statistics, funnel (paper sections 3.1 and 4, appendix A)."""
