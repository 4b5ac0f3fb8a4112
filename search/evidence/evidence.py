"""The results of a confirmation: its runs' scores, the verdicts on losses and on all candidates, and their text."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from rich.table import Table

from search.evidence.ablation import read_ablation
from search.evidence.ablation_path import PathStep, path_of
from search.evidence.ablation_path import in_words as path_in_words
from search.evidence.bootstrap import Resampled, image_bootstrap
from search.evidence.candidates import (
    Candidate,
    allowed_faults,
    declared_rule,
    earlier_looks,
    is_family,
    progress_of,
    read_plan,
    runs_of,
)
from search.evidence.decided_verdict import decided, untested, verdict_by_rule
from search.evidence.decided_verdict import in_words as rule_in_words
from search.evidence.measured import Measured, measured_in
from search.evidence.paired_tests import Summary, WinnersCurse, winners_curse
from search.evidence.until_decided import Decided
from search.evidence.verdict import Verdict, judge
from search.journal.history import History, Trial
from search.storage.search_folder import SearchFolder
from trainers.data.arrays import Labels
from trainers.errors import InputError
from trainers.files import write_atomically
from trainers.loss_config import CONTRASTIVE, in_order

TEST_METRICS = ("test_balanced_accuracy", "test_accuracy")  # the AFCL paper's unweighted and weighted accuracy
BOOTSTRAP_SEED = 0
FORMAT = 2  # of verdict.json; format 1 had no rounds, and its files do not name a format

Scores = dict[str, dict[int, float]]  # label -> seed -> score


@dataclass(frozen=True)
class Evidence:
    """A confirmation's outcome. Labels are those of its candidates."""

    confirmation: str
    candidates: tuple[Candidate, ...]
    seeds: tuple[int, ...]  # with --until-decided, those of the rounds that were run
    metric: str  # the search's own, on validation images
    scores: dict[str, Scores]  # by metric: the test split's, and the search's own on validation images
    families: dict[str, Verdict]  # by test metric: compares the best trials of the families
    winners: Verdict | None  # compares all candidates by the first test metric; None if each is its family's best
    curses: dict[str, WinnersCurse]  # by label: how far the search's score fell on fresh seeds, on validation images
    images: tuple[Resampled, ...]  # intervals of the first test metric that cover the sampling of test images too
    caveats: tuple[str, ...]
    measured: dict[str, Measured] = field(default_factory=dict)  # by label; older runs have none
    until_decided: Decided | None = None  # None: a fixed number of seeds
    ablation: tuple[PathStep, ...] = ()  # the path of --ablation; empty without that option
    format: int = 1

    @property
    def best(self) -> Candidate:
        """The candidate with the best mean on the validation images of the fresh seeds.

        The test split took no part in this choice, so it can judge the candidate. If the confirmation runs in rounds,
        only the seeds of the first round count, because later rounds run only some of the candidates.
        """
        validation = self.scores[self.metric]
        shared = self.seeds if self.until_decided is None else self.seeds[: self.until_decided.plan.looks[0]]
        of = {label: [by_seed[seed] for seed in shared if seed in by_seed] for label, by_seed in validation.items()}
        return max(self.candidates, key=lambda candidate: _mean(of[candidate.label]))


