"""Deployment hooks as clients get them."""

from typing import Annotated

from pydantic import Field

from process_operator.api.payloads.base import Id, Reply


class Hook(Reply):
    """A deployment hook."""

    url: Annotated[str, Field(examples=["https://api.example.com/v3/hooks/fb5e5168-.../0b1c..."])]
    """A POST here deploys the application; whoever knows it may do so."""


class Hooked(Reply):
    """What a hook has begun."""

    deployment_id: Id
