"""What one trial is: its data, model, loss and training stages, each with its own checked config.

Everything that can change a trial's score is a field here, so that an exported config trains to the same score.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from trainers.config_base import (
    Colour,
    ColumnName,
    Config,
    DatasetName,
    EncoderName,
    FirstWeights,
    Penalty,
    Real,
    Seed,
    Whole,
    refuse_bool,
)
from trainers.errors import InputError
from trainers.loss_config import (
    CrossEntropyConfig,
    EndToEndConfig,
    FocalConfig,
    LogitAdjustedConfig,
    LossConfig,
    ignored_with,
    unused_with,
)

METRIC, MODE, STEP = "val_balanced_accuracy", "max", "epoch"
# What is measured of each class: val_recall/NAME at every epoch, the others at a trial's end. No metric bears one of
# these words alone: a store that keeps a file for each metric would need a folder of that name.
CLASS_MEASURES = ("recall", "specificity", "precision", "auroc_ovr", "average_precision")
CALIBRATION_ERROR = "expected_calibration_error"


class DataConfig(Config):
    """Which images, how imbalanced, and which of them validate.

    At most one of `ratio`, `counts` and `long_tail` shapes the training classes; with none of them the
    classes keep the proportions that validation leaves of the dataset.
    """

    dataset: DatasetName = "fmnist"
    """Which images: fmnist, digits, isic2018, a folder of your own, or what a function of your own gives, by its import
    path (`mypkg.data:load`) or by the name of an entry point in the group afcl.datasets."""
    path: str | None = None
    """Folder of the user's own files, which `folder` needs and an own function is given; null: where `afcl data fetch`
    puts them."""
    classes: Annotated[tuple[str, ...], Field(min_length=2)] | None = None
    """Names of the classes, in the order that ratio, counts and long_tail follow; null: every class."""
    train_size: Annotated[Whole, Field(ge=2)] | None = None
    """Training images of all classes together; null: as many as are there in that shape."""
    ratio: Annotated[tuple[Annotated[Real, Field(gt=0)], ...], Field(min_length=2)] | None = None
    """A number for each class, in proportion to which the classes have training images."""
    counts: Annotated[tuple[Annotated[Whole, Field(ge=1)], ...], Field(min_length=2)] | None = None
    """Training images of each class."""
    long_tail: Annotated[Real, Field(ge=1)] | None = None
    """Training images of the first class / those of the last, falling geometrically."""
    val_per_class: Annotated[Whole, Field(ge=1)] = 250
    """Validation images of each class, whatever shape training has; a folder's own `val/` goes before it."""
    image_size: Annotated[Whole, Field(ge=8)] | None = None
    """Side in pixels of the square to resize to; isic2018 needs it, a folder whose images differ in size too."""
    fit: Literal["stretch", "pad", "crop"] = "stretch"
    """How an image that is no square becomes one: stretched, padded with the background, or cropped to its middle."""
    background: Colour = "white"
    """Colour behind transparent pixels and of padding: a name, or in quotes as "#ffffff"."""
    seed: Seed = 0
    """Which images train and which validate."""
    file: ColumnName | None = None
    """Of a folder's labels.csv: the column with the images' names; null: `file`."""
    label: ColumnName | None = None
    """Of a folder's labels.csv: the column with the classes; null: `label`."""
    group: ColumnName | None = None
    """Of a folder's labels.csv: the column whose equal values mark images that belong together, of one patient say,
    which never both train and validate; null: `group`, where there is one."""
    val_per_group: Annotated[Whole, Field(ge=1)] = 1
    """Validation images of one group at most: more than 1 where groups are few and large. As they are alike, a score
    then errs by more than `afcl plan` says."""
    split_rules: Annotated[Literal[1, 2], BeforeValidator(refuse_bool)] = 2
    """2: what belongs together is on one side of the split; 1: a folder's groups and equal images do not count, as in
    searches that were begun before 2 was there."""

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


class ModelConfig(Config):
    """Encoder and projection head."""

    encoder: EncoderName = "small"
    """`small`: three blocks of convolutions; a ResNet; `timm:NAME`: a model of timm; or one of your own, by the import
    path of a function of the number of channels (`mypkg.models:build`), or by the name of an entry point in the group
    afcl.encoders. A search keeps the hash of your source behind the path."""
    width: Annotated[Whole, Field(ge=1, le=1024)] = 16
    """Channels of the first block of `small`, which has 4 · width features."""
    stem: Literal["small", "imagenet"] = "small"
    """Of ResNets: 3×3 stride 1 without pooling (small images), or 7×7 stride 2 with it (imagenet: 224 pixels)."""
    pretrained: FirstWeights = False
    """What the encoder begins with. true, of ResNets: torchvision's ImageNet weights. A file: a state dict of
    torchvision's or timm's names, or an export's weights; a search keeps the file's SHA-256 behind its path."""
    projection_dim: Annotated[Whole, Field(ge=2)] = 128
    """Dimensions of the embeddings that the loss sees."""
    compile: bool = False
    """Train the encoder through torch.compile: minutes first, then faster; rounds differently."""

    @model_validator(mode="after")
    def _pretrained_is_a_resnet(self) -> Self:
        if self.pretrained is True and not self.encoder.startswith(("resnet", "timm:")):
            raise ValueError(f"pretrained: true needs a resnet encoder, but got encoder: {self.encoder}")
        return self


