"""Learning curves to search on without training: a generator fitted to real ones, and a table of recorded ones.

They need numpy, and pyarrow for the table, because the searches that are compared run in environments of their own.

    curves = Generator(seed=0, regime="980:20")
    values = {"loss.eta": 0.0, "loss.gamma": 2.0, "loss.temperature": 0.1, "representation.lr": 3e-3}
    curves.value(values, trial=0, epoch=1)      # what a search sees
    curves.best - curves.truth(values)          # the regret that it never sees

A trial sees a cell: a split of the images and an initialisation. With `cells="own"` each trial has its own, with
"shared" all have the same one.
"""

from curve_generator import Generator
from curve_law import LAWS, Law
from curve_space import EPOCHS, SPACE, CurveFailed, Curves, Field, Regime, Score, Values
from curve_table import Table

__all__ = [
    "EPOCHS",
    "LAWS",
    "SPACE",
    "CurveFailed",
    "Curves",
    "Field",
    "Generator",
    "Law",
    "Regime",
    "Score",
    "Table",
    "Values",
]
