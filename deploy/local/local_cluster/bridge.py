"""The pods' bridge: where host and pods meet, and the packet rules around it."""

import contextlib
import ipaddress

from local_cluster import errors, machine
from local_cluster.network import Network

SERVICE_TABLE = "kube-proxy"
"""The name that every kube-proxy uses; so it belongs to the only cluster that can run here."""


def ensure(network: Network) -> None:
    """Make the bridge with its address, and let pods reach what is outside."""
    if network.bridge not in _links():
        # A fixed hardware address: otherwise it changes as pods come, and pods lose their gateway.
        address = ipaddress.ip_address(network.gateway).packed.hex(":")
        machine.run(
            "ip", *("link", "add", network.bridge, "address", f"0a:58:{address}", "type", "bridge")
        )
    length = network.pods.partition("/")[2]
    machine.run("ip", *("address", "replace", f"{network.gateway}/{length}", "dev", network.bridge))
    machine.run("ip", "link", "set", network.bridge, "up")
    machine.run("nft", "-f", "-", stdin=_masquerade(network))
    if _forwards_nothing():
        for rule in _forward_rules(network.bridge):
            if not _has_rule(rule):
                machine.run("iptables", "--wait", "--insert", *rule)


def remove(name: str) -> None:
    """Remove the bridge and every rule that was made for it or for the Services."""
    if machine.has_program("ip") and name in _links():
        machine.run("ip", "link", "delete", name)
    if machine.has_program("nft"):
        tables = machine.run("nft", "list", "tables").splitlines()
        for line in tables:
            _, family, table = line.split()
            if table in {name, SERVICE_TABLE}:
                machine.run("nft", "delete", "table", family, table)
    if _forwards_nothing():
        for rule in _forward_rules(name):
            if _has_rule(rule):
                machine.run("iptables", "--wait", "--delete", *rule)


def forget_connections(network: Network) -> None:
    """Let the kernel forget the connections of pods that are gone."""
    if machine.has_program("conntrack"):
        for side in ("--src", "--dst"):
            # It fails where there is nothing to forget.
            with contextlib.suppress(errors.ClusterError):
                machine.run("conntrack", "--delete", side, network.pods)


def _links() -> set[str]:
    lines = machine.run("ip", "-brief", "link", "show", "type", "bridge").splitlines()
    return {line.split()[0] for line in lines}


def _masquerade(network: Network) -> str:
    table = f"ip {network.bridge}"
    return f"""\
table {table}
delete table {table}
table {table} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {network.pods} ip daddr != {network.pods} masquerade
  }}
}}
"""


def _forwards_nothing() -> bool:
    """Tell whether the machine drops what it should forward, as Docker makes it do."""
    if not machine.has_program("iptables"):
        return False
    policy = machine.run("iptables", "--wait", "--list-rules", "FORWARD").splitlines()[0]
    return policy == "-P FORWARD DROP"


def _forward_rules(name: str) -> list[list[str]]:
    return [["FORWARD", side, name, "--jump", "ACCEPT"] for side in ("-i", "-o")]


def _has_rule(rule: list[str]) -> bool:
    chain, _, name, *_ = rule
    listed = machine.run("iptables", "--wait", "--list-rules", chain).splitlines()
    return f"-A {chain} {rule[1]} {name} -j ACCEPT" in listed
