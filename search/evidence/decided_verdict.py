"""The verdict of a confirmation that ran seeds in rounds: by its declared rule, not by the test for fixed seeds."""

from collections.abc import Iterator, Mapping, Sequence

from search.evidence.paired_tests import Comparison, Interval, check_scores, summary
from search.evidence.until_decided import COVERS, RULE, Decided, Pair, Progress, Rule
from search.evidence.verdict import Verdict

NOT_TESTED = "not tested, as balanced accuracy decides the rounds"


def decided(rule: Rule, found: Progress) -> Decided:
    """The outcome of the rounds, in the form in which verdict.json keeps it. `found` says how far they went."""
    return Decided(RULE, rule, found.rounds, 1 + max(k for _, k in found.runs), len(found.runs), found.pairs)


def verdict_by_rule(scores: Mapping[str, Mapping[int, float]], found: Decided) -> Verdict:
    """The verdict on what is compared, such as losses, from the outcome that the rounds gave for each pair.

    Among the labels that no pair found worse, the best is the one with the largest mean difference to the others.

    Args:
        scores: label of what is compared -> seed -> score, by the metric that decided the pairs.
        found: the outcome of the rounds.

    Raises:
        InputError: there is no score at all, or one that is not a number in [0, 1].
    """
    check_scores(scores)
    level = found.plan.level
    labels = tuple(summary(label, of.values(), level) for label, of in scores.items())
    among = [pair for pair in found.pairs if pair.a in scores and pair.b in scores]
    scored = [one.label for one in labels if one.n]
    unbeaten = [label for label in scored if not any(_is_beaten(pair, label) for pair in among)] or scored
    best = max(unbeaten, key=lambda label: _lead(label, among))
    pairs = tuple(_as_comparison(pair) for pair in among)
    mean = next(one.mean for one in labels if one.label == best)
    return Verdict(
        labels,
        pairs,
        best,
        seeds=found.seeds,
        missing=0,
        level=level,
        sentence=_sentence(best, mean or 0.0, among, found),
        caveats=(f"Every interval of a pair {COVERS}.",) if any(pair.interval for pair in pairs) else (),
    )


def untested(scores: Mapping[str, Mapping[int, float]], found: Decided) -> Verdict:
    """The verdict by a metric that did not decide the pairs: means, without any test.

    The best label has the highest mean on the seeds that all labels have. Raises as `verdict_by_rule`.
    """
    check_scores(scores)
    labels = tuple(summary(label, of.values(), found.plan.level) for label, of in scores.items())
    shared = set.intersection(*(set(of) for of in scores.values() if of))
    means = {label: sum(of[seed] for seed in shared) / len(shared) for label, of in scores.items() if of and shared}
    best = max(means or {one.label: one.mean or 0.0 for one in labels if one.n}, key=lambda label: means.get(label, 0))
    where = f"on the {len(shared)} seeds that all have" if shared else "on the seeds that it has"
    sentence = f"{best} has the highest mean {where}, {means.get(best, 0):.4f}; {NOT_TESTED}."
    return Verdict(labels, (), best, found.seeds, 0, found.plan.level, sentence, ())


def in_words(found: Decided) -> Iterator[str]:
    """Two paragraphs: first the rule and how far the rounds went, then how each pair ended."""
    yield (
        f"Decided by a rule that was declared before the test split opened: {found.rule}, {found.plan.in_words()}; a "
        f"chance of {1 - found.plan.level:.2g} of any false claim, shared among {found.plan.pairs} "
        f"pair{'s' * (found.plan.pairs != 1)}. It took {_rounds(found)}, {found.seeds} seeds and {found.runs} runs."
    )
    yield f"Pairs: {'; '.join(pair_in_words(pair, found.plan.smallest) for pair in found.pairs)}."


def pair_in_words(pair: Pair, smallest: float) -> str:
    """How a pair ended, or that it is undecided. `smallest` is the smallest difference that matters."""
    where = f"after {pair.n} seeds"
    if pair.difference is not None and pair.interval is not None:
        shown = pair.interval.within(-1, 1)
        where += f" ({pair.a} − {pair.b} {pair.difference:+.4f}, {shown.low:+.4f} to {shown.high:+.4f})"
    if pair.state == "better":
        other = pair.b if pair.better == pair.a else pair.a
        return f"{pair.better} is better than {other} {where}"
    if pair.state == "no difference":
        return f"no difference as large as {smallest:g} between {pair.a} and {pair.b} {where}"
    if pair.state == "dropped":
        return f"{pair.a} and {pair.b} cannot be compared, as one of them gave no score"
    return f"{pair.a} and {pair.b} are undecided {where}"


def state_in_words(pair: Pair, smallest: float) -> str:
    """A pair's state in a few words, for the cell of a table."""
    told = {"no difference": f"no difference as large as {smallest:g}", "open": "undecided", "dropped": "gave no score"}
    return f"{pair.better} is better" if pair.better is not None else told[pair.state]


def _is_beaten(pair: Pair, label: str) -> bool:
    return pair.better is not None and pair.better != label and label in (pair.a, pair.b)


def _lead(label: str, pairs: Sequence[Pair]) -> float:
    """The mean of a label's differences to the other labels; 0 if there are none."""
    leads = [
        pair.difference if pair.a == label else -pair.difference
        for pair in pairs
        if label in (pair.a, pair.b) and pair.difference is not None
    ]
    return sum(leads) / len(leads) if leads else 0.0


def _as_comparison(pair: Pair) -> Comparison:
    interval = None if pair.interval is None else Interval(pair.interval.low, pair.interval.high, pair.interval.covers)
    return Comparison(
        pair.a,
        pair.b,
        pair.n,
        left_out=0,
        difference=pair.difference,
        interval=interval,
        p=None,
        p_holm=None,
        effect=None,
        p_better=None,
        seeds_needed=None,
        distinguishable=pair.state == "better",
    )


def _sentence(best: str, mean: float, among: Sequence[Pair], found: Decided) -> str:
    mine = [pair for pair in among if best in (pair.a, pair.b)]
    if not mine:
        return f"{best} has a mean of {mean:.4f}; there is nothing to compare it with."
    kinds = {
        "better than": [pair for pair in mine if pair.better == best],
        "worse than": [pair for pair in mine if pair.better not in (None, best)],
        f"no difference as large as {found.plan.smallest:g} from": [
            pair for pair in mine if pair.state == "no difference"
        ],
        "undecided against": [pair for pair in mine if pair.state in ("open", "dropped")],
    }
    told = [f"{kind} {_all_of(best, pairs)}" for kind, pairs in kinds.items() if pairs]
    return f"{best} comes first: {', '.join(told)} ({_rounds(found)}, at most {found.seeds} seeds)."


def _rounds(found: Decided) -> str:
    return f"{found.rounds} round{'s' * (found.rounds != 1)}"


def _all_of(best: str, pairs: Sequence[Pair]) -> str:
    *others, last = [pair.b if pair.a == best else pair.a for pair in pairs]
    return f"{', '.join(others)} and {last}" if others else last
