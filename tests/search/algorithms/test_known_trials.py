"""Which trials a sampler is told of, and that each is converted once."""

from told_trials import SPACE, trial_of, values_of

from search.algorithms import known_trials
from search.algorithms.known_trials import BEST_TOLD, KnownTrials, rank
from search.algorithms.told import ToldTrials
from trainers.config import METRIC


def numbers(told):
    return [trial.user_attrs["number"] for trial in told]


def as_told(trials):
    return ToldTrials(SPACE, METRIC).of(trials)


def many(count):
    return [
        trial_of(n, values_of(n % 36), ("finished", "stopped")[n % 2], score=(n * 7919 % 997) / 997, epochs=1 + n % 3)
        for n in range(count)
    ]


def test_all_are_told_while_they_are_few():
    assert numbers(KnownTrials(SPACE, most=100).told(as_told(many(100)))) == list(range(100))


def test_of_very_many_the_best_and_a_sample_are_told():
    history, most = many(600), 100
    told = KnownTrials(SPACE, most=most).told(as_told(history))
    assert len(told) == most
    every = KnownTrials(SPACE, most=10**6).told(as_told(history))
    best = sorted(every, key=rank)[:BEST_TOLD]
    assert set(numbers(best)) <= set(numbers(told))
    others = [number for number in numbers(told) if number not in numbers(best)]
    assert 200 < sum(others) / len(others) < 400, "the sample is of early and of late trials"


def test_the_choice_does_not_depend_on_how_often_it_was_asked():
    history = many(400)
    at_once = KnownTrials(SPACE, most=60)
    bit_by_bit = KnownTrials(SPACE, most=60)
    for count in range(0, 401, 40):
        last = bit_by_bit.told(as_told(history[:count]))
    assert numbers(last) == numbers(at_once.told(as_told(history)))


def test_the_sample_changes_little_from_one_ask_to_the_next():
    known, history = KnownTrials(SPACE, most=60), many(401)
    before, after = (set(numbers(known.told(as_told(history[:count])))) for count in (400, 401))
    assert len(before ^ after) <= 4


def test_running_trials_are_always_told_and_an_ended_one_as_it_ended():
    known, history = KnownTrials(SPACE, most=50), many(200)
    history.append(trial_of(200, state="running"))
    assert known.told(as_told(history))[-1].state.name == "RUNNING"
    history[-1].state = "finished"
    history[-1].score = 2.0
    told = known.told(as_told(history))
    assert told[-1].value == 2.0
    assert len(told) == 50


def test_each_ended_trial_is_converted_once(monkeypatch):
    converted, genuine = [], known_trials.optuna_trial

    def counting(space, told, **more):
        converted.append(told.number)
        return genuine(space, told, **more)

    monkeypatch.setattr(known_trials, "optuna_trial", counting)
    known, history = KnownTrials(SPACE), as_told(many(50))
    for count in range(51):
        known.told(history[:count])
    assert converted == list(range(50))


def test_a_memory_keeps_them_from_one_ask_to_the_next():
    memory = {}
    assert known_trials.known_trials(SPACE, memory) is known_trials.known_trials(SPACE, memory)
    assert known_trials.known_trials(SPACE, None) is not known_trials.known_trials(SPACE, None)
