"""The release state machine: what is seen, and now, in; the next step, with its reason, out.

A release is an object that asks, and its status is the record of its course. Only one release of
an application is active; of several waiting ones the newest is taken and the others are skipped.

    waiting ──> beforeJobs ──> rollout ──> afterSuccessJobs ──> success
                    │             │
              (beforeRollbackJobs, if jobs before the rollout have ended well)
                    │             │
                    │             └──> rollback ──┐
                    └─────────────────────────────┴──> afterFailedJobs ──> failed

    spec.cancel, until the rollout has succeeded or failed:
                waiting, beforeJobs, rollout ──> (beforeRollbackJobs, rollback) ──> cancelled
    spec.rollbackTo: beforeRollbackJobs of what serves come first, before beforeJobs
    a newer one starts:          waiting ──> skipped
    spec.rollbackTo names none:  waiting ──> failed
    spec.suspend of the application: nothing begins until it is false again

A step that has nothing to do is left out: no jobs, nothing that was rolled out, nothing to go
back to. The first release of an application has nothing to go back to and stays as it is.

What is rendered meanwhile: what served, until the rollout begins; the release's own snapshot in
`rollout` and `afterSuccessJobs`, and ever after; what served, from `rollback` on.

The record is a ratchet: state and step only move forward, and each move is written, with the
resourceVersion that it was decided on, before the first write that depends on it. What is not
recorded is derived from what is seen, so that a crash at any point changes nothing. A finished
rollout is never judged again.

What asks for a release is compared with what the newest release *requested*, whatever became of
it, and never with what serves: a version that failed must not be released again and again. One
that was cancelled before it started has requested too: it takes along all that it stood for.
"""

from collections.abc import Sequence

from process_operator.controller.observe.records import Application, ObservedState
from process_operator.controller.release import cancel, restored, start, triggers
from process_operator.controller.release.active import Active
from process_operator.controller.release.decision import Decision, Waiting
from process_operator.controller.release.history import ReleaseHistory, to_prune
from process_operator.controller.release.rollout import ProcessProgress
from process_operator.controller.resolve.application import Resolved


def decide(
    observed: ObservedState,
    application: Application,
    resolved: Resolved,
    history: ReleaseHistory,
    rollout: Sequence[ProcessProgress],
    *,
    pods: Waiting | None = None,
) -> Decision:
    """Return the next step of this application's releases.

    Args:
        observed: All that is seen.
        application: The application, there and readable.
        resolved: It and its processes as they stand now.
        history: Its releases.
        rollout: How far each process is that the running release renders.
        pods: Why the waiting release may not start because of what its pods would be.
    """
    if history.newer is not None:
        return Decision()  # Whoever knows what it means goes on with it.
    copies = restored.releases(observed, history)
    if copies is not None:
        return copies
    cancelled_before_start = cancel.before_start(observed, application, resolved, history)
    if cancelled_before_start is not None:
        return cancelled_before_start
    if not history.waiting and not application.spec.suspend:
        # Also while another one is active: who asks for a release sees it wait.
        trigger = triggers.request(observed, application, resolved, history)
        incomplete = restored.incomplete(observed, application) if trigger is not None else None
        if incomplete is not None:
            return Decision(waiting=incomplete, wake_at=incomplete.until)
        if trigger is not None and (no := start.refused(observed, application, history)):
            return Decision(waiting=no, wake_at=no.until)
        if trigger is not None:
            manifest = start.manifest(application, history.last_number + 1)
            named = manifest["metadata"]["name"]
            return Decision(create=manifest, note=f"{trigger} asks for release {named}")
    if history.active is not None:
        active = Active(observed, application, history.active, history, resolved.settings, rollout)
        return active.advance()
    if history.waiting:
        return start.start(observed, application, resolved, history, pods)
    return Decision(prune=to_prune(application, history))
