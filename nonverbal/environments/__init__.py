"""The rules' environments: what their files say, how they are built without a conda channel, and what imports in them."""
