"""The sizes that come with the operator are made where they are missing, and nowhere else."""

from typing import Any

import pytest

from process_operator.controller import shipped
from process_operator.kube import errors, names

SIZES = [
    {"apiVersion": names.API_VERSION, "kind": names.RESOURCE_TYPE_KIND, "metadata": {"name": name}}
    for name in ("h1", "s1", "p1")
]


class Server:
    def __init__(self, **refuses: errors.ApiError) -> None:
        self.created: list[str] = []
        self._refuses = refuses

    async def create(self, manifest: Any) -> Any:
        name = manifest["metadata"]["name"]
        if name in self._refuses:
            raise self._refuses[name]
        self.created.append(name)
        return manifest


async def test_what_is_missing_is_made_and_what_is_there_is_left_alone() -> None:
    server = Server()
    await shipped.create_missing(server, SIZES, {"s1"})
    assert server.created == ["h1", "p1"]


async def test_what_cannot_be_made_holds_nothing_else_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = Server(
        h1=errors.AlreadyExists("there", status=409), s1=errors.Forbidden("no", status=403)
    )
    await shipped.create_missing(server, SIZES, ())
    assert server.created == ["p1"]
    assert [one.getMessage() for one in caplog.records if one.levelname == "WARNING"] == [
        "could not be created"
    ]
