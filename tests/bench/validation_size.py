"""Whole searches with 250 validation images of each class and with `data.val_per_class: auto`, side by side.

    python tests/bench/validation_size.py [--searches N] [--minutes M]

With auto 1,000 images of each class validate, twice as many in all as train. The soft balanced accuracy decides in both
arms, as it does by default.
"""

from whole_searches import Comparison, compare

SOFT = "search.decide_by=soft_balanced_accuracy"
ARMS = {"250 images": [SOFT, "data.val_per_class=250"], "auto": [SOFT, "data.val_per_class=auto"]}

if __name__ == "__main__":
    compare(Comparison("Whole searches by how many images validate", ARMS, "validation_size"), __doc__ or "")
