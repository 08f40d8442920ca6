"""How parts of a manifest are written: as the API server keeps them."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def declared(part: BaseModel) -> dict[str, Any]:
    """Return a part in Kubernetes' shape, without what the user left out."""
    return part.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is absent or empty, as the server does."""
    return {key: value for key, value in fields.items() if value not in (None, "", [], {})}
