"""What a confirmation leaves in MLflow: the verdict on the search's run, and the winner as a registered model."""

import json
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from search.cluster.ray_output import quiet
from search.evidence.evidence import TEST_METRICS, Evidence, in_words
from search.journal.history import Trial
from search.storage.fetch import bring_checkpoints
from search.storage.own_code import package_folder
from search.storage.provenance import versions
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from search.tracking.client import connect, default_store, in_one_line, tracking_uri
from search.tracking.delivery import NOTE, VERDICT, parent_run
from trainers.checkpoint import newest_checkpoint_path
from trainers.data.arrays import Images

if TYPE_CHECKING:
    from mlflow import MlflowClient

REQUIRED = ("torch", "torchvision", "numpy")  # by the model, which brings our own code with it


def publish(searched: SearchFolder, evidence: Evidence, example: Images, tell: Callable[[str], None] = print) -> str:
    """Log the verdict on the search's parent run and register the winner's model; a line that says what came of it.

    example: a few images as the model takes them. tell: that a model is being registered, which takes a while. MLflow
    being out of reach, or anything that it raises, is told in the line and spoils nothing: the verdict stands in the
    folder.
    """
    uri = tracking_uri(searched.spec(), searched.root)
    try:
        client = connect(uri)
        run = parent_run(searched, uri)
        if run is None:
            there = shown_uri(uri)
            return f"MLflow at {there} does not have the search yet: `{searched.hint('sync')}`, then confirm again"
        for name in TEST_METRICS:
            for summary in evidence.families[name].labels:
                if summary.mean is not None:
                    client.log_metric(run, f"confirmed_{name}/{summary.label}", summary.mean)
        client.set_tag(run, "verdict", "\n\n".join(in_words(evidence))[:5000])
        client.set_tag(run, NOTE, _described(client.get_run(run).data.tags, evidence))
        verdict = searched.confirmation(evidence.confirmation).verdict
        client.log_dict(run, json.loads(verdict.read_text(encoding="utf-8")), verdict.name)
        version = _registered(client, searched, evidence)
        if version is None:
            tell("registering the model with MLflow")
            version = _register(client, searched, evidence, run, uri, example)
    except Exception as error:  # MLflow raises whatever its store raises
        return f"MLflow took no verdict ({in_one_line(error)}); `{searched.hint('confirm')}` tries again"
    return f"model    models:/{searched.name}/{version}   (trial {evidence.best.trial}, for mlflow.pyfunc)"


def _described(tags: Mapping[str, str], evidence: Evidence) -> str:
    """The run's description, which MLflow shows first, with the verdict at its end; an older verdict goes."""
    before = tags.get(NOTE, "").partition(VERDICT)[0].rstrip()
    return f"{before}\n\n{VERDICT}\n\n" + "\n\n".join(in_words(evidence))


def best_run(confirmation: SearchFolder, evidence: Evidence) -> Trial:
    """The winning configuration's run that validates best: chosen without a look at the test split."""
    place = evidence.candidates.index(evidence.best)
    ranked = confirmation.history().ranked()
    return next(trial for trial in ranked if trial.number % len(evidence.candidates) == place)


def _registered(client: "MlflowClient", searched: SearchFolder, evidence: Evidence) -> str | None:
    """The version that was registered for this confirmation before."""
    found = client.search_model_versions(f"name = '{searched.name}'")
    wanted = _mark(searched, evidence)
    return next((str(one.version) for one in found if one.tags.get("confirmation") == wanted), None)


def _mark(searched: SearchFolder, evidence: Evidence) -> str:
    """What tells this confirmation from that of another search of the same name, an older one say."""
    return f"{searched.about()['id']} {evidence.confirmation}"


def _register(
    client: "MlflowClient", searched: SearchFolder, evidence: Evidence, run: str, uri: str, example: Images
) -> str:
    """Register the winning configuration's best run; the version."""
    confirmation = searched.confirmation(evidence.confirmation)
    best = best_run(confirmation, evidence)
    bring_checkpoints(confirmation, [best.number])
    weights = newest_checkpoint_path(confirmation.trial(best.number).checkpoints)
    if weights is None:
        raise FileNotFoundError(f"run {best.number} of {confirmation.name} has no checkpoint left")
    import mlflow  # seconds

    above = client.get_run(run)
    with quiet(searched.driver_log), default_store(uri), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about columns that might be missing at inference, which ours never are
        model = mlflow.initialize_logged_model(
            "winner", source_run_id=run, experiment_id=above.info.experiment_id, params=dict(above.data.params)
        )
        # as pyfunc.log_model does, but it asks for an active run: the search's would run again, and end when we do
        logged = mlflow.models.Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            run_id=run,
            model_id=model.model_id,
            python_model=str(package_folder("search") / "tracking" / "pyfunc_model.py"),
            artifacts={"weights": str(weights)},
            code_paths=[str(package_folder("trainers"))],
            input_example=example,
            registered_model_name=searched.name,
            pip_requirements=[f"{name}=={version}" for name, version in versions().items() if name in REQUIRED],
            metadata={
                "search": searched.name,
                "trial": evidence.best.trial,
                "confirmation": confirmation.name,
                "run": best.number,
                "look": confirmation.about()["provenance"]["data"].get("look"),
                **{name: best.epochs[best.epoch][name] for name in TEST_METRICS},
            },
        )
    version = str(logged.registered_model_version)
    client.set_model_version_tag(searched.name, version, "confirmation", _mark(searched, evidence))
    return version
