"""ProcessApplication: the unit of release, one image and one environment for all its processes."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from process_operator.models.base import (
    MAX_APPLICATION_NAME,
    DisplayName,
    LabelName,
    Model,
    ObjectName,
    forbidden,
    keyed_by,
    required,
    rule,
    validations,
)
from process_operator.models.environment import Env, EnvFrom
from process_operator.models.pod import PodSettings
from process_operator.models.process import MAX_RUN_SECONDS
from process_operator.models.references import Reference
from process_operator.models.security import PodSecurity, SecurityContext
from process_operator.models.status import (
    Count,
    ImageName,
    Pending,
    RecordedName,
    ReleaseNumber,
    Revision,
    ServingRelease,
    ShortText,
    Status,
    Told,
    Uid,
    Warnings,
    bounded,
    listed,
)
from process_operator.models.volumes import Volumes

NAME_RULE = rule(
    "self.metadata.name.matches('^[a-z][-a-z0-9]*$') && "
    f"self.metadata.name.size() <= {MAX_APPLICATION_NAME}",
    f"metadata.name must be at most {MAX_APPLICATION_NAME} lower-case letters, digits and dashes, "
    "beginning with a letter, because the names of children begin with it; choose another name",
)
"""On the object as a whole: the only place from which a rule sees the name."""


class ReleasePolicy(StrEnum):
    """Which changes ask for a release."""

    STAGED = "staged"
    AUTOMATIC = "automatic"


class ScalingPolicy(StrEnum):
    """When a change of `scalingStrategy` acts."""

    STAGED = "staged"
    IMMEDIATE = "immediate"


class InitialRelease(StrEnum):
    """Whether the first release is made without being asked for."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Backend(StrEnum):
    """Which API routes are made with."""

    INGRESS = "ingress"
    GATEWAY = "gateway"


class IssuerKind(StrEnum):
    """Kinds of cert-manager's issuers."""

    ISSUER = "Issuer"
    CLUSTER_ISSUER = "ClusterIssuer"


class ReleaseSettings(Model):
    """How releases of the application are made, watched and kept."""

    initial: InitialRelease | None = None
    """Whether the first release is `automatic` or `manual`; absent means `automatic`."""
    settle_seconds: Annotated[int, Field(ge=0, le=60)] | None = None
    """Seconds without a change before a release takes its snapshot; absent means 2."""
    progress_deadline_seconds: Annotated[int, Field(ge=1, le=86_400)] | None = None
    """Seconds without progress after which a rollout has failed; absent means 600."""
    job_timeout_seconds: Annotated[int, Field(ge=1, le=MAX_RUN_SECONDS)] | None = None
    """Seconds after which a release job is stopped and has failed; absent means 3600."""
    history_limit: Annotated[int, Field(ge=1, le=100)] | None = None
    """Number of releases that are kept, beside the serving one; absent means 10."""
    rollback: bool | None = None
    """Whether a failed rollout goes back to what served before; absent means yes."""
    on_config_change: bool | None = None
    """Whether a change of a ConfigMap or Secret that a web or worker process uses asks for a
    release, which restarts those that use it; absent means no, it waits for the next."""


class RunSettings(Model):
    """How long runs by hand are kept."""

    history_limit: Annotated[int, Field(ge=0, le=100)] | None = None
    """Number of ended runs that are kept of each process; absent means 10."""
    max_age_seconds: Annotated[int, Field(ge=60, le=31_536_000)] | None = None
    """Seconds after its end at which a run is removed; absent means a week."""


class GatewayRef(Model):
    """A Gateway of the Gateway API, or one of its listeners."""

    name: ObjectName
    """Name of the Gateway, for example `public`."""
    namespace: LabelName | None = None
    """Namespace of the Gateway, whose listeners have to admit routes of this one; absent means the
    same."""
    section_name: ObjectName | None = None
    """Name of one listener, for example `https`; absent means all that take the hosts."""


class IssuerRef(Model):
    """A cert-manager issuer."""

    kind: IssuerKind
    """`Issuer` for one of the same namespace, `ClusterIssuer` for one of the cluster."""
    name: ObjectName
    """Name of the issuer, for example `letsencrypt`."""


