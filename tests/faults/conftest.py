"""How much of the fault matrix is run."""

import pytest

FULL = "--full"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        FULL, action="store_true", help="strike every write in every way, not in one way each"
    )


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption(FULL, default=False))
