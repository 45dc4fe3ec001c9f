"""A product whose health is planted: who stays, invites and pays, and which feature is falling."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from worlds import write_product

from nsm_pipeline.practice.health import health
from nsm_pipeline.product.yaml_file import load_product
from nsm_pipeline.runs.run_folder import RunFolder, RunStore
from nsm_pipeline.steps import RunContext
from nsm_pipeline.warehouse.day_retention import day_retention, signs_of_life
from nsm_pipeline.warehouse.extract import Extract

BEGIN, DAYS, ACCOUNTS = pd.Timestamp("2024-01-01", tz="UTC"), 182, 1200
AS_OF = datetime(2024, 7, 1, tzinfo=UTC)
COST = 12.0
OBSERVED = {"observed_until": "2024-07-01T00:00:00Z"}
SHARED = [{"name": "shared", "event": "share"}]
SENT = {"event": "invite", "invitee": "friend"}
CUSTOM = {"sent": SENT, "accepted": "core"}


def leave_health(folder: RunFolder, work: Path, *, falling: str) -> dict:
    """Runs the part on the world into the folder, and reads what it left."""
    work.mkdir(exist_ok=True)
    costs = pd.DataFrame({"month": pd.date_range("2024-01-01", periods=6, freq="MS")})
    _monthly_costs(costs).to_parquet(work / "costs.parquet")
    path = write_product(
        work,
        _tables(falling),
        candidates=[{"name": "invited", "event": "invite"}],
        source=OBSERVED,
        health={
            "invitations": CUSTOM,
            "costs": {
                "acquisition": {"files": "costs.parquet", "month": "month", "amount": "spent"},
                "gross_margin": 0.5,
            },
        },
    )
    context = RunContext(load_product(path), AS_OF, RunStore(work), folder)
    try:
        health(context)
    finally:
        context.close()
    return folder.read_json("health.json")


def _begun() -> pd.Series:
    """More of them every week: the square root of an even spread."""
    share = np.sqrt(np.linspace(0, 0.999, ACCOUNTS))
    return pd.Series(BEGIN + pd.to_timedelta(np.floor(share * DAYS * 1440), unit="min"))


def _monthly_costs(costs: pd.DataFrame) -> pd.DataFrame:
    won = _begun().dt.month.value_counts().reindex(costs["month"].dt.month, fill_value=0)
    return costs.assign(spent=COST * won.to_numpy(dtype="float64"))


def _tables(falling: str) -> dict[str, pd.DataFrame]:
    rng, begun = np.random.default_rng(90), _begun()
    account = pd.Series([f"a{number:04d}" for number in range(ACCOUNTS)])
    starts = pd.DataFrame({"account": account, "at": begun, "event": "start"})
    frames, payments = [starts], []
    for week in range(26):
        stays = rng.random(ACCOUNTS) < 0.75 * 0.97**week
        at = begun + pd.Timedelta(days=7 * week + 1, hours=1)
        seen = pd.DataFrame({"account": account, "at": at, "event": "visit"})[stays]
        late = (seen["at"] > BEGIN + pd.Timedelta(days=98)).to_numpy()
        uses = rng.random(len(seen)) < np.where(late, 0.05, 0.5)
        frames += [seen, seen[uses].assign(event=falling)]
        payments.append(seen.assign(amount=np.round(rng.gamma(4, 1.0, len(seen)), 2)))
    invites = starts.iloc[:-40].assign(
        event="invite", at=lambda t: t["at"] + pd.Timedelta(minutes=5)
    )
    # One in five names somebody who onboards next, the others somebody who never comes.
    friend = np.where(np.arange(len(invites)) % 5 == 0, account.shift(-20).iloc[:-40], "nobody")
    frames.append(invites.assign(friend=friend))
    events = pd.concat(frames, ignore_index=True)
    known = events["at"] <= BEGIN + pd.Timedelta(days=DAYS)
    revenue = pd.concat(payments)[["account", "at", "amount"]]
    return {"events": events[known], "revenue": revenue[revenue["at"] <= AS_OF]}


def days(x: Extract, *wanted: int) -> list[tuple[int, ...]]:
    """Day, accounts observed to its end, and those of them active on it."""
    rows = signs_of_life(x.population, x.tables, x.product.config)
    active, returned = day_retention(x.engine, x.population, rows, wanted)
    assert (returned["active"] <= active["active"]).all()
    return list(active.itertuples(index=False, name=None))
