"""Reads a state directory's database and files, and says where they do not agree."""

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

HELD = {"queued", "running", "outcome_unknown"}
Row = dict[str, Any]


def rows(state: Path, query: str) -> list[Row]:
    """What a query finds, from beside the service."""
    with closing(sqlite3.connect(f"file:{state}/imagewright.db?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


def jobs(state: Path) -> dict[str, Row]:
    """Every job by its id."""
    return {row["id"]: row for row in rows(state, "SELECT * FROM jobs ORDER BY created_at")}


def disagreements(state: Path, *, idle: bool = True) -> list[str]:
    """Where ledger, budgets, jobs and images disagree; none is right.

    `idle`: nothing may be running.
    """
    found = jobs(state)
    wrong = [f"{job['id']} is running" for job in found.values() if idle and _runs(job)]
    return wrong + _ledger(state, found) + _budgets(state, found) + _images(state, found)


def _runs(job: Row) -> bool:
    return bool(job["state"] == "running")


def _ledger(state: Path, found: dict[str, Row]) -> list[str]:
    """Every job's entries add up to what its row says."""
    sums: dict[str, Counter[str]] = {job: Counter() for job in found}
    wrong = []
    for row in rows(state, "SELECT job, kind, amount FROM ledger"):
        if row["job"] not in found:
            wrong.append(f"the ledger names {row['job']}, which is no job")
            continue
        sums[row["job"]][row["kind"]] += row["amount"]
    for job, entered in sums.items():
        row = found[job]
        open_ = row["ceiling"] if row["state"] in HELD else 0
        left = entered["hold"] - entered["settle"] - entered["release"]
        if entered["hold"] != row["ceiling"] or left != open_:
            wrong.append(f"{job} ({row['state']}): {dict(entered)}, ceiling {row['ceiling']}")
        cost = entered["settle"] + entered["adjust"]
        if row["state"] not in HELD and cost != row["actual"]:
            wrong.append(f"{job}: it cost {cost}, its row says {row['actual']}")
    return wrong


def _budgets(state: Path, found: dict[str, Row]) -> list[str]:
    """Every account has what the jobs held on it and paid from it."""
    held: Counter[tuple[str, ...]] = Counter()
    settled: Counter[tuple[str, ...]] = Counter()
    for job in found.values():
        paid = json.loads(job["outcome"] or "{}").get("provider", job["provider"])
        for account in json.loads(job["accounts"]):
            held[tuple(account)] += job["ceiling"] if job["state"] in HELD else 0
            if account[0] != "provider" or account[1] == paid:
                settled[tuple(account)] += job["actual"] or 0
    kept = {(r["level"], r["key"], r["period"]): r for r in rows(state, "SELECT * FROM budgets")}
    wrong = []
    for account in {*held, *settled, *kept}:
        row = kept.get(account, {"held": 0, "settled": 0})
        if (row["held"], row["settled"]) != (held[account], settled[account]):
            wrong.append(
                f"{account}: {row['held']} held and {row['settled']} settled, "
                f"the jobs say {held[account]} and {settled[account]}"
            )
    return wrong


def _images(state: Path, found: dict[str, Row]) -> list[str]:
    """Every image has its bytes, and every job that made some has them."""
    wrong = []
    made: Counter[str] = Counter()
    for row in rows(state, "SELECT id, job, path, sha256, bytes FROM images"):
        made[row["job"]] += 1
        files = list(state.glob(f"subjects/*/{row['path']}"))
        good = [each for each in files if _sha256(each) == row["sha256"]]
        if not good or good[0].stat().st_size != row["bytes"]:
            wrong.append(f"{row['id']}: no file with its bytes among {len(files)}")
    wrong += [
        f"{job}: made {row['made']}, {made[job]} are there"
        for job, row in found.items()
        if row["made"] != made[job]
    ]
    return wrong


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
