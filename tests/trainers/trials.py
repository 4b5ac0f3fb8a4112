"""Trials as the tests of several files run them."""

import copy

from trainers.config import TrialConfig
from trainers.launch.local_processes import run_trial_on
from trainers.parsing import parse

CLOCKS = ("seconds", "images_per_second")


def changed(config: TrialConfig, **sections) -> TrialConfig:
    values = config.model_dump()
    for name, fields in sections.items():
        values[name] = values[name] | fields if isinstance(fields, dict) else fields
    return parse(TrialConfig, values)


def run(config, data, resume=None, on=1):
    """Metrics by epoch without the clock's, the checkpoints by epoch, and the result. on: so many workers."""
    told, saved = [], {}

    def save(checkpoint):
        saved[checkpoint.epoch] = copy.deepcopy(checkpoint)

    def report(step, metrics):
        told.append((step, {name: value for name, value in metrics.items() if not name.endswith(CLOCKS)}))

    result = run_trial_on(on, config, data, report, resume, save=save)
    return told, saved, result
