"""Children that somebody else keeps otherwise than they were applied: told, and not fought.

Two do so. Admission (a webhook, a policy, a limit of the API server's own) changes what we write
before it is stored, so that the very answer to the write does not hold it. And another client may
change it back a moment later, each time. Either way the live object then counts as in place as it
is, the process says which fields are changed and by whom, and the child is written again with
growing back-off, to find out whether that is over.

Whatever differs otherwise is still put right at once, within a budget: who changes something else
each time shall not keep us writing either. All of this is kept in memory only: after a restart it
costs one write of each such child, or two, to know it again.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from process_operator.controller.observe.contest import WINDOW
from process_operator.controller.observe.records import ChildKey, Contest, Difference, Standing
from process_operator.controller.plan.compare import Comparison
from process_operator.kube.reasons import Reason

REASON = Reason.CHANGED_BY_ADMISSION
ADMISSION = "an admission webhook or policy"
ANOTHER_CLIENT = "another client"

BUDGET = 3
"""How many repairs of one child within `WINDOW` are made at once."""
FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=1)
_MOST_PATHS = 5
_LONGEST_PATH = 100


def about(contest: Contest | None, uid: str, desired: str) -> Contest | None:
    """Return what is known of a child, if it is about this object and this wish."""
    if contest is not None and (contest.uid, contest.desired) == (uid, desired):
        return contest
    return None


def on_probation(contest: Contest | None, now: datetime) -> Contest | None:
    """Return the fight in which our last write holds, but has not done so for long enough."""
    if contest is None or contest.standing is not Standing.PROBATION or now >= contest.retry_at:
        return None
    return contest


def is_told(contest: Contest) -> bool:
    """Whether somebody else is known to keep the child otherwise."""
    return contest.standing is not Standing.HELD


def unsettled(contest: Contest | None, found: Comparison, now: datetime) -> Comparison:
    """Return the differences that are to be put right: all but those that are accepted for now."""
    if contest is None or not _is_accepted(contest) or now >= contest.retry_at:
        return found
    accepted = {(one.path, one.live) for one in contest.differences}
    return Comparison(
        *(tuple(one for one in part if (one.path, one.live) not in accepted) for part in found)
    )


def is_fight(contest: Contest | None, todo: Comparison, now: datetime) -> bool:
    """Return whether to put right what differs would be to fight for it."""
    if contest is None or (_is_accepted(contest) and now >= contest.retry_at):
        return False
    if on_probation(contest, now) is not None:
        fought = {one.path for one in contest.differences}
        if any(one.path in fought for one in todo.all):
            return True
    return sum(now - at < WINDOW for at in contest.recent) >= BUDGET


def conceded(
    before: Contest, differences: tuple[Difference, ...], by: tuple[str, ...], now: datetime
) -> Contest:
    """Return a fight as it is kept that somebody else has won for now."""
    failures = _failures(before, now) + 1
    known = before.by if _is_accepted(before) else ANOTHER_CLIENT
    return replace(
        before,
        standing=Standing.FOUGHT,
        differences=differences,
        by=", ".join(by) or known,
        failures=failures,
        retry_at=now + _pause(failures),
    )


def written(
    before: Contest | None,
    *,
    key: ChildKey,
    uid: str,
    desired: str,
    is_repair: bool,
    differences: tuple[Difference, ...],
    by: tuple[str, ...],
    now: datetime,
) -> Contest | None:
    """Return what is to be known of a child after a write of ours.

    Args:
        before: What was known of this object and this wish.
        key: The child.
        uid: Its uid.
        desired: What was wished for.
        is_repair: Whether the same had been written before.
        differences: Where the answer does not hold what was written.
        by: Who owns these places in the answer, beside us.
        now: When.
    """
    recent = (*(before.recent if before is not None else ()), now)[-BUDGET:]
    plain = Contest(
        key=key, uid=uid, desired=desired, standing=Standing.HELD, recent=recent, retry_at=now
    )
    failures = _failures(before, now)
    if differences:
        return replace(
            plain,
            standing=Standing.CHANGED,
            differences=differences,
            by=", ".join(by) or ADMISSION,
            failures=failures + 1,
            retry_at=now + _pause(failures + 1),
        )
    if before is not None and failures and before.standing is not Standing.CHANGED:
        return replace(
            before, standing=Standing.PROBATION, recent=recent, retry_at=now + FIRST_PAUSE
        )
    return plain if is_repair else None


def told(contest: Contest) -> str:
    """Return the warning: what is changed, by whom, and what to do."""
    paths = [one.path for one in contest.differences]
    shown = [path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}..." for path in paths]
    listed = ", ".join(shown[:_MOST_PATHS])
    more = f" and {len(shown) - _MOST_PATHS} more" if len(shown) > _MOST_PATHS else ""
    return (
        f'{REASON}: {contest.key.kind} "{contest.key.name}": {listed}{more} '
        f"{'is' if len(shown) == 1 else 'are'} changed by {contest.by[:_LONGEST_PATH]} whenever "
        "it is written, and left so; exempt the object from that, or declare the value that is set"
    )


def _is_accepted(contest: Contest) -> bool:
    return contest.standing in {Standing.CHANGED, Standing.FOUGHT}


def _failures(contest: Contest | None, now: datetime) -> int:
    """Return how many times in a row it was written in vain."""
    if contest is None or not (_is_accepted(contest) or on_probation(contest, now)):
        return 0
    return contest.failures


def _pause(failures: int) -> timedelta:
    # Bounded before the power: days of failures would be no time any more.
    doublings: int = 2 ** min(failures - 1, 10)
    return min(LONGEST_PAUSE, FIRST_PAUSE * doublings)
