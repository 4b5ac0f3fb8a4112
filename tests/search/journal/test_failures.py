"""What failed trials have in common."""

from told_trials import trial_of, values_of

from search.journal.failures import in_words


def failed(number, reason, **values):
    trial = trial_of(number, values_of(number) | {path.replace("__", "."): value for path, value in values.items()})
    trial.state, trial.reason = "failed", reason
    return trial


def test_the_field_that_tells_failed_trials_from_the_others_is_named_with_its_range():
    lost = [failed(n, "diverged: the loss is nan", loss__temperature=tau) for n, tau in enumerate([0.031, 0.04, 0.05])]
    fine = [trial_of(n, values_of(n % 3) | {"loss.temperature": 0.1 + n / 100}) for n in range(3, 8)]
    told = "3 of them with: diverged: the loss is nan; they had loss.temperature from 0.031 to 0.05"
    assert in_words(lost, fine) == told


def test_a_choice_that_all_failed_trials_made_is_named():
    lost = [failed(n, "diverged", representation__optimizer="sgd") for n in range(3)]
    fine = [trial_of(n, values_of(n) | {"representation.optimizer": "adamw"}) for n in range(3, 6)]
    assert "representation.optimizer sgd" in in_words(lost, fine)
    assert "loss.eta" not in in_words(lost, fine)


def test_where_nothing_tells_them_apart_every_value_is_named():
    lost = [failed(n, "crashed: no memory") for n in range(3)]
    words = in_words(lost, [])
    assert words.startswith("3 of them with: crashed: no memory; they had loss.eta from 0 to 3, ")
    assert "representation.batch_size from 32 to 34" in words


def test_trials_without_searched_values_have_none_named():
    lost = [failed(0, "crashed")]
    lost[0].values = {}
    assert in_words(lost, []) == "1 of them with: crashed"
