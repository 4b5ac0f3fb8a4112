"""One trial, start to finish: an encoder is trained with a contrastive loss, then a linear classifier on its features.

The encoder is frozen in stage two, except with `classifier.fine_tune`: then encoder and classifier are trained
together at the end.

A trial whose loss is trained end to end has one stage instead, for encoder and linear head together. Its epochs are
counted, validated, saved and resumed like those of stage one, and each of its checkpoints can classify.
"""

import time
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from trainers.checkpoint import Checkpoint, on_host
from trainers.compute.data_parallel import ALONE, Group
from trainers.compute.devices import is_out_of_memory, refuse_missing, with_index
from trainers.compute.precision import arithmetic
from trainers.config import TrialConfig
from trainers.contrastive_loss import contrastive_loss
from trainers.data.arrays import TrialData
from trainers.data.transforms.augment import Normaliser
from trainers.errors import DivergedError, InputError, OutOfMemory
from trainers.gpu_memory import out_of_memory
from trainers.models import LinearClassifier, refuse_small_images
from trainers.older_configs import as_meant_then
from trainers.optimizers import load_state
from trainers.parsing import parse
from trainers.seeds import generator
from trainers.stages import classifier as stage_two
from trainers.stages import end_to_end, fine_tuning
from trainers.stages import representation as stage_one
from trainers.stages.alignment import alignment_metrics
from trainers.stages.batches import DeviceSplit, to_device
from trainers.stages.class_measures import class_measures
from trainers.stages.logistic import class_shares, fit_logistic
from trainers.stages.metrics import evaluate, recalls
from trainers.stages.penalty import least_penalty, raised_penalty
from trainers.stages.probe import fit_probe, probe_rows
from trainers.trial_result import TrialResult, result_of


class Reporter(Protocol):
    """A function that takes a trial's metrics after each epoch."""

    def __call__(self, step: int, metrics: Mapping[str, float]) -> None:
        """Take the metrics of one epoch. An exception that is raised here ends the trial."""


def run_trial(
    config: TrialConfig,
    data: TrialData,
    report: Reporter,
    resume: Checkpoint | None = None,
    *,
    save: Callable[[Checkpoint], object] = lambda checkpoint: None,
    device: torch.device | None = None,
    group: Group = ALONE,
) -> TrialResult:
    """Run a trial, or what is left of it after the checkpoint `resume`.

    Each epoch is saved first and then reported, so a trial can always continue from the last epoch that it reported. A
    resumed trial reports its checkpoint's epoch again, because the first report may never have arrived. On a CPU, with
    the same number of threads, a resumed trial reports the same numbers as an uninterrupted one, to the bit.

    `device` is None for the CPU. Several workers of one trial (`group`) all call this function, with the same `config`,
    `data` and `resume`; see trainers.launch.multi_worker. They report what one worker would report, up to rounding.

    Raises:
        DivergedError: a loss or a feature is no longer finite.
        OutOfMemory: the GPU's memory is too small for the trial.
        InputError: `resume` is a checkpoint of another configuration or of other data, or the configuration asks for
            something that the device does not have.
    """
    device = with_index(device or torch.device("cpu"))
    refuse_missing(config, device, group.size)
    try:
        return _run(config, data, report, resume, save, device, group)
    except torch.cuda.OutOfMemoryError as error:
        said = str(error)
    except RuntimeError as error:
        if not is_out_of_memory(error, device):
            raise
        raise OutOfMemory(f"{str(error).splitlines()[0]}; take a smaller representation.batch_size or chunk") from None
    # outside the except block, so that the error's frames no longer hold tensors, which would spoil the measuring
    raise OutOfMemory(out_of_memory(config, data, device, said, group.size))


def _run(
    config: TrialConfig,
    data: TrialData,
    report: Reporter,
    resume: Checkpoint | None,
    save: Callable[[Checkpoint], object],
    device: torch.device,
    group: Group,
) -> TrialResult:
    with arithmetic(deterministic=config.deterministic):
        trial = _Trial(config, data, report, save, device, group)
        if resume is not None:
            trial.go_on_from(resume)
        if config.is_end_to_end:
            trial.train_end_to_end()
        else:
            trial.train_representation()
            trial.train_classifier()
        return trial.result()


