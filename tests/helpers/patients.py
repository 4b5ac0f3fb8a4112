"""Twenty patients with three near-copies of one picture each; the brightness of a picture tells whose it is."""

import csv

import numpy as np
from PIL import Image

PATIENTS, PICTURES = 20, 3
STEP = 12  # between the brightness of two patients


def picture(path, patient, number, size=(24, 18)):
    """A near-copy: noise that takes no picture to another patient's brightness, and makes each its own."""
    noise = np.random.default_rng([patient, number]).integers(-4, 5, (size[1], size[0], 3))
    Image.fromarray((STEP * patient + 6 + noise).astype(np.uint8)).save(path)


def patients_of(images):
    """Who is on each picture. images: [N, C, H, W]."""
    return [int(image.mean() // STEP) for image in images]


def in_folder(top, column="group", first=0, patients=PATIENTS):
    """A folder with a labels.csv: even patients have a benign thing, odd ones a malignant one."""
    top.mkdir(parents=True)
    rows = []
    for patient in range(first, first + patients):
        for number in range(PICTURES):
            file = f"{patient}-{number}.png"
            picture(top / file, patient, number)
            rows.append((file, ("benign", "malignant")[patient % 2], f"patient {patient}"))
    write_labels(top, ("file", "label", column), rows)
    return top


def write_labels(top, header, rows):
    with (top / "labels.csv").open("w", newline="") as table:
        csv.writer(table).writerows([header, *rows])
