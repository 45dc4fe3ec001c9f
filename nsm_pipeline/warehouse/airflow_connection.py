"""`airflow:<conn_id>` as an engine's URL, read as Airflow itself reads its connections.

Airflow takes a connection from the environment first: `AIRFLOW_CONN_<ID>`, a URI or JSON. Here that
is the only place; in a task, `orchestration` puts there what Airflow knows. So the package needs no
Airflow, and a run by hand works with the same variable.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from nsm_pipeline.errors import InvalidInput, Problem
from nsm_pipeline.product.source import DUCKDB_SETTINGS

PREFIX = "airflow:"
# What libpq knows of the extras of a PostgreSQL connection; the others are for Airflow's own hook.
LIBPQ = {
    *("sslmode", "sslcert", "sslkey", "sslrootcert", "options", "target_session_attrs"),
    *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval"),
}
SPARK = {"queue": "spark.yarn.queue", "namespace": "spark.kubernetes.namespace"}


def airflow_url(connection: str, where: str) -> str:
    """The engine's URL, with its secrets: for `connect` alone.

    Raises:
        InvalidInput: the connection is not known, not readable, or of a kind that is no engine.
    """
    conn_id = connection.removeprefix(PREFIX)
    stored = os.environ.get(f"AIRFLOW_CONN_{conn_id.upper()}")
    if not stored:
        raise InvalidInput(
            Problem(
                where,
                f'No Airflow connection "{conn_id}" is known here.',
                f"Define it in Airflow, or set AIRFLOW_CONN_{conn_id.upper()} for a run by hand.",
            )
        )
    try:
        fields = _from_json(stored) if stored.lstrip().startswith("{") else _from_uri(stored)
    except ValueError:
        problem = Problem(
            where,
            f'The Airflow connection "{conn_id}" is neither a URI nor JSON.',
            "Write it as `airflow connections get` shows it.",
        )
        raise InvalidInput(problem) from None
    kind = str(fields.get("conn_type")).lower().replace("_", "-")
    urls = {"postgres": _postgres, "postgresql": _postgres, "spark": _spark, "duckdb": _duckdb}
    if kind not in urls:
        raise InvalidInput(
            Problem(
                where,
                f'The Airflow connection "{conn_id}" is of another kind than the engines here.',
                "Name one of type postgres, spark or duckdb.",
            )
        )
    return urls[kind](fields)


def _from_json(stored: str) -> dict[str, Any]:
    fields = dict(json.loads(stored))
    extra = fields.get("extra") or {}
    return {**fields, "extra": json.loads(extra) if isinstance(extra, str) else dict(extra)}


def _from_uri(stored: str) -> dict[str, Any]:
    kind, _, rest = stored.partition("://")
    # A host may have a protocol of its own: spark://k8s://https%3A%2F%2Fapi:443.
    protocol = re.match(r"[a-z0-9+.-]+://", rest)
    parts = urlsplit("//" + (rest[protocol.end() :] if protocol else rest))
    login, _, place = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    port = re.search(r":(\d+)$", place)
    host = unquote(place[: port.start()] if port else place)
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    return {
        "conn_type": kind,
        "login": unquote(user),
        "password": unquote(password),
        "host": protocol[0] + host if protocol else host,
        "port": int(port[1]) if port else None,
        "schema": unquote(parts.path.removeprefix("/")),
        "extra": json.loads(given["__extra__"]) if "__extra__" in given else given,
    }


def _postgres(fields: Mapping[str, Any]) -> str:
    text = {
        name: quote(str(fields.get(name) or ""), safe="")
        for name in ("login", "password", "host", "schema")
    }
    secret = f":{text['password']}" if text["password"] else ""
    user = f"{text['login']}{secret}@" if text["login"] else ""
    port = f":{fields['port']}" if fields.get("port") else ""
    options = urlencode({k: v for k, v in fields["extra"].items() if k in LIBPQ})
    return f"postgresql://{user}{text['host']}{port}/{text['schema']}?{options}"


def _spark(fields: Mapping[str, Any]) -> str:
    host = fields.get("host") or "local[*]"
    master = f"{host}:{fields['port']}" if fields.get("port") else host
    extra = {SPARK.get(name, name): value for name, value in fields["extra"].items()}
    settings = {name: value for name, value in extra.items() if name.startswith("spark.")}
    return f"pyspark://?{urlencode({'spark.master': master, **settings})}"


def _duckdb(fields: Mapping[str, Any]) -> str:
    schema = fields.get("schema")
    place = f"duckdb://{fields.get('host') or (f'/{schema}' if schema else '')}"
    settings = urlencode({k: v for k, v in fields["extra"].items() if k in DUCKDB_SETTINGS})
    return f"{place}?{settings}" if settings else place
