"""What is said of the route of a process: whose its hosts are, and what its gateway makes of it."""

from collections.abc import Iterator, Sequence

from process_operator.controller.build import httproute, ingress_controllers
from process_operator.controller.observe import records
from process_operator.controller.observe.child_status import GatewayName, RouteStatus
from process_operator.controller.observe.records import Child, ObservedState, Process
from process_operator.controller.plan.model import ProcessPlan
from process_operator.controller.resolve.refusal import Refusal
from process_operator.controller.resolve.target import Route, Target
from process_operator.kube import conditions
from process_operator.kube.conditions import Condition
from process_operator.kube.reasons import Reason
from process_operator.models.application import Backend, GatewayRef
from process_operator.models.process import Protocol


def taken_hosts(observed: ObservedState, process: Process) -> Refusal | None:
    """Return which hosts another process has: it may be about to give them up."""
    taken = observed.taken_hosts.get(process.uid)
    if not taken:
        return None
    named = ", ".join(
        f'{one.place} of Process "{one.holder}"'
        if one.holder
        else f"{one.place} of another namespace"
        for one in taken
    )
    message = (
        f"spec.ingress.hosts: {named}: whoever had a host first keeps it; choose another one, or "
        "have it removed there"
    )
    return Refusal(reason=Reason.HOST_TAKEN, message=message, transient=True)


def said(process_plan: ProcessPlan, target: Target, taken: Refusal | None) -> list[Condition]:
    """Return whether traffic comes to a process, as far as somebody has told.

    Args:
        process_plan: The process.
        target: What is rendered of it.
        taken: Which of its hosts others have, if they do.
    """
    if taken is not None:
        return [Condition(conditions.ROUTE_PROGRAMMED, "False", taken.reason, taken.message)]
    if target.route is None:
        return []
    if target.route.backend is Backend.GATEWAY:
        return _of_gateways(process_plan.route, target.route)
    if target.protocol != Protocol.GRPC:
        return []
    profile = ingress_controllers.profile(target.route.controller, target.route.class_name)
    if profile is None:
        return [
            Condition(
                conditions.ROUTE_PROGRAMMED,
                "Unknown",
                Reason.UNKNOWN_INGRESS_CONTROLLER,
                f"the ingress controller {target.route.controller or '(no class was found)'} is "
                "not in the table of known ones, so nothing tells it to speak gRPC; set "
                "spec.ingress.annotations as its manual says, or use another class",
            )
        ]
    if not profile.serves_grpc:
        return [
            Condition(
                conditions.ROUTE_PROGRAMMED,
                "False",
                Reason.PROTOCOL_NOT_SUPPORTED,
                f"{profile.name} cannot reach a gRPC process; use another class",
            )
        ]
    return []


def left_out(route: Route) -> Iterator[str]:
    """Yield what an ingress controller cannot be told of a route, a sentence each."""
    if route.request_timeout_seconds is None or route.backend is not Backend.INGRESS:
        return
    profile = ingress_controllers.profile(route.controller, route.class_name)
    if profile is None or not profile.has_timeouts:
        who = profile.name if profile is not None else "the ingress controller of the class"
        yield (
            f"spec.ingress.requestTimeoutSeconds left out: {who} is not known to have it for "
            "single routes; set it for all of them there, or route by the Gateway API"
        )


def _of_gateways(made: Child | None, route: Route) -> list[Condition]:
    """Tell what the Gateways say of an HTTPRoute that is there."""
    if made is None or made.kind != httproute.KIND or not route.gateways:
        return []
    told = records.status(made, RouteStatus)
    if told.refused is not None:
        gateway = _named([told.refused])
        message = f"{gateway} does not serve the HTTPRoute: {told.reason}: {told.message}"
        if told.reason == _NOT_ADMITTED and told.refused.namespace:
            message += f"; let allowedRoutes of its listener admit namespace {made.namespace}"
        return [Condition(conditions.ROUTE_PROGRAMMED, "False", Reason.ROUTE_REFUSED, message)]
    accepted = {one._replace(namespace=one.namespace or made.namespace) for one in told.accepted}
    wanted = [_gateway(one) for one in route.gateways]
    silent = [
        one
        for one in wanted
        if one._replace(namespace=one.namespace or made.namespace) not in accepted
    ]
    if silent:
        where = "there" if silent[0].namespace else "in this namespace"
        message = (
            f"no controller has said anything of the HTTPRoute yet: see whether {_named(silent)} "
            f"is {where}, and of a GatewayClass whose controller runs"
        )
        return [Condition(conditions.ROUTE_PROGRAMMED, "Unknown", Reason.AWAITING_GATEWAY, message)]
    has = "has" if len(wanted) == 1 else "have"
    message = f"{_named(wanted)} {has} accepted the HTTPRoute"
    return [Condition(conditions.ROUTE_PROGRAMMED, "True", Reason.ROUTE_ACCEPTED, message)]


_NOT_ADMITTED = "NotAllowedByListeners"
"""The Gateway API's reason for a route of a namespace that no listener admits."""


def _gateway(one: GatewayRef) -> GatewayName:
    return GatewayName(one.namespace or "", one.name, one.section_name or "")


def _named(gateways: Sequence[GatewayName]) -> str:
    names = [
        f'Gateway "{"/".join(part for part in (one.namespace, one.name) if part)}"'
        + (f', listener "{one.listener}"' if one.listener else "")
        for one in gateways
    ]
    return " and ".join(names)
