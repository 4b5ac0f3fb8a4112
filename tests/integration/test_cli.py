"""Every word of the command line, spoken as a user would, and the exit codes of searches that end in every way."""

import hashlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

import jsonschema
import pytest
import torch
import yaml
from consoles import screen
from PIL import Image
from typer.main import get_command

from search.cli import app
from search.display import tables
from search.engine import plan
from search.exports.export import read_export
from search.journal.labels import values_of
from search.storage.search_folder import SearchFolder
from spaces.spec import READY, load_spec, ready_names
from trainers.data import load

DONE, NOTHING_FINISHED, BAD_INPUT, BAD_ENVIRONMENT, INTERRUPTED = 0, 1, 2, 3, 130
AFCL = str(Path(sys.executable).with_name("afcl"))
NAME = "Finished.1"  # of the search that ran once for all tests


def done(result: subprocess.CompletedProcess[str]) -> str:
    """What a command printed that did what was asked, and had nothing to complain of."""
    assert result.returncode == DONE, result.stderr
    assert not result.stderr
    return result.stdout


# looking at a search


@pytest.mark.slow
def test_list_has_a_row_for_every_search(typed, mine):
    printed = done(typed("list"))
    assert re.search(rf"{re.escape(NAME)}\s+done\s+\d+ finished, \d+ stopped\s+0\.\d{{4}}", printed)
    (row,) = json.loads(done(typed("list", "--json")))
    assert row["name"] == NAME
    assert row["trials"] == 10


def test_list_and_show_say_how_far_a_search_is(typed, told):
    assert re.search(r"begun\s+interrupted\s+0 of 7 ended, 1 begun", done(typed("list", results=told)))
    printed = done(typed("show", "begun", results=told))
    assert printed.startswith("begun: interrupted, 0 of 7 ended, 1 begun\n")
    assert "pending" not in printed + done(typed("explain", "begun", "0", results=told))
    assert json.loads(done(typed("show", "begun", "--json", results=told)))["planned"] == 7
    rows = {row["name"]: row for row in json.loads(done(typed("list", "--json", results=told)))}
    assert {name: row["planned"] for name, row in rows.items()} == {"begun": 7, "told": 7}
    with (told / "begun" / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "extended", "time": 1, "up": 0, "trials": 2}\n')
    assert "0 of 9 ended" in done(typed("list", results=told))


def test_a_spent_time_budget_is_worded_as_the_search_itself_words_it(typed, told):
    journal = told / "begun" / "journal.jsonl"
    journal.write_text(journal.read_text().replace('"interrupted"', '"max_hours"'))
    for word in ("list", "show begun"):
        assert "the time budget is spent" in done(typed(*word.split(), results=told))
    assert json.loads(done(typed("show", "begun", "--json", results=told)))["state"] == "max_hours"


def test_list_says_how_to_begin_where_there_is_nothing(typed, tmp_path):
    assert "start one with `afcl search demo`" in done(typed("list"))
    assert json.loads(done(typed("list", "--json"))) == []
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_show_json_has_the_keys_of_the_contract(typed, mine, finished):
    shown = json.loads(done(typed("show", NAME, "--json")))
    assert set(shown) == {"name", "state", "data", "planned", "trials"}
    assert shown["planned"] == 10
    assert (shown["name"], shown["state"]) == (NAME, "done")
    for one in shown["trials"]:
        trial = finished.history.trials[one["id"]]
        assert set(one) == {"id", "family", "state", "epoch", "score", "reason", "rung", "config"}
        assert (one["state"], one["epoch"], one["score"]) == (trial.state, trial.epoch, trial.score)
        assert (one["reason"] is None) == (one["score"] is not None) == (trial.state == "finished")
        assert {"loss.eta", "loss.gamma", "loss.temperature"} <= set(one["config"])


def rows_of_all_trials(printed: str) -> list[str]:
    """The rows of `show`'s last table."""
    return printed.split("all trials")[1].split("\n\n")[0].splitlines()[2:]


def without_space(text: str) -> str:
    return "".join(text.split())


