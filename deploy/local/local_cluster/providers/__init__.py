"""What a cluster can be made of. Every provider brings one up, and removes what it made."""

from pathlib import Path
from typing import Protocol

from local_cluster.model import Cluster
from local_cluster.state import State


class Provider(Protocol):
    """One way to have a cluster."""

    name: str

    def obstacle(self, state: State) -> str:
        """Return why this machine cannot have such a cluster, with the remedy, or nothing."""

    def up(self, state: State) -> Cluster:
        """Bring the cluster up; a second call only completes what is missing."""

    def down(self, state: State) -> None:
        """Remove everything that `up` made, also when it was interrupted half-way."""

    def load_image(self, state: State, archive: Path) -> None:
        """Bring the images of an OCI archive to where pods take theirs from."""

    def is_up(self, state: State) -> bool:
        """Tell whether the cluster runs."""
