"""How it is told: what a line says of a write, and nothing that no reader can check."""

import orjson

from process_operator.kube import conditions, names
from storytelling.cast import Body


def _condition(status: Body, kind: str) -> Body:
    return next((one for one in status.get("conditions", ()) if one["type"] == kind), {})


def shown(name: str, body: Body) -> str:
    """Return the name of a Job without its hash, which no reader can check."""
    return name.rpartition("-")[0] if body.get("kind") == "Job" else name


def size(manifest: Body) -> str:
    if manifest["kind"] == "Deployment":
        image = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
        size = manifest["spec"].get("replicas", "as many")
        return f" with {image.rpartition(':')[2]}, {size} instances"
    if manifest["kind"] == "Job":
        image = manifest["spec"]["template"]["spec"]["containers"][0]["image"]
        return f" with {image.rpartition(':')[2]}"
    if manifest["kind"] == "CronJob":
        job = manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        image = job["containers"][0]["image"]
        held = ", suspended" if manifest["spec"]["suspend"] else ""
        return f" with {image.rpartition(':')[2]}{held}"
    return ""


def difference(old: Body, new: Body) -> str:
    if not old:
        return ""
    before, after = (one.get("spec") or one.get("data") or {} for one in (old, new))
    changed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    return ": " + ", ".join(f"{name}={orjson.dumps(after.get(name)).decode()}" for name in changed)


def told(kind: str, name: str, old: Body, new: Body) -> str:
    """Say what a new status says that the old one did not."""
    said = []
    if kind == names.RELEASE_KIND:
        before = (old.get("state"), old.get("step"))
        after = (new.get("state"), new.get("step"))
        if before != after:
            said.append(" ".join(part for part in after if part))
        known = {one["key"]: one for one in old.get("jobs", ())}
        said += [_job_told(one) for one in new.get("jobs", ()) if known.get(one["key"]) != one]
        if "failure" in new and "failure" not in old:
            said.append(f"because {new['failure']['sentence']}")
        if "pausedAt" in new and "pausedAt" not in old:
            said.append("paused")
        if "resumedAt" in new and old.get("resumedAt") != new["resumedAt"]:
            said.append("goes on")
    ready = _condition(new, conditions.READY)
    was = _condition(old, conditions.READY)
    if (ready.get("reason"), ready.get("status")) != (was.get("reason"), was.get("status")):
        said.append(f"Ready={ready['status']} {ready['reason']}")
    size = new.get("replicasBeforeSuspend")
    if size is not None and size != old.get("replicasBeforeSuspend"):
        said.append(f"remembers {size} instances")
    pending, waited = new.get("pending", ()), old.get("pending", ())
    if [one["field"] for one in pending] != [one["field"] for one in waited]:
        said.append("pending: " + (", ".join(one["field"] for one in pending) or "nothing"))
    return f"says of {kind} {name}: " + ("; ".join(said) or _in_other_words(old, new))


_LONGEST = 180
_NUMBERS = {"observedGeneration", "conditions", "pendingCount"}


def _in_other_words(old: Body, new: Body) -> str:
    """Say what differs where neither state nor reason does: sentences first, else the fields."""
    said = []
    for one in new.get("conditions", ()):
        was = _condition(old, one["type"])
        words = f'{one["type"]}={one["status"]} {one["reason"]}, "{one["message"]}"'
        twin = one["type"] in {conditions.RECONCILING, conditions.STALLED}
        if twin and not was:
            said.append(one["type"])
        elif not twin and any(one[field] != was.get(field) for field in ("reason", "message")):
            said.append(_cut(words))
    known = old.get("warnings", ())
    said += [_cut(f'warns "{text}"') for text in new.get("warnings", ()) if text not in known]
    if not said:
        fields = sorted((old.keys() | new.keys()) - _NUMBERS)
        changed = [name for name in fields if old.get(name) != new.get(name)]
        said = [_cut(f"{name} {orjson.dumps(new.get(name)).decode()}") for name in changed]
    return "; ".join(said) or "that this generation is seen"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _job_told(one: Body) -> str:
    if "result" in one:
        return f"job {one['key']} {one['result']} ({one['reason']})"
    return f"job {one['key']} is made" if "jobUID" in one else f"job {one['key']} is to run"
