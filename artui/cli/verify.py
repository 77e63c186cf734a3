"""``artui verify``: whether the results on disk are still those that were paid for and saved."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, SINCE, in_zone
from artui.cli.session import Session
from artui.cli.terminal import counter, put, put_json, put_table

if TYPE_CHECKING:
    from artui.journal.published import SavedResult


@click.command("verify")
@click.argument("places", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path, readable=False))
@SINCE
@AS_JSON
@click.pass_obj
def verify_command(session: Session, places: tuple[Path, ...], since: dt.datetime | None, *, as_json: bool) -> Exit:
    """Read the saved results again, all or those that were saved at or below a PATH or were moved there, and name
    those that are missing, changed or moved. Ends with 1 where one is missing, changed or cannot be read."""
    from artui.core.verify import LOST, Presence, moved_into, verify
    from artui.journal import published

    after = in_zone(since, session.config.timezone).timestamp() if since else 0.0
    with session.journal() as journal:
        results = journal.read(published.results, after)
    roots = [place.absolute() for place in places]
    folders = [root for root in roots if root.is_dir()]

    def is_meant(result: SavedResult) -> bool:
        return not roots or any(result.path.is_relative_to(root) for root in roots)

    for root in roots:
        if not (root.exists() or any(one.path.is_relative_to(root) for one in results)):
            raise CommandError(Exit.USAGE, f"{root} is not there, and nothing was ever saved there.")
    with counter("Reading") as told:
        verified = verify([one for one in results if is_meant(one)], folders, told)
    verified += moved_into([one for one in results if not is_meant(one)], folders)
    counts = Counter(one.finding for one in verified)
    odd = [one for one in verified if one.finding is not Presence.WHOLE]
    if as_json:
        put_json(
            {
                "results": len(verified), "counts": {presence: counts[presence] for presence in Presence},
                "findings": [
                    {
                        "job": one.result.job, "path": str(one.result.path), "finding": one.finding,
                        "now": one.now if one.finding is Presence.MOVED else None,
                        "reason": one.now if one.finding is Presence.UNREADABLE else None,
                    }
                    for one in odd
                ],
            }
        )  # fmt: skip
    else:
        if odd:
            put_table(
                [("job", "found", "result", "where or why"),
                 *((str(one.result.job), one.finding, str(one.result.path), one.now) for one in odd)],
                right=[0],
            )  # fmt: skip
        told_counts = ", ".join(f"{counts[finding]:,} {finding}" for finding in Presence if counts[finding])
        put(f"Results read: {told_counts}." if verified else "No result was saved there yet.")
    return Exit.FAILED if any(counts[finding] for finding in LOST) else Exit.OK
