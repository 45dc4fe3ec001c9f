"""The product file through its front door: what is refused, where, and what is let through."""

import copy
import json
import pickle
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from nsm_pipeline.errors import InvalidInput
from nsm_pipeline.product.candidate import CompositeCandidate, SimpleCandidate
from nsm_pipeline.product.rules import check_source
from nsm_pipeline.product.yaml_file import (
    LoadedProduct,
    load_product,
    parse_product,
    product_schema,
)
from nsm_pipeline.product.yaml_reader import read_tree

ROOT = Path(__file__).parent.parent
BAD = Path(__file__).parent / "bad_products"
SHIPPED = sorted((ROOT / "config" / "products").glob("*.yaml"))
KINDS = {
    "VARCHAR": "string",
    "INTEGER": "integer",
    "DOUBLE": "float",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
TYPED = ["", ":", "[", "}", "- ", "\n", "\t", "0", "null", "'", "!", "\u2028", "off", "9" * 30]
VALUES: list[Any] = [
    *(None, True, 0, 1.5, "x", "", [], {}, [1], {"a": 1}, [None], "any", "core", "7d", 10**30),
    *({"files": []}, {"distinct": 1}, {"all_of": [{}, {}]}, {"equals": None}, float("inf")),
]
GOOD = """\
version: 1
product: chat
title: Chat
owner: growth
audience: b2b
start_date: 2025-01-01
source:
  events: {files: events.parquet, account: account_id, at: ts, event: event}
  accounts: {files: accounts.parquet, account: account_id}
core_metric: {name: Messages, event: message_sent}
retention: {event: any, after: 28d, within: 28d}
exposure: {within: [14d, 7d, 1w]}
candidates:
  - {name: inviter, event: invite_sent, at_least: [1, 3]}
"""
EVENTS = {"account_id": "string", "ts": "timestamp", "event": "string", "plan": "string"}
COLUMNS = {
    "events": {**EVENTS, "amount": "float", "on_trial": "boolean", "n": "integer"},
    "accounts": {"account_id": "string", "country": "string", "is_internal": "boolean"},
}


def loaded(tmp_path: Path, text: str) -> LoadedProduct:
    path = tmp_path / "chat.yaml"
    path.write_text(text, encoding="utf-8")
    return load_product(path)


def refusal(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "chat.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InvalidInput) as caught:
        load_product(path)
    assert caught.value.exit_code == 2
    return str(caught.value).replace(f"{tmp_path}/", "")


def columns_of(product: LoadedProduct) -> dict[str, dict[str, str]]:
    found = {}
    for table in ("events", "accounts", "revenue"):
        place = getattr(product.config.source, table)
        if place:
            file = product.resolve(place.files[0])[0]
            rows = duckdb.sql(f"DESCRIBE FROM '{file}'").fetchall()
            found[table] = {name: KINDS[kind] for name, kind, *_ in rows}
    return found


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bad_product_gets_the_message_in_its_first_lines(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = "\n".join(
        line.removeprefix("#").removeprefix(" ") for line in lines[: next_plain_line(lines)]
    )
    with pytest.raises(InvalidInput) as caught:
        load_product(Path(path.name))
    assert str(caught.value) == expected


def next_plain_line(lines: list[str]) -> int:
    return next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_product_fits_its_data(path: Path) -> None:
    product = load_product(path)
    events = product.resolve(product.config.source.events.files[0])
    assert events == [ROOT / "data" / path.stem / "events.parquet"]
    names = duckdb.sql(f"SELECT DISTINCT event FROM '{events[0]}'").fetchall()
    check_source(product, columns_of(product), events=[name for (name,) in names])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_product_is_valid_in_an_editor_too(path: Path) -> None:
    # Read as the loader does: to plain PyYAML the key `null` is no text.
    read = read_tree(path.read_text(encoding="utf-8"), path.name).value
    value = json.loads(json.dumps(read, default=str))
    validator = jsonschema.Draft202012Validator(product_schema())
    assert list(validator.iter_errors(value)) == []
    for place in (value, value["source"], value["candidates"][0], value["checks"]):
        place["unheard_of"] = 1
        assert list(validator.iter_errors(value))
        del place["unheard_of"]
    aliases = copy.deepcopy(value)
    aliases["discover"]["except_"] = aliases["discover"].pop("except", [])
    assert list(validator.iter_errors(aliases))


def test_the_schema_itself_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(product_schema())


def test_what_is_written_is_what_is_loaded(tmp_path: Path) -> None:
    text = GOOD.replace(
        "candidates:\n",
        "onboarding: {from: 2025-01-10}\ncandidates:\n"
        "  - {name: both, all_of: [{event: 'doc_*', at_least: 1}, {event: [a, b], at_most: 0}]}\n"
        "  - {name: spend, event: paid, where: {plan: [a, b], amount: {over: 0}}, "
        "measure: {sum: amount}}\n",
    ).replace("source:\n", "source:\n  observed_until: 2025-12-01T12:00:00+02:00\n")
    config = loaded(tmp_path, text).config
    both, spend, inviter = config.candidates
    assert isinstance(both, CompositeCandidate)
    assert isinstance(spend, SimpleCandidate)
    assert isinstance(inviter, SimpleCandidate)
    assert config.exposure.within == (7, 14)
    assert config.onboarding.from_ == date(2025, 1, 10)
    assert config.source.observed_until == datetime(2025, 12, 1, 10, tzinfo=UTC)
    assert [part.at_most for part in both.all_of] == [None, 0]
    assert spend.where["plan"].in_ == ("a", "b")
    assert spend.where["amount"].over == 0
    assert inviter.at_least == (1, 3)


def test_a_loaded_product_is_frozen_and_travels_between_processes(tmp_path: Path) -> None:
    product = loaded(tmp_path, GOOD)
    with pytest.raises(ValidationError):
        product.config.title = "Other"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        product.text = ""  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(product)) == product


def test_a_place_in_the_file_can_be_asked_for(tmp_path: Path) -> None:
    product = loaded(tmp_path, GOOD)
    path = product.path
    assert product.where("retention", "after") == f"{path}:11:32  retention.after"
    assert product.where("candidates", 0, "name") == f"{path}:14:12  candidates[0].name"
    assert product.where("segments") == f"{path}:1:1  segments"


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "quoted"',
        "two\nlines",
        "<script>alert(1)</script>",
        "🎉 été",
        "a: b # c",
        "x" * 10_000,
        "\x07bell",
        "'; DROP TABLE events; --",
    ],
    ids=["quotes", "newline", "html", "emoji", "yaml", "long", "control", "sql"],
)
def test_event_names_may_hold_anything(tmp_path: Path, name: str) -> None:
    quoted = yaml.safe_dump(name, default_style='"', width=99_999).strip()
    product = loaded(tmp_path, GOOD.replace("invite_sent", quoted).replace("inviter", quoted))
    candidate = product.config.candidates[0]
    assert isinstance(candidate, SimpleCandidate)
    assert candidate.event == (name,)
    assert candidate.name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "chat.yaml\n  The file is empty."),
        (" \n\n", "The file is empty."),
        (b"version: 1\ntitle: caf\xe9\n", "Line 2 is not UTF-8 text."),
        ("#" * 256 * 1024 + "\n", "larger than 256 kB"),
        ("a: " + "[" * 100_000, "chat.yaml:1:43\n  More than 40 levels of nesting."),
        ("a: " + "{b: " * 50_000, "More than 40 levels of nesting."),
        ("- " * 60_000, "More than 40 levels of nesting."),
        ("a: [" + "x," * 30_000 + "]", "More than 20,000 values."),
        ("a: &a [x]\nb: *a\n", "chat.yaml:1:4\n  Anchors (&) and aliases (*)"),
        ("a: &a [1]\nb: {<<: *a}\n", "Anchors (&) and aliases (*)"),
        ("a: 1\n\x00", "not valid YAML"),
        ("a: 1\na: 2\nb: {c: 1, c: 2}\n", "chat.yaml:2:1  a\n  `a` stands here a second time"),
        ("? {a: b}\n: 1\n", "A key must be a plain name."),
    ],
)
def test_text_that_would_hurt_is_refused_first(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    assert said in refusal(tmp_path, text)


def test_a_product_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for path, said in [
        (tmp_path / "none.yaml", "There is no such file."),
        (tmp_path, "This is not a file."),
        (Path("a\0b.yaml"), "There is no such file."),
        (Path("x" * 5_000), "cannot be read"),
    ]:
        with pytest.raises(InvalidInput, match=said):
            load_product(path)


def test_all_problems_come_in_file_order(tmp_path: Path) -> None:
    text = GOOD.replace("audience: b2b", "audience: us\nowner: twice\ncolour: red")
    text = text.replace("[1, 3]", "[0, 1.5, 0123]") + "segments: [a, b, c, d]\n"
    with pytest.raises(InvalidInput) as caught:
        loaded(tmp_path, text)
    lines = [int(problem.where.split(":")[1]) for problem in caught.value.problems]
    assert lines == [5, 6, 7, 16, 17]


def test_any_value_anywhere_gets_a_refusal_or_a_product(tmp_path: Path) -> None:
    """Also where keys are named like the members of a union (`files`, `distinct`, `simple`)."""
    seeded = random.Random(20150713)
    for _ in range(200):
        value = yaml.safe_load(GOOD)
        for _ in range(seeded.randint(1, 3)):
            around = seeded.choice([found for found in containers(value) if found])
            keys = list(around) if isinstance(around, dict) else list(range(len(around)))
            key = seeded.choice(keys)
            if isinstance(around, dict) and seeded.random() < 0.4:
                key = seeded.choice(["table", "files", "distinct", "simple", "all_of", "evnt"])
            around[key] = copy.deepcopy(seeded.choice(VALUES))
        try:
            loaded(tmp_path, yaml.safe_dump(value))
        except InvalidInput as refusal:
            assert all(problem.what and problem.mend for problem in refusal.problems)


def containers(value: object) -> list[Any]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = [value] if isinstance(value, dict | list) else []
    return own + [found for item in inner for found in containers(item)]


def test_broken_text_never_gets_more_than_a_refusal(tmp_path: Path) -> None:
    """Whatever is typed: an answer with a place, or a product; never another exception."""
    seeded = random.Random(20111209)
    text = (ROOT / "config" / "products" / "online_retail.yaml").read_text(encoding="utf-8")
    refused = 0
    for _ in range(150):
        broken = list(text)
        for _ in range(seeded.randint(1, 3)):
            at = seeded.randrange(len(broken))
            broken[at : at + seeded.randint(0, 4)] = seeded.choice(TYPED)
        try:
            loaded(tmp_path, "".join(broken))
        except InvalidInput as refusal:
            refused += 1
            assert all(problem.what and problem.mend for problem in refusal.problems)
            assert "pydantic" not in str(refusal)
            assert "Input should" not in str(refusal)
    assert refused > 50


def test_files_are_looked_for_near_the_product_then_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    products, elsewhere = tmp_path / "config" / "products", tmp_path / "elsewhere"
    for folder in (products, elsewhere, tmp_path / "data", tmp_path / "config" / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    for name in (
        "data/2025-01.parquet",
        "data/2025-02.parquet",
        "data/notes.txt",
        "config/data/only.parquet",
        "elsewhere/here.parquet",
        "elsewhere/x.csv",
    ):
        (tmp_path / name).touch()
    path = products / "chat.yaml"
    path.write_text(GOOD.replace("files: events.parquet", "files: [gone/*.parquet, x.csv*]"))
    monkeypatch.chdir(elsewhere)
    product = load_product(path)

    def names(pattern: str) -> list[str]:
        return [str(file.relative_to(tmp_path)) for file in product.resolve(pattern)]

    assert names("data/*.parquet") == ["config/data/only.parquet"]
    assert names("data/2025-*.parquet") == ["data/2025-02.parquet", "data/2025-01.parquet"]
    assert names("data") == ["config/data/only.parquet"]
    assert names("here.parquet") == ["elsewhere/here.parquet"]
    assert names(str(tmp_path / "data")) == ["data/2025-02.parquet", "data/2025-01.parquet"]
    assert names("**/only.parquet") == ["config/data/only.parquet"]
    with pytest.raises(
        InvalidInput, match=r"chat.yaml:8:19  source.events.files\n  No file"
    ) as none:
        product.resolve("gone/*.parquet")
    assert str(products / "gone") in str(none.value)
    assert str(elsewhere / "gone") in str(none.value)
    with pytest.raises(InvalidInput, match=r"x.csv is not a .parquet file"):
        product.resolve("x.csv*")
    moved = parse_product(path.read_text(), elsewhere / path.name)
    assert moved.resolve("*.parquet") == [elsewhere / "here.parquet"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "at: ts,",
            "at: tss,",
            'source.events.at\n  There is no column "tss" in events.\n  Did you mean `ts`?',
        ),
        ("at: ts,", "at: plan,", 'Column "plan" of events holds text, not timestamps or dates.'),
        ("account: account_id, at", "account: amount, at", "above 2^53 would merge accounts"),
        ("event: event}", "event: n}", 'Column "n" of events holds whole numbers, not text.'),
        ("candidates:", "adjust_for: [country, contry]\ncandidates:", "Did you mean `country`?"),
        ("candidates:", "segments: [amount]\ncandidates:", "too many levels"),
        ("candidates:", "exclude: {accounts: {is_internl: true}}\ncandidates:", "`is_internal`"),
        ("candidates:", "exclude: {accounts: {is_internal: 1}}\ncandidates:", "1 is compared with"),
        ("candidates:", "discover: {properties: [amount]}\ncandidates:", "discover.properties[0]"),
        ("at_least: [1, 3]", "where: {plan: 3}", "candidates[0].where.plan\n  3 is compared"),
        ("at_least: [1, 3]", "where: {plan: {at_least: 3}}", "which has no order here"),
        ("at_least: [1, 3]", "where: {n: {contains: x}}", "`contains` looks into text"),
        ("at_least: [1, 3]", "where: {ts: {over: 3}}", "Give timestamps."),
        ("at_least: [1, 3]", "where: {pln: a}", "Did you mean `plan`?"),
        ("at_least: [1, 3]", "measure: {sum: plan}", "candidates[0].measure.sum"),
        ("at_least: [1, 3]", "measure: {distinct: planet}", "candidates[0].measure.distinct"),
        *(
            ("candidates:", f"metrics: [{{name: m, event: e, {key}}}]\ncandidates:", said)
            for key, said in (
                ("unit: amount", 'metrics[0].unit\n  Column "amount" of events holds numbers'),
                ("value: {sum: plan}", "metrics[0].value.sum"),
                ("value: {mean: amuont}", "Did you mean `amount`?"),
                ("value: {median: {distinct: planet}}", "metrics[0].value.median.distinct"),
                ("value: {share_of: {event: e, where: {pln: a}}}", "value.share_of.where.pln"),
                ("measure: {max: plan}", "metrics[0].measure.max"),
                ("segment: amount", "metrics[0].segment"),
                ("by: cohort, within: 7d, segment: plan", 'There is no column "plan" in accounts.'),
            )
        ),
    ],
)
def test_columns_must_exist_and_be_of_use(tmp_path: Path, old: str, new: str, said: str) -> None:
    product = loaded(tmp_path, GOOD.replace(old, new))
    with pytest.raises(InvalidInput) as caught:
        check_source(product, COLUMNS)
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


