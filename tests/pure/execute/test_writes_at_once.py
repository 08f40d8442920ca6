"""One large application leaves room for the writes of the others."""

import asyncio
from typing import Any

from process_operator.kube.manifest import Manifest
from storytelling import Story, application
from userside import process


def test_an_application_has_eight_writes_under_way_at_most() -> None:
    story = Story("a large application")
    apply, now, most = story.server.apply, 0, 0

    async def slow(manifest: Manifest, **how: Any) -> Manifest:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return await apply(manifest, **how)

    story.server.apply = slow  # type: ignore[method-assign]
    story.applies(application(), *(process(f"worker{n}", "worker") for n in range(30)))
    story.settles()
    assert len(story.server.find("Deployment")) == 30
    assert most == 8
