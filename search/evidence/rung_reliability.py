"""How far a search's early values can be trusted, judged by how its own trials ended.

ASHA (Li et al. 2020, arXiv 1810.05934) stops a trial by the probe's value at a rung, as if trials had the same order
there as at their end. The journal allows two tests of this. The first is whether the values at a rung order the
finished trials as their final scores do (Kendall's tau-b, Biometrika 33:239, 1945, which allows for ties; Spearman's
rho). The second is how those trials ended that ASHA would have stopped and the exempt share let run on (pruning
regret).

The correlations use finished trials only. Most of these passed the rungs by the very value that is judged. This narrows
the value's range, and over a narrowed range a correlation is usually lower than over all trials. Baselines and spared
trials (those that ASHA would have stopped) went on whatever their value, and are included. No number is ever NaN: an
undefined number is None, with the reason.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from scipy import stats

from search.evidence.wilson import wilson
from search.journal.history import History, Trial
from trainers.loss_config import END_TO_END

MIN_TRIALS = 5  # finished trials, below which no correlation is given
MIN_TO_JUDGE = 10  # finished trials, below which no correlation is called low or good enough
MIN_EXEMPT = 10  # finished exempt trials, below which no share is given
LOW_TAU = 0.3  # below it the better of two trials at a rung ends as the better one in less than 65 % of pairs

TOO_FEW, ALIKE, ENDED_ALIKE = "too few", "all alike at this epoch", "all ended alike"
NO_GRACE = "no grace period within stage one would help: compare longer training or a larger validation split"


@dataclass(frozen=True)
class Signal:
    """How well the metric at one epoch puts finished trials in the order of their final scores."""

    epoch: int
    trials: int  # how many finished trials reported the metric at this epoch
    tau: float | None  # Kendall's tau-b, -1 to 1
    rho: float | None  # Spearman's rho, -1 to 1
    interval: tuple[float, float] | None  # 95 %, of tau
    problem: str | None  # why there is no correlation; None if there is one

    @property
    def is_low(self) -> bool:
        """Whether ASHA should not have decided at this epoch.

        True if the order is reversed. Also true if at least MIN_TO_JUDGE trials finished and tau is below LOW_TAU, or
        is undefined because all trials had the same value at this epoch.
        """
        low = self.problem == ALIKE if self.tau is None else self.tau < LOW_TAU
        return self.is_reversed or (self.trials >= MIN_TO_JUDGE and low)

    @property
    def is_reversed(self) -> bool:
        """Whether trials that are better at this epoch end as the worse ones: the whole interval of tau is below zero.

        No least number of trials is needed, as the interval of few trials is wide.
        """
        return self.interval is not None and self.interval[1] < 0

    @property
    def is_good(self) -> bool:
        """Whether tau is at least LOW_TAU, over at least MIN_TO_JUDGE trials."""
        return self.trials >= MIN_TO_JUDGE and self.tau is not None and self.tau >= LOW_TAU


@dataclass(frozen=True)
class Share:
    """How many of the exempt trials ended above a reference score, as a number and as a share."""

    count: int
    share: float
    interval: tuple[float, float]  # 95 %, Wilson's


@dataclass(frozen=True)
class Regret:
    """How trials ended that ASHA marked for stopping but that were spared by lot: a fair sample of the stopped trials.

    Each score comes from one seed, so luck is part of every win.
    """

    exempt: int  # finished trials that were spared by lot
    spared_baselines: int  # finished baselines that were marked: exempt by rule, not by lot, and so not counted
    unmarked: int  # finished trials that were never marked, baselines among them
    won: Share | None  # ended above the best unmarked trial of their bracket
    above_median: Share | None  # ended above the median of these unmarked trials
    problem: str | None  # why there are no shares; None if there are


@dataclass(frozen=True)
class Honesty:
    """How far the early values of a search could be trusted."""

    signals: tuple[Signal, ...]  # one for each rung
    grace: int | None  # a better grace period, in epochs; None if no rung is low, or if no grace period would help
    regret: Regret | None  # None: trials pause at rungs, and none is spared by lot
    stopped: int  # how many trials were stopped, and so have no final score
    unselected: int  # finished trials that no value could stop, as far as is known: baselines and spared trials

    @property
    def low(self) -> tuple[Signal, ...]:
        """The signals of the rungs to warn of."""
        return tuple(signal for signal in self.signals if signal.is_low)


def honesty(history: History, metric: str, *, rungs: Iterable[int], stage_one: int) -> Honesty:
    """Judge how far a search's early values can be trusted.

    Args:
        history: the search's history.
        metric: what ASHA compares (search.decide_by), to be maximised.
        rungs: the epochs of the rungs, as `rung_epochs` gives them.
        stage_one: how many epochs of representation training there are. A grace period is looked for within them.
    """
    signals = tuple(signal_at(history, metric, epoch) for epoch in rungs)
    finished = history.in_state("finished")
    return Honesty(
        signals=signals,
        grace=suggested_grace(history, metric, stage_one) if any(signal.is_low for signal in signals) else None,
        regret=None if any(one.action == "pause" for one in history.decisions) else pruning_regret(history),
        stopped=len(history.in_state("stopped")),
        unselected=sum(1 for trial in finished if trial.baseline or trial.spared_at is not None),
    )


def signal_at(history: History, metric: str, epoch: int) -> Signal:
    """Correlate the metric at an epoch with the final scores, over the finished trials that reported it at that epoch.

    Early values of a probe and of a head trained end to end mean different things. So if trials with probes finished,
    only these count.
    """
    pairs = [
        (value, _score(trial))
        for trial in with_probes(history)
        if math.isfinite(value := trial.epochs.get(epoch, {}).get(metric, math.nan))
    ]
    early, final = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    problem = _problem(early, final)
    if problem is not None:
        return Signal(epoch, len(pairs), None, None, None, problem)
    tau, rho = (float(test(early, final).statistic) for test in (stats.kendalltau, stats.spearmanr))
    return Signal(epoch, len(pairs), tau, rho, tau_interval(tau, len(pairs)), None)


def suggested_grace(history: History, metric: str, stage_one: int) -> int | None:
    """The earliest reported epoch of stage one from which on every signal is good; None if not even the last one is.

    The epoch is chosen on the trials that it is judged on, so it is a hint for the next search, not an estimate.
    """
    reported = {epoch for trial in with_probes(history) for epoch in trial.epochs if epoch <= stage_one}
    grace = None
    for epoch in sorted(reported, reverse=True):
        if not signal_at(history, metric, epoch).is_good:
            break
        grace = epoch
    return grace


def with_probes(history: History) -> list[Trial]:
    """The finished trials of losses with two stages; if there are none, all finished trials."""
    finished = history.in_state("finished")
    return [trial for trial in finished if trial.family not in END_TO_END] or finished


def pruning_regret(history: History) -> Regret:
    """Compare finished trials that were spared by lot with finished trials that were never marked for stopping.

    Trials are compared only within a bracket; see `search.algorithms.asha.bracket_of`.
    """
    finished = history.in_state("finished")
    marked = [trial for trial in finished if trial.spared_at is not None]
    exempt = [trial for trial in marked if not trial.baseline]
    unmarked: dict[int, list[float]] = {}
    for trial in finished:
        if trial.spared_at is None:
            unmarked.setdefault(_bracket(trial), []).append(_score(trial))
    comparable = [trial for trial in exempt if _bracket(trial) in unmarked]
    sizes = len(exempt), len(marked) - len(exempt), sum(map(len, unmarked.values()))
    if len(comparable) < MIN_EXEMPT:
        return Regret(*sizes, None, None, TOO_FEW if len(exempt) < MIN_EXEMPT else "nothing to compare with")
    won, above_median = (
        _share([_score(trial) > bar(unmarked[_bracket(trial)]) for trial in comparable]) for bar in (max, median)
    )
    return Regret(*sizes, won, above_median, None)


def _bracket(trial: Trial) -> int:
    """A trial's bracket. ASHA compares trials only within a bracket."""
    return trial.decisions[0].bracket if trial.decisions else 0


