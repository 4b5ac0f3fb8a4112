"""The section `data` of a trial's config: which images, how imbalanced, and which of them validate."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trainers.config_base import Colour, ColumnName, Config, DatasetName, ImagesOrAuto, Real, Rules, Seed, Whole


class DataConfig(Config):
    """Which images, how imbalanced, and which of them validate.

    At most one of `ratio`, `counts` and `long_tail` sets the sizes of the training classes. Without them the classes
    keep the proportions that the dataset has once the validation images are taken out.
    """

    dataset: DatasetName = "fmnist"
    """Which images: fmnist, digits, isic2018, a folder of your own, or what a function of your own gives, by its import
    path (`mypkg.data:load`) or by the name of an entry point in the group afcl.datasets."""
    path: str | None = None
    """Folder of your own files; `dataset: folder` needs it, and a function of your own gets it. null: where
    `afcl data fetch` puts the files."""
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """Names of the classes, in the order of ratio, counts and long_tail; null: every class."""
    train_size: Annotated[Whole, Field(ge=2)] | None = None
    """Training images of all classes together; null: as many as there are in that proportion."""
    ratio: Annotated[tuple[Annotated[Real, Field(gt=0)], ...], Field(min_length=2)] | None = None
    """Proportions of the classes' training images, one number for each class."""
    counts: Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(min_length=2)] | None = None
    """Training images of each class."""
    long_tail: Annotated[Real, Field(ge=1)] | None = None
    """How many times as many training images the first class has as the last; the others fall geometrically."""
    val_per_class: ImagesOrAuto = "auto"
    """Validation images of each class, whatever the training sizes; not used where a folder has its own `val/`. auto:
    where counts, or train_size with ratio or long_tail, leave images to spare, up to twice as many as train in all, but
    no more than tell something beside the luck of seeds; otherwise a fifth of the smallest class, or of its groups. A
    search keeps the number (trainers/data/validation_size.py)."""
    image_size: Annotated[Whole, Field(ge=8, le=4096)] | None = None
    """Side in pixels of the square that images become; isic2018 needs it, and a folder with images of several sizes."""
    fit: Literal["stretch", "pad", "crop"] = "stretch"
    """How an image that is not square becomes one: stretched, padded with the background, or cropped to its middle."""
    background: Colour = "white"
    """Colour behind transparent pixels and of padding: a name, or digits in quotes such as "#ffffff"."""
    seed: Seed = 0
    """Decides which images train and which validate."""
    file: ColumnName | None = None
    """The column of a folder's labels.csv with the images' names; null: `file`."""
    label: ColumnName | None = None
    """The column of a folder's labels.csv with the classes; null: `label`."""
    group: ColumnName | None = None
    """The column of a folder's labels.csv that says which images belong together, such as a patient's: those with equal
    values never both train and validate. null: `group`, if there is one."""
    val_per_group: Annotated[Whole, Field(ge=1)] = 1
    """At most so many validation images of one group; above 1 where groups are few and large. Such images are alike, so
    a score's standard error is then larger than `afcl plan` says."""
    split_rules: Rules = 2
    """2: groups and equal images stay on one side of the split. 1: a folder's groups and equal images are ignored, as
    in searches of older versions."""

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        shapes = [name for name in ("ratio", "counts", "long_tail") if getattr(self, name) is not None]
        if len(shapes) > 1:
            raise ValueError(f"at most one of ratio, counts and long_tail may be given, but got {' and '.join(shapes)}")
        for name in ("ratio", "counts"):
            shape = getattr(self, name)
            if shape is not None and self.classes is not None and len(shape) != len(self.classes):
                raise ValueError(
                    f"{name} needs one number per class, but got {len(shape)} for {len(self.classes)} classes"
                )
        if self.counts is not None and self.train_size not in (None, sum(self.counts)):
            raise ValueError(
                f"train_size must be the sum of counts ({sum(self.counts)}) or left out, but got {self.train_size}"
            )
        if self.classes is not None and len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes must differ from each other, but got {list(self.classes)}")
        if self.fit != "stretch" and self.image_size is None:
            raise ValueError(f"fit: {self.fit} needs image_size, the side of the square that images become")
        if self.dataset == "folder" and self.path is None:
            raise ValueError("dataset: folder needs path, the folder of images")
        if self.dataset == "isic2018" and self.image_size is None:
            raise ValueError(
                "dataset: isic2018 needs image_size, the side of the square that its images of 600×450 become (64, 224)"
            )
        return self