class _Trial:
    """The networks and numbers that a trial keeps from epoch to epoch."""

    def __init__(
        self,
        config: TrialConfig,
        data: TrialData,
        report: Reporter,
        save: Callable[[Checkpoint], object],
        device: torch.device,
        group: Group,
    ) -> None:
        self.config, self.data, self.report, self.save, self.device = config, data, report, save, device
        self.group = group
        classes = len(data.class_names)
        self.train = to_device(data.train, classes, device)
        self.validation = to_device(data.validation, classes, device)
        self.normalise = Normaliser.of(self.train.images, device)
        channels = self.train.images.shape[1]
        refuse_small_images(config.model, self.train.images.shape)
        self.classifier: LinearClassifier | None = None
        self.classifier_optimizer: torch.optim.Optimizer | None = None
        self.representation: stage_one.Representation | None = None
        self.network: end_to_end.EndToEnd | None = None
        self.tuned: end_to_end.EndToEnd | None = None  # encoder and classifier during fine-tuning; else None
        if config.is_end_to_end:
            self.network = end_to_end.new_network(
                config.model, config.training, channels, classes, config.seed, device, group
            )
            self.classifier, self.classifier_optimizer = self.network.head, self.network.optimizer
            self.encoder = self.network.encoder
        else:
            self.representation = stage_one.new_representation(
                config.model, config.representation, channels, config.seed, device, group
            )
            self.encoder = self.representation.encoder
        self.probe_rows = probe_rows(
            self.train.labels, len(data.validation), config.representation, generator(config.seed, "probe")
        )
        self.shares = class_shares(self.train.labels, classes, config.classifier)
        self.least_l2 = self.l2 = least_penalty(self.train.labels, classes, config.classifier)
        self.whole_probe: LinearClassifier | None = None  # of the last epoch, if it learnt from all training images
        self.epoch = 0
        self.metrics: dict[str, float] = {}
        self.validation_metrics: dict[str, float] = {}
        self.validation_logits = torch.zeros(0, classes)  # [N, classes], of the last validation
        self.seconds = {"representation_seconds": 0.0, "classifier_seconds": 0.0}
        self.confusion = torch.zeros(classes, classes, dtype=torch.int64)

    def train_end_to_end(self) -> None:
        """Run the only stage, or what is left of it. Each epoch validates the head itself, so no probe is fitted."""
        assert self.network is not None, "the trial has one stage"
        config, loss = self.config.training, end_to_end.loss_of(self.config, self.train)
        for epoch in range(self.epoch + 1, config.epochs + 1):
            metrics = end_to_end.train_one_epoch(
                self.network, self.train, self.normalise, loss, config, epoch, self.config.passes, self.config.seed
            )
            started = time.perf_counter()
            self._validate(self.network.head, self._features(self.validation))
            metrics["probe_seconds"] = time.perf_counter() - started
            self._end_epoch(epoch, metrics, "representation_seconds")

    def train_representation(self) -> None:
        """Run stage one, or what is left of it."""
        if self.tuned is not None:  # resumed during fine-tuning
            return
        assert self.representation is not None, "the trial has two stages"
        config, loss = self.config.representation, contrastive_loss(self.config)
        for epoch in range(self.epoch + 1, config.epochs + 1):
            metrics = stage_one.train_one_epoch(
                self.representation, self.train, self.normalise, loss, config, epoch, self.config.seed
            )
            started = time.perf_counter()
            probe = self._fitted(self.probe_rows)
            self._validate(probe, self._features(self.validation))
            self.whole_probe = probe if self.probe_rows is None else None
            if config.alignment:
                metrics |= self._alignment()
            metrics["probe_seconds"] = time.perf_counter() - started
            self._end_epoch(epoch, metrics, "representation_seconds")

    def _fitted(self, rows: Tensor | None) -> LinearClassifier:
        """A probe, fitted to the training images `rows`; None: to all. With lbfgs it is also stage two's classifier."""
        labels, classes = self.train.labels if rows is None else self.train.labels[rows], self.train.classes
        features = self._features(self.train, rows)
        if self.config.classifier.solver == "adamw":
            return fit_probe(features, labels, classes)
        weights = self.shares / torch.bincount(labels.cpu(), minlength=classes)
        if self.config.classifier.raises_l2:
            self.l2 = raised_penalty(features, labels, classes, self.least_l2, weights)
        return fit_logistic(features, labels, classes, self.l2, weights)

    def train_classifier(self) -> None:
        """Run stage two, or what is left of it."""
        if self.epoch < self._fitted_at:
            if self.config.classifier.solver == "adamw":
                self._train_by_adamw()
            else:
                self._fit_classifier()
        if self.config.classifier.fine_tune:
            self._fine_tune()

    @property
    def _fitted_at(self) -> int:
        """The epoch that ends the fit of the classifier on the frozen encoder."""
        return self.config.representation.epochs + self.config.classifier.fit_steps

    def _fine_tune(self) -> None:
        """Run all epochs of fine-tuning, or those that are left after a resume."""
        config, past = self.config.tuning, self._fitted_at
        loss = fine_tuning.loss_of(
            self.config.classifier, self.train, balanced_batches=self.config.representation.balanced_batches
        )
        network = self.tuned or self._begin_fine_tuning()
        for epoch in range(self.epoch - past + 1, config.epochs + 1):
            metrics = end_to_end.train_one_epoch(
                network, self.train, self.normalise, loss, config, epoch, 1, self.config.seed
            )
            self._validate(network.head, self._features(self.validation))
            self._end_epoch(past + epoch, metrics, "classifier_seconds")

    def _begin_fine_tuning(self) -> end_to_end.EndToEnd:
        assert self.classifier is not None, "the classifier is fitted first"
        self.representation = None  # from here the workers share gradients in the new network instead
        self.tuned = fine_tuning.network_of(
            self.encoder, self.classifier, self.config.model, self.config.tuning, self.device, self.group
        )
        self.classifier_optimizer = self.tuned.optimizer
        return self.tuned

    def _fit_classifier(self) -> None:
        """Stage two in one step: the last probe if it learnt from all training images, else a new fit to all."""
        started = time.perf_counter()
        self.classifier = self.whole_probe
        if self.classifier is None:
            self.classifier = self._fitted(None)
            self._validate(self.classifier, self._features(self.validation))
        metrics = {"classifier_l2": self.l2, "epoch_seconds": time.perf_counter() - started}
        self._end_epoch(self.epoch + 1, metrics, "classifier_seconds")

    def _train_by_adamw(self) -> None:
        config, past = self.config.classifier, self.config.representation.epochs
        features, validation = self._features(self.train), self._features(self.validation)
        if self.classifier is None or self.classifier_optimizer is None:
            self.classifier, self.classifier_optimizer = stage_two.new_classifier(features, self.train.classes, config)
        for epoch in range(self.epoch - past + 1, config.epochs + 1):
            if config.augment:
                features = self._augmented_features(epoch)
            metrics = stage_two.train_one_epoch(
                self.classifier, self.classifier_optimizer, features, self.train, config, epoch, self.config.seed
            )
            self._validate(self.classifier, validation)
            self._end_epoch(past + epoch, metrics, "classifier_seconds")

    def _features(self, split: DeviceSplit, rows: Tensor | None = None) -> Tensor:
        return stage_two.encode(
            self.encoder, split.images, self.normalise, rows=rows, group=self.group, at_once=self._at_once
        )

    @torch.no_grad()
    def _alignment(self) -> dict[str, float]:
        """The metrics of `alignment_metrics`, by name. They use the same augmented views at each epoch."""
        assert self.representation is not None, "the trial has two stages"
        draws, head = generator(self.config.seed, "alignment"), self.representation.projection
        augment = self.config.representation.augment

        def embed(rows: Tensor) -> Tensor:
            images = self.validation.images
            features = stage_two.encode(
                self.encoder, images, self.normalise, augment, draws, rows, self.group, self._at_once
            )
            unit_rows: Tensor = head(features)
            return unit_rows

        return alignment_metrics(embed, self.validation.labels, self.data.class_names, draws)

    @property
    def _at_once(self) -> int:
        return stage_two.images_at_once(self.config.training, self.device)

    def _augmented_features(self, epoch: int) -> Tensor:
        draws = generator(self.config.seed, "classifier images", epoch)
        return stage_two.encode(
            self.encoder,
            self.train.images,
            self.normalise,
            self.config.representation.augment,
            draws,
            group=self.group,
            at_once=self._at_once,
        )

    @torch.no_grad()
    def _validate(self, classifier: LinearClassifier, features: Tensor) -> None:
        logits = self.validation_logits = classifier(features)
        if not torch.isfinite(logits).all():  # of a network that diverged; a fitted probe is always finite
            raise DivergedError("the encoder's features, or what the head makes of them, are no longer finite")
        scores, self.confusion = evaluate(logits, self.validation.labels)
        by_class = zip(self.data.class_names, recalls(self.confusion).tolist(), strict=True)
        self.validation_metrics = {f"val_{name}": value for name, value in scores.items()} | {
            f"val_recall/{name}": value for name, value in by_class
        }

    def _end_epoch(self, epoch: int, metrics: dict[str, float], stage: str) -> None:
        self.seconds[stage] += metrics["epoch_seconds"] + metrics.get("probe_seconds", 0.0)
        # the score comes first, because MLflow's compare page opens on the first metric
        self.epoch, self.metrics = epoch, self.validation_metrics | metrics | self.seconds
        if epoch == self.config.last_epoch:  # written at every epoch, these would be most of the journal
            told = class_measures(self.validation_logits, self.validation.labels, self.data.class_names)
            self.metrics |= {f"val_{name}": value for name, value in told.items()}
        self.save(self._checkpoint())
        self.report(epoch, self.metrics)

    def _checkpoint(self) -> Checkpoint:
        optimizer, projection = self.classifier_optimizer, None
        if self.classifier is None and self.representation is not None:  # in stage one
            optimizer, projection = self.representation.optimizer, self.representation.projection
        return Checkpoint(
            epoch=self.epoch,
            metrics=self.metrics,
            confusion=self.confusion,
            config=self.config.model_dump(mode="json", exclude=self.config.unused),
            fingerprint=self.data.fingerprint,
            class_names=list(self.data.class_names),
            pixel_mean=self.normalise.mean.cpu(),
            pixel_std=self.normalise.std.cpu(),
            look=None if self.data.look is None else dict(self.data.look),
            **on_host(
                {
                    "encoder": self.encoder.state_dict(),
                    "projection": None if projection is None else projection.state_dict(),
                    "classifier": self.classifier.state_dict() if self.classifier is not None else None,
                    "optimizer": {} if optimizer is None else optimizer.state_dict(),
                }
            ),
        )

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        # parsed, so that an older config gets the defaults of newer fields
        if parse(TrialConfig, as_meant_then(checkpoint.config), "the checkpoint") != self.config:
            raise InputError("the checkpoint to go on from was written by a trial of another configuration")
        if checkpoint.fingerprint != self.data.fingerprint:
            raise InputError("the checkpoint to go on from was written by a trial on other data")
        self.epoch, self.metrics, self.confusion = checkpoint.epoch, checkpoint.metrics, checkpoint.confusion
        self.seconds = {stage: checkpoint.metrics[stage] for stage in self.seconds}
        self.encoder.load_state_dict(checkpoint.encoder)
        if self.network is not None:
            assert checkpoint.classifier is not None, "a checkpoint of the one stage has its head"
            self.network.head.load_state_dict(checkpoint.classifier)
            load_state(self.network.optimizer, checkpoint.optimizer)
        elif checkpoint.classifier is None:
            assert self.representation is not None, "the trial has two stages"
            assert checkpoint.projection is not None, "a checkpoint of stage one has its projection head"
            self.representation.projection.load_state_dict(checkpoint.projection)
            load_state(self.representation.optimizer, checkpoint.optimizer)
        else:
            self.classifier, optimizer = stage_two.new_classifier(
                torch.zeros(1, self.encoder.feature_dim, device=self.device),
                self.train.classes,
                self.config.classifier,
            )
            self.classifier.load_state_dict(checkpoint.classifier)
            if self.epoch > self._fitted_at:
                load_state(self._begin_fine_tuning().optimizer, checkpoint.optimizer)
            elif self.config.classifier.solver == "adamw":
                load_state(optimizer, checkpoint.optimizer)
                self.classifier_optimizer = optimizer
        self.report(self.epoch, self.metrics)

    def result(self) -> TrialResult:
        return result_of(self._checkpoint(), self.device)
