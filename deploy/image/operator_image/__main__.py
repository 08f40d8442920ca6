"""`make image`: build the operator's image, and tell where it is."""

import argparse
import sys
from pathlib import Path

from operator_image import debian, image


def main() -> int:
    """Build and tell; give the exit code."""
    parser = argparse.ArgumentParser(prog="make image", description=__doc__)
    parser.add_argument("--output", type=Path, default=image.OUTPUT)
    parser.add_argument("--architecture", action="append", choices=image.ARCHITECTURES)
    options = parser.parse_args()
    try:
        index = image.build(options.architecture or image.ARCHITECTURES, options.output)
    except debian.Missing as missing:
        print(f"the image cannot be built here: {missing}", file=sys.stderr)
        return 1
    print(f"{index.name}@{index.digest}")
    print(f"in {options.output / image.ARCHIVE}, its materials beside it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
