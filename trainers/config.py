"""The configuration of one trial: its data, model, loss and training stages, each with its own checked class.

Everything that can change a trial's score is a field here, so an exported configuration trains to the same score.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from trainers.config_base import (
    Config,
    EncoderName,
    FirstWeights,
    Penalty,
    Real,
    Rules,
    Seed,
    Whole,
)
from trainers.data_config import DataConfig
from trainers.errors import InputError
from trainers.loss_config import (
    END_TO_END,
    BalancedContrastiveConfig,
    CrossEntropyConfig,
    EndToEndConfig,
    FocalConfig,
    KPositiveConfig,
    LogitAdjustedConfig,
    LossConfig,
    OwnLossParameters,
    SupervisedMinorityConfig,
    ignored_with,
    is_ignored,
    unused_with,
)
from trainers.own_parts import MARK

METRIC, MODE, STEP = "val_balanced_accuracy", "max", "epoch"
# Measures of each class: val_recall/NAME at every epoch, the others at a trial's end. No metric may be called by one
# of these words alone: a store that keeps a file for each metric would need a folder of the same name.
CLASS_MEASURES = ("recall", "specificity", "precision", "auroc_ovr", "average_precision")
CALIBRATION_ERROR = "expected_calibration_error"


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
    projection_dim: Annotated[Whole, Field(ge=2, le=65_536)] = 128
    """Dimensions of the embeddings that the loss sees."""
    compile: bool = False
    """Train the encoder through torch.compile: slow for the first minutes, then faster; its rounding differs."""

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
    """Stage one's optimiser."""
    lr: Annotated[Real, Field(gt=0)] = 1e-3
    """Learning rate at its peak; a cosine takes it to 0."""
    weight_decay: Annotated[Real, Field(ge=0)] = 1e-4
    """Weight decay of the optimizer."""
    momentum: Annotated[Real, Field(ge=0, lt=1)] = 0.9
    """Momentum of sgd; adamw ignores it."""
    warmup_epochs: Annotated[Whole, Field(ge=0)] = 0
    """Epochs in which the learning rate rises linearly, before the cosine."""
    views: Literal[1, 2] = 2
    """Augmented views of each image in a batch."""
    balanced_batches: bool = False
    """true: draw every class equally often, so that rare classes are in every batch."""
    augment: AugmentConfig = AugmentConfig()
    chunk: Annotated[Whole, Field(ge=2)] | None = None
    """Rows (views × images) on the device at once, for batches that do not fit its memory; null: a whole batch."""
    probe_images: Annotated[Whole, Field(ge=2)] | None = None
    """Training images, class-balanced, that each epoch's probe learns from. null: all up to 5,000; above, as many as
    cost a tenth of the epoch."""
    alignment: bool = False
    """true: report by epoch, for each class, whether the two views of a validation image are nearest to each other
    (val_sample_alignment) and how many near rows are of its class (val_class_alignment), which shows a class that
    collapsed: the diagnostics of Mildenberger et al. 2025 (arXiv 2503.17024), on the rows that the loss sees."""

    @model_validator(mode="after")
    def _warmup_ends(self) -> Self:
        if self.warmup_epochs >= self.epochs:
            raise ValueError(f"warmup_epochs < epochs must hold, but got {self.warmup_epochs} and {self.epochs}")
        return self


# Fields of stage two that only AdamW uses.
OF_ADAMW = ("epochs", "batch_size", "lr", "weight_decay", "loss", "focal_gamma", "augment")
OF_LBFGS = ("l2", "l2_rules")
WITHOUT_EFFECT = {"l2": "auto", "l2_rules": 2}  # what may be given with any solver, as a spec's own file gives it
OF_FINE_TUNING = ("fine_tune_epochs", "fine_tune_lr")
# A setting that makes a field useless: the setting to choose instead.
_INSTEAD = {
    "solver: lbfgs": "solver: adamw",
    "solver: adamw": "solver: lbfgs",
    "l2: a number": "l2: auto",
    "loss: cross_entropy": "loss: focal",
    "fine_tune: false": "fine_tune: true",
}