class Routing(Model):
    """How web processes are reached from outside."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            required(
                "self.?backend.orValue('ingress') != 'gateway' || has(self.gatewayRef) || "
                "has(self.gatewayRefs) && self.gatewayRefs.size() > 0",
                "spec.routing.gatewayRef is required when spec.routing.backend is gateway; add its "
                "name, or several as gatewayRefs",
                field=".gatewayRef",
            ),
            forbidden(
                "!has(self.gatewayRef) || !has(self.gatewayRefs)",
                "spec.routing.gatewayRefs cannot stand beside spec.routing.gatewayRef; give all in "
                "gatewayRefs",
                field=".gatewayRefs",
            ),
            forbidden(
                "self.?backend.orValue('ingress') == 'gateway' || !has(self.gatewayRefs)",
                "spec.routing.gatewayRefs is only for spec.routing.backend gateway; remove it or "
                "set the backend to gateway",
                field=".gatewayRefs",
            ),
            forbidden(
                "self.?backend.orValue('ingress') == 'gateway' || !has(self.gatewayRef)",
                "spec.routing.gatewayRef is only for spec.routing.backend gateway; remove it or "
                "set the backend to gateway",
                field=".gatewayRef",
            ),
            forbidden(
                "self.?backend.orValue('ingress') == 'ingress' || !has(self.ingressClassName)",
                "spec.routing.ingressClassName is only for spec.routing.backend ingress; remove it "
                "or set the backend to ingress",
                field=".ingressClassName",
            ),
        )
    )

    backend: Backend | None = None
    """`ingress` for Ingress objects, `gateway` for HTTPRoutes; absent means `ingress`."""
    ingress_class_name: ObjectName | None = None
    """IngressClass of the routes (ingress); absent means the cluster's default."""
    gateway_ref: GatewayRef | None = None
    """Gateway that the routes hang on (gateway)."""
    gateway_refs: Annotated[
        tuple[GatewayRef, ...],
        Field(max_length=8, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """Gateways that the routes hang on, where they are several (gateway)."""
    issuer_ref: IssuerRef | None = None
    """cert-manager issuer that makes certificates for hosts; absent means none are asked for."""


class ApplicationSpec(Model):
    """One image, one environment, and how releases of them are made."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            rule(
                "self.?podSecurity.orValue('restricted') != 'restricted' || "
                "self.?securityContext.?runAsUser.orValue(1) != 0",
                "spec.securityContext.runAsUser must not be 0 under spec.podSecurity restricted; "
                "choose another user or set podSecurity to baseline",
                field=".securityContext.runAsUser",
            )
        )
    )

    display_name: DisplayName | None = None
    """Name for people; absent means the object's name."""
    image: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")] | None = None
    """Image of all processes, for example `registry.example.com/shop:1.4.2`; a change asks for a
    release."""
    revision: Annotated[str, Field(max_length=253)] | None = None
    """Any text, for example a commit or a date; a change asks for a release that restarts
    everything."""
    env: Env = ()
    """Variables of all processes."""
    env_from: EnvFrom = ()
    """Secrets and ConfigMaps whose keys become variables of all processes."""
    image_pull_secrets: Annotated[
        tuple[Reference, ...], Field(max_length=16, json_schema_extra=keyed_by("name"))
    ] = ()
    """Secrets with the registry's credentials, in the same namespace."""
    service_account_name: ObjectName | None = None
    """ServiceAccount of the pods, whose token is not mounted; absent means the namespace's
    default."""
    volumes: Volumes = ()
    """Volumes of all processes."""
    security_context: SecurityContext | None = None
    """Numeric identities of all processes."""
    release_policy: ReleasePolicy | None = None
    """`staged` to release only by image, revision or hand, `automatic` to release every staged
    change; absent means `staged`."""
    scaling_policy: ScalingPolicy | None = None
    """`staged` to let scalingStrategy wait for the next release, `immediate` to let it act at
    once; absent means `staged`."""
    release: ReleaseSettings | None = None
    """How releases are made, watched and kept."""
    runs: RunSettings | None = None
    """How long runs by hand are kept."""
    routing: Routing | None = None
    """How web processes are reached from outside."""
    pod: PodSettings | None = None
    """Where the pods of all processes run and what else they have."""
    pod_security: PodSecurity | None = None
    """Pod Security level that pods are built for; absent means `restricted`."""
    suspend: bool | None = None
    """Whether everything stands still: no instances, no scheduled runs; absent means no."""


class ActiveRelease(Told):
    """The release that is being made."""

    name: RecordedName
    """Name of the ProcessRelease."""
    number: ReleaseNumber | None = None
    """Number of the release, once it has one."""
    state: ShortText
    """Its state, `waiting` or `inProgress`."""
    step: ShortText | None = None
    """Its step, for example `rollout`."""


class PastRequest(Told):
    """A ProcessRelease or a ProcessRun with a name of its own that has run."""

    kind: ShortText
    """`ProcessRelease` or `ProcessRun`."""
    name: RecordedName
    """Its name."""
    uid: Uid
    """Its uid: another object of that name asks for the same once more."""
    inputs: Annotated[str, bounded(maxLength=128)]
    """Hash of what it asked for, and of all staged inputs that it ran with."""
    started_at: datetime
    """When it started."""


MAX_PAST_REQUESTS = 32


class ApplicationStatus(Status):
    """What of an application runs, what is being released and what waits."""

    pending: Pending = ()
    """Staged differences of the application's own fields, one per field."""
    pending_count: Count | None = None
    """Number of staged differences of the application and all its processes."""
    warnings: Warnings = ()
    """What was clamped or is unwise, one sentence each."""
    image: ImageName | None = None
    """The image that runs."""
    revision: Revision | None = None
    """The revision that runs."""
    serving_release: ServingRelease | None = None
    """The newest release that succeeded; what runs is rendered from its snapshot."""
    last_release_number: Count | None = None
    """The newest number given to a release."""
    active_release: ActiveRelease | None = None
    """The release that is being made, if any."""
    past_requests: Annotated[
        tuple[PastRequest, ...], listed(MAX_PAST_REQUESTS, "kind", "name")
    ] = ()
    """The last releases and runs with names of their own that have run, the newest last: what is
    deleted and made again under the same name, as tools do, does not run again."""
    processes_ready: ShortText | None = None
    """Ready and all processes, for example `4/5`."""
