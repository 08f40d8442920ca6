"""What is wrong with pods: what they say themselves, and what the kubelet says of their probes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from process_operator.controller.observe.records import Pod, ProbeFailure

_EARLY = 4096
"""How many pods that are not known (most are other people's) are remembered to fail a probe."""


_Place = tuple[str, str]
"""Namespace and uid of a pod. Events may be written by whoever lives in their namespace, about any
uid: what is said of a pod counts in its own namespace only."""


class Troubles:
    """What was last said of each pod whose probe fails, beside the pods themselves."""

    def __init__(self, pods: Callable[[], Iterator[Pod]]) -> None:
        self._pods = pods
        self._said: dict[_Place, str] = {}
        self._early: OrderedDict[_Place, str] = OrderedDict()

    def pod_changed(self, old: Pod | None, new: Pod | None) -> bool:
        """Take in a change of a pod; return whether it concerns anybody.

        Only its trouble is read: that it runs, or is gone, is told by its Deployment or Job.
        """
        before = self._of(old)
        if old is not None and new is None:
            self._said.pop((old.namespace, old.uid), None)
        elif new is not None and (place := (new.namespace, new.uid)) in self._early:
            self._said[place] = self._early.pop(place)
        return self._of(new) != before

    def probe_failed(self, new: ProbeFailure) -> Pod | None:
        """Take in what the kubelet says; return the pod if that is news of one that is known.

        What it said of a pod that is not known yet is kept for a while: it never says it again.
        """
        place = (new.namespace, new.pod_uid)
        if self._said.get(place) == new.message:
            return None
        for pod in self._pods():
            if (pod.namespace, pod.uid) == place:
                self._said[place] = new.message
                return pod
        self._early[place] = new.message
        self._early.move_to_end(place)
        if len(self._early) > _EARLY:
            self._early.popitem(last=False)
        return None

    def said(self, pods: Iterable[Pod]) -> dict[str, str]:
        """Return what was said of some pods, by uid."""
        places = ((pod.uid, (pod.namespace, pod.uid)) for pod in pods)
        return {uid: self._said[place] for uid, place in places if place in self._said}

    def _of(self, pod: Pod | None) -> tuple[Any, ...] | None:
        """Return what a decision may read of a pod; None while nothing is wrong with it."""
        if pod is None:
            return None
        said = (pod.problem, self._said.get((pod.namespace, pod.uid)))
        return None if said == (None, None) else (*said, pod.ready, pod.deleting, pod.process)
