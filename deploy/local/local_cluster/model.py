"""The cluster as its users see it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that runs: where it lives and how to reach it."""

    provider: str
    directory: Path
    kubeconfig: Path
    bin: Path
    audit_log: Path | None

    @property
    def kubectl(self) -> Path:
        """The kubectl of the cluster's own version."""
        return self.bin / "kubectl"

    @property
    def has_real_pods(self) -> bool:
        """Whether pods really run, take traffic and write logs."""
        return self.provider != "kwok"
