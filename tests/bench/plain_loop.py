"""A two-stage trial as the public SupCon scripts write one, to hold ours against: written anew, plainly.

Stage one: a DataLoader with workers, two augmented crops of each image by torchvision's transforms on PIL images, the
supervised contrastive loss (Khosla et al. 2020, L_out) as its formula stands, AdamW with a cosine per step. Stage two:
a linear classifier, for which the frozen encoder runs again over augmented images in every epoch, and over the
validation images to score it. No probe, and one checkpoint at the end of each stage.

Networks, lengths, batch sizes, learning rates and the ranges of augmentation are those of the trial it is held against.
"""

import math
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from trainers.config import AugmentConfig, TrialConfig
from trainers.data import Split, TrialData
from trainers.data.transforms.augment import ASPECT
from trainers.models import build_encoder, build_projection


class TwoCrops:
    """Two random changes of one image."""

    def __init__(self, change: transforms.Compose) -> None:
        self.change = change

    def __call__(self, image: Image.Image) -> list[Tensor]:
        return [self.change(image), self.change(image)]


class Images(Dataset):
    """Images of a split, changed one at a time."""

    def __init__(self, split: Split, change) -> None:
        self.arrays = np.ascontiguousarray(split.images.transpose(0, 2, 3, 1))
        if self.arrays.shape[-1] == 1:
            self.arrays = self.arrays[..., 0]
        self.labels, self.change = split.labels, change

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        return self.change(Image.fromarray(self.arrays[index])), int(self.labels[index])


def changes(config: AugmentConfig, split: Split, *, at_random: bool) -> transforms.Compose:
    """torchvision's usual transforms, with the ranges of ours."""
    pixels = split.images / 255
    normalise = transforms.Normalize(pixels.mean((0, 2, 3)).tolist(), pixels.std((0, 2, 3)).tolist())
    random = [
        transforms.RandomResizedCrop(split.images.shape[-1], (config.crop_scale, 1.0), (1 / ASPECT, ASPECT)),
        transforms.RandomHorizontalFlip(config.flip),
        transforms.ColorJitter(config.brightness, config.contrast),
    ]
    return transforms.Compose([*(random if at_random else []), transforms.ToTensor(), normalise])


def supcon_loss(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """L_out of Khosla et al. 2020: minus the mean log p of an anchor's positives; the mean over anchors."""
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = (labels.unsqueeze(1) == labels) & ~itself
    logits = (z @ z.T / temperature).masked_fill(itself, -torch.inf)
    log_p = (logits - logits.logsumexp(1, keepdim=True)).masked_fill(itself, 0)
    return -((log_p * positive).sum(1) / positive.sum(1)).mean()


def plain_trial(config: TrialConfig, data: TrialData, seed: int, workers: int, device: torch.device) -> float:
    """Run both stages; the balanced accuracy on the validation images after the last epoch."""
    torch.manual_seed(seed)
    one, two = config.representation, config.classifier
    encoder = build_encoder(config.model, data.train.images.shape[1], seed)
    projection = build_projection(config.model, encoder.feature_dim, seed)
    random = changes(one.augment, data.train, at_random=True)
    still = changes(one.augment, data.train, at_random=False)
    pairs = DataLoader(Images(data.train, TwoCrops(random)), one.batch_size, shuffle=True, num_workers=workers)
    singles = DataLoader(Images(data.train, random), two.batch_size, shuffle=True, num_workers=workers)
    validation = DataLoader(Images(data.validation, still), 256, num_workers=workers)

    network = nn.ModuleList([encoder, projection]).to(device)
    optimizer, schedule = _adamw(network, one.lr, one.weight_decay, one.epochs * len(pairs))
    for _ in range(one.epochs):
        for crops, labels in pairs:
            z = projection(encoder(torch.cat(crops).to(device)))
            optimizer.zero_grad()
            supcon_loss(z, labels.repeat(2).to(device), config.loss.temperature).backward()
            optimizer.step()
            schedule.step()
    torch.save(network.state_dict(), BytesIO())

    encoder.eval()
    classes, score = len(data.class_names), math.nan
    classifier = nn.Linear(encoder.feature_dim, classes).to(device)
    counts = torch.bincount(torch.tensor(data.train.labels), minlength=classes)
    weights = (len(data.train.labels) / (classes * counts.float())).to(device)  # as ours weighs its classes
    optimizer, schedule = _adamw(classifier, two.lr, two.weight_decay, two.epochs * len(singles))
    for _ in range(two.epochs):
        for images, labels in singles:
            with torch.no_grad():
                features = encoder(images.to(device))
            optimizer.zero_grad()
            functional.cross_entropy(classifier(features), labels.to(device), weights).backward()
            optimizer.step()
            schedule.step()
        score = balanced_accuracy(encoder, classifier, validation, classes, device)
    torch.save(classifier.state_dict(), BytesIO())
    return score


def _adamw(network: nn.Module, lr: float, decay: float, steps: int):
    optimizer = torch.optim.AdamW(network.parameters(), lr, weight_decay=decay)
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)


@torch.no_grad()
def balanced_accuracy(encoder: nn.Module, classifier: nn.Module, validation: DataLoader, classes: int, device) -> float:
    """Mean recall over the classes."""
    right, all_of = torch.zeros(classes), torch.zeros(classes)
    for images, labels in validation:
        predicted = classifier(encoder(images.to(device))).argmax(1).cpu()
        all_of += torch.bincount(labels, minlength=classes)
        right += torch.bincount(labels[predicted == labels], minlength=classes)
    return float((right / all_of).mean())
