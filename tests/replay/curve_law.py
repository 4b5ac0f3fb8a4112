"""The distributions that simulated learning curves are drawn from, fitted to real ones (see calibrate.py).

`probe` and `min` were fitted by hand to a few configurations of the recorded table, `eff` and `soft` by a random search
of their parameters to the statistics of 87 and 89, on surfaces of seeds 200 to 205. `soft` has the surfaces of `eff`.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Law:
    """The distribution that a seed draws its surface from. All scores and standard deviations are shares of 1.

    The expected test score of a configuration x is top - depth * softplus(ease - raw(x)): flat on top, where raw is
    high, and falling in proportion where it is low. raw is a smooth random function of all four values together, less
    a valley's walls along a line in learning rate and temperature. The expected validation score of an epoch before
    the last mixes this surface with another one, by the share of the learning rate's sum that is spent.
    """

    top: float  # the best expected score, in the mean over seeds,
    top_sd: float  # and its standard deviation between seeds
    depth: float
    ease: float
    wall: float  # how steep the valley is
    level: tuple[float, float]  # of epochs before the last less the final mean: at the first and at the last of them
    weight: tuple[float, float]  # of the final surface in theirs
    other: tuple[float, float]  # standard deviation of the other surface in theirs
    cell: float  # standard deviation between cells at the top,
    # that of a second noise below the top, by the shortfall, before the last epoch and at it: exponential downwards, so
    # that now and then a bad configuration is nearly as good as the best
    unrest: tuple[float, float]
    constant: float  # the constant part's share of the variance, of a cell and of its images
    rate: float  # how fast the other part forgets: by an epoch's learning rate,
    power: float  # and the slower the later
    agree: float = 1.0  # correlation of the noise before the last epoch and at it
    jitter: float = 0.0022  # standard deviation of what each epoch has of its own
    shared: float = 0.65  # of the constant part's variance: what all configurations of a cell have in common,
    alike: float = 0.25  # and what neighbours have
    images: float = 1.0  # the noise of validation images, as a share of that of a balanced accuracy
    is_soft: bool = False  # values are mean probabilities, of no whole number of images, and never the truth itself


LAWS: dict[tuple[str, str], Law] = {
    ("900:100", "probe"): Law(
        top=0.803, top_sd=0.004, depth=0.038, ease=-0.8, wall=6.0,
        level=(-0.002, 0.006), weight=(0.1, 0.9), other=(0.004, 0.010),
        cell=0.009, unrest=(0.2, 0.6), constant=0.5, rate=0.8, power=0.5, agree=0.88,
    ),
    ("900:100", "min"): Law(
        top=0.803, top_sd=0.004, depth=0.038, ease=-0.8, wall=6.0,
        level=(-0.004, 0.0), weight=(0.2, 1.0), other=(0.006, 0.0), jitter=0.001,
        cell=0.009, unrest=(0.3, 0.5), constant=0.45, rate=0.8, power=0.9,
    ),
    ("900:100", "eff"): Law(
        top=0.811, top_sd=0.004, depth=0.034, ease=-0.8, wall=6.0,
        level=(-0.0225, 0.0), weight=(0.0, 1.0), other=(0.010, 0.0), jitter=0.0009,
        cell=0.0032, unrest=(0.5, 0.5), constant=0.02, rate=0.41, power=0.62,
    ),
    ("980:20", "probe"): Law(
        top=0.773, top_sd=0.006, depth=0.054, ease=-0.8, wall=6.0,
        level=(-0.008, -0.006), weight=(0.1, 0.4), other=(0.005, 0.016),
        cell=0.022, unrest=(0.0, 0.6), constant=0.25, rate=1.4, power=1.5, agree=0.6,
    ),
    ("980:20", "min"): Law(
        top=0.773, top_sd=0.006, depth=0.054, ease=-0.8, wall=6.0,
        level=(-0.001, 0.0), weight=(0.4, 1.0), other=(0.006, 0.0), jitter=0.001,
        cell=0.022, unrest=(0.4, 0.6), constant=0.35, rate=0.6, power=1.0,
    ),
    ("980:20", "eff"): Law(
        top=0.763, top_sd=0.006, depth=0.0325, ease=-0.8, wall=6.0,
        level=(-0.0083, 0.0), weight=(0.03, 1.0), other=(0.0, 0.0), jitter=0.0005,
        cell=0.0235, unrest=(0.49, 0.49), constant=0.03, rate=0.29, power=0.71,
    ),
}  # fmt: skip
LAWS["900:100", "soft"] = replace(  # the surfaces of eff, seen otherwise
    LAWS["900:100", "eff"],
    level=(-0.065, -0.023), weight=(0.0, 1.47), other=(0.017, 0.0), jitter=0.0002,
    cell=0.0071, unrest=(0.57, 0.57), constant=0.02, rate=0.36, power=0.93, images=0.74, is_soft=True,
)  # fmt: skip
LAWS["980:20", "soft"] = replace(  # the surfaces of eff, seen otherwise
    LAWS["980:20", "eff"],
    level=(-0.025, -0.0035), weight=(0.0, 1.32), other=(0.019, 0.0), jitter=0.0003,
    cell=0.0122, unrest=(0.91, 0.91), constant=0.02, rate=0.27, power=0.95, images=0.84, is_soft=True,
)  # fmt: skip
