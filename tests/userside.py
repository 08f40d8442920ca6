"""What a user with kubectl does and sees: manifests, and a namespace to apply them in."""

import json
from collections.abc import Callable
from typing import Any

import yaml

IMAGE = "process-operator.dev/sample"
Body = dict[str, Any]


def application(name: str = "shop", **spec: Any) -> Body:
    return {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "ProcessApplication",
        "metadata": {"name": name},
        "spec": {"image": f"{IMAGE}:v1", "release": {"settleSeconds": 1}, **spec},
    }


def process(key: str, process_type: str, *, of: str = "shop", **spec: Any) -> Body:
    if process_type == "web":
        # Without one an instance has to run for some seconds before it counts as available.
        spec = {"readinessProbe": {"httpGet": {"path": "/readyz"}, "periodSeconds": 1}} | spec
    return {
        "apiVersion": "process-operator.dev/v1alpha1",
        "kind": "Process",
        "metadata": {"name": key},
        "spec": {
            "applicationRef": {"name": of},
            "key": key,
            "type": process_type,
            **{name: value for name, value in spec.items() if value is not None},
        },
    }


class Namespace:
    """The test's namespace, as somebody with kubectl sees it."""

    def __init__(self, kubectl: Callable[..., str], name: str) -> None:
        self._kubectl = kubectl
        self.name = name

    def host(self, name: str) -> str:
        """Return a host that no other test asks for: whoever has one first keeps it."""
        return f"{name}.{self.name}.example.com"

    def web(self, **spec: Any) -> Body:
        """Return a web process with a host."""
        return process("web", "web", ingress={"hosts": [{"host": self.host("shop")}]}, **spec)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self._kubectl("-n", self.name, *arguments, stdin=stdin)

    def apply(self, *manifests: Body) -> None:
        self.kubectl("apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(manifests))

    def get(self, kind: str, name: str) -> Body:
        found: Body = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def patch(self, kind: str, name: str, change: Any, how: str = "merge") -> None:
        self.kubectl("patch", kind, name, "--type", how, "-p", json.dumps(change))

    def wait(self, thing: str, condition: str) -> Body:
        """Wait until a thing is there and meets a condition; return it as it was just then.

        What is read afterwards may have moved on.
        """
        try:
            return self._wait(thing, condition)
        except AssertionError as failed:
            if "(NotFound)" not in str(failed):
                raise
        self._wait(thing, "create")
        return self._wait(thing, condition)

    def _wait(self, thing: str, condition: str) -> Body:
        waited = self.kubectl("wait", thing, f"--for={condition}", "--timeout=60s", "-o", "json")
        found: Body = json.loads(waited)
        return found

    def wait_gone(self, thing: str) -> None:
        self.kubectl("wait", thing, "--for=delete", "--timeout=60s")

    def wait_reason(self, thing: str, reason: str, *, of: str = "Ready") -> str:
        """Wait until a condition has a reason; return its message."""
        path = f'{{.status.conditions[?(@.type=="{of}")].reason}}'
        conditions = self.wait(thing, f"jsonpath={path}={reason}")["status"]["conditions"]
        message: str = next(one["message"] for one in conditions if one["type"] == of)
        return message

    def deadline(self, seconds: int) -> None:
        """Have so much patience with further releases; the first one may take its time."""
        change = {"spec": {"release": {"progressDeadlineSeconds": seconds}}}
        self.patch("papp", "shop", change)

    def release(self, *manifests: Body) -> None:
        """Apply manifests and wait until their first release has succeeded."""
        self.apply(*manifests)
        self.wait_reason("papp/shop", "Released")