class ClassifierConfig(Config):
    """Stage two: a linear classifier on features of the frozen encoder. With `fine_tune` both are then trained on.

    Fields that the solver ignores may not be given. They are not written out, and keep their defaults here.
    """

    solver: Literal["lbfgs", "adamw"] = "lbfgs"
    """lbfgs: logistic regression to convergence. It takes one step of the epoch counter, and each epoch's probe is the
    same estimator. adamw: epochs of AdamW; the probe is another estimator (30 iterations of L-BFGS, l2 = .001). The
    default is lbfgs, but adamw where a field is given that only adamw has, as in specs of older versions."""
    l2: Penalty = "auto"
    """Of lbfgs: l2 · (sum of squared weights) is added to the mean loss. auto: 1 / N_eff, where N_eff = (Σw)² / Σw²
    over the training images' class weights w; more where the fit would then have more than N_eff / 4 effective
    parameters for a class. So it is with many features, such as a ResNet's, and few images or a very rare class. There
    it is the l2 at which the fit has N_eff / 4 of them."""
    l2_rules: Rules = 2
    """Of `l2: auto`. 2: as said there. 1: always 1 / N_eff, as in searches of older versions."""
    class_weight: Literal["balanced", "none"] = "balanced"
    """Class weights of the loss: balanced gives each image of class c the weight N / (C · N_c), by the training counts.

    With adamw a batch's mean is divided by the sum of its own images' weights, as in PyTorch's cross-entropy. So a
    batch without minority images makes a whole step towards the majority, and the minority's share of a step is on
    average less than a half: .48 at 90:10 and .40 at 98:2, with batches of 64. lbfgs has no batches.
    """
    epochs: Annotated[Whole, Field(ge=1)] = 20
    """Of adamw: passes over the training images."""
    batch_size: Annotated[Whole, Field(ge=1)] = 64
    """Of adamw: images in a batch. Small, because steps are cheap and too few of them would underfit."""
    lr: Annotated[Real, Field(gt=0)] = 1e-2
    """Of adamw: the learning rate at its peak; a cosine takes it to 0."""
    weight_decay: Annotated[Real, Field(ge=0)] = 0.0
    """Of adamw: weight decay."""
    loss: Literal["cross_entropy", "focal"] = "cross_entropy"
    """Of adamw: cross-entropy, or the focal loss of Lin et al. 2017 (arXiv 1708.02002)."""
    focal_gamma: Annotated[Real, Field(ge=0)] = 2.0
    """Of the focal loss: its focusing parameter; 0 is cross-entropy."""
    augment: bool = False
    """Of adamw: learn from augmented images, whose features are computed again each epoch."""
    fine_tune: bool = False
    """true: when the linear classifier is fitted, train it and the encoder on together, which is then no longer frozen
    (Kumar et al. 2022, arXiv 2202.10054). The loss is the classifier's; optimizer, batches and augmentation are stage
    one's, with one view. The score is that of the fine-tuned encoder; rungs compare probes of the frozen one."""
    fine_tune_epochs: Annotated[Whole, Field(ge=1)] = 10
    """Of fine_tune: passes over the training images."""
    fine_tune_lr: Annotated[Real, Field(gt=0)] = 1e-4
    """Of fine_tune: the learning rate of encoder and classifier at its peak; a cosine takes it to 0."""

    @property
    def fit_steps(self) -> int:
        """How many steps of the epoch counter the fit of the classifier on the frozen encoder takes."""
        return 1 if self.solver == "lbfgs" else self.epochs

    @property
    def steps(self) -> int:
        """How many steps of the epoch counter stage two takes: the fit, and fine-tuning if it is on."""
        return self.fit_steps + (self.fine_tune_epochs if self.fine_tune else 0)

    @property
    def raises_l2(self) -> bool:
        """Whether a fit may take a larger penalty than 1 / N_eff, if its features ask for it."""
        return self.solver == "lbfgs" and self.l2 == "auto" and self.l2_rules == 2

    @property
    def ignored(self) -> dict[str, str]:
        """The fields that have no effect with these values, each with the setting that makes it useless."""
        untuned = {} if self.fine_tune else dict.fromkeys(OF_FINE_TUNING, "fine_tune: false")
        if self.solver == "lbfgs":
            given = {} if self.l2 == "auto" else {"l2_rules": "l2: a number"}
            return dict.fromkeys(OF_ADAMW, "solver: lbfgs") | given | untuned
        unused = {} if self.loss == "focal" else {"focal_gamma": "loss: cross_entropy"}
        return dict.fromkeys(OF_LBFGS, "solver: adamw") | unused | untuned

    @model_validator(mode="before")
    @classmethod
    def _as_meant_before_there_was_a_solver(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and "solver" not in given and any(name in given for name in OF_ADAMW):
            return {"solver": "adamw", **given}
        return given

    @model_validator(mode="after")
    def _gives_nothing_that_is_ignored(self) -> Self:
        for name, setting in self.ignored.items():
            if name in self.model_fields_set and getattr(self, name) != WITHOUT_EFFECT.get(name):
                raise InputError(
                    f"classifier.{name}: has no effect with classifier.{setting}; leave it out, "
                    f"or choose classifier.{_INSTEAD[setting]}"
                )
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_ignored(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # without fine-tuning, write the section as versions without this field wrote it
        ignored = {*self.ignored, *(() if self.fine_tune else ("fine_tune",))}
        return {name: value for name, value in dump(self).items() if name not in ignored}


# The sections of which some losses use no field or not every field.
SECTIONS_OF_LOSSES = (
    *("loss", "end_to_end", "cross_entropy", "focal", "logit_adjusted"),
    *("balanced_contrastive", "k_positive", "supervised_minority", "own_loss"),
    *("representation", "classifier"),
)


class TrialConfig(Config):
    """One trial, whole.

    Fields that the trial's loss does not use may not be given, and keep their defaults here (see `unused`).
    """

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    end_to_end: EndToEndConfig = EndToEndConfig()
    cross_entropy: CrossEntropyConfig = CrossEntropyConfig()
    focal: FocalConfig = FocalConfig()
    logit_adjusted: LogitAdjustedConfig = LogitAdjustedConfig()
    balanced_contrastive: BalancedContrastiveConfig = BalancedContrastiveConfig()
    k_positive: KPositiveConfig = KPositiveConfig()
    supervised_minority: SupervisedMinorityConfig = SupervisedMinorityConfig()
    own_loss: OwnLossParameters = Field(default_factory=dict)
    """Parameters of losses of your own, by the names of their functions: {my_loss: {margin: 0.3}}. What is not given
    has the function's default."""
    representation: RepresentationConfig = RepresentationConfig()
    classifier: ClassifierConfig = ClassifierConfig()
    seed: Seed = 0
    """Seed of initialisation, order and augmentation."""
    deterministic: bool = False
    """true: on a GPU use deterministic kernels only. Slower, but a trial repeats to the last digit."""

    @property
    def is_end_to_end(self) -> bool:
        """Whether the trial has one stage, in which the encoder and a linear classifier are trained together."""
        return self.loss.name in END_TO_END.values()

    @property
    def last_epoch(self) -> int:
        """The last epoch: stage one's epochs, then stage two's if there is one."""
        return self.representation.epochs + (0 if self.is_end_to_end else self.classifier.steps)

    @property
    def training(self) -> RepresentationConfig:
        """The settings for training the encoder: `representation`; end to end, with the loss's own lr and one view."""
        if not self.is_end_to_end:
            return self.representation
        own = {"lr": getattr(self, self.loss.name).lr}
        return self.representation.model_copy(update={**own, "views": 1})

    @property
    def tuning(self) -> RepresentationConfig:
        """The settings of fine-tuning: `representation` with fine-tuning's epochs and lr, one view and no warm-up."""
        own = {"epochs": self.classifier.fine_tune_epochs, "lr": self.classifier.fine_tune_lr}
        return self.representation.model_copy(update={**own, "views": 1, "warmup_epochs": 0})

    @property
    def passes(self) -> int:
        """How many times one epoch goes through the training images.

        With `match: passes` a loss that is trained end to end takes one round for each view of a contrastive loss; all
        other trials take one round.
        """
        return self.representation.views if self.is_end_to_end and self.end_to_end.match == "passes" else 1

    @property
    def unused(self) -> dict[str, Any]:
        """The fields that the loss does not use, to leave out in writing: `model_dump(exclude=config.unused)`."""
        return unused_with(self.loss.name)

    @field_validator(*SECTIONS_OF_LOSSES)
    @classmethod
    def _is_used(cls, given: Any, known: ValidationInfo) -> Any:
        so_far: dict[str, Any] = known.data | {str(known.field_name): given}
        if (loss := so_far.get("loss")) is None:  # the loss itself is invalid
            return given
        # `model` was checked before `loss` was known, so its fields are checked here
        here = {str(known.field_name)} | ({"model"} & so_far.keys() if known.field_name == "loss" else set())
        for path in ignored_with(loss.name):
            section, _, name = path.partition(".")
            if section in here and _differs(so_far[section], name):
                raise InputError(f"{path}: has no effect with loss.name: {loss.name}; leave it out")
        for path in (f"own_loss.{name}." for name in so_far.get("own_loss", ())):
            if is_ignored(path, loss.name):
                name = loss.name.partition(MARK)[0]
                raise InputError(f"{path[:-1]}: has no effect with loss.name: {name}; leave it out")
        return given


def _differs(given: Any, name: str) -> bool:
    """Whether the field `name` of the section `given` differs from its default; with an empty `name`, any field."""
    default = type(given)()
    return bool(getattr(given, name) != getattr(default, name)) if name else given != default