def test_columns_that_fit_are_let_through(tmp_path: Path) -> None:
    text = GOOD.replace(
        "at_least: [1, 3]",
        "where: {plan: [a, b], n: 3, amount: {over: 1.5}, ts: {at_least: 2025-01-01}, "
        "on_trial: false}, measure: {max: n}",
    )
    check_source(loaded(tmp_path, text + "adjust_for: [country, on_trial]\n"), COLUMNS)


def test_account_ids_must_be_alike(tmp_path: Path) -> None:
    columns = {**COLUMNS, "accounts": {"account_id": "integer", "country": "string"}}
    with pytest.raises(InvalidInput, match="whole numbers in accounts but text in events"):
        check_source(loaded(tmp_path, GOOD), columns)


def test_attributes_need_an_accounts_table(tmp_path: Path) -> None:
    text = GOOD.replace("  accounts: {files: accounts.parquet, account: account_id}\n", "")
    product = loaded(tmp_path, text + "exclude: {accounts: {is_internal: true}}\n")
    with pytest.raises(InvalidInput, match=r"Add `source.accounts`"):
        check_source(product, {"events": COLUMNS["events"]})


def test_known_events_are_compared_with_the_names_in_the_file(tmp_path: Path) -> None:
    text = GOOD + "discover: {properties: [plan]}\nplacebos: ['paid: plan = a', themd]\n"
    product = loaded(tmp_path, text + "families: [[inviter, invite_snt]]\n")
    with pytest.raises(InvalidInput) as caught:
        check_source(product, COLUMNS, events=["invite_sent", "themed", "message_send"])
    places = [problem.where.split("  ")[1] for problem in caught.value.problems]
    assert places == ["core_metric.event", "placebos[1]", "families[0][1]"]
    assert "`message_send`" in str(caught.value)