class AugmentConfig(Config):
    """Random changes of an image, drawn per image on the device."""

    crop_scale: Annotated[Real, Field(gt=0, le=1)] = 0.6
    """Smallest share of the area that a random crop keeps; 1: no crop."""
    flip: Annotated[Real, Field(ge=0, le=1)] = 0.5
    """Probability of a horizontal flip."""
    vertical_flip: Annotated[Real, Field(ge=0, le=1)] = 0.0
    """Probability of a vertical flip."""
    rotation: Annotated[Real, Field(ge=0, le=180)] = 0.0
    """Degrees; the angle is drawn from ± this."""
    brightness: Annotated[Real, Field(ge=0, lt=1)] = 0.2
    """Factor drawn from 1 ± this."""
    contrast: Annotated[Real, Field(ge=0, lt=1)] = 0.2
    """Factor drawn from 1 ± this."""
    saturation: Annotated[Real, Field(ge=0, lt=1)] = 0.0
    """Of RGB: factor drawn from 1 ± this."""
    hue: Annotated[Real, Field(ge=0, le=0.5)] = 0.0
    """Of RGB: turns of the colour circle, drawn from ± this."""


class RepresentationConfig(Config):
    """Stage one: encoder and projection head under the contrastive loss."""

    epochs: Annotated[Whole, Field(ge=1)] = 50
    """Passes over the training images."""
    batch_size: Annotated[Whole, Field(ge=2)] = 256
    """Images; the loss sees views × batch_size rows."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """adamw or sgd."""
    lr: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate at its peak; a cosine takes it to 0."""
    weight_decay: Annotated[Real, Field(ge=0)] = 1e-4
    """Of the optimizer."""
    momentum: Annotated[Real, Field(ge=0, lt=1)] = 0.9
    """Of sgd; adamw has none."""
    warmup_epochs: Annotated[Whole, Field(ge=0)] = 0
    """Epochs in which the learning rate rises linearly, before the cosine."""
    views: Literal[1, 2] = 2
    """Augmented views of each image in a batch."""
    balanced_batches: bool = False
    """Draw every class equally often."""
    augment: AugmentConfig = AugmentConfig()
    chunk: Annotated[Whole, Field(ge=2)] | None = None
    """Rows (views × images) on the device at once, for batches that do not fit it; null: a whole batch."""
    probe_images: Annotated[Whole, Field(ge=2)] | None = None
    """Training images, class-balanced, on which each epoch's probe is learnt; null: all, or a tenth of the cost."""

    @model_validator(mode="after")
    def _warmup_ends(self) -> Self:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs < epochs must hold, but got {self.warmup_epochs} and {self.epochs}")
        return self


# What only AdamW has of stage two.
OF_ADAMW = ("epochs", "batch_size", "lr", "weight_decay", "loss", "focal_gamma", "augment")


