"""Many applications with large records, looked at one after the other, and what that takes.

A process of its own, because what is asked for is the memory of a process.
"""

import sys
from pathlib import Path
from typing import Any

import make
import planning
from process_operator.controller.observe import masking
from process_operator.controller.observe.records import ApplicationKey
from process_operator.controller.plan import plan
from process_operator.controller.status import report
from process_operator.kube import names
from process_operator.models import snapshot as snapshots

APPLICATIONS, RELEASES, RECORD_BYTES = 205, 10, 48 * 1024


def main() -> None:
    """Fill, look at everything, and print the most memory that it took, in MB."""
    store = planning.store()
    for number in range(APPLICATIONS):
        name = f"shop{number}"
        env = [
            {"name": "LARGE", "value": f"{number:08}" * 3_750},
            {"name": "LARGER", "value": f"{number:08}" * 2_300},
        ]
        spec = {"image": make.IMAGE, "env": env}
        of = {"applicationRef": {"name": name}}
        store.observe(planning.body(names.APPLICATION_KIND, name, spec, {}))
        web = {**of, "key": "web", "type": "web"}
        store.observe(planning.body(names.PROCESS_KIND, f"{name}-web", web, {}))
        for release in range(1, RELEASES + 1):
            store.observe(
                planning.body(
                    names.RELEASE_KIND,
                    f"{name}-{release}",
                    of,
                    _record(name, release, {**spec, "image": f"{make.IMAGE}-{release}"}),
                )
            )
        seen = store.gather(ApplicationKey(make.NAMESPACE, name))
        assert len(seen.releases) == RELEASES
        report.report(seen, plan.plan(masking.redact(seen)))
    sys.stdout.write(str(_most_mb()))


def _most_mb() -> int:
    """Return the most memory so far; `getrusage` would count whoever started this, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def _record(name: str, number: int, spec: dict[str, Any]) -> dict[str, Any]:
    given = make.application(image=spec["image"], env=spec["env"])
    text = snapshots.text(make.candidate(make.observed(application=given)))
    assert RECORD_BYTES - 2_000 < len(text) < RECORD_BYTES + 2_000
    return {
        "state": "success",
        "number": number,
        "applicationUID": f"uid-of-{name}",
        "requested": {"image": spec["image"], "hash": "a.b"},
        "snapshot": text,
        "startedAt": "2026-01-05T11:59:00Z",
        "rolloutStartedAt": "2026-01-05T11:59:00Z",
    }


if __name__ == "__main__":
    main()
