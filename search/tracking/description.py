"""The description of a search's run, which MLflow's UI shows first: the best trials, and the verdict at the end."""

from collections.abc import Mapping
from typing import Any

from search.evidence.ranking import Ranking, in_words
from search.journal.history import STATE_WORDS, History
from search.journal.labels import values_of
from search.tracking.names import LONGEST_TAG, cut
from search.tracking.runs import NOTE, VERDICT
from spaces.spec import SearchSpec

SHOWN = 5  # the most trials in the table


def summary(spec: SearchSpec, history: History, about: Mapping[str, Any], ranked: Ranking) -> str:
    """A search in a few lines of Markdown: how its trials ended, and a table of the best trials.

    Args:
        spec: the search's spec.
        history: the search's history.
        about: the content of search.json.
        ranked: the ranking that `export` uses too.
    """
    counts = history.counts()
    states = ", ".join(
        f"{counts[state]} {STATE_WORDS[state]}"
        for state in ("finished", "stopped", "failed", "paused", "pending")
        if counts[state]
    )
    lines = [f"**{spec.name}** on {about['provenance']['data']['description']}: {states}."]
    if not ranked.trials:
        return lines[0]
    fresh = ranked.validated
    heads = ["rank", "trial", "loss", *(["fresh seeds"] if fresh else []), spec.search.metric_key, "values"]
    lines += ["", _row(heads), _row(["---"] * len(heads))]
    for rank, trial in enumerate(ranked.trials[:SHOWN], 1):
        told = [fresh[trial.number].in_words() if trial.number in fresh else ""] if fresh else []
        lines.append(_row([rank, trial.number, trial.family, *told, f"{trial.score:.4f}", values_of(trial)]))
    if fresh:
        return "\n".join([*lines, "", *in_words(ranked), "The metric is of validation splits."])
    return "\n".join(
        [*lines, "", "One seed each: luck is part of the best score. The metric is of the validation split."]
    )


def _row(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def with_its_verdict(summary: str, tags: Mapping[str, str]) -> str:
    """The summary, followed by the verdict of the description in `tags` if it has one; cut to the length of a tag."""
    _, heading, verdict = tags.get(NOTE, "").partition(VERDICT)
    return cut(f"{summary}\n\n{heading}{verdict}" if heading else summary, LONGEST_TAG)
