"""Two processes of one key: the older one has it, and the other may be about to go."""

import make
from process_operator.controller.plan import plan
from process_operator.controller.resolve.application import resolve
from process_operator.controller.resolve.target import internal_hostname
from process_operator.kube.reasons import Reason


def test_a_key_that_is_taken_may_soon_be_free() -> None:
    first, second = make.process(name="first"), make.process(name="second", uid="2")
    seen = make.observed(processes=[first, second])
    assert seen.application is not None
    refusals = resolve(seen, seen.application).refusals  # type: ignore[arg-type]
    assert list(refusals) == [second.uid]
    refusal = refusals[second.uid]
    assert refusal.reason == Reason.KEY_TAKEN
    assert (refusal.transient, refusal.renderable) == (True, False)


def test_what_listens_has_a_name_inside_the_cluster() -> None:
    processes = [make.process(), make.process(key="worker", type="worker")]
    planned = plan.plan(make.served(make.observed(processes=processes))).processes
    names = [internal_hostname(one.target) for one in planned if one.target is not None]
    assert names == ["shop-web.demo.svc.cluster.local", None]
