"""The model card beside an export, in Markdown: the model, its data, its measured quality, and its limits.

The sections follow Mitchell et al., "Model Cards for Model Reporting" (2019), as far as a search has the facts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from search.exports.export import Choice
from search.journal.class_measures import SPLITS, ByClass, by_split
from search.journal.history import Trial
from search.journal.labels import short, symbol
from search.reporting.context import View, evidence_of
from trainers.commands import command_line
from trainers.config import CALIBRATION_ERROR, CLASS_MEASURES
from trainers.loss_config import END_TO_END
from trainers.wording import printable

MEASURES = {
    "auroc": "AUROC",
    "average_precision": "average precision",
}  # measures whose names a card writes in another way
FEW = 30  # a class with fewer images gets a warning, as its rates depend on one or two images


def model_card(view: View, choice: Choice, export: str) -> str:
    """The model card of one exported trial, as Markdown text.

    Args:
        view: the state of the search.
        choice: the trial, with its mean on fresh seeds and its thresholds.
        export: the name of the export's YAML file.
    """
    trial = choice.trial
    parts = [
        [f"# {view.folder.name}, trial {trial.number}: a model card"],
        _model(view, trial, export),
        _data(view),
        _validation(view, choice),
        _test(view, trial),
        _thresholds(choice),
        _limits(view, trial),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _model(view: View, trial: Trial, export: str) -> list[str]:
    config = trial.config
    values = ", ".join(f"{symbol(path)} = {short(value)}" for path, value in trial.values.items())
    return [
        "## Model",
        "",
        f"A classifier of images into {len(view.validation)} classes: {_listed(view.validation)}.",
        f"Loss {trial.family}{f' ({values})' if values else ''}; encoder {config['model']['encoder']}. "
        f"{_stages(config)}",
        "",
        f"    {command_line('predict', export, 'IMAGES', data=None)}    # classes and probabilities of images of yours",
        f"    {command_line('train', export, data=None)}    # train it again",
    ]


def _stages(config: Mapping[str, Any]) -> str:
    """How encoder and classifier were trained, in a sentence."""
    if config["loss"].get("name", "afcl") in END_TO_END.values():
        return "Encoder and classifier were trained together, end to end."
    trained, classifier = "The encoder was trained with the contrastive loss", config["classifier"]
    if not classifier.get("fine_tune", False):
        return f"{trained} and then frozen; the classifier on it is linear."
    return (
        f"{trained}. A linear classifier was fitted on it, and both were then trained on together for "
        f"{classifier['fine_tune_epochs']} epochs: the encoder is fine-tuned, not frozen."
    )


def _data(view: View) -> list[str]:
    data = view.about["provenance"]["data"]
    lines = [
        "## Data",
        "",
        f"{data['description']}.",
        "",
        "| class | trained on | validated on |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {_cell(name)} | {data.get('train', {}).get(name, '')} | {images} |"
        for name, images in view.validation.items()
    ]
    return [*lines, "", f"Fingerprint {data['fingerprint']}."]


def _validation(view: View, choice: Choice) -> list[str]:
    trial = choice.trial
    error = view.error_of(trial)
    score = f"{trial.score:.4f}" + ("" if error is None else f" ± {error:.4f} (standard error from these images alone)")
    lines = [
        "## On the validation images",
        "",
        f"{view.metric_words.removesuffix(' (validation)').capitalize()} {score}.",
    ]
    lines.append("It is one of many trials, and chosen for this score: expect less on new images.")
    if choice.fresh_seeds is not None:
        found = choice.fresh_seeds
        off = "" if found["standard_error"] is None else f" ± {found['standard_error']:.4f}"
        lines.append(
            f"Trained again on {found['seeds']} fresh splits and initialisations it had {found['mean']:.4f}{off}."
        )
    metrics = trial.epochs.get(trial.epoch, {})
    return lines + _by_class(by_split(metrics).get(SPLITS["val"], {}), view.validation) + _calibration(metrics, "val")


def _test(view: View, trial: Trial) -> list[str]:
    evidence = evidence_of(view)
    if evidence is None:
        return ["## On the test images", "", "Not known: no `afcl confirm` has opened the test split."]
    label = next((one.label for one in evidence.candidates if one.trial == trial.number), None)
    verdict = evidence.families["test_balanced_accuracy"].sentence
    lines = ["## On the test images", "", f"Verdict of {evidence.confirmation}: {verdict}"]
    if label is None:
        return [*lines, "This trial was not among those that were confirmed."]
    for metric, words in {"test_balanced_accuracy": "balanced accuracy", "test_accuracy": "accuracy"}.items():
        of = list(evidence.scores[metric].get(label, {}).values())
        if of:
            lines.append(f"Its configuration, trained on {len(of)} fresh seeds: mean {words} {sum(of) / len(of):.4f}.")
    measured = evidence.measured.get(label)
    if measured is None:
        return lines
    counts = {
        name: sum(row) // measured.runs for name, row in zip(measured.class_names, measured.confusion, strict=True)
    }
    means = {
        name: {measure: spread.mean for measure, spread in measures.items()}
        for name, measures in measured.classes.items()
    }
    return lines + _by_class(means, counts)


def _thresholds(choice: Choice) -> list[str]:
    if not choice.thresholds:
        return []
    lines = ["## Thresholds", ""]
    for name, one in choice.thresholds.items():
        lines.append(
            f"- {printable(name)} is predicted if its probability is at least {one.probability!r}. On the validation "
            f"images, which chose it for a sensitivity of {one.wanted_sensitivity:g}, its sensitivity is "
            f"{one.sensitivity:.4f} and its specificity {one.specificity:.4f}."
        )
    return lines


def _limits(view: View, trial: Trial) -> list[str]:
    look = view.about["provenance"]["data"].get("look")
    lines = ["## Limits", ""]
    lines += [
        "- The model knows only its classes. It gives an image of anything else one of them, perhaps with a high "
        "probability.",
        "- The probabilities are those of balanced classes where training weighed the classes; "
        "they do not hold where the classes come in other shares.",
        "- It was trained and measured on the data above only. How it does with other cameras, sites or populations is "
        "not known.",
    ]
    few = [name for name, images in view.validation.items() if images < FEW]
    if few:
        lines.append(f"- Fewer than {FEW} validation images: {_listed(few)}. Their rates depend on one or two images.")
    if look is None:
        lines.append("- It was not trained on image files, so `afcl predict` cannot read any for it.")
    versions = view.about["provenance"]["versions"]
    lines.append(f"- Made with {', '.join(f'{name} {number}' for name, number in versions.items())}.")
    return lines


def _by_class(classes: ByClass, images: Mapping[str, int]) -> list[str]:
    """The lines of a table with a row for each class; empty if no measure is known. images: the counts by class."""
    known = [measure for measure in CLASS_MEASURES if any(measure in of for of in classes.values())]
    if not known:
        return []
    heads = ["class", "images", *(MEASURES.get(measure, measure) for measure in known)]
    lines = ["", _row(heads), _row(["---", *["---:"] * (len(heads) - 1)])]
    for name, count in images.items():
        of = classes.get(name, {})
        lines.append(_row([_cell(name), str(count), *(f"{of[key]:.4f}" if key in of else "" for key in known)]))
    return lines


def _calibration(metrics: Mapping[str, float], split: str) -> list[str]:
    value = metrics.get(f"{split}_{CALIBRATION_ERROR}")
    return [] if value is None else ["", f"Expected calibration error {value:.4f}."]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """A class's name as a cell of a Markdown table."""
    return printable(text).replace("|", "\\|")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(printable, names))
