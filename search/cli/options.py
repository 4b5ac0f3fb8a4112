"""The flags and arguments that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.commands import remember


def _remembered(flag: str) -> Callable[[Any], Any]:
    """A callback for an option. It makes every command line that afcl suggests repeat the option."""

    def callback(value: Any) -> Any:
        remember(flag, value)
        return value

    return callback


Spec = Annotated[
    str, typer.Argument(help="A spec's YAML file, or the name of a ready one: demo, fmnist, digits, isic2018, study.")
]
Name = Annotated[str, typer.Argument(help="A search's name.")]
Results = Annotated[
    Path | None,
    typer.Option(
        "--results",
        callback=_remembered("results"),
        readable=False,  # a folder that cannot be read gets an error of ours, with its mend
        help="Where searches leave their folders [AFCL_RESULTS, ./results].",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        callback=_remembered("data"),
        readable=False,
        help="Where data sets are [AFCL_DATA, the user's cache].",
    ),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override a field of the spec; repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="Print plain JSON.")]
Address = Annotated[
    str | None,
    typer.Option("--address", callback=_remembered("address"), help="HOST:PORT of a running Ray cluster, or auto."),
]
Storage = Annotated[
    str | None,
    typer.Option("--storage", metavar="URI", help="A store that outlives this host, s3://BUCKET/DIR [AFCL_STORAGE]."),
]
Dashboard = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="URL", help="The dashboard of the cluster that has the search, http://HEAD:8265."
    ),
]
Again = Annotated[bool, typer.Option("--again", help="Open the test split once more, which is recorded.")]
Anyway = Annotated[bool, typer.Option("--anyway", help="Go on although the code that decides scores has changed.")]
AllowCopies = Annotated[
    bool, typer.Option("--allow-copies", help="Allow test images that repeat training images, which is recorded.")
]
