from process_operator.controller.build.protocols import PROTOCOLS
from process_operator.models.process import Protocol


def test_every_protocol_of_a_process_has_its_names() -> None:
    assert set(PROTOCOLS) == set(Protocol)
