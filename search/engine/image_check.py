"""Check that the encoders of a search can take the images."""

from spaces.ranges import Choice
from spaces.spec import SearchSpec
from trainers.data.arrays import TrialData
from trainers.models import refuse_small_images


def check_images(spec: SearchSpec, data: TrialData) -> None:
    """Raise InputError if the images are too small for an encoder that a trial may have."""
    searched = spec.space.get("model.encoder")
    encoders = {spec.model.encoder, *(searched.values if isinstance(searched, Choice) else ())}
    for encoder in sorted(map(str, encoders)):
        refuse_small_images(spec.model.model_copy(update={"encoder": encoder}), data.train.images.shape)