def test_show_has_every_trial_in_a_row_of_its_own_even_in_a_narrow_terminal(told):
    folder, screen_ = SearchFolder(told / "told"), screen(80)
    history = folder.history()
    for part in tables.overview(folder, history, screen_.width):
        screen_.print(part, markup=False, highlight=False, no_wrap=isinstance(part, str))
    printed = re.sub(r"\x1b\[[0-9;]*m", "", screen_.file.getvalue())
    rows = rows_of_all_trials(printed)
    assert [int(row.split()[0]) for row in rows] == list(history.trials)
    for trial, row in zip(history.trials.values(), rows, strict=True):
        assert trial.state in row
        assert values_of(trial) in row, "the reason gives way to the values"
    assert "reasons: `afcl explain told TRIAL --results" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_a_pipe_is_given_tables_whole(afcl, told):
    trials = SearchFolder(told / "told").history().trials.values()
    for trial, row in zip(trials, rows_of_all_trials(done(afcl("show", "told", results=told))), strict=True):
        assert row.rstrip().endswith(trial.reason or values_of(trial))


def test_list_says_data_that_all_searches_share_once(typed, told):
    printed = done(typed("list", results=told))
    assert printed.count("Digits") == 1
    assert max(map(len, printed.splitlines())) <= 80
    about = told / "begun" / "search.json"
    about.write_text(about.read_text().replace("Digits 3, 8, 9", "Digits 3, 8, 7"))
    assert done(typed("list", results=told)).count("Digits") == 2


def test_show_watch_ends_with_the_search(typed, told):
    assert "told: done" in done(typed("show", "told", "--watch", results=told))


@pytest.mark.slow
def test_explain_tells_what_was_decided_about_each_kind_of_trial(typed, mine, finished):
    history = finished.history
    stopped = history.in_state("stopped")[0]
    explained = done(typed("explain", NAME, str(stopped.number)))
    assert f"below the cutoff {stopped.decisions[-1].cutoff:.4f}" in explained
    assert "it would have needed" in explained
    assert f"stopped at epoch {stopped.epoch} of 9" in explained
    for trial in history.ranked():
        explained = done(typed("explain", NAME, str(trial.number)))
        assert f"finished at epoch 9 with val_balanced_accuracy {trial.score:.4f}" in explained
        assert ("a baseline, which is never stopped" in explained) == trial.baseline
    assert "a baseline, which is never stopped" in done(typed("explain", NAME, "0"))


@pytest.mark.slow
def test_logs_show_where_a_trial_ran(typed, mine):
    assert re.search(r"pid \d+ on cpu, 1 threads", done(typed("logs", NAME, "0")))


def test_logs_that_are_not_there_or_empty_say_so(typed, told):
    folder = SearchFolder(told / "told")
    assert "trial 0 has no log yet" in done(typed("logs", "told", "0", results=told))
    assert "search told has no log yet" in done(typed("logs", "told", results=told))
    for log, words, said in (
        (folder.driver_log, ["told"], "nothing to tell: Ray had no complaint"),
        (folder.trial(0).log, ["told", "0"], "trial 0 printed nothing"),
    ):
        log.parent.mkdir(parents=True, exist_ok=True)
        log.touch()
        assert said in done(typed("logs", *words, results=told))
        assert json.loads(done(typed("logs", *words, "--json", results=told)))["log"] == ""


