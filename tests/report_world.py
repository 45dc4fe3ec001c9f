"""Run folders made by hand, with everything that a report tells of."""

from datetime import UTC, datetime

import pandas as pd

from nsm_pipeline.runs.run_folder import RunFolder

AS_OF = datetime(2011, 12, 10, 2, tzinfo=UTC)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "two\nlines & 'quotes' {{ 7 * 7 }}",
    "party 🎉 👩‍💻 \u202egnp.exe",
    "*bold* `c` [link](https://e.org) <!channel> @here | cell",
    "[bold red]up[/] [/]",
    "long" * 2500,
)
TAME = ("second_order", "variety", "returning_days", "bought_a_bag", "country_mix", "big_spender")


def candidate_row(place: int, name: str, *, verdict: str) -> dict:
    """One entry of ranking.json; numbers fall with the place, so order can be seen."""
    lift = 14.0 - 1.3 * place if place < 14 else -0.2 - place / 40
    accounts, doers = 4000, max(120, 1800 - 60 * place)
    counts = {"accounts": accounts, "doers": doers, "reach": doers / accounts}
    counts |= {"retained_doers": int(doers * 0.62), "retained_others": int((4000 - doers) * 0.31)}
    row = {
        "product": "online_retail",
        "as_of": "2011-12-10T02:00:00Z",
        "rank": place + 1,
        "tier": 1 + place // 4,
        "candidate": name,
        "event": name,
        "at_least": 2.0 + place % 3,
        "within_days": 28 if place % 2 == 0 else 7,
        "verdict": verdict,
        "reason": f"its bound is {lift / 4:.2f}",
        **counts,
        "crude_lift_pp": lift + 21.0,
        "lift_pp": lift,
        "ci_low_pp": lift - 5.5,
        "ci_high_pp": lift + 5.5,
        "z": lift / 2.1,
        "q_value": 0.0004 * 3**place if place < 7 else 1.0,
        "odds_ratio": 1.9,
        "e_value": 1.62,
        "kept_share": lift / (lift + 21.0),
        "holdout_lift_pp": lift - 1.1,
        "fading": place == 2,
        "revenue_gap": 182.5 - 11.0 * place,
        "revenue_gap_ci_low": 60.0,
        "revenue_gap_ci_high": 1301.25,
        "revenue_lead_weeks": 3,
        "statement": f"Orders placed, by customers with {name} at least twice within 28 days",
        "crude_low_pp": lift + 18.0,
        "crude_high_pp": lift + 24.0,
        "overlap": 0.93,
        "extra_retained_per_1000": lift / 10 * 10,
        "experiment_accounts_per_arm": 1250 + 3000 * place,
        "behaviour": f"{name} at least {2 + place % 3} times",
        "segments": [
            {"segment": "France", "accounts": 90, "doers": 40, "differs": place == 0}
            | {"lift_pp": 3.2, "ci_low_pp": -8.0, "ci_high_pp": 14.4, "interaction_q": 0.04}
        ],
        "cohorts": [
            {
                "cohort": f"2011-{month:02}",
                "accounts": 600,
                "doers": 260 - month,
                "lift_pp": lift + (month * 37 % 11) - 5,
                "ci_low_pp": lift + (month * 37 % 11) - 15,
                "ci_high_pp": lift + (month * 37 % 11) + 6,
            }
            for month in (3, 4, 5, 6, 7)
        ],
        "curve": [
            {
                "at_least": float(least),
                "within_days": within,
                "doers": 1000 // least,
                "crude_lift_pp": lift + 20,
                "lift_pp": None if least == 10 and within == 7 else lift - least / 2 + within / 9,
                "z": 3.0,
                "support": "too_rare" if least == 10 and within == 7 else "ok",
            }
            for least in (1, 2, 3, 4, 5, 7, 10)
            for within in (7, 14, 28)
        ],
    }
    if verdict == "too_rare":
        kept = {"product", "as_of", "candidate", "event", "at_least", "within_days", "verdict"}
        kept |= {"accounts", "doers", "reach", "retained_doers", "retained_others", "statement"}
        kept |= {"crude_lift_pp", "cohorts", "curve"}
        row = {key: value if key in kept else None for key, value in row.items()}
        row["behaviour"] = None
        row |= {"reason": "31 accounts did it; 100 are needed", "cohorts": [], "curve": []}
    return row


