"""What can go wrong on the machine: one line that names the problem and the remedy."""


class ClusterError(Exception):
    """The cluster cannot be had, and the message says what to do about it."""