def gather(folder: SearchFolder, test_labels: Labels) -> Evidence:
    """Compute the results of a confirmation from its finished runs.

    Args:
        folder: the confirmation's folder.
        test_labels: [M], the labels of the test images in their order.

    Raises:
        InputError: no run of a candidate has finished.
    """
    chosen, seeds = read_plan(folder)
    history, metric = folder.searched.history(), folder.spec().search.metric_key
    scores = _scores(folder, chosen, seeds, (*TEST_METRICS, metric))
    if not any(scores[metric].values()):
        raise InputError(f"no run of {folder.name} has finished, so there is nothing to weigh")
    of_families = in_order(candidate.label for candidate in chosen if is_family(candidate.label))
    curses = {
        candidate.label: winners_curse(history.trials[candidate.trial].score or 0.0, scores[metric][candidate.label])
        for candidate in chosen
        if scores[metric][candidate.label]
    }
    found = _decided(folder)
    families, winners = _verdicts(scores, of_families, found)
    return Evidence(
        confirmation=folder.name,
        candidates=tuple(chosen),
        seeds=tuple(seeds if found is None else seeds[: found.seeds]),
        metric=metric,
        scores=scores,
        families=families,
        winners=winners if len(chosen) > len(of_families) else None,
        curses=curses,
        images=_with_images(folder, chosen, seeds, test_labels),
        caveats=(
            *earlier_looks(folder),
            *allowed_faults(folder),
            *_caveats(history, of_families),
            *_about_the_split(folder),
        ),
        measured=_measured(folder, chosen),
        until_decided=found,
        ablation=_path(folder, chosen, seeds, scores[TEST_METRICS[0]]),
        format=FORMAT,
    )


def _measured(folder: SearchFolder, chosen: Sequence[Candidate]) -> dict[str, Measured]:
    """By label, the measures of a candidate's finished runs on the test split. Candidates without any are left out."""
    runs: dict[str, list[tuple[Trial, dict[str, Any] | None]]] = {candidate.label: [] for candidate in chosen}
    history = folder.history()
    placed = runs_of(folder, history)
    for trial in history.in_state("finished"):
        place = placed[trial.number][0]
        if place >= len(chosen):  # a step of an ablation, which is no candidate
            continue
        label = chosen[place].label
        runs[label].append((trial, folder.trial(trial.number).read_result()))
    return {label: found for label, of in runs.items() if (found := measured_in(of)) is not None}


def _path(
    folder: SearchFolder, chosen: Sequence[Candidate], seeds: Sequence[int], scores: Scores
) -> tuple[PathStep, ...]:
    """The path of the planned ablation with its scores; empty if no ablation was planned."""
    planned = read_ablation(folder)
    if planned is None:
        return ()
    history, between = folder.history(), {step.label: dict[int, float]() for step in planned.between}
    runs, labels = runs_of(folder, history), list(between)
    for trial in history.in_state("finished"):
        position, k = runs[trial.number]
        if position >= len(chosen):
            between[labels[position - len(chosen)]][seeds[k]] = trial.epochs[trial.epoch][TEST_METRICS[0]]
    return path_of(planned, scores | between)


def _decided(folder: SearchFolder) -> Decided | None:
    """How the rounds of a confirmation ended; None if its number of seeds was fixed."""
    rule, found = declared_rule(folder), progress_of(folder, folder.history())
    return None if rule is None or found is None else decided(rule, found)


def _verdicts(
    scores: Mapping[str, Scores], of_families: Sequence[str], found: Decided | None
) -> tuple[dict[str, Verdict], Verdict]:
    """The verdicts on the families, by each test metric; and the verdict on all candidates, by the first metric."""
    of = {name: {family: scores[name][family] for family in of_families} for name in TEST_METRICS}
    first, second = TEST_METRICS
    if found is None:
        return {name: judge(of[name]) for name in TEST_METRICS}, judge(scores[first])
    families = {first: verdict_by_rule(of[first], found), second: untested(of[second], found)}
    return families, verdict_by_rule(scores[first], found)


def _about_the_split(folder: SearchFolder) -> Iterator[str]:
    """A caveat if the validation split is the user's own, because seeds do not vary it."""
    if folder.about()["provenance"]["data"].get("given_validation"):
        yield "The validation split is the user's own, the same for every seed: no interval covers the luck of a split."


def conclude(folder: SearchFolder, test_labels: Labels) -> Evidence:
    """Compute the results of a confirmation and write them to verdict.json; see `gather`."""
    evidence = gather(folder, test_labels)
    write_atomically(folder.verdict, _FILE.dump_json(evidence, indent=1) + b"\n")
    return evidence


def as_json(evidence: Evidence) -> Any:
    """The evidence as plain values, for JSON."""
    return _FILE.dump_python(evidence, mode="json")


