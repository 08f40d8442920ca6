"""What instances use is a mean, in the units of the limits beside it."""

import pytest

from process_operator.api.reads import usage


def pod(*used: dict[str, str]) -> dict[str, object]:
    return {"containers": [{"name": str(place), "usage": one} for place, one in enumerate(used)]}


@pytest.mark.parametrize(
    ("measurement", "expected"), [("cpu-usage", 30.25), ("memory-usage", 48.0)]
)
def test_use_is_the_mean_of_all_instances_with_all_of_their_containers(
    measurement: str, expected: float
) -> None:
    first = pod({"cpu": "20500u", "memory": "32Mi"}, {"cpu": "20m", "memory": "16384Ki"})
    second = pod({"cpu": "20000000n", "memory": "48Mi"})
    assert usage.mean([first, second], *usage.MEASURED[measurement]) == expected


def test_without_instances_nothing_is_measured() -> None:
    assert usage.mean([], *usage.MEASURED["cpu-usage"]) is None
