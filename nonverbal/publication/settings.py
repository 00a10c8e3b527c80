"""Settings of the publication stage."""

from pydantic import Field

from nonverbal.settings import Settings


class Push(Settings):
    """Where the dataset is uploaded; nothing is unless its target is asked for."""

    repository: str | None = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    """owner/name of a dataset repository on the Hugging Face hub; null: there is none yet."""
    private: bool
    """Whether a repository that is made is private; that of one that is there is left as it is."""
    squash: bool
    """Whether earlier commits are forgotten after an upload, so that what was removed cannot be had from them."""


class Publication(Settings):
    """What the dataset is called, under which licence it is given away, and who answers for it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w .-]*$")
    """Of the dataset."""
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    """Of the dataset; count it up when you upload other records."""
    licence: str | None = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*$")
    """SPDX identifier, as CC-BY-NC-4.0, of the licence that you give on what you made; null: none is given."""
    contact: str | None = Field(min_length=1, pattern=r"^[^\n<>`]+$")
    """Where people ask to be removed: a mail address or an URL; null: nowhere, and nothing public is uploaded."""
    push: Push
