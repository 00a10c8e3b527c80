"""People check what the filters decided: a blind, stratified sample, judgements, error rates."""
