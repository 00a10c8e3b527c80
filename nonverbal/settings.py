"""Base of every settings model: a key that is unknown or of the wrong type is a mistake, not a default."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Immutable, strict about keys; each stage's `settings.py` derives its models from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