def test_an_event_that_a_metric_counts_must_occur(tmp_path: Path) -> None:
    product = loaded(tmp_path, GOOD + "metrics: [{name: m, event: [invte_sent, themed]}]\n")
    check_source(product, COLUMNS, events=["message_sent", "themed"])
    with pytest.raises(InvalidInput, match=r"metrics\[0\].event\n.*\n  Did you mean `invite_sent`"):
        check_source(product, COLUMNS, events=["message_sent", "invite_sent"])


def test_an_unset_variable_is_named_and_no_value_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = GOOD.replace("source:\n", "source:\n  connection: ${NSM_TEST_WAREHOUSE}\n")
    product = loaded(tmp_path, text)
    assert product.config.source.connection == "${NSM_TEST_WAREHOUSE}"
    monkeypatch.delenv("NSM_TEST_WAREHOUSE", raising=False)
    with pytest.raises(InvalidInput, match="variable NSM_TEST_WAREHOUSE is not set"):
        check_source(product, COLUMNS)
    monkeypatch.setenv("NSM_TEST_WAREHOUSE", "duckdb://secret.duckdb")
    check_source(product, COLUMNS)
    for bad in ("postgres://me:secret@host/db", "duckdb://x?token=secret", "md:secret"):
        assert "secret" not in refusal(tmp_path, text.replace("${NSM_TEST_WAREHOUSE}", bad))
