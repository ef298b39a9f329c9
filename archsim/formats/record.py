"""A YAML file as a frozen, checked record."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from archsim.formats.errors import InputError, Problem
from archsim.formats.source import Section, in_file_order, read
from archsim.formats.yaml12 import Document


class Record(BaseModel):
    """A mapping whose keys are all known and whose numbers are taken as written."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


MAX_SEED = 2**63 - 1
Model = TypeVar("Model", bound=BaseModel)


def load(path: Path, model: type[Model]) -> tuple[Document, Model]:
    """The document of a file and its content; InputError with all that is wrong in its form."""
    document = read(path)
    problems: list[Problem] = []
    found = Section(document).checked(model, document.value, problems)
    if found is None:
        raise InputError(in_file_order(problems))
    return document, found