def read_evidence(searched: SearchFolder) -> Evidence | None:
    """The results of the search's last confirmation that has a verdict; None if no confirmation has one.

    Raises InputError if a newer version wrote them.
    """
    left = [folder.verdict for folder in searched.confirmations() if folder.verdict.exists()]
    if not left:
        return None
    evidence = _FILE.validate_json(left[-1].read_bytes())
    if evidence.format > FORMAT:
        raise InputError(f"{left[-1]} is of format {evidence.format}, but this afcl reads formats up to {FORMAT}")
    return evidence


def in_words(evidence: Evidence) -> Iterator[str]:
    """The evidence in words; each string is a paragraph."""
    unweighted, weighted = (evidence.families[name] for name in TEST_METRICS)
    if evidence.until_decided is not None:
        yield from rule_in_words(evidence.until_decided)
    yield f"Balanced accuracy on the test split: {unweighted.in_words()}"
    if _alike(evidence.scores[TEST_METRICS[0]], evidence.scores[TEST_METRICS[1]]):
        yield "Accuracy on the test split is the same, as its classes have equally many images."
    else:
        yield f"Accuracy on the test split: {weighted.sentence}"
    if evidence.winners is not None:
        yield f"All confirmed configurations, balanced accuracy on the test split: {evidence.winners.sentence}"
    first = min(evidence.candidates, key=lambda candidate: candidate.rank)
    if (curse := evidence.curses.get(first.label)) is not None:
        yield f"Winner's curse: {_curse_in_words(first, curse)}"
    pairs = [pair for pair in evidence.images if pair.b is not None and unweighted.best in (pair.a, pair.b)]
    if pairs:
        order = in_order(evidence.scores[TEST_METRICS[0]])
        pairs.sort(key=lambda pair: order.index(pair.a if pair.b in (None, unweighted.best) else pair.b))
        told = ", ".join(
            f"{p.a} − {p.b} {p.value:+.4f} ({p.interval.low:+.4f} to {p.interval.high:+.4f})" for p in pairs
        )
        of_rounds = "" if evidence.until_decided is None else "; it is not corrected for the rounds"
        yield f"With the sampling of the test images as well: {told}; each {pairs[0].interval.covers}{of_rounds}."
    yield from path_in_words(evidence.ablation)
    yield from evidence.caveats


def _alike(scores: Scores, others: Scores) -> bool:
    """Whether two metrics gave every run the same score, but for rounding."""
    return all(math.isclose(score, others[label][seed]) for label, of in scores.items() for seed, score in of.items())