class ClassifierConfig(Config):
    """Stage two: a linear classifier on features of the frozen encoder.

    What the solver ignores may not be given, is not written out, and keeps its default here.
    """

    solver: Literal["lbfgs", "adamw"] = "lbfgs"
    """lbfgs: logistic regression to convergence, one step of the epoch counter, and each epoch's probe is the same
    estimator; adamw: epochs of AdamW, beside a probe of its own (30 iterations of L-BFGS, l2 = .001). Where it is left
    out it is adamw if a field is given that only adamw has, as in whatever was written before there were two."""
    l2: Penalty = "auto"
    """Of lbfgs: the factor of the squared weights, which are added to the mean loss. auto: 1 / N_eff, where
    N_eff = (Σw)² / Σw² over the training images' weights."""
    class_weight: Literal["balanced", "none"] = "balanced"
    """Of the loss: balanced gives a class the weight N / (C · N_c) from the training counts.

    As PyTorch's cross-entropy does, a batch's mean divides by the sum of its own images' weights. So a batch without a
    minority image takes a whole step towards the majority, and the minority's share of a step is on average somewhat
    less than a half: .48 of it at 90:10 and .40 at 98:2, with batches of 64. (lbfgs knows no batches.)
    """
    epochs: Annotated[Whole, Field(ge=1)] = 20
    """Of adamw: passes over the training images."""
    batch_size: Annotated[Whole, Field(ge=1)] = 64
    """Of adamw: images; small, as the steps are cheap and too few would leave it underfit."""
    lr: Annotated[Real, Field(gt=0)] = 1e-2
    """Of adamw: the learning rate at its peak; a cosine takes it to 0."""
    weight_decay: Annotated[Real, Field(ge=0)] = 0.0
    """Of adamw."""
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    """Of adamw: cross-entropy, or the focal loss of Lin et al. 2017 (arXiv 1708.02002)."""
    focal_gamma: Annotated[Real, Field(ge=0)] = 2.0
    """Of the focal loss: its focusing parameter; 0 is cross-entropy."""
    augment: bool = False
    """Of adamw: features of augmented images, computed again each epoch."""

    @property
    def steps(self) -> int:
        """By how much stage two moves the epoch counter on."""
        return 1 if self.solver == "lbfgs" else self.epochs

    @property
    def ignored(self) -> dict[str, str]:
        """The fields that nothing comes of with these values, each with the setting for which that is so."""
        if self.solver == "lbfgs":
            return dict.fromkeys(OF_ADAMW, "solver: lbfgs")
        unused = {} if self.loss == "focal" else {"focal_gamma": "loss: cross_entropy"}
        return {"l2": "solver: adamw"} | unused

    @model_validator(mode="before")
    @classmethod
    def _as_meant_before_there_was_a_solver(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "solver" not in given and any(name in given for name in OF_ADAMW):
            return {"solver": "adamw", **given}
        return given

    @model_validator(mode="after")
    def _gives_nothing_that_is_ignored(self) -> Self:
        for name, setting in self.ignored.items():
            if name in self.model_fields_set and getattr(self, name) != "auto":
                other = {"solver: lbfgs": "solver: adamw", "solver: adamw": "solver: lbfgs"}.get(setting, "loss: focal")
                raise InputError(
                    f"classifier.{name}: nothing comes of it with classifier.{setting}; leave it out, "
                    f"or choose classifier.{other}"
                )
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_ignored(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        ignored = self.ignored
        return {name: value for name, value in dump(self).items() if name not in ignored}


# Those of a trial that only some losses have, or have something in.
SECTIONS_OF_LOSSES = ("loss", "end_to_end", "cross_entropy", "focal", "logit_adjusted", "representation", "classifier")


class TrialConfig(Config):
    """One trial, whole.

    What nothing comes of with its loss may not be given, and keeps its default here (see `unused`).
    """

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    end_to_end: EndToEndConfig = EndToEndConfig()
    cross_entropy: CrossEntropyConfig = CrossEntropyConfig()
    focal: FocalConfig = FocalConfig()
    logit_adjusted: LogitAdjustedConfig = LogitAdjustedConfig()
    representation: RepresentationConfig = RepresentationConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    seed: Seed = 0
    """Of initialisation, order and augmentation."""
    deterministic: bool = False
    """On a GPU: deterministic kernels only, slower, the same to the digit."""

    @property
    def is_end_to_end(self) -> bool:
        """Whether it has one stage, whose last epoch's head is the classifier."""
        return self.loss.name != "afcl"

    @property
    def last_epoch(self) -> int:
        """The step counter's last value: stage one's epochs, then stage two's where there is one."""
        return self.representation.epochs + (0 if self.is_end_to_end else self.classifier.steps)

    @property
    def training(self) -> RepresentationConfig:
        """How the encoder is trained: end to end with a learning rate of its own and one view of an image at a time."""
        if self.loss.name == "afcl":
            return self.representation
        section: CrossEntropyConfig | FocalConfig | LogitAdjustedConfig = getattr(self, self.loss.name)
        return self.representation.model_copy(update={"lr": section.lr, "views": 1})

    @property
    def passes(self) -> int:
        """How often an epoch of the step counter goes through the training images."""
        return self.representation.views if self.is_end_to_end and self.end_to_end.match == "passes" else 1

    @property
    def unused(self) -> dict[str, Any]:
        """What is left out where a trial is written down: `model_dump(exclude=config.unused)`."""
        return unused_with(self.loss.name)

    @field_validator(*SECTIONS_OF_LOSSES)
    @classmethod
    def _is_used(cls, given: Config, known: ValidationInfo) -> Config:
        so_far: dict[str, Any] = known.data | {str(known.field_name): given}
        if (loss := so_far.get("loss")) is None:  # it is wrong itself
            return given
        # loss comes after model
        here = {str(known.field_name)} | ({"model"} & so_far.keys() if known.field_name == "loss" else set())
        for path in ignored_with(loss.name):
            section, _, name = path.partition(".")
            if section in here and _differs(so_far[section], name):
                raise InputError(f"{path}: nothing comes of it with loss.name: {loss.name}; leave it out")
        return given


def _differs(given: Config, name: str) -> bool:
    """Whether a section, or one field of it, is not what it is by default."""
    default = type(given)()
    return bool(getattr(given, name) != getattr(default, name)) if name else given != default
