"""The release in progress: its next step, or what the present one waits for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from process_operator.controller.observe.records import ObservedState, Pod
from process_operator.controller.release import failure, jobs
from process_operator.controller.release import record as release_record
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import Application, ReleaseHistory
from process_operator.controller.release.record import (
    Release,
    cancel,
    end,
    rollout_entries,
    step,
    step_begun,
)
from process_operator.controller.release.rollout import Progress, State
from process_operator.kube import conditions
from process_operator.models.defaults import Settings
from process_operator.models.process import JobStartPolicy
from process_operator.models.release import ReleaseState, ReleaseStep

DEADLINE_SLACK = timedelta(seconds=30)
"""How much longer than a Deployment's own deadline a release waits for it to be reported."""


@dataclass(frozen=True, slots=True)
class Active:
    """The release in progress, and all that its next step depends on."""

    observed: ObservedState
    application: Application
    release: Release
    history: ReleaseHistory
    settings: Settings
    rollout: Sequence[tuple[str, str, Progress]]
    """Key, type and progress of each process that is rendered now."""

    def advance(self) -> Decision:
        """Return the next step, or what the present one waits for."""
        now = step(self.release)
        if fault := release_record.fault(self.release):
            return self._give_up(now, fault)
        if self.release.spec.cancel and now in {ReleaseStep.BEFORE_JOBS, ReleaseStep.ROLLOUT}:
            return self._cancel(now)
        if paused := self._pause():
            return paused
        match now:
            case ReleaseStep.BEFORE_JOBS:
                return self._before_jobs()
            case ReleaseStep.ROLLOUT:
                return self._roll_out()
            case ReleaseStep.AFTER_SUCCESS_JOBS:
                return self._after_success_jobs()
            case ReleaseStep.ROLLBACK:
                return self._roll_back()
            case ReleaseStep.AFTER_FAILED_JOBS:
                return self._after_failed_jobs()

    # What every step shares.

    def _record(self, changes: Mapping[str, Any], note: str, **more: Any) -> Decision:
        record = {**self.release.status, **changes}
        return Decision(records=((self.release, record),), note=note, **more)

    def _next(self, step: ReleaseStep, **changes: Any) -> Decision:
        begun = step_begun(self.release, step, self.observed.now)
        if "pausedAt" in self.release.status:
            # Cancelled while it is held: it will go back, and goes on to say so until then.
            del begun["conditions"]
        return self._record(changes | begun, f"release {self.release.name} went on to {step}")

    def _end(
        self, state: ReleaseState, said: Sequence[conditions.Condition], **changes: Any
    ) -> Decision:
        ended = end(self.release, state, said, self.observed.now, **changes)
        return Decision(
            records=((self.release, ended),), note=f"release {self.release.name} ended: {state}"
        )

    def _pause(self) -> Decision | None:
        """Hold everything while the application is suspended; its deadlines do not run then."""
        record, now = self.release.status, conditions.timestamp(self.observed.now)
        if self.application.spec.suspend:
            if "pausedAt" in record:
                return Decision()
            message = "goes on when spec.suspend of the application is false"
            said = conditions.merge(
                record,
                conditions.reconciling("Suspended", message),
                generation=self.release.generation,
                now=self.observed.now,
            )
            return self._record(
                {"pausedAt": now, "conditions": said}, f"release {self.release.name} was paused"
            )
        if "pausedAt" not in record:
            return None
        begun = step_begun(self.release, step(self.release), self.observed.now)
        resumed = {**record, **begun, "resumedAt": now}
        del resumed["pausedAt"]
        return Decision(
            records=((self.release, resumed),), note=f"release {self.release.name} goes on"
        )

    def _deadline(self, field: str) -> datetime:
        started = conditions.parse_time(self.release.status[field])
        return started + timedelta(seconds=self.settings.progress_deadline_seconds) + DEADLINE_SLACK

    @property
    def _can_go_back(self) -> bool:
        return self.history.serving is not None and "rolloutStartedAt" in self.release.status

    # The steps.

    def _jobs(self, policy: JobStartPolicy) -> jobs.Phase:
        grace = timedelta(seconds=self.settings.progress_deadline_seconds)
        return jobs.phase(self.observed, self.release, policy, grace=grace)

    def _attend(self, phase: jobs.Phase) -> Decision | None:
        """Return what a phase that is not over needs."""
        if phase.is_over:
            return None
        if phase.changed:
            note = f"release {self.release.name} recorded its job {phase.running}"
            return self._record({"jobs": phase.entries}, note)
        return Decision(
            start=(self.release, phase.start) if phase.start is not None else None,
            stop=(phase.stop,) if phase.stop is not None else (),
            wake_at=phase.wake_at,
        )

    def _before_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.BEFORE_DEPLOYMENT)
        if unfinished := self._attend(phase):
            return unfinished
        if phase.failed is None:
            return self._next(ReleaseStep.ROLLOUT, jobs=phase.entries)
        why = failure.of_job(phase.failed, phase.pod)
        return self._fail(why, phase.pod, jobs=phase.entries)

    def _roll_out(self) -> Decision:
        failed = [one for one in self.rollout if one[2].state is State.FAILED]
        moving = [one for one in self.rollout if one[2].state is State.MOVING]
        deadline = self._deadline("rolloutStartedAt")
        if any(one[2].problem is not None for one in moving):
            # A crash loop is ready for a moment each time, so that its Deployment is never late.
            deadline -= DEADLINE_SLACK
        if failed or (moving and self.observed.now >= deadline):
            culprits = failed or [one for one in moving if one[2].problem is not None] or moving
            key, _, progress = culprits[0]
            why = failure.of_rollout(key, progress, self.observed.probe_failures)
            return self._fail(why, progress.pod, rollouts=rollout_entries(self.rollout))
        if moving:
            return Decision(wake_at=deadline)
        if self._is_left(JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT):
            return self._next(
                ReleaseStep.AFTER_SUCCESS_JOBS, rollouts=rollout_entries(self.rollout)
            )
        return self._succeed(rollouts=rollout_entries(self.rollout))

    def _after_success_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT)
        if unfinished := self._attend(phase):
            return unfinished
        return self._succeed(phase.failed, jobs=phase.entries)

    def _roll_back(self) -> Decision:
        deadline = self._deadline("rollbackStartedAt")
        moving = [one for one in self.rollout if one[2].state is State.MOVING]
        if moving and self.observed.now < deadline:
            return Decision(wake_at=deadline)
        return self._went_back()

    def _after_failed_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.AFTER_FAILED_DEPLOYMENT)
        return self._attend(phase) or self._failed(jobs=phase.entries)

    # The ends.

    def _is_left(self, policy: JobStartPolicy) -> bool:
        return jobs.are_left(self.release.status.get("jobs", ()), policy)

    def _succeed(self, failed_job: jobs.Entry | None = None, **changes: Any) -> Decision:
        rolled = changes.get("rollouts", self.release.status.get("rollouts", ()))
        message = f"{len(rolled)} processes run this release"
        if failed_job is not None:
            message += f"; {failure.after_success(failed_job)}"
        said = conditions.ready("Succeeded", message)
        return self._end(ReleaseState.SUCCESS, said, **changes)

    def _fail(self, why: Mapping[str, Any], pod: Pod | None, **changes: Any) -> Decision:
        """Record the failure, with the step that follows it."""
        record = {**changes, "failure": dict(why)}
        if self._can_go_back and self.settings.rollback:
            following = self._next(ReleaseStep.ROLLBACK, **record)
        elif self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            following = self._next(ReleaseStep.AFTER_FAILED_JOBS, **record)
        else:
            following = self._failed(**record)
        note = f"release {self.release.name} failed: {why['reason']}"
        return replace(following, failed_pod=pod, note=note)

    def _give_up(self, now: ReleaseStep, fault: str) -> Decision:
        """End a release of which nothing can be rendered; what served before is rendered again."""
        sentence = (
            f"The release ended because its record cannot be read ({fault}); correct what it was "
            "made of and release again"
        )
        why = {
            "step": str(now),
            "reason": "SnapshotUnreadable",
            "message": fault,
            "sentence": sentence,
        }
        begun = {"rollbackStartedAt": conditions.timestamp(self.observed.now)}
        return self._failed(failure=why, **(begun if self._can_go_back else {}))

    def _went_back(self) -> Decision:
        if "failure" not in self.release.status:
            return self._cancelled()
        if self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            return self._next(ReleaseStep.AFTER_FAILED_JOBS)
        return self._failed()

    def _failed(self, **changes: Any) -> Decision:
        why = changes.get("failure") or self.release.status["failure"]
        told = why["sentence"]
        if self.history.serving is None:
            told += ". There is no earlier release to go back to"
        said = conditions.stalled(why["reason"], told)
        return self._end(ReleaseState.FAILED, said, **changes)

    def _cancel(self, now: ReleaseStep) -> Decision:
        message = "the release was cancelled by spec.cancel"
        phase = jobs.stop(self.observed, self.release, "Cancelled", message)
        if unfinished := self._attend(phase):
            return unfinished
        if now == ReleaseStep.ROLLOUT and self._can_go_back:
            return self._next(ReleaseStep.ROLLBACK, rollouts=rollout_entries(self.rollout))
        return self._cancelled()

    def _cancelled(self) -> Decision:
        return Decision(
            records=((self.release, cancel(self.release, self.observed.now)),),
            note=f"cancelled release {self.release.name}",
        )
