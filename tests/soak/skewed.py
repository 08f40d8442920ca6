"""The operator with a clock that is wrong by the seconds that `CLOCK_SECONDS` says."""

import datetime as dt
import os
import sys

from process_operator import __main__
from process_operator.cluster import leader_election
from process_operator.controller import operator

BY = dt.timedelta(seconds=float(os.environ.get("CLOCK_SECONDS", "0")))


class Wrong(dt.datetime):
    """Tells another time."""

    @classmethod
    def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
        return dt.datetime.now(tz) + BY


operator.datetime = Wrong  # type: ignore[attr-defined]
leader_election.datetime = Wrong  # type: ignore[attr-defined]
sys.exit(__main__.main())
