"""What a confirmation writes to MLflow: the verdict on the search's run, and the winner as a registered model."""

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from search.cluster.ray_output import quiet
from search.evidence.candidates import runs_of
from search.evidence.evidence import TEST_METRICS, Evidence, in_words
from search.evidence.ranking import ranking
from search.journal.history import Trial
from search.storage.fetch import bring_checkpoints
from search.storage.own_code import package_folder
from search.storage.provenance import versions
from search.storage.redact import shown_uri
from search.storage.search_folder import SearchFolder
from search.tracking.artifacts import log_values, refuse_a_place_of_the_servers
from search.tracking.client import connect, default_store, refuse_deleted_experiment, tracking_uri
from search.tracking.delivered import standing_parent_run
from search.tracking.description import summary
from search.tracking.names import LONGEST_TAG, Keys, cut
from search.tracking.refusals import Refusals
from search.tracking.runs import NOTE, VERDICT
from search.tracking.taking import Taker
from search.tracking.troubles import in_one_line
from spaces.own_parts import parts_of_trials
from trainers.checkpoint import newest_checkpoint_path
from trainers.data.arrays import Images
from trainers.own_parts import source_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient

REQUIRED = ("torch", "torchvision", "numpy")  # packages that the model needs besides our code, which is stored with it


@dataclass(frozen=True)
class Published:
    """What MLflow took of a confirmation, in words and as the model's address."""

    words: str  # a line for a person
    model: str | None = None  # models:/NAME/VERSION; None if MLflow did not take it


def publish(
    searched: SearchFolder, evidence: Evidence, example: Images, tell: Callable[[str], None] = print
) -> Published:
    """Log the verdict on the search's parent run and register the winner's model, unless it is registered already.

    If MLflow cannot be reached, or raises anything, the returned line says so. The verdict stays in the folder.

    Args:
        searched: the search that was confirmed.
        evidence: the confirmation's results.
        example: a few images [N, C, H, W], uint8, as an example of the model's input.
        tell: is called with messages for the user: about the store, about refused items, and before the model is
            registered, which takes a while.
    """
    uri, next_one = tracking_uri(searched.spec(), searched.root), "verdict"
    try:
        client = connect(uri, tell)
        run = standing_parent_run(searched, uri, client)
        if run is None:
            there = shown_uri(uri)
            mend = f"`{searched.hint('sync')}`, then confirm again"
            return Published(f"MLflow at {there} does not have the search yet: {mend}")
        _give_verdict(client, searched, evidence, run, uri, Refusals(searched.hint("confirm"), tell))
        next_one = "model"
        version = _registered(client, searched, evidence)
        if version is None:
            tell("registering the model with MLflow")
            refuse_a_place_of_the_servers(client, uri, run)
            version = _register(client, searched, evidence, run, uri, example)
    except Exception as error:  # MLflow raises whatever its store raises
        return Published(f"MLflow took no {next_one} ({in_one_line(error)}); `{searched.hint('confirm')}` tries again")
    model = f"models:/{searched.name}/{version}"
    return Published(f"model    {model}   (trial {evidence.best.trial}, for mlflow.pyfunc)", model)


def _give_verdict(
    client: "MlflowClient", searched: SearchFolder, evidence: Evidence, run: str, uri: str, refusals: Refusals
) -> None:
    """Write the confirmation's results to the search's run. What MLflow refuses is noted in `refusals`."""

    def alive() -> None:
        refuse_deleted_experiment(client.get_experiment(client.get_run(run).info.experiment_id), uri)

    taker = Taker(client, refusals, alive, time.sleep)
    means = {
        f"confirmed_{name}/{summary.label}": summary.mean
        for name in TEST_METRICS
        for summary in evidence.families[name].labels
        if summary.mean is not None
    }
    keys, confirmation = Keys(means), searched.confirmation(evidence.confirmation)
    at = confirmation.history().time  # a fixed time, so that MLflow sees a repeated value as the same value
    for name, mean in means.items():
        taker.attempt(run, "value", name, partial(client.log_metric, run, keys.of(name), mean, at))
    words = cut("\n\n".join(in_words(evidence)), LONGEST_TAG)
    taker.attempt(run, "tag", "the verdict", lambda: client.set_tag(run, "verdict", words))
    note = cut(_described(searched, evidence), LONGEST_TAG)
    taker.attempt(run, "tag", "the description", lambda: client.set_tag(run, NOTE, note))
    try:
        log_values(
            client, uri, run, json.loads(confirmation.verdict.read_text(encoding="utf-8")), confirmation.verdict.name
        )
    except Exception as error:  # every artifact store raises errors of its own
        refusals.add("artifact", f"the artifact {confirmation.verdict.name}", in_one_line(error))


def _described(searched: SearchFolder, evidence: Evidence) -> str:
    """The new description of the search's run, which MLflow shows first. It ends with this confirmation's verdict."""
    history = searched.history()
    told = summary(searched.spec(), history, searched.about(), ranking(searched, history))
    return "\n\n".join([told, VERDICT, *in_words(evidence)])


def best_run(confirmation: SearchFolder, evidence: Evidence) -> Trial:
    """Of the confirmation's runs of the winning configuration, the one with the best validation score.

    The test split plays no part in the choice.
    """
    place, history = evidence.candidates.index(evidence.best), confirmation.history()
    runs = runs_of(confirmation, history)
    return next(trial for trial in history.ranked() if runs[trial.number][0] == place)


def _registered(client: "MlflowClient", searched: SearchFolder, evidence: Evidence) -> str | None:
    """The model version that this confirmation registered before; None if there is none."""
    found = client.search_model_versions(f"name = '{searched.name}'")
    wanted = _mark(searched, evidence)
    return next((str(one.version) for one in found if one.tags.get("confirmation") == wanted), None)


def _mark(searched: SearchFolder, evidence: Evidence) -> str:
    """An id of this confirmation. Another search of the same name, such as a removed one, gives another id."""
    return f"{searched.about()['id']} {evidence.confirmation}"


def _own_sources(searched: SearchFolder) -> list[str]:
    """The source folders of the user's own encoders and losses, to store with the model.

    Whoever loads the model may not have them.
    """
    return sorted({str(source_folder(name.partition(":")[0])) for _, name in parts_of_trials(searched.spec())})


def _register(
    client: "MlflowClient", searched: SearchFolder, evidence: Evidence, run: str, uri: str, example: Images
) -> str:
    """Register the best run of the winning configuration as a model; return the model's version."""
    confirmation = searched.confirmation(evidence.confirmation)
    best = best_run(confirmation, evidence)
    bring_checkpoints(confirmation, [best.number])
    weights = newest_checkpoint_path(confirmation.trial(best.number).checkpoints)
    if weights is None:
        raise FileNotFoundError(f"run {best.number} of {confirmation.name} has no checkpoint left")
    import mlflow  # imported only here: it takes seconds

    above = client.get_run(run)
    with quiet(searched.driver_log), default_store(uri), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow warns of columns that may be missing at inference; ours never are
        model = mlflow.initialize_logged_model(
            "winner", source_run_id=run, experiment_id=above.info.experiment_id, params=dict(above.data.params)
        )
        # not pyfunc.log_model, which needs an active run: it would set the search's run to running and then end it
        logged = mlflow.models.Model.log(
            artifact_path=None,
            flavor=mlflow.pyfunc,
            run_id=run,
            model_id=model.model_id,
            python_model=str(package_folder("search") / "tracking" / "pyfunc_model.py"),
            artifacts={"weights": str(weights)},
            code_paths=[str(package_folder("trainers")), *_own_sources(searched)],
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
