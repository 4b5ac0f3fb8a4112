"""Write all files of an export: configurations, weights, thresholds, model cards and, if asked for, ONNX models."""

from collections.abc import Mapping
from pathlib import Path

from search.evidence.ranking import Basis, Ranking, ranking
from search.evidence.sensitivity import check_wanted, operating_points
from search.exports import export as exports
from search.journal.history import Trial
from search.reporting.context import read_view
from search.reporting.model_card import model_card
from search.storage.search_folder import SearchFolder
from trainers.files import write_atomically

TRIED_ON = 8  # validation images that an ONNX file is tried on before it is written


def export_best(
    folder: SearchFolder,
    *,
    top: int = 1,
    by: Basis | None = None,
    sensitivity: Mapping[str, float] | None = None,
    onnx: bool = False,
    data: Path | None = None,
) -> list[Path]:
    """Write the files of the best trials' exports; see `search.export` for the arguments and errors.

    Returns:
        The YAML files, best first.
    """
    wanted, ranked = sensitivity or {}, ranking(folder, folder.history(), by)
    check_wanted(folder, wanted)
    chosen = [
        _choice(folder, ranked, trial, wanted if rank <= top else {}, data)
        for rank, trial in enumerate(ranked.trials, 1)
    ]
    if onnx:
        from search.exports.onnx_model import require_packages  # imported only here: torch takes seconds

        require_packages()  # before older exports are removed
    paths = exports.export(folder, chosen, top=top)
    view = read_view(folder)
    for rank, (path, choice) in enumerate(zip(paths, chosen, strict=False), 1):
        write_atomically(folder.model_card(rank), model_card(view, choice, path.name).encode())
    if onnx:
        for rank, path in enumerate(paths, 1):
            _write_onnx(path, folder.onnx_model(rank), data)
    return paths


def _choice(
    folder: SearchFolder, ranked: Ranking, trial: Trial, wanted: Mapping[str, float], data: Path | None
) -> exports.Choice:
    """A trial to export, with its mean on fresh seeds and its thresholds."""
    found, fresh = ranked.validated.get(trial.number), None
    if found is not None and found.scores:
        fresh = {"mean": found.mean, "standard_error": found.error, "seeds": len(found.scores)}
    thresholds = {
        point.class_name: exports.Threshold(
            probability=point.threshold,
            wanted_sensitivity=point.wanted,
            sensitivity=point.validation.sensitivity.value,
            specificity=point.validation.specificity.value,
            images=point.validation.sensitivity.images,
        )
        for point in operating_points(folder, [trial], wanted, data)
    }
    return exports.Choice(trial, "search" if fresh is None else ranked.basis, fresh, thresholds)


def _write_onnx(path: Path, target: Path, data: Path | None) -> None:
    """Write the model of the export `path` as the ONNX file `target`, after a test of it on validation images."""
    import torch  # imported only here: it takes seconds

    from search.exports.onnx_model import write_onnx
    from search.exports.prediction import load_predictor
    from trainers.data import load

    exported = exports.read_export(path)
    images = load(exported.config.data, data).validation.images[:TRIED_ON]
    write_onnx(load_predictor(path, exported), torch.tensor(images), target)
