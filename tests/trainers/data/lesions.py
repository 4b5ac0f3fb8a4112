"""A tree in the layout of ISIC 2018 Task 3, its class sizes scaled down, made of noise."""

import csv

import numpy as np
from PIL import Image

from trainers.data.datasets.isic2018_tables import CLASS_NAMES

OFFICIAL = (1113, 6705, 514, 327, 1099, 115, 142)
SMALL = tuple(max(round(size / 25), 10) for size in OFFICIAL)


def make(top, sizes=SMALL, test=None):
    """Training images with lesions of one to three images each, and as many test images of each class as said."""
    listed = write_split(top, "Training", sizes)
    lesions, number, left = [], 0, 0
    for image, label in listed:
        if left == 0 or lesions[-1][2] != label:
            number, left = number + 1, 1 + (number % 3)
        left -= 1
        lesions.append((image, f"HAM_{number:07}", label))
    rows = [(image, lesion, "histopathology") for image, lesion, _ in lesions]
    write_csv(
        top / "ISIC2018_Task3_Training_LesionGroupings.csv", ("image", "lesion_id", "diagnosis_confirm_type"), rows
    )
    if test is not None:
        write_split(top, "Test", [test] * 7, first=34000)
    return top


def write_split(top, split, sizes, first=24000):
    """The images and the ground truth of a split; returns (image, class) for each."""
    images = top / f"ISIC2018_Task3_{split}_Input"
    images.mkdir(parents=True)
    (images / "LICENSE.txt").write_text("as the archives have one")
    listed = []
    for name, size in zip(CLASS_NAMES, sizes, strict=True):
        for _ in range(size):
            image = f"ISIC_{first + len(listed):07}"
            photo(images / f"{image}.jpg", first + len(listed))
            listed.append((image, name))
    write_truth(top, split, listed)
    return listed


def write_truth(top, split, listed):
    name = f"ISIC2018_Task3_{split}_GroundTruth"
    rows = [(image, *(float(label == one) for one in CLASS_NAMES)) for image, label in listed]
    (top / name).mkdir(exist_ok=True)
    write_csv(top / name / f"{name}.csv", ("image", *CLASS_NAMES), rows)


def write_csv(path, header, rows):
    with path.open("w", newline="") as table:
        csv.writer(table).writerows([header, *rows])


def photo(path, number, size=(48, 36), mode="RGB"):
    """A JPEG whose colours tell its number."""
    draws = np.random.PCG64(number).random_raw(6 * 8 * 3) % 256
    image = Image.fromarray(draws.reshape(6, 8, 3).astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)
    image.convert(mode).save(path, format="JPEG")


def lesions_of(top):
    """Image -> lesion, as the groupings have it."""
    with (top / "ISIC2018_Task3_Training_LesionGroupings.csv").open(newline="") as table:
        return {row["image"]: row["lesion_id"] for row in csv.DictReader(table)}