@pytest.mark.slow
def test_the_report_needs_no_network(typed, mine):
    path = Path(done(typed("report", NAME)).strip())
    assert path == mine.report
    page = re.sub(r"<script[^>]*>.*?</script>", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert not re.search(r"<script[^>]*\bsrc", path.read_text()[:100_000])
    assert "<h2>Leaderboard</h2>" in page
    assert "Digits" in page


@pytest.mark.slow
def test_sync_after_a_finished_search_has_nothing_to_deliver(typed, finished, root):
    assert done(typed("sync", NAME, results=root)).startswith("delivered 0 events")


@pytest.mark.slow
def test_resume_of_a_finished_search_changes_nothing(typed, mine):
    before = mine.journal.read_bytes()
    assert "there is nothing left to run" in done(typed("resume", NAME))
    assert mine.journal.read_bytes() == before


@pytest.mark.parametrize("words", ["list", "show told", "explain told 0", "logs told 0", "report told", "schema"])
def test_words_that_only_look_start_in_a_moment_and_need_the_folder_alone(words, told, environment):
    """None of them may import what takes seconds; and there is no MLflow store here."""
    program = (
        "import sys, search.cli.app as cli\n"
        "try: cli.main()\n"
        "finally: print({'ray', 'mlflow', 'torch', 'optuna'} & set(sys.modules), file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *words.split()],
        capture_output=True,
        text=True,
        env=environment(AFCL_RESULTS=str(told)),
    )
    assert run.returncode == DONE, run.stderr
    assert run.stderr.strip() == "set()"
    assert run.stdout


# taking away


@pytest.fixture
def exported(typed, mine) -> list[Path]:
    """The three best trials of the finished search."""
    return [Path(line) for line in done(typed("export", NAME, "--top", "3")).splitlines()]


@pytest.mark.slow
def test_an_export_is_one_tuple_with_its_weights(exported, mine, finished):
    assert [path.name for path in exported] == ["best-1.yaml", "best-2.yaml", "best-3.yaml"]
    about = mine.about()
    for rank, (path, trial) in enumerate(zip(exported, finished.history.ranked(), strict=False), 1):
        document = yaml.safe_load(path.read_text())
        expected, origin = document["expected"], document["origin"]
        assert (document["config"], expected["value"], expected["epoch"]) == (trial.config, trial.score, trial.epoch)
        assert expected["metric"] == "val_balanced_accuracy"
        assert expected["data_fingerprint"] == about["provenance"]["data"]["fingerprint"]
        assert (expected["seed"], expected["device"], expected["threads"]) == (trial.config["seed"], "cpu", 1)
        assert {"python", "torch", "numpy", "afcl-search"} <= set(expected["versions"])
        assert expected["cpu"]
        assert (origin["search"], origin["trial"], origin["rank"]) == (NAME, trial.number, rank)
        assert origin["family"] == trial.family
        weights = path.with_name(expected["weights"])
        assert hashlib.sha256(weights.read_bytes()).hexdigest() == expected["weights_sha256"]
        loaded = torch.load(weights, weights_only=True)
        assert loaded["epoch"] == trial.epoch
        assert all(torch.isfinite(value).all() for value in loaded["encoder"].values())


@pytest.mark.slow
def test_an_export_trains_to_the_same_score_to_the_last_digit(exported, typed):
    for path in exported[:2]:
        expected = yaml.safe_load(path.read_text())["expected"]["value"]
        trained = json.loads(done(typed("train", str(path), "--json")))
        assert (trained["same"], trained["value"], trained["differences"]) == (True, expected, [])


@pytest.mark.slow
def test_train_says_in_words_that_the_score_is_the_same(exported, afcl):
    """In a process of its own, as its user would."""
    printed = done(afcl("train", str(exported[0]), results=None)).splitlines()
    assert printed[0].startswith("val_balanced_accuracy 0.")
    assert printed[1].split()[-1] == printed[0].split()[1]
    assert printed[2] == "the same, to the last digit"


@pytest.mark.slow
def test_train_says_that_a_score_is_another_and_what_differs(exported, typed):
    document = yaml.safe_load(exported[0].read_text())
    document["expected"]["value"] = 0.123
    document["expected"]["versions"]["torch"] = "1.0"
    exported[0].write_text(yaml.safe_dump(document))
    assert re.search(r"not the same: torch 1\.0 there, \S+ here", done(typed("train", str(exported[0]))))


@pytest.mark.slow
def test_a_plain_config_trains(exported, typed, tmp_path):
    config = read_export(exported[0]).config
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(config.model_dump(mode="json", exclude={"deterministic"})))
    trained = json.loads(done(typed("train", str(plain), "--json")))
    assert (trained["expected"], trained["same"]) == (None, None)
    assert trained["value"] == yaml.safe_load(exported[0].read_text())["expected"]["value"]
    assert "same" not in done(typed("train", str(plain)))


def test_rm_takes_the_folder_and_nothing_beside_it(typed, told):
    done(typed("rm", "told", "--yes", results=told))
    assert [path.name for path in told.iterdir()] == ["begun"]


# this machine, plans and data


def test_a_plan_says_what_a_search_would_cost(typed, tmp_path):
    printed = done(typed("plan", "digits"))
    for word in ("trials      9: 3 baselines, 6 by tpe", "rungs       epoch 1, epoch 2, epoch 4", "disk", "error"):
        assert word in printed
    plan = json.loads(done(typed("plan", "digits", "--set", "search.trials=0", "--set", "space={}", "--json")))
    assert (plan["trials"], plan["baselines"], plan["most_epochs"]) == (3, 3, 30)
    assert plan["standard_error"] == pytest.approx((0.8 * 0.2 / 40 / 3) ** 0.5)  # three classes of 40 images
    assert not list(tmp_path.iterdir())