def tau_interval(tau: float, trials: int) -> tuple[float, float]:
    """95 % interval of Kendall's tau, within -1 to 1; `trials` at least 2. It covers chance, not ASHA's selection.

    It is Wilson's interval for the share of pairs in the same order, (1 + tau) / 2, with as many independent pairs as
    give tau's variance under independence, 2 (2n + 5) / (9n (n - 1)). On simulated pairs of normal variables, n from 5
    to 80, it held the true tau in 93 to 100 % of draws (too wide for a high tau); with heavy tails or many ties in
    about 90 %.
    """
    low, high = wilson((1 + tau) / 2, 9 * trials * (trials - 1) / (2 * (2 * trials + 5)))
    return 2 * low - 1, 2 * high - 1


def in_words(found: Honesty) -> Iterator[str]:
    """The results as text, line by line."""
    if not found.signals:
        yield "no rungs: no trial was stopped by its early value"
        return
    yield from map(_signal_line, found.signals)
    if found.stopped and any(signal.tau is not None for signal in found.signals):
        yield (
            f"stopped trials, which have no final score: {found.stopped}; those that passed were selected by these "
            f"very values, which narrows their range: over all trials the correlation is as a rule higher. Baselines "
            f"and spared trials were not selected; {found.unselected} of them are included"
        )
    if found.low:
        backwards = [signal.epoch for signal in found.low if signal.is_reversed]
        little = [signal.epoch for signal in found.low if not signal.is_reversed]
        longer = f"a grace period of {found.grace} epochs would suit these trials better"
        limit = f"tau below {LOW_TAU} or undefined"
        if backwards:
            yield (
                f"warning: the order of trials at {_epochs(backwards)} is the reverse of the final one (tau's whole "
                "interval is below 0): what was stopped there may have been the best"
            )
        if little:
            yield f"warning: the order of trials at {_epochs(little)} says little about their final order ({limit})"
        yield NO_GRACE if found.grace is None else longer
    if found.regret is not None:
        yield from _regret_lines(found.regret)


