"""What many products cost: reading their DAGs, and checking their files (`make bench-products`).

Two hundred copies of the shipped product file, each with a name of its own: once all on the same
Parquet files, once each on files of its own. Every figure is of fresh processes.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

REPOSITORY = Path(__file__).resolve().parents[1]
SHIPPED = REPOSITORY / "config" / "products" / "online_retail.yaml"
DATA = REPOSITORY / "data" / "online_retail"
PRODUCTS = 200
REPEATS = 5
# Airflow's DAG processor has imported Airflow already, so what it waits for is the file alone.
READ_DAGS = """
import runpy, sys, time
import airflow.sdk
wall, cpu = time.perf_counter(), time.process_time()
dags = runpy.run_path("dags/nsm_products.py")
nightly = [name for name in dags if name.startswith("nsm_") and not name.endswith("_review")]
assert len(nightly) == int(sys.argv[1])
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of one process."""

    wall: float
    cpu: float


def main() -> None:
    """Prints the table of docs/benchmarks.md."""
    with tempfile.TemporaryDirectory() as folder:
        shared = write_products(Path(folder) / "shared", own_data=False)
        own = write_products(Path(folder) / "own", own_data=True)
        rows = [
            ("reading the DAG file, Airflow imported", [read_dags(shared) for _ in range(REPEATS)]),
            ("`nsm check`, all on the same files", [check(shared) for _ in range(REPEATS)]),
            ("`nsm check`, each on its own files", [check(own) for _ in range(REPEATS)]),
            ("`nsm check` of one", [check(shared / "product_0.yaml") for _ in range(REPEATS)]),
        ]
    libraries = ", ".join(f"{name} {version(name)}" for name in ("apache-airflow", "duckdb"))
    lines = [
        f"{os.cpu_count()} cores; Python {platform.python_version()}, {libraries}; "
        f"{PRODUCTS} products, the best of {REPEATS}",
        "",
        "| what | wall s | CPU s |",
        "|---|---|---|",
        *(
            f"| {what} | {min(c.wall for c in costs):.2f} | {min(c.cpu for c in costs):.2f} |"
            for what, costs in rows
        ),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def write_products(folder: Path, *, own_data: bool) -> Path:
    """Makes the product files and returns their folder."""
    products = folder / "products"
    products.mkdir(parents=True)
    text = SHIPPED.read_text("utf-8").split("\npublish:")[0]
    kept = shutil.copytree(DATA, folder / "data")
    for number in range(PRODUCTS):
        data = kept
        if own_data:
            data = folder / f"data_{number}"
            data.mkdir()
            for file in kept.glob("*.parquet"):
                (data / file.name).hardlink_to(file)
        named = text.replace("product: online_retail", f"product: product_{number}")
        located = named.replace("data/online_retail", str(data))
        (products / f"product_{number}.yaml").write_text(located, "utf-8")
    return products


def read_dags(products: Path) -> Cost:
    """The DAG file, read once, in a process that has Airflow."""
    done = subprocess.run(
        [sys.executable, "-c", READ_DAGS, str(PRODUCTS)],
        cwd=REPOSITORY,
        env={**os.environ, "NSM_PRODUCTS": str(products)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    wall, cpu = done.stdout.splitlines()[-1].split()
    return Cost(float(wall), float(cpu))


def check(files: Path) -> Cost:
    """`nsm check`, with its start."""
    return process_cost([sys.executable, "-m", "nsm_pipeline", "check", str(files)])


def process_cost(command: Sequence[str]) -> Cost:
    """What a whole process takes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, check=True)
    wall, after = perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


if __name__ == "__main__":
    main()