@pytest.fixture
def moles(tmp_path):
    """The spec of a search on own images, a folder a class, of which two train in each."""
    for number in range(8):
        path = tmp_path / "moles" / ("nevus" if number % 2 else "melanoma") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number * 20, 0, 0)).save(path)
    spec = load_spec("digits").dump() | {"name": "moles", "model": {"width": 2}}
    spec["data"] = {"dataset": "folder", "path": str(tmp_path / "moles"), "val_per_class": 2}
    (tmp_path / "moles.yaml").write_text(yaml.safe_dump(spec))
    return str(tmp_path / "moles.yaml")


def test_own_images_without_a_test_split_are_told_of_before_a_search_and_not_after(typed, moles):
    note = "no test split: `afcl confirm` will not be possible; to have one, move what is in"
    assert f"note        {note}" in done(typed("plan", moles))
    assert json.loads(done(typed("plan", moles, "--json")))["notes"][-1].startswith(note)
    assert note in done(typed("data", "check", moles))
    began = typed("search", moles, "--address", "127.0.0.1:1", "--set", "resources.cpus=1000")  # no Ray for that
    assert note in began.stdout
    assert "no test split" not in done(typed("plan", "digits")) + done(typed("data", "check", "digits"))


@pytest.mark.parametrize(
    ("seen", "resources", "note"),
    [
        (0, "{gpus: 0.25}", "this machine has no GPU: the search needs a cluster that has, or resources.gpus=0"),
        (
            1,
            "{gpus: 1, workers: 2}",
            "this machine has 1 GPU, and a trial needs 2: the search needs a cluster",
        ),
        (2, "{gpus: 1, workers: 2}", None),
        (0, "{gpus: 0}", None),
    ],
)
def test_a_plan_says_where_this_machine_lacks_the_gpus_of_a_trial(seen, resources, note, typed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    printed = done(typed("plan", "digits", "--set", f"resources={resources}"))
    assert note in printed if note else "GPU" not in printed


@pytest.mark.parametrize(
    ("change", "most"),
    [
        ("representation.batch_size=101", "101"),
        ("space.representation.batch_size={choice: [64, 4096]}", "up to 4096"),
        ("representation.batch_size=100", None),
    ],
)
def test_a_plan_says_where_a_batch_is_larger_than_the_training_images(change, most, typed):
    printed = done(typed("plan", "digits", "--set", change))
    note = f"representation.batch_size is {most}, but 100 images train: a batch is then all of them"
    assert note in printed if most else "batch_size" not in printed


def test_a_calibrated_plan_times_an_epoch_of_each_stage(typed):
    assert re.search(r"time +0\.\d{3} s an epoch of stage one", done(typed("plan", "digits", "--calibrate")))
    timed = json.loads(done(typed("plan", "digits", "--calibrate", "--json")))["calibration"]
    assert 0 < timed["classifier_seconds"] < 60
    assert 0 < timed["representation_seconds"] < 60
    assert timed["device"] == "cpu"


def test_a_calibrated_plan_says_that_it_timed_no_gpu_where_the_spec_asks_for_one(typed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    printed = done(typed("plan", "digits", "--calibrate", "--set", "resources.gpus=1"))
    assert re.search(r"with \d+ threads on the CPU here", printed)
    assert "not what a search takes: the spec asks for GPUs, and torch sees 0 here where 1 is needed" in printed
    assert "not what a search takes" not in done(typed("plan", "digits", "--calibrate"))


@pytest.mark.parametrize(("seen", "timed"), [(0, "cpu"), (1, "cpu"), (2, "cuda")])
def test_a_plan_is_timed_on_gpus_where_each_worker_can_have_one(seen, timed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: seen)
    spec = load_spec("digits", ["resources={gpus: 1, workers: 2}"])
    used = []

    def run(workers, config, data, report, *, device):
        used.append((workers, device.type))
        for epoch in range(1, 5):
            report(epoch, {})

    monkeypatch.setattr(plan, "run_trial_on", run)
    monkeypatch.setattr(plan, "gpu_name", lambda device: "a GPU" if device.type == "cuda" else None)
    found = plan.calibrate(spec, load(spec.data))
    assert (found.device, found.gpu) == (timed, "a GPU" if timed == "cuda" else None)
    assert used == [(2, timed)]
    made = plan.make_plan(spec, load(spec.data))
    where = "on a GPU" if timed == "cuda" else "on the CPU"
    assert any(
        f" {where} in each of 2 workers here" in line for line in plan.in_words(spec, load(spec.data), made, found)
    )


def test_doctor_has_a_line_for_everything_that_a_search_needs(typed):
    told = typed("doctor")
    assert not told.stderr
    findings = json.loads(typed("doctor", "--json").stdout)
    names = [finding["name"] for finding in findings]
    assert names == ["python", "torch", "ray", "mlflow", "disk", "fmnist", "digits"]
    assert len(told.stdout.splitlines()) == len(names)
    assert told.returncode == (DONE if all(finding["ok"] for finding in findings) else BAD_ENVIRONMENT)
    assert all(finding["ok"] or finding["mend"] for finding in findings)


@pytest.mark.slow
def test_the_schema_is_one_and_every_ready_spec_fits_it(typed):
    schema = json.loads(done(typed("schema")))
    jsonschema.Draft202012Validator.check_schema(schema)
    for name in ready_names():
        jsonschema.validate(yaml.safe_load((READY / f"{name}.yaml").read_text()), schema)
        jsonschema.validate(load_spec(name).dump(), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "a", "search": {"trails": 3}}, schema)


def test_data_check_counts_digits(typed):
    checked = json.loads(done(typed("data", "check", "digits", "--json")))
    assert sum(map(sum, (checked["train"], checked["validation"], checked["test"]))) == 1797
    printed = done(typed("data", "check", "digits"))
    assert printed.splitlines()[-1] == f"fingerprint {checked['fingerprint']}"
    of_spec = json.loads(done(typed("data", "check", str(READY / "digits.yaml"), "--json")))
    assert of_spec["train"] == [70, 20, 10]


def test_data_check_counts_fashion_mnist(typed):
    checked = typed("data", "check", "fmnist", "--json")
    if checked.returncode == BAD_ENVIRONMENT:
        pytest.skip("Fashion-MNIST is not on this machine: `afcl data fetch fmnist`")
    counts = json.loads(done(checked))
    assert counts["train"] == [5750] * 10
    assert counts["validation"] == [250] * 10


def test_data_check_takes_a_folder_of_images(typed, tmp_path):
    for kind, count in (("cat", 12), ("dog", 11)):
        (tmp_path / "own" / kind).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8 + number, 8), number).save(tmp_path / "own" / kind / f"{number}.png")
    own = str(tmp_path / "own")
    printed = done(typed("data", "check", own, "--data", str(tmp_path / "data")))
    assert re.search(r"cat +10 +2", printed)
    assert f"in a spec: data: {{dataset: folder, path: {own}, image_size: 64, val_per_class: 2}}" in printed
    empty = typed("data", "check", str(tmp_path / "data"))
    assert empty.returncode == BAD_INPUT
    assert len(empty.stderr.splitlines()) == 1


