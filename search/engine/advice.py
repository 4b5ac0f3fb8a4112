"""Remarks on a search before it starts. None of them stops it."""

from collections.abc import Iterator

from search.cluster.slots import slots_on
from spaces.checks import bounds
from spaces.sections import ResourcesConfig
from spaces.spec import SearchSpec
from trainers.data.arrays import TrialData


def remarks(spec: SearchSpec, data: TrialData, missing_test: str | None) -> Iterator[str]:
    """Remarks on a spec and its data, a sentence each; none if all is as usual.

    `missing_test` says how to give the data a test split; None if they have one.
    """
    from trainers.compute.devices import gpu_count  # imported only here: torch takes a second

    gpus, images = gpu_count(), len(data.train)
    gpus_alone = spec.resources.model_copy(update={"cpus": 0.0})
    if spec.resources.gpus > 0 and slots_on(gpus_alone, [{"GPU": gpus}]) == 0:
        yield _too_few_gpus(spec.resources, gpus)
    least, most = bounds(spec, "representation.batch_size")
    if most > images:
        size = f"up to {most}" if least < most else str(most)
        yield f"representation.batch_size is {size}, but {images} images train: each batch holds all of them"
    yield from data.remarks
    if missing_test is not None:
        yield no_test_split(missing_test)


def no_test_split(mend: str) -> str:
    """The remark that the data have no test split. `mend` says how to give them one."""
    return f"no test split: `afcl confirm` will not be possible; to have one, {mend}"


def _too_few_gpus(resources: ResourcesConfig, gpus: int) -> str:
    has = "no GPU" if gpus == 0 else f"{gpus} GPU{'s' if gpus > 1 else ''}, and a trial needs {resources.workers}"
    return f"this machine has {has}: the search needs a cluster that has, or resources.gpus=0"