def _epochs(epochs: Sequence[int]) -> str:
    """Such as "epoch 2", or "epochs 2, 6 and 18"."""
    *most, last = map(str, epochs)
    return f"epochs {', '.join(most)} and {last}" if most else f"epoch {last}"


def _signal_line(signal: Signal) -> str:
    where = f"rung at epoch {signal.epoch}, finished trials: {signal.trials}"
    if signal.tau is None or signal.rho is None or signal.interval is None:
        return f"{where}; no correlation with the final score: {signal.problem}"
    low, high = signal.interval
    tau = f"Kendall's tau {signal.tau:.2f} (95 % interval {low:.2f} to {high:.2f})"
    return f"{where}; with the final score {tau}, Spearman's rho {signal.rho:.2f}"


def _regret_lines(regret: Regret) -> Iterator[str]:
    if regret.won is None or regret.above_median is None:
        needed = f" of the {MIN_EXEMPT} needed (search.exempt_share)" if regret.problem == TOO_FEW else ""
        yield f"pruning regret: {regret.problem}; trials that were spared by lot and finished: {regret.exempt}{needed}"
    else:
        yield (
            f"pruning regret: of {regret.exempt} trials that were spared by lot and finished, "
            f"{_in_percent(regret.won)} ended above the best and {_in_percent(regret.above_median)} above the median "
            f"of the {regret.unmarked} that were never marked for stopping"
        )
    if regret.spared_baselines:
        yield f"spared baselines, exempt by rule and not by lot, are not counted there: {regret.spared_baselines}"


def _in_percent(part: Share) -> str:
    low, high = (f"{100 * edge:.0f}" for edge in part.interval)
    return f"{part.count} ({100 * part.share:.0f} %, 95 % interval {low} to {high} %)"


def _problem(early: Sequence[float], final: Sequence[float]) -> str | None:
    if len(early) < MIN_TRIALS:
        return TOO_FEW
    if len(set(final)) == 1:
        return ENDED_ALIKE
    return ALIKE if len(set(early)) == 1 else None


def _share(held: Sequence[bool]) -> Share:
    share = sum(held) / len(held)
    return Share(sum(held), share, wilson(share, len(held)))


def _score(trial: Trial) -> float:
    assert trial.score is not None, "a finished trial has a score"
    return trial.score
