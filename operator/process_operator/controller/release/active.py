"""The release in progress: its next step, or what the present one waits for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from process_operator.controller.observe.records import Application, ObservedState, Pod, Release
from process_operator.controller.release import failure, jobs
from process_operator.controller.release import record as release_record
from process_operator.controller.release.decision import Decision
from process_operator.controller.release.history import ReleaseHistory
from process_operator.controller.release.record import (
    cancel,
    end,
    step,
)
from process_operator.controller.release.rollout import ProcessProgress, State
from process_operator.kube import conditions
from process_operator.kube.reasons import Reason
from process_operator.models.defaults import Settings
from process_operator.models.process import JobStartPolicy
from process_operator.models.release import (
    Failure,
    JobRecord,
    ReleaseState,
    ReleaseStatus,
    ReleaseStep,
)

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
    rollout: Sequence[ProcessProgress]
    """How far each process is that is rendered now."""

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
            case ReleaseStep.BEFORE_ROLLBACK_JOBS:
                return self._before_rollback_jobs()
            case ReleaseStep.ROLLBACK:
                return self._roll_back()
            case ReleaseStep.AFTER_FAILED_JOBS:
                return self._after_failed_jobs()

    # What every step shares.

    def _record(self, record: ReleaseStatus, note: str) -> Decision:
        return Decision(records=((self.release, record),), note=note)

    def _next(self, step: ReleaseStep, record: ReleaseStatus | None = None) -> Decision:
        begun = release_record.begin(self.release, step, self.observed.now, record)
        if self.release.status.paused_at is not None:
            # Cancelled while it is held: it will go back, and goes on to say so until then.
            begun = begun.changed(conditions=self.release.status.conditions)
        return self._record(begun, f"release {self.release.name} went on to {step}")

    def _end(
        self, state: ReleaseState, said: Sequence[conditions.Condition], **changes: Any
    ) -> Decision:
        ended = end(self.release, state, said, self.observed.now, **changes)
        return self._record(ended, f"release {self.release.name} ended: {state}")

    def _pause(self) -> Decision | None:
        """Hold everything while the application is suspended; its deadlines do not run then."""
        is_paused, now = self.release.status.paused_at is not None, self.observed.now
        if self.application.spec.suspend:
            if is_paused:
                return Decision()
            paused = release_record.pause(self.release, now)
            return self._record(paused, f"release {self.release.name} was paused")
        if not is_paused:
            return None
        resumed = release_record.resume(self.release, now)
        return self._record(resumed, f"release {self.release.name} goes on")

    def _deadline(self, started: datetime | None) -> datetime:
        grace = timedelta(seconds=self.settings.progress_deadline_seconds) + DEADLINE_SLACK
        return (started or self.observed.now) + grace

    @property
    def _can_go_back(self) -> bool:
        return (
            self.history.serving is not None and self.release.status.rollout_started_at is not None
        )

    def _with(self, **changes: Any) -> ReleaseStatus:
        return self.release.status.changed(**changes)

    # The steps.

    def _jobs(self, policy: JobStartPolicy) -> jobs.Phase:
        grace = timedelta(seconds=self.settings.progress_deadline_seconds)
        serves = self.history.serving is not None
        return jobs.phase(self.observed, self.release, policy, serves=serves, grace=grace)

    def _attend(self, phase: jobs.Phase) -> Decision | None:
        """Return what a phase that is not over needs."""
        if phase.is_over:
            return None
        if phase.changed:
            note = f"release {self.release.name} recorded its job {phase.running}"
            return self._record(self._with(jobs=phase.jobs), note)
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
            return self._next(ReleaseStep.ROLLOUT, self._with(jobs=phase.jobs))
        why = failure.of_job(phase.failed, phase.pod)
        return self._fail(why, phase.pod, jobs=phase.jobs)

    def _roll_out(self) -> Decision:
        failed = [one for one in self.rollout if one.progress.state is State.FAILED]
        moving = [one for one in self.rollout if one.progress.state is State.MOVING]
        troubled = [one for one in moving if one.progress.problem is not None]
        deadline = self._deadline(self.release.status.rollout_started_at)
        if troubled:
            # A crash loop is ready for a moment each time, so that its Deployment is never late.
            deadline -= DEADLINE_SLACK
        rollouts = release_record.rollouts(self.rollout)
        if failed or (moving and self.observed.now >= deadline):
            culprit = (failed or troubled or moving)[0]
            why = failure.of_rollout(culprit, self.observed.probe_failures)
            return self._fail(why, culprit.progress.pod, rollouts=rollouts)
        if moving:
            return Decision(wake_at=deadline)
        if self._is_left(JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT):
            return self._next(ReleaseStep.AFTER_SUCCESS_JOBS, self._with(rollouts=rollouts))
        return self._succeed(rollouts=rollouts)

    def _after_success_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.AFTER_SUCCESS_DEPLOYMENT)
        if unfinished := self._attend(phase):
            return unfinished
        return self._succeed(phase.failed, jobs=phase.jobs)

    def _before_rollback_jobs(self) -> Decision:
        """Undo what jobs before the rollout have done, before anything old meets it again."""
        phase, status = self._jobs(JobStartPolicy.BEFORE_ROLLBACK), self.release.status
        if unfinished := self._attend(phase):
            return unfinished
        if phase.failed is not None:
            return self._stay(phase.failed, phase.pod, jobs=phase.jobs)
        record = self._with(jobs=phase.jobs)
        if self._is_a_way_back:
            if self._is_left(JobStartPolicy.BEFORE_DEPLOYMENT):
                return self._next(ReleaseStep.BEFORE_JOBS, record)
            return self._next(ReleaseStep.ROLLOUT, record)
        if self._can_go_back:
            return self._next(ReleaseStep.ROLLBACK, record)
        if phase.jobs != status.jobs:
            return self._record(record, f"release {self.release.name} undid what it had done")
        return self._went_back()

    @property
    def _is_a_way_back(self) -> bool:
        """Whether to go back is what the release was asked for."""
        return self.release.spec.rollback_to is not None

    def _must_undo(self, record: ReleaseStatus) -> bool:
        """Whether jobs before the rollout have done what other jobs are there to undo."""
        stays = record.rollout_started_at is not None and not self.settings.rollback
        return (
            self.history.serving is not None
            and not (stays and record.failure is not None)
            and jobs.are_left(record.jobs, JobStartPolicy.BEFORE_ROLLBACK)
            and jobs.have_run(record.jobs)
        )

    def _stay(self, failed: JobRecord, pod: Pod | None, **changes: Any) -> Decision:
        """End without going back: old code must not meet what could not be undone."""
        why = failure.of_undoing(failed, self.release.status.failure, pod)
        if self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            record = self._with(**changes, failure=why)
            following = self._next(ReleaseStep.AFTER_FAILED_JOBS, record)
        else:
            following = self._failed(why, **changes)
        note = f"release {self.release.name} did not go back: {why.reason}"
        return replace(following, note=note)

    def _roll_back(self) -> Decision:
        deadline = self._deadline(self.release.status.rollback_started_at)
        is_moving = any(one.progress.state is State.MOVING for one in self.rollout)
        if is_moving and self.observed.now < deadline:
            return Decision(wake_at=deadline)
        return self._went_back()

    def _after_failed_jobs(self) -> Decision:
        phase = self._jobs(JobStartPolicy.AFTER_FAILED_DEPLOYMENT)
        why = self.release.status.failure or Failure()
        return self._attend(phase) or self._failed(why, jobs=phase.jobs)

    # The ends.

    def _is_left(self, policy: JobStartPolicy) -> bool:
        return jobs.are_left(self.release.status.jobs, policy)

    def _succeed(self, failed_job: JobRecord | None = None, **changes: Any) -> Decision:
        message = f"{len(self._with(**changes).rollouts)} processes run this release"
        if failed_job is not None:
            message += f"; {failure.after_success(failed_job)}"
        said = conditions.ready(Reason.SUCCEEDED, message)
        return self._end(ReleaseState.SUCCESS, said, **changes)

    def _fail(self, why: Failure, pod: Pod | None, **changes: Any) -> Decision:
        """Record the failure, with the step that follows it."""
        record = self._with(**changes, failure=why)
        if self._must_undo(record):
            following = self._next(ReleaseStep.BEFORE_ROLLBACK_JOBS, record)
        elif self._can_go_back and self.settings.rollback:
            following = self._next(ReleaseStep.ROLLBACK, record)
        elif self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            following = self._next(ReleaseStep.AFTER_FAILED_JOBS, record)
        else:
            following = self._failed(why, **changes)
        note = f"release {self.release.name} failed: {why.reason}"
        return replace(following, failed_pod=pod, note=note)

    def _give_up(self, now: ReleaseStep, fault: str) -> Decision:
        """End a release of which nothing can be rendered; what served before is rendered again."""
        why = Failure(
            step=now,
            reason=Reason.SNAPSHOT_UNREADABLE,
            message=fault,
            sentence=f"The release ended because its record cannot be read ({fault}); correct what "
            "it was made of and release again",
        )
        if not self._can_go_back:
            return self._failed(why)
        return self._failed(why, rollback_started_at=conditions.whole_seconds(self.observed.now))

    def _went_back(self) -> Decision:
        why = self.release.status.failure
        if why is None:
            return self._cancelled()
        if self._is_left(JobStartPolicy.AFTER_FAILED_DEPLOYMENT):
            return self._next(ReleaseStep.AFTER_FAILED_JOBS)
        return self._failed(why)

    def _failed(self, why: Failure, **changes: Any) -> Decision:
        told = why.sentence or ""
        if self.history.serving is None:
            told += ". There is no earlier release to go back to"
        said = conditions.stalled(why.reason or Reason.RELEASE_FAILED, told)
        return self._end(ReleaseState.FAILED, said, failure=why, **changes)

    def _cancel(self, now: ReleaseStep) -> Decision:
        message = "the release was cancelled by spec.cancel"
        phase = jobs.stop(self.observed, self.release, Reason.CANCELLED, message)
        if unfinished := self._attend(phase):
            return unfinished
        rollouts = release_record.rollouts(self.rollout) if now == ReleaseStep.ROLLOUT else ()
        if self._must_undo(self.release.status):
            return self._next(ReleaseStep.BEFORE_ROLLBACK_JOBS, self._with(rollouts=rollouts))
        if now == ReleaseStep.ROLLOUT and self._can_go_back:
            return self._next(ReleaseStep.ROLLBACK, self._with(rollouts=rollouts))
        return self._cancelled()

    def _cancelled(self) -> Decision:
        return Decision(
            records=((self.release, cancel(self.release, self.observed.now)),),
            note=f"cancelled release {self.release.name}",
        )