def test_digits_need_no_fetching(typed, tmp_path):
    assert "nothing to fetch" in done(typed("data", "fetch", "digits"))
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_ui_answers_on_this_machine_alone_and_leaves_no_process(finished, root, tmp_path, environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [AFCL, "ui", "--port", str(port), "--results", str(root)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment(), cwd=tmp_path) as ui:
        try:
            told = [ui.stdout.readline()]
            while told[-1] and not told[-1].startswith("Ctrl-C"):
                told.append(ui.stdout.readline())
            assert re.search(rf"http://127\.0\.0\.1:{port}/#/experiments/\d+/runs", "".join(told))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.status == 200
            assert listening_at(port) == {"0100007F"}  # 127.0.0.1, as the kernel writes it
            assert processes_with(f"--port {port}")
            ui.terminate()
            assert ui.wait(30) == DONE
        finally:
            ui.kill()
    assert until(lambda: not processes_with(f"--port {port}"), 5)


def test_the_version_is_told_with_the_commit(typed):
    assert re.fullmatch(r"afcl-search \d+\.\d+\S*(, commit [0-9a-f]{40}(\+changes)?)?\n", done(typed("--version")))


def test_train_says_how_a_spec_is_searched(typed, tmp_path):
    spec = tmp_path / "small.yaml"
    spec.write_text((READY / "digits.yaml").read_text())
    refused = typed("train", str(spec))
    assert refused.returncode == BAD_INPUT
    assert f"is a search's spec, not one configuration; run it with `afcl search {spec}`" in refused.stderr


def test_a_cluster_that_nobody_named_is_asked_for(typed):
    refused = typed("status")
    assert refused.returncode == BAD_INPUT
    assert "neither it nor RAY_API_SERVER_ADDRESS is given" in refused.stderr


def test_no_help_has_brackets_that_rich_takes_for_markup():
    def params(command):
        yield from command.params
        for inner in getattr(command, "commands", {}).values():
            yield from params(inner)

    helps = [param.help or "" for param in params(get_command(app.app))]
    assert any("default: the spec's" in told for told in helps)
    assert not [told for told in helps if re.search(r"\[[a-z#/@]", told)]


# searches, and how they end

LONG = ["search.trials=0", "space={}", "search.baselines=[CL, FCL]", "search.max_concurrent=1"]
STAGES = ["representation.epochs=60", "classifier.epochs=3"]  # some seconds a trial
SLOW = [word for one in (*LONG, *STAGES) for word in ("--set", one)]


def until(holds, seconds: float) -> bool:
    """Wait for something; whether it came."""
    end = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(0.02)
    return bool(held)


def events(folder: SearchFolder, kind: str) -> list[dict]:
    """What a journal has of one kind."""
    lines = folder.journal.read_bytes().splitlines(keepends=True) if folder.journal.exists() else []
    return [event for line in lines if line.endswith(b"\n") and (event := json.loads(line))["event"] == kind]


def each_epoch_once(folder: SearchFolder) -> bool:
    """Whether both trials of a slow search have all their epochs, and no epoch twice."""
    told = Counter((event["trial"], event["epoch"]) for event in events(folder, "result"))
    return set(told) == {(trial, epoch) for trial in (0, 1) for epoch in range(1, 64)} and set(told.values()) == {1}


def processes_with(words: str) -> list[str]:
    """Command lines of running processes that hold these words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile
            continue
    return [line for line in found if words in line]


def listening_at(port: int) -> set[str]:
    """Addresses on which something listens at a port."""
    tables = [Path("/proc/net/tcp").read_text(), Path("/proc/net/tcp6").read_text()]
    rows = [line.split() for table in tables for line in table.splitlines()[1:]]
    return {row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}


@pytest.fixture
def in_the_middle(root):
    """Do something to a search in this process once it has reported so many epochs."""
    threads = []

    def plan(name: str, results: int, act) -> SearchFolder:
        folder = SearchFolder(root / name)

        def wait_and_act():
            if until(lambda: len(events(folder, "result")) >= results, 120) and not events(folder, "close"):
                act()

        threads.append(threading.Thread(target=wait_and_act))
        threads[-1].start()
        return folder

    yield plan
    for thread in threads:
        thread.join()


@pytest.fixture
def begin(root, tmp_path, environment):
    """Start a session of a search in a process group of its own, as a terminal does, and wait for some epochs."""
    running = []

    def start(folder: SearchFolder, *words: str) -> subprocess.Popen:
        before = len(events(folder, "result"))
        session = subprocess.Popen(
            [AFCL, *words, "--results", str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment(),
            start_new_session=True,
        )
        running.append(session)
        assert until(lambda: session.poll() is not None or len(events(folder, "result")) > before + 5, 120)
        assert session.poll() is None, session.communicate()
        return session

    yield start
    for session in running:
        if session.poll() is None:
            session.kill()
            session.communicate()


def state_of(folder: SearchFolder, typed) -> str:
    """What `afcl list` says of a search."""
    rows = json.loads(done(typed("list", "--json", results=folder.path.parent)))
    return next(row["state"] for row in rows if row["name"] == folder.name)


@pytest.mark.slow
def test_a_search_in_which_nothing_finishes_says_so(typed, shared_ray, root):
    hopeless = ["representation.optimizer=sgd", "representation.lr=1.0e+38", "search.max_failed_share=1"]
    words = [word for one in (*LONG, *hopeless) for word in ("--set", one)]
    ended = typed("search", "digits", "--name", "hopeless", *words, results=root)
    assert ended.returncode == NOTHING_FINISHED
    assert "nothing finished; see: afcl show hopeless" in ended.stdout
    shown = json.loads(done(typed("show", "hopeless", "--json", results=root)))
    assert [trial["state"] for trial in shown["trials"]] == ["failed", "failed"]
    assert "no longer finite" in done(typed("logs", "hopeless", "0", results=root))
    assert "diverged" in done(typed("explain", "hopeless", "0", results=root))


@pytest.mark.slow
def test_a_search_killed_and_then_interrupted_is_finished_by_resume(begin, typed, shared_ray, root):
    """While it lives nobody else may run, remove or replace it; no epoch is lost or told twice.

    A terminal sends Ctrl-C to every process of the group, Ray's among them.
    """
    folder = SearchFolder(root / "killed")
    search = begin(folder, "search", "digits", "--name", "killed", *SLOW)
    assert state_of(folder, typed) == "running"
    for words, code in (
        (["resume", "killed"], BAD_ENVIRONMENT),
        (["search", "digits", "--name", "killed"], BAD_INPUT),
        (["rm", "killed", "--yes"], BAD_INPUT),
    ):
        refused = typed(*words, results=root)
        assert refused.returncode == code
        assert len(refused.stderr.splitlines()) == 1
        assert f"process {search.pid} on " in refused.stderr or words[0] == "search"
    search.kill()
    search.communicate()
    assert state_of(folder, typed) == "interrupted"
    shown = json.loads(done(typed("show", "killed", "--json", results=root)))
    assert {trial["state"] for trial in shown["trials"]} <= {"pending", "finished"}

    impatient = begin(folder, "resume", "killed")
    os.killpg(impatient.pid, signal.SIGINT)
    heard = next(line for line in impatient.stdout if "Ctrl-C again ends at once" in line)
    os.killpg(impatient.pid, signal.SIGINT)
    printed, complaints = impatient.communicate(timeout=60)
    printed = heard + printed
    assert impatient.returncode == INTERRUPTED
    assert re.search(r"ended at once.*`afcl resume killed", printed)
    assert complaints == "afcl: interrupted\n"

    resumed = begin(folder, "resume", "killed")
    os.killpg(resumed.pid, signal.SIGINT)
    printed, complaints = resumed.communicate(timeout=60)
    assert "stopping: what runs is left at its last checkpoint" in printed
    assert resumed.returncode == INTERRUPTED, printed + complaints
    assert not complaints
    assert state_of(folder, typed) == "interrupted"
    assert events(folder, "close")[-1]["reason"] == "interrupted"
    assert not each_epoch_once(folder)

    line = next(line for line in printed.splitlines() if "afcl resume" in line)
    done(typed(*shlex.split(line[line.index("resume") :])))
    assert each_epoch_once(folder)


@pytest.mark.slow
def test_a_terminated_search_ends_tidily_and_is_finished_by_resume(in_the_middle, typed, shared_ray, root):
    folder = in_the_middle("ended", 10, lambda: os.kill(os.getpid(), signal.SIGTERM))
    ended = typed("search", "digits", "--name", "ended", *SLOW, results=root)
    assert ended.returncode == INTERRUPTED
    assert re.search(r"afcl resume ended$", ended.stdout, re.MULTILINE)
    assert state_of(folder, typed) == "interrupted"
    finished = typed("resume", "ended", "--json", results=root)
    assert finished.returncode == DONE
    assert [trial["state"] for trial in json.loads(finished.stdout)["trials"]] == ["finished", "finished"]
    assert each_epoch_once(folder)
    assert len(events(folder, "start")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "epochs", "code"), [("stopped-early", 10, NOTHING_FINISHED), ("stopped-later", 70, DONE)]
)
def test_stop_from_another_process_ends_a_search(name, epochs, code, in_the_middle, typed, afcl, root, shared_ray):
    """In its first trial, or when something has finished."""
    asked = []
    folder = in_the_middle(name, epochs, lambda: asked.append(afcl("stop", name)))
    ended = typed("search", "digits", "--name", name, *SLOW, results=root)
    assert f"asked process {os.getpid()} on " in done(asked[0])
    assert ended.returncode == code, ended.stdout
    assert "stopped as asked" in ended.stdout
    assert f"afcl resume {name}" in ended.stdout
    assert events(folder, "close")[-1]["reason"] == "stopped"
    assert not each_epoch_once(folder)


def test_no_word_at_all_shows_them_all(typed):
    helped = typed()
    assert helped.returncode == BAD_INPUT
    for word in ("plan", "search", "resume", "stop", "list", "show", "explain", "logs", "export", "train", "doctor"):
        assert re.search(rf"\b{word}\b", helped.stdout)


def test_every_word_has_a_help(typed):
    for word in re.findall(r"^│ (\w+) ", done(typed("--help")), re.MULTILINE):
        assert "Usage: afcl" in done(typed(word, "--help"))
