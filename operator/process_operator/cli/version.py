"""What `process-operator --version` says."""

from importlib import resources

from process_operator import __version__

_BUILT = "built.txt"


def text() -> str:
    """Return the version and, in an image, the commit that it was built from."""
    built = resources.files("process_operator") / _BUILT
    return f"{__version__} ({built.read_text().strip()})" if built.is_file() else __version__
