"""What all sections of the configuration have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=31_536_000)]
Days = Annotated[float, Field(gt=0, le=36_500)]
Count = Annotated[int, Field(gt=0)]
FieldName = Annotated[str, Field(pattern=r"^[!-9;-~]+$")]  # RFC 5322 section 2.2
SomeTexts = Annotated[list[str], Field(min_length=1)]


class Section(BaseModel):
    """A table of the file; it has the keys it names, and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)
