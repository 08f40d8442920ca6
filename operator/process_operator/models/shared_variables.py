"""Variables that several processes of a snapshot have: written once, and meant by their place.

`{"sharedEnv": [A, B], "processes": [{"env": [0, 1, C]}, {"env": [1]}]}` stands for processes with
the variables A, B and C, and B.
"""

from collections import Counter
from typing import Any

import orjson

_SHARED = "sharedEnv"


def collected(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Return a snapshot in plain JSON with each shared variable written once."""
    processes = snapshot.get("processes") or ()
    texts = [[orjson.dumps(one) for one in each.get("env", ())] for each in processes]
    counts = Counter(text for each in texts for text in each)
    places = {text: place for place, text in enumerate(t for t in counts if counts[t] > 1)}
    if not places:
        return snapshot
    shorter = [
        each | {"env": [places.get(text, one) for text, one in zip(own, each["env"], strict=True)]}
        if own
        else each
        for own, each in zip(texts, processes, strict=True)
    ]
    return snapshot | {_SHARED: [orjson.loads(text) for text in places], "processes": shorter}


def spread(snapshot: Any) -> Any:
    """Return a snapshot in plain JSON with every variable where it belongs.

    What is in no such shape, or means a place that is not there, is left as it is: the model
    refuses it with its path.
    """
    if not isinstance(snapshot, dict):
        return snapshot
    shared = snapshot.get(_SHARED)
    processes = snapshot.get("processes")
    if not isinstance(shared, list) or not isinstance(processes, list):
        return snapshot
    longer = [
        each | {"env": [_meant(one, shared) for one in each["env"]]}
        if isinstance(each, dict) and isinstance(each.get("env"), list)
        else each
        for each in processes
    ]
    rest = {name: value for name, value in snapshot.items() if name != _SHARED}
    return rest | {"processes": longer}


def _meant(one: object, shared: list[object]) -> object:
    if isinstance(one, int) and not isinstance(one, bool) and 0 <= one < len(shared):
        return shared[one]
    return one