def leave_run(
    folder: RunFolder,
    names: tuple[str, ...],
    *,
    stars: int = 1,
    rare: int = 1,
    money: bool = True,
    flattening: bool = True,
) -> RunFolder:
    """Everything a run leaves for the publish step, all names ranked in the order given."""
    verdicts = ["north_star"] * stars + ["supported", "worth_testing", "harmful"]
    verdicts += ["not_distinguishable"] * len(names)
    verdicts[len(names) - rare :] = ["too_rare"] * rare
    rows = [candidate_row(at, name, verdict=verdicts[at]) for at, name in enumerate(names)]
    weeks = [
        {
            "candidate": row["candidate"],
            "at_least": row["at_least"],
            "within_days": row["within_days"],
            "week": week,
            "accounts": 4000,
            "gap": 15.0 - 12.0 / week,
            "ci_low": 9.0 - 12.0 / week,
            "ci_high": 21.0 - 12.0 / week,
        }
        for row in rows[:3]
        for week in range(1, 14)
    ]
    headline = (
        f"Customers with {names[0]} at least twice in their first 28 days stay 14.0 points more "
        "often than customers alike in everything else they do."
        if stars
        else "No behaviour beats what keenness explains."
    )
    line = {"candidate": names[0], "weeks": 36, "lag_weeks": None, "correlation": None}
    line |= {"verdict": "not enough weeks", "p_value": None, "note": "36 weeks; 52 are needed"}
    line |= {"agreement": None}
    folder.write_json(
        "ranking.json",
        {
            "product": "online_retail",
            "title": "Online gift retailer",
            "owner": "growth-data",
            "audience": "consumer",
            "as_of": "2011-12-10T02:00:00Z",
            "headline": headline,
            "core_metric": {
                "name": "Orders placed",
                "promise": "A customer gets the gifts they came for",
            },
            "sentences": {
                "onboarded": "at the first order_placed from 1 March 2011",
                "retained": "at least one order_placed in the 90 days that start 56 days later",
                "exposure": "what an account did within 7 or 28 days of onboarding",
            },
            "retention": {
                "verdict": "flattening" if flattening else "not flattening",
                "sentence": "Retention flattens: its floor is 18%."
                if flattening
                else "Retention does not flatten: all leave.",
            },
            "calibration": {
                "rule": "N",
                "events": 41,
                "placebos": 0,
                "centre_z": 0.83,
                "scale_z": 1.41,
                "note": "",
            },
            "revenue": {
                "currency": "GBP" if money else None,
                "weeks": 13,
                "note": "The core event is the purchase: agreement is partly arithmetic."
                if money
                else "",
                "series": [line] if money else [],
            },
            "candidates": rows,
        },
    )
    folder.write_json("population.json", population())
    folder.write_json("checks.json", checks())
    folder.write_frame("backtest.parquet", pd.DataFrame(weeks).iloc[: None if money else 0])
    folder.write_frame("retention.parquet", retention())
    return folder


def population() -> dict:
    cohorts = [
        {"cohort": f"2011-{m:02}", "onboarded": 900, "censored": 100, "eligible": 800 - m}
        | {"retained": 320 + m}
        for m in (3, 4, 5, 6, 7)
    ]
    counts = {"onboarded": 5321, "left_truncated": 902, "internal": 4, "bots": 11}
    counts |= {"censored": 404, "eligible": 4000, "retained": 1630}
    times = {"observed_until": "2011-12-09T12:50:00Z", "first_onboarded": "2011-03-01T08:30:00Z"}
    return counts | times | {"last_onboarded": "2011-07-16T12:22:00Z", "cohorts": cohorts}


def checks() -> dict:
    passed = {"severity": "critical", "ok": True, "observed": 0, "expected": "0", "examples": []}
    failed = {"severity": "warning", "ok": False, "observed": "5.3%", "expected": "at most 5%"}
    return {
        "ok": True,
        "critical_failed": 0,
        "warnings": 1,
        "checks": [
            {"name": "nulls", "what": "No event lacks its account, time or name.", **passed},
            {"name": "duplicates", "what": "At most 5% of event rows are repeated.", **failed}
            | {"examples": ["12347", "<b>12348</b>", "=cmd()"]},
        ],
    }


def retention() -> pd.DataFrame:
    weeks = range(0, 36)
    rate = [1.0] + [0.18 + 0.3 * 0.8**week for week in weeks[1:]]
    frame = pd.DataFrame({"week": weeks, "accounts": [4000 - 90 * w for w in weeks], "rate": rate})
    frame["active"] = (frame["accounts"] * frame["rate"]).astype(int)
    return frame.assign(ci_low=frame["rate"] - 0.02, ci_high=(frame["rate"] + 0.02).clip(upper=1))
