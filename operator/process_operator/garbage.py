"""How rarely the garbage of what runs for long is looked for.

Most of what is made goes by itself, when nobody holds it any more; only what holds itself has to be
looked for, and each search goes through all that is there.
"""

import gc

_NEW_OBJECTS = 20_000
"""After so many new ones it is looked for: those of a request or of a look are gone by then. Python
itself does so after 700."""


def spare_what_is_there() -> None:
    """Look no more for garbage in all that has been made until now, and rarely in what comes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)
