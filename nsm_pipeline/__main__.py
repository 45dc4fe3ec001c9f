"""The command line. No logic: each command finds its words in `commands.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nsm_pipeline.command_line.console import reporting

app = typer.Typer(
    name="nsm",
    help="Finds a product's North Star Metric from its events.",
    epilog="RUN is a run's folder, a product (its newest run) or product@as_of.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

ProductFile = Annotated[Path, typer.Argument(metavar="FILE", help="A product file (YAML).")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Folder, product or product@as_of.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="T",
        help="The moment to look at, ISO 8601, in the product's time zone when it names none. "
        "Default: source.observed_until, else the start of today.",
    ),
]
Out = Annotated[
    str,
    typer.Option(
        "--out", metavar="DIR", envvar="NSM_RUNS", help="Where all runs are: a folder or a URL."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on stdout.")]
WithRivals = Annotated[
    bool,
    typer.Option(
        "--with-rivals",
        help="Also show what Amplitude, Mixpanel and PostHog would make of the same counts.",
    ),
]
Rebuild = Annotated[
    bool, typer.Option("--rebuild", help="Build the nightly state anew, if the product keeps one.")
]
RUNS = "runs"


@app.command()
def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Product files, or folders of them.")
    ],
    as_json: Json = False,
) -> None:
    """Check product files and their sources."""
    with reporting(as_json):
        from nsm_pipeline.command_line import commands

        raise typer.Exit(commands.check(files, as_json=as_json))


@app.command()
def run(
    file: ProductFile,
    as_of: AsOf = None,
    out: Out = RUNS,
    with_rivals: WithRivals = False,
    rebuild: Rebuild = False,
    as_json: Json = False,
) -> None:
    """Run all steps for one product and publish the ranking."""
    with reporting(as_json):
        from nsm_pipeline.command_line import commands

        options = {"with_rivals": with_rivals, "rebuild": rebuild}
        commands.run(file, as_of=as_of, out=out, as_json=as_json, **options)


@app.command()
def advise(file: ProductFile, as_of: AsOf = None, as_json: Json = False) -> None:
    """Print the windows that the data suggests, and why."""
    with reporting(as_json):
        from nsm_pipeline.command_line import commands

        commands.advise(file, as_of=as_of, as_json=as_json)


@app.command()
def sql(file: ProductFile, as_of: AsOf = None) -> None:
    """Print what the warehouse would be asked."""
    with reporting(as_json=False):
        from nsm_pipeline.command_line import commands

        commands.sql(file, as_of=as_of)


@app.command()
def explain(
    run: Run,
    candidate: Annotated[str, typer.Argument(metavar="CANDIDATE", help="As in the ranking.")],
    out: Out = RUNS,
    as_json: Json = False,
) -> None:
    """Show every number of one ranking row and where it came from."""
    with reporting(as_json):
        from nsm_pipeline.command_line import commands

        raise typer.Exit(commands.explain(run, candidate, out=out, as_json=as_json))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="RUN", help="The earlier run.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="The later run.")],
    out: Out = RUNS,
    as_json: Json = False,
) -> None:
    """Show what changed between two runs, and why."""
    with reporting(as_json):
        from nsm_pipeline.command_line import commands

        commands.diff(before, after, out=out, as_json=as_json)


@app.command()
def init(
    source: Annotated[
        str,
        typer.Argument(
            metavar="CONNECTION", help="A connection URL, or a path or pattern of Parquet files."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Default: config/products/NAME.yaml."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The product's name.")] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", help="Where the tables are. Default: the user's own.")
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="COLUMN", help="Who stays or leaves.")
    ] = None,
    core: Annotated[
        str | None, typer.Option("--core", metavar="EVENT", help="The moment of value.")
    ] = None,
    audience: Annotated[
        str | None, typer.Option("--audience", metavar="WHO", help="consumer or b2b.")
    ] = None,
    business_model: Annotated[
        str | None,
        typer.Option("--business-model", metavar="MODEL", help="As in `business_model`."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at a source and write a first product file."""
    with reporting(as_json):
        from nsm_pipeline.command_line.first_file import init as write_first

        said = {"name": name, "schema": schema, "account": account, "core": core}
        said |= {"audience": audience, "model": business_model}
        write_first(source, out, said, as_json=as_json)


@app.command()
def review(
    product: Annotated[
        str, typer.Argument(metavar="PRODUCT", help="A product, its file, or product@as_of.")
    ],
    as_of: AsOf = None,
    out: Out = RUNS,
    as_json: Json = False,
) -> None:
    """Write the week's review from the newest published run: Monday's, the owners', Friday's."""
    with reporting(as_json):
        from nsm_pipeline.command_line import practice_commands

        practice_commands.review(product, as_of=as_of, out=out, as_json=as_json)


@app.command()
def revalidate(
    file: ProductFile,
    as_of: AsOf = None,
    candidate: Annotated[
        str | None,
        typer.Option("--candidate", metavar="NAME", help="Default: the newest run's leader."),
    ] = None,
    out: Out = RUNS,
    as_json: Json = False,
) -> None:
    """Run the product at past moments: keep, review or replace the chosen behaviour."""
    with reporting(as_json):
        from nsm_pipeline.command_line import practice_commands

        practice_commands.revalidate(
            file, as_of=as_of, candidate=candidate, out=out, as_json=as_json
        )


@app.command()
def schema() -> None:
    """Print the JSON Schema of product files, for editors."""
    with reporting(as_json=True):
        from nsm_pipeline.command_line import commands

        commands.schema()


@app.command()
def simulate(
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help="Which world; see --list.")
    ] = "default",
    accounts: Annotated[int, typer.Option(min=1, help="How many sign up.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes.")] = 1,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where the files are written.")
    ] = Path("simulated"),
    listing: Annotated[bool, typer.Option("--list", help="List the scenarios and stop.")] = False,
    as_json: Json = False,
) -> None:
    """Write a simulated product whose true effects are known."""
    with reporting(as_json):
        from nsm_pipeline.command_line import commands

        if listing:
            commands.list_scenarios(as_json=as_json)
        else:
            commands.simulate(scenario, accounts=accounts, seed=seed, out=out, as_json=as_json)


def main() -> None:
    """The `nsm` console script."""
    app()


if __name__ == "__main__":
    main()
