"""Every reason that the operator coins itself: one stable word that says why.

Pods bring words of their own, which are made legal and told as they are; no decision reads those.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why something is said: in conditions, records and events."""

    # What runs, and what it waits for.
    AWAITING_RELEASE = "AwaitingRelease"
    RELEASED = "Released"
    SERVING = "Serving"
    STAGED = "Staged"
    SUSPENDED = "Suspended"
    AVAILABLE = "Available"
    UNAVAILABLE = "Unavailable"
    SCALED_TO_ZERO = "ScaledToZero"
    SCHEDULED = "Scheduled"
    INSTANCES_STARTING = "InstancesStarting"
    RECOVERED = "Recovered"

    # The step of a release.
    BEFORE_JOBS_RUNNING = "BeforeJobsRunning"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    AFTER_SUCCESS_JOBS_RUNNING = "AfterSuccessJobsRunning"
    BEFORE_ROLLBACK_JOBS_RUNNING = "BeforeRollbackJobsRunning"
    ROLLING_BACK = "RollingBack"
    AFTER_FAILED_JOBS_RUNNING = "AfterFailedJobsRunning"

    # Why a release waits.
    IMAGE_MISSING = "ImageMissing"
    NO_PROCESSES = "NoProcesses"
    TOO_MANY_JOBS = "TooManyJobs"
    AWAITING_REVISION = "AwaitingRevision"
    SNAPSHOT_TOO_LARGE = "SnapshotTooLarge"
    SETTLING = "Settling"
    ANOTHER_RELEASE_ACTIVE = "AnotherReleaseActive"
    NEWER_RELEASE_WAITING = "NewerReleaseWaiting"

    # How a release ended.
    SUCCEEDED = "Succeeded"
    RELEASE_FAILED = "ReleaseFailed"
    RELEASE_NOT_FOUND = "ReleaseNotFound"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    SNAPSHOT_UNREADABLE = "SnapshotUnreadable"
    CANCELLED = "Cancelled"
    SUPERSEDED = "Superseded"
    NOTHING_ASKED = "NothingAsked"
    RESTORED = "Restored"
    ALREADY_RUN = "AlreadyRun"
    APPLICATION_DELETED = "ApplicationDeleted"
    SERVING_RELEASE_MISSING = "ServingReleaseMissing"
    NEWER_OPERATOR = "NewerOperator"

    # What became of a job or a run.
    JOBS_SKIPPED = "JobsSkipped"
    JOB_RUNNING = "JobRunning"
    JOB_FAILED = "JobFailed"
    JOB_TIMED_OUT = "JobTimedOut"
    JOB_DELETED = "JobDeleted"
    JOB_NOT_STARTED = "JobNotStarted"
    PROCESS_DELETED = "ProcessDeleted"
    RELEASE_ENDED = "ReleaseEnded"
    NOT_NEEDED = "NotNeeded"
    RUNNING = "Running"
    RUN_SUCCEEDED = "RunSucceeded"
    RUN_FAILED = "RunFailed"
    RUN_CANCELLED = "RunCancelled"
    RUN_SKIPPED = "RunSkipped"
    PROCESS_NOT_FOUND = "ProcessNotFound"
    NOT_RUNNABLE = "NotRunnable"

    # What pods say, and what is said of them.
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CONTAINER_CONFIG_INVALID = "ContainerConfigInvalid"
    CRASH_LOOP = "CrashLoop"
    NON_ZERO_EXIT = "NonZeroExit"
    OOM_KILLED = "OOMKilled"
    PROBE_FAILING = "ProbeFailing"
    UNSCHEDULABLE = "Unschedulable"

    # What the API server refuses.
    QUOTA_EXCEEDED = "QuotaExceeded"
    POD_SECURITY_REFUSED = "PodSecurityRefused"
    POD_REFUSED = "PodRefused"
    """Before a release starts."""
    PODS_REFUSED = "PodsRefused"
    REJECTED = "Rejected"
    KIND_NOT_INSTALLED = "KindNotInstalled"

    # What cannot be resolved, read or had.
    APPLICATION_NOT_FOUND = "ApplicationNotFound"
    RESOURCE_TYPE_NOT_FOUND = "ResourceTypeNotFound"
    RESOURCE_TYPE_INVALID = "ResourceTypeInvalid"
    AMBIGUOUS_DEFAULT = "AmbiguousDefault"
    KEY_TAKEN = "KeyTaken"
    INVALID_SCHEDULE = "InvalidSchedule"
    INVALID_SPEC = "InvalidSpec"
    NAME_CONFLICT = "NameConflict"
    HOST_TAKEN = "HostTaken"
    CHANGED_BY_ADMISSION = "ChangedByAdmission"
    AWAITING_GATEWAY = "AwaitingGateway"
    ROUTE_ACCEPTED = "RouteAccepted"
    ROUTE_REFUSED = "RouteRefused"
    UNKNOWN_INGRESS_CONTROLLER = "UnknownIngressController"
    PROTOCOL_NOT_SUPPORTED = "ProtocolNotSupported"