def table(evidence: Evidence) -> Table:
    """A table with a row for each candidate, in the order of the confirmation's plan."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("loss", "trial", "rank", "seeds", "balanced accuracy", "95 % interval", "accuracy", "drop"):
        made.add_column(column, justify="left" if column == "loss" else "right", no_wrap="interval" in column)
    for candidate in evidence.candidates:
        summaries = [_summary(evidence, name, candidate.label) for name in TEST_METRICS]
        curse = evidence.curses.get(candidate.label)
        interval = summaries[0].interval and summaries[0].interval.within(0, 1)
        made.add_row(
            candidate.label,
            str(candidate.trial),
            str(candidate.rank),
            str(summaries[0].n),
            *(f"{s.mean:.4f}" if s.mean is not None else "" for s in summaries[:1]),
            f"{interval.low:.4f} to {interval.high:.4f}" if interval else "",
            *(f"{s.mean:.4f}" if s.mean is not None else "" for s in summaries[1:]),
            f"{curse.drop:+.4f}" if curse else "",
        )
    return made


def below_table(evidence: Evidence) -> Iterator[str]:
    """A line for each column of `table` that needs an explanation."""
    if evidence.curses:
        yield (
            "drop: the search's score minus the mean on fresh seeds, both on validation images: "
            "how much of the score was luck"
        )
    intervals = [_summary(evidence, TEST_METRICS[0], candidate.label).interval for candidate in evidence.candidates]
    if any(interval != interval.within(0, 1) for interval in intervals if interval):
        yield "95 % interval: of the mean, by Student's t; cut off at 0 and 1, the ends of what a score can be"
    if evidence.until_decided is not None:
        yield "seeds: a configuration ends when its pairs are decided, and its own interval is not corrected for that"


def _mean(values: Iterable[float]) -> float:
    told = list(values)
    return sum(told) / len(told) if told else -math.inf


def _summary(evidence: Evidence, metric: str, label: str) -> Summary:
    return judge({label: evidence.scores[metric][label]}).labels[0]


def _curse_in_words(first: Candidate, curse: WinnersCurse) -> str:
    # the mean lies in [0, 1], which bounds the drop
    interval = curse.interval and curse.interval.within(curse.search_score - 1, curse.search_score)
    whose = "the search's best score" if first.rank == 1 else "the best of their scores in the search"
    between = f", {interval.low:+.4f} to {interval.high:+.4f}" if interval else ""
    fall = f"a drop of {curse.drop:+.4f}" if curse.drop >= 0 else f"no drop ({curse.drop:+.4f})"
    return (
        f"{whose}, {curse.search_score:.4f} by trial {first.trial}, is {curse.confirmed_mean:.4f} on "
        f"fresh seeds, validated in the same way: {fall}{between}."
    )


def _scores(
    folder: SearchFolder, chosen: Sequence[Candidate], seeds: Sequence[int], metrics: Sequence[str]
) -> dict[str, Scores]:
    scores: dict[str, Scores] = {metric: {candidate.label: {} for candidate in chosen} for metric in metrics}
    history = folder.history()
    runs = runs_of(folder, history)
    for trial in history.in_state("finished"):
        position, k = runs[trial.number]
        if position >= len(chosen):
            continue
        for metric in metrics:
            scores[metric][chosen[position].label][seeds[k]] = trial.epochs[trial.epoch][metric]
    return scores


def _with_images(
    folder: SearchFolder, chosen: Sequence[Candidate], seeds: Sequence[int], test_labels: Labels
) -> tuple[Resampled, ...]:
    """The bootstrap over test images and the seeds that the best of every family finished; empty if there are none."""
    places = [place for place, candidate in enumerate(chosen) if is_family(candidate.label)]
    runs = enumerate(runs_of(folder, folder.history()))
    results = {run: folder.trial(number).read_result() for number, run in runs if run[0] in places}
    shared = [k for k in range(len(seeds)) if all(results.get((place, k)) is not None for place in places)]
    if not shared:
        return ()
    correct = {
        chosen[place].label: np.array([(results[place, k] or {})["test"]["predicted"] for k in shared]) == test_labels
        for place in places
    }
    return image_bootstrap(correct, test_labels, np.random.default_rng(BOOTSTRAP_SEED))


def _caveats(history: History, of_families: Sequence[str]) -> Iterator[str]:
    # named as missing: families that have trials but no candidate; if any of CL, FCL, ACL and AFCL has trials, all four
    # are expected
    ran = [trial.family for trial in history.trials.values()]
    begun = in_order((*(CONTRASTIVE if set(ran) & set(CONTRASTIVE) else ()), *ran))
    missing = [family for family in begun if family not in of_families]
    if missing:
        yield f"Not compared, because none of their trials finished: {', '.join(missing)}."
    tried: Counter[str] = Counter(t.family for t in (*history.trials.values(), *history.known) if not t.baseline)
    if len({tried[family] for family in of_families}) > 1:
        counts = ", ".join(f"{family} {tried[family]}" for family in of_families)
        fixed = [family for family in of_families if not tried[family]]
        hints = [f"{' and '.join(fixed)} ran only as a baseline, at fixed values"] if fixed else []
        if len({tried[family] for family in of_families} - {0}) > 1:
            hints.append("search.per_family: true gives each searched loss the same budget")
        said = f"The losses were not tuned alike (trials proposed: {counts}): a difference may be one of tuning"
        yield f"{'; '.join([said, *hints])}."


_FILE = TypeAdapter(Evidence)
