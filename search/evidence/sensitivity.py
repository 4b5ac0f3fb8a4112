"""A threshold for a wanted sensitivity of one class: chosen on validation images, tried on the test split once opened.

The classifier is that of a search's best trial. An export does the same for every exported trial. The rates on
validation images are a little too good, because the threshold was chosen on them. A confirmation repeats the whole
procedure on each of its seeds: the threshold is chosen on the seed's own validation images and tried on the test split.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

from search.evidence.candidates import has_ended, read_plan, runs_of
from search.evidence.kept_model import kept_model
from search.evidence.operating_point import Probabilities, Rates, Share, choose_threshold, rates_at
from search.evidence.wilson import wilson
from search.journal.history import Trial
from search.storage.fetch import bring_checkpoints, bring_scores
from search.storage.search_folder import SearchFolder
from trainers.config import TrialConfig
from trainers.errors import InputError
from trainers.older_configs import as_meant_then
from trainers.wording import did_you_mean, shown

if TYPE_CHECKING:
    from trainers.data.arrays import Labels, Logits

FEW = 30  # images of a class; with fewer, a rate depends on one or two of them

Told = tuple["Logits", "Labels"]  # [N, C] and [N]: the logits and labels of the images of a split


@dataclass(frozen=True)
class OnSeed:
    """The threshold that one seed of a confirmation gives, and its rates on the test split."""

    seed: int
    threshold: float  # chosen on this seed's own validation images
    test: Rates


@dataclass(frozen=True)
class OperatingPoint:
    """A class's threshold for a wanted sensitivity, and the rates of that threshold."""

    class_name: str
    wanted: float  # the wanted sensitivity
    trial: int  # the number of the trial whose classifier is used
    family: str  # of that trial
    threshold: float  # the class is predicted if its probability is at least this
    validation: Rates
    confirmation: str | None  # the last one that has ended; None if none has
    seeds: tuple[OnSeed, ...]  # of that confirmation; empty if it has no scores of this trial's configuration

    def as_json(self) -> dict[str, Any]:
        """The threshold and its rates as plain values, for JSON."""
        return asdict(self)


def check_wanted(folder: SearchFolder, wanted: Mapping[str, float]) -> None:
    """Raise InputError for an unknown class, or for a wanted sensitivity that is not above 0 and at most 1."""
    names = list(folder.about()["provenance"]["data"]["validation"])
    for name, sensitivity in wanted.items():
        if name not in names:
            raise InputError(f"--sensitivity: {folder.name} has no class {shown(name)}{did_you_mean(name, names)}")
        if not 0 < sensitivity <= 1:
            raise InputError(f"--sensitivity: that of {name} must be above 0 and at most 1, but got {sensitivity}")


def operating_points(
    folder: SearchFolder, ranked: Sequence[Trial], wanted: Mapping[str, float], data: Path | None = None
) -> tuple[OperatingPoint, ...]:
    """The threshold of each wanted class for a search's best trial.

    Args:
        folder: the search's folder.
        ranked: the search's finished trials, best first.
        wanted: the wanted sensitivity by class.
        data: the folder of data sets and caches.

    Raises:
        InputError: `check_wanted` refuses `wanted`, nothing has finished, or the best trial's checkpoint cannot be used
            or was written on other data.
        EnvironmentProblem: the data are not here, or the search's store does not answer.
    """
    check_wanted(folder, wanted)
    if not wanted:
        return ()
    if not ranked:
        raise InputError(f"--sensitivity: nothing has finished in {folder.name}, so there is nothing to score")
    best = ranked[0]
    names, chosen_on = _scored(folder, best, data)
    ended = [one for one in folder.confirmations() if has_ended(one)]
    runs = _runs_of(ended[-1], best) if ended else {}

    def point(name: str, sensitivity: float) -> OperatingPoint:
        place = names.index(name)
        threshold, validation = _chosen(chosen_on, place, sensitivity)
        seeds = []
        for seed, (of_seed, test) in runs.items():
            own, _ = _chosen(of_seed, place, sensitivity)
            seeds.append(OnSeed(seed, own, rates_at(own, _probabilities(test, place), test[1] == place)))
        confirmation = ended[-1].name if ended else None
        return OperatingPoint(
            name, sensitivity, best.number, best.family, threshold, validation, confirmation, tuple(seeds)
        )

    return tuple(point(name, sensitivity) for name, sensitivity in wanted.items())


