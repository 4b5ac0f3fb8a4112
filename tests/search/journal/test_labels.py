"""A trial's searched values, as people read them."""

from search.journal.history import Decision, Trial
from search.journal.labels import by_epoch, in_short, rung_of, searched, searched_paths, short, symbol, values_of

LOSS = {"eta": 12.345, "gamma": 0.5, "temperature": 0.08, "normalize_by": "batch"}


def trial(**values):
    return Trial(0, "AFCL", False, values, {"loss": LOSS}, 0)


def test_the_losss_own_fields_come_first_whether_searched_or_not():
    assert searched(trial()) == {"loss.eta": 12.345, "loss.gamma": 0.5, "loss.temperature": 0.08}
    more = {"representation.lr": 0.001, "loss.eta": 12.345}
    assert list(searched(trial(**more))) == ["loss.eta", "loss.gamma", "loss.temperature", "representation.lr"]


def test_values_are_a_line_of_symbols_and_three_digits():
    more = {"representation.lr": 0.00123456, "model.width": 8, "representation.optimizer": "sgd"}
    assert values_of(trial(**more)) == "η 12.3, γ 0.5, τ 0.08, lr 0.00123, width 8, optimizer sgd"


def test_a_field_without_a_symbol_is_called_by_its_last_name():
    assert [symbol(path) for path in ("loss.gamma", "classifier.weight_decay", "seed")] == ["γ", "weight_decay", "seed"]


def test_a_parameter_of_a_loss_of_ones_own_is_called_with_the_losss_name():
    assert symbol("own_loss.triplet.margin") == "margin of triplet"


def test_a_loss_without_a_point_has_its_own_fields_alone_and_its_family_says_which_it_is():
    config = {"loss": {"name": "focal"}, "focal": {"gamma": 2.0, "lr": 0.001, "class_weight": "balanced"}}
    focal = Trial(0, "FOCAL", False, {"loss.name": "focal", "focal.gamma": 2.0}, config, 0)
    assert searched(focal) == {"focal.gamma": 2.0, "focal.lr": 0.001, "loss.name": "focal"}
    assert values_of(focal) == "γ of FOCAL 2, lr of FOCAL 0.001"
    assert searched_paths([focal, trial()]) == [
        *("loss.eta", "loss.gamma", "loss.temperature"),
        *("focal.gamma", "focal.lr"),
    ]


def test_whole_numbers_and_words_are_written_as_they_are():
    assert [short(value) for value in (12345, 0.123456, True, "batch")] == ["12345", "0.123", "True", "batch"]


def test_a_rung_is_named_by_its_epoch_in_what_older_journals_say_too():
    assert by_epoch("0.5 at rung 1 (epoch 6), below the cutoff") == "0.5 at the rung of epoch 6, below the cutoff"
    assert by_epoch("crashed: at rung 1") == "crashed: at rung 1"


def test_a_stop_is_short_in_a_table_and_any_other_reason_is_whole():
    made = trial()
    made.state, made.reason = "stopped", "0.5 at rung 1 (epoch 6), below the cutoff 0.6 of 4 before it"
    made.decisions = [Decision(0, 6, 1, 0.5, 0.6, 4, "stop")]
    assert in_short(made) == "0.5000 below 0.6000 at epoch 6"
    assert rung_of(made) == "6"
    made.state, made.reason = "failed", "diverged"
    assert in_short(made) == "diverged"
    assert rung_of(trial()) == ""
