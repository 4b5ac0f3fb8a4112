"""Whole searches decided by balanced accuracy and by another value, side by side: `search.decide_by`.

    python tests/bench/decide_by.py [--searches N] [--minutes M]

Rungs, sampler and ranking go by the balanced accuracy of the validation images, or by the soft balanced accuracy, which
is the mean probability of the true class.
"""

from whole_searches import Comparison, compare

ARMS = {name: [f"search.decide_by={name}"] for name in ("metric", "soft_balanced_accuracy")}

if __name__ == "__main__":
    compare(Comparison("Whole searches by what decides them", ARMS, "decide_by"), __doc__ or "")
