"""Our plugin for MLflow as an installed package has it, also where the checkout was installed before it had one."""

import os
from pathlib import Path


def registered(folder: Path, value: str | None = "search.tracking.mlflow_app:app") -> dict[str, str]:
    """The environment of a process that finds the plugin's entry point, in a folder of its own; None: finds none."""
    made = folder / "registered" / "afcl_search-0.1.0.dist-info"
    made.mkdir(parents=True, exist_ok=True)
    (made / "METADATA").write_text("Metadata-Version: 2.1\nName: afcl-search\nVersion: 0.1.0\n")
    (made / "entry_points.txt").write_text("" if value is None else f"[mlflow.app]\nafcl = {value}\n")
    kept = {key: text for key, text in os.environ.items() if not key.startswith(("AFCL_", "MLFLOW_"))}
    root = Path(__file__).parents[2]
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(made.parent), str(root), *filter(None, [kept.get("PYTHONPATH")])])
    }