def _scored(folder: SearchFolder, trial: Trial, data: Path | None) -> tuple[Sequence[str], Told]:
    """The class names; and the logits that a trial's kept classifier gives its validation images, with their labels."""
    from trainers.data import load
    from trainers.predictor import score_split

    bring_checkpoints(folder, [trial.number])
    arrays = load(TrialConfig.model_validate(as_meant_then(trial.config)).data, data)
    try:
        _, predictor = kept_model(folder.trial(trial.number), arrays.fingerprint)
    except InputError as problem:
        raise InputError(f"--sensitivity: trial {trial.number} of {folder.name} cannot be used: {problem}") from None
    return arrays.class_names, (score_split(predictor, arrays.validation).logits, arrays.validation.labels)


def _runs_of(confirmation: SearchFolder, trial: Trial) -> dict[int, tuple[Told, Told]]:
    """By seed, what a confirmation's run of a trial's configuration kept: logits and labels of validation and of test.

    A seed whose run kept none is left out. Empty if the confirmation does not run this configuration.
    """
    chosen, seeds = read_plan(confirmation)
    place = next((place for place, candidate in enumerate(chosen) if candidate.trial == trial.number), None)
    if place is None:
        return {}
    runs = enumerate(runs_of(confirmation, confirmation.history()))
    numbers = {seeds[k]: number for number, (candidate, k) in runs if candidate == place}
    bring_scores(confirmation, numbers.values())
    left = {seed: confirmation.trial(number).read_scores() for seed, number in numbers.items()}
    return {
        seed: ((one.validation, one.validation_labels), (one.test, one.test_labels))
        for seed, one in left.items()
        if one is not None
    }


def _chosen(told: Told, place: int, sensitivity: float) -> tuple[float, Rates]:
    probabilities, is_class = _probabilities(told, place), told[1] == place
    threshold = choose_threshold(probabilities, is_class, sensitivity)
    return threshold, rates_at(threshold, probabilities, is_class)


def _probabilities(told: Told, place: int) -> Probabilities:
    """The probabilities of the class at `place`, in double precision: else sure predictions would tie at 1."""
    import torch

    found: Probabilities = torch.tensor(told[0]).double().softmax(1)[:, place].numpy()
    return found


def in_words(point: OperatingPoint) -> Iterator[str]:
    """A threshold and its rates as text, line by line."""
    name, validation = point.class_name, point.validation
    yield (
        f"{name}, for a sensitivity of {point.wanted:g}: predict {name} if its probability is at least "
        f"{point.threshold!r}, by the classifier of trial {point.trial} ({point.family})"
    )
    yield (
        f"validation images, on which the threshold was chosen: sensitivity {validation.sensitivity.in_words()}, "
        f"specificity {validation.specificity.in_words()}; in brackets 95 % Wilson intervals"
    )
    if point.seeds:
        yield _on_test(point)
    elif point.confirmation is not None:
        yield f"test split: {point.confirmation} left no scores of this configuration (older versions kept none)"
    else:
        yield "test split: not opened by a confirmation, so nothing is known of it"
    counts = {"validation": validation.sensitivity.images}
    if point.seeds:
        counts["test"] = point.seeds[0].test.sensitivity.images
    for split, images in counts.items():
        if images < FEW:
            are = "image is" if images == 1 else "images are"
            yield f"warning: only {images} {split} {are} of {name}, and under {FEW} a rate depends on one or two"


def _on_test(point: OperatingPoint) -> str:
    cuts = [one.threshold for one in point.seeds]
    seeds = f"{len(cuts)} seed{'s' * (len(cuts) != 1)}"
    between = f"{min(cuts)!r} to {max(cuts)!r}" if len(cuts) > 1 else f"{cuts[0]!r}"
    sensitivity = _over_seeds([one.test.sensitivity for one in point.seeds])
    specificity = _over_seeds([one.test.specificity for one in point.seeds])
    return (
        f"test split ({point.confirmation}), with a threshold chosen so on the validation images of each of {seeds} "
        f"({between}): sensitivity {sensitivity}, specificity {specificity}"
    )


def _over_seeds(shares: Sequence[Share]) -> str:
    """The mean of the shares as text, with a Wilson interval. Every share is of the same number of images."""
    values, images = [share.value for share in shares], shares[0].images
    low, high = wilson(mean(values), images)
    spread = f" on average, {min(values):.4f} to {max(values):.4f} by seed" if len(values) > 1 else ""
    return f"{mean(values):.4f}{spread} ({images} images; {low:.4f} to {high:.4f})"
