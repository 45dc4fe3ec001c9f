"""The house itself: imports go one way, one heavy library per room, nothing heavy at the door."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "nsm_pipeline"

# A room may import from the floors below it, and from itself; never from its own floor.
FLOORS: tuple[dict[str, set[str]], ...] = (
    {"errors": {"errors"}},
    {
        "product": {"product"},
        "run folders": {"runs"},
        "the waist": {"waist"},
    },
    {
        "warehouse": {"warehouse"},
        "quality": {"quality"},
        "stats": {"stats"},
    },
    {"publish": {"publish"}},
    {
        "pipeline": {
            *("pipeline", "steps", "practice", "advising", "comparing", "drafting"),
            *("refusing", "stating"),
        }
    },
    {"simulation": {"simulation"}},
    {"doors": {"__init__", "__main__", "command_line", "opened_run"}},
    {"orchestration": {"orchestration", "nightly", "dag_parts", "review_dags"}},
    {"airflow": {"dags", "plugins"}},
)
# What a run leaves is described by the product it was made for.
ALSO = {("run folders", "product")}
HEAVY = {
    "pydantic": {"product"},
    "pydantic_core": {"product"},
    "ibis": {"warehouse"},
    "duckdb": {"warehouse"},
    "sqlglot": {"warehouse"},
    "great_expectations": {"quality"},
    "sklearn": {"stats"},
    "scipy": {"stats"},
    "statsmodels": set(),
    "jinja2": {"publish"},
    "altair": {"publish"},
    "vl_convert": {"publish"},
    "airflow": {"orchestration", "airflow"},
    "fastapi": {"airflow"},
}
CLOCKS = {"now", "today", "utcnow", "time_ns"}
MAY_READ_THE_CLOCK = {"doors", "orchestration"}


def sources() -> list[Path]:
    folders = (PACKAGE, REPOSITORY / "dags", REPOSITORY / "plugins")
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def place(path: Path) -> str:
    """The part of the tree that a file belongs to: a folder of the package, or a file of it."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return parts[1] if parts[0] == "nsm_pipeline" else parts[0]


def rooms() -> dict[str, tuple[int, str]]:
    return {
        part: (floor, room)
        for floor, names in enumerate(FLOORS)
        for room, parts in names.items()
        for part in parts
    }


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere in it, for types too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__")


def test_every_file_has_a_room() -> None:
    homeless = {place(path) for path in sources()} - set(rooms())
    assert not homeless, f"say in FLOORS where these belong: {sorted(homeless)}"


def test_imports_go_down() -> None:
    wrong = []
    for path in sources():
        floor, room = rooms()[place(path)]
        for name in imported(path):
            head, _, rest = name.partition(".")
            if head != "nsm_pipeline":
                continue
            below, other = rooms().get(rest.split(".")[0], rooms()["__init__"])
            if other != room and below >= floor and (room, other) not in ALSO:
                wrong.append(f"{path.relative_to(REPOSITORY)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_a_product_is_read_without_what_drafts_one() -> None:
    draft = PACKAGE / "product" / "draft"
    wrong = [
        f"{path.relative_to(REPOSITORY)} imports {name}"
        for path in sorted((PACKAGE / "product").rglob("*.py"))
        if draft not in path.parents
        for name in imported(path)
        if name.startswith("nsm_pipeline.product.draft")
    ]
    assert not wrong, wrong


def test_no_import_goes_in_a_circle() -> None:
    """Nor one for types, nor one inside a function: there a circle only hides."""
    known = {module_name(path): path for path in sources()}
    graph = {
        name: {
            found
            for wanted in imported(path)
            for found in (wanted, wanted.rpartition(".")[0])
            # The package's door opens rooms only when asked (PEP 562): naming it is no circle.
            if found in known and found not in (name, "nsm_pipeline")
        }
        for name, path in known.items()
    }
    TopologicalSorter(graph).prepare()  # raises CycleError


@pytest.mark.parametrize("library", sorted(HEAVY))
def test_one_heavy_library_per_room(library: str) -> None:
    users = {
        rooms()[place(path)][1]
        for path in sources()
        if any(name.split(".")[0] == library for name in imported(path))
    }
    assert users <= HEAVY[library]


def test_only_the_doors_read_the_clock() -> None:
    readers = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sources()
        if rooms()[place(path)][1] not in MAY_READ_THE_CLOCK
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS
    ]
    assert not readers, readers


def test_files_stay_small_enough_to_find_a_room_in() -> None:
    long = {
        str(path.relative_to(REPOSITORY)): lines
        for path in sources()
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 300
    }
    assert not long, long


def loaded_after(code: str) -> set[str]:
    """The heavy libraries that a fresh process has loaded after running the code."""
    script = f"import sys\n{code}\nprint('LOADED', *{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.rpartition("LOADED ")[2].split()
    return set(loaded) & {*HEAVY, "pandas", "numpy", "pyarrow"}


def test_the_package_imports_at_once() -> None:
    assert loaded_after("import nsm_pipeline") == set()


def test_help_starts_at_once() -> None:
    call = (
        "import runpy\nsys.argv = ['nsm', '--help']\n"
        "try: runpy.run_module('nsm_pipeline', run_name='__main__')\n"
        "except SystemExit as ended: assert not ended.code"
    )
    assert loaded_after(call) == set()


def test_the_steps_are_known_without_loading_what_they_need() -> None:
    assert loaded_after("import nsm_pipeline.pipeline") <= {"pydantic", "pydantic_core"}


def test_a_check_counts_nothing_so_it_loads_no_frames() -> None:
    call = (
        "from pathlib import Path\nfrom nsm_pipeline.pipeline import check_product\n"
        "check_product(Path('config/products/oulad_small.yaml'))"
    )
    assert not loaded_after(call) & {"pandas", "sklearn", "great_expectations"}
