"""The command line of the local cluster; see `make help` for the targets that use it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import local_cluster
from local_cluster import ClusterError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="local_cluster", description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    parser.add_argument("--provider", help="the kind of cluster; CLUSTER= says the same")
    parser.add_argument("--dir", type=Path, help="of one cluster; down without it: of all")
    parsed = parser.parse_args(arguments)
    try:
        if parsed.command == "down":
            local_cluster.down_all() if parsed.dir is None else local_cluster.down(parsed.dir)
            print("cluster: gone")
            return 0
        cluster = local_cluster.up(parsed.provider, parsed.dir or local_cluster.DIRECTORY)
    except ClusterError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 1
    print(f"cluster: up; export KUBECONFIG={cluster.kubeconfig}; kubectl is in {cluster.bin}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
