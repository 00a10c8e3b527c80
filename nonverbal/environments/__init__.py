"""The rules' environments: what their files say, how they are built without conda, and what imports in them."""
