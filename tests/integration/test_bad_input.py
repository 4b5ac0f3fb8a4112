"""What a user may get wrong at the command line, and what the machine may lack: one line, the right exit code, and
nothing half-made left behind."""

import io
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
import ray
import yaml
from exported import export_of

from trainers.data.datasets import fmnist

INPUT, ENVIRONMENT = 2, 3

SPEC = {
    "name": "bad",
    "data": {"dataset": "digits", "classes": ["3", "8"], "train_size": 60, "ratio": [80, 20], "val_per_class": 25},
    "space": {"loss.eta": {"zero_or": {"loguniform": [1, 300]}}},
    "search": {"trials": 2},
}

EXISTS = "an existing name"  # nothing to a plan, which makes nothing

SPECS = {  # what is wrong: the sections that say so, what the line must hold
    "a ratio of one number": (
        {"data": {**SPEC["data"], "ratio": [90]}},
        "data.ratio: must have at least 2 entries, but got [90]",
    ),
    "a ratio for other classes": ({"data": {**SPEC["data"], "ratio": [8, 1, 1]}}, "but got 3 for 2 classes"),
    "a logarithm of zero": (
        {"space": {"loss.eta": {"loguniform": [0, 300]}}},
        "space.loss.eta: low > 0 must hold for loguniform, but got low=0",
    ),
    "a range outside of space": ({"loss": {"eta": {"loguniform": [1, 300]}}}, "its range goes under space"),
    "an unknown key": ({"loss": {"etta": 1}}, "loss.etta: unknown key; did you mean eta?"),
    "an unknown section": ({"serach": {"trials": 2}}, "serach: unknown key; did you mean search?"),
    "no such encoder": ({"model": {"encoder": "resnet19"}}, "(did you mean resnet18?), but got 'resnet19'"),
    "no such dataset": (
        {"data": {"dataset": "minst"}},
        "data.dataset: must be one of fmnist, digits, folder, isic2018, or a path",
    ),
    "no such class": ({"data": {**SPEC["data"], "classes": ["3", "ten"]}}, "no class 'ten' in digits"),
    "more images than there are": ({"data": {**SPEC["data"], "train_size": 10_000}}, "data."),
    "data that is nowhere": ({"data": {"dataset": "fmnist", "path": "/nowhere/at/all"}}, "no folder /nowhere/at/all"),
    "a folder of images that is nowhere": ({"data": {"dataset": "folder", "path": "/nowhere"}}, "no folder /nowhere"),
    "a name with a slash": ({"name": "a/b"}, "name: must start with a letter or digit and hold only these"),
    "a name that leaves the folder": ({"name": ".."}, "name: must start with a letter or digit"),
    EXISTS: ({"name": "told"}, "a search 'told' exists"),
}

COMMANDS = {  # the words, what the line must hold
    "search nowhere.yaml": "nowhere.yaml: no such file",
    "search dmeo": "dmeo: no such file; did you mean demo?",
    "search empty.yaml": "empty.yaml: is empty",
    "search folder.yaml": "folder.yaml: is a folder, not a YAML file",
    "search binary.yaml": "binary.yaml: is not UTF-8 text",
    "search digits --name a/b": "--name: name: must start with a letter or digit",
    "search digits --name told": "a search 'told' exists",
    "search digits --set trials": "--set 'trials': must be path=value",
    "search digits --set =3": "must be path=value",
    "search digits --set search.trails=3": "--set search.trails: unknown key; did you mean search.trials?",
    "search digits --set search.trials=many": "search.trials: must be a whole number, but got 'many'",
    "search digits --set loss.eta=[1": "--set",
    "search digits --from nothing": "no search 'nothing'",
    "search": "Missing argument 'spec'",
    "plan nowhere.yaml": "nowhere.yaml: no such file",
    "train nowhere.yaml": "nowhere.yaml: no such file",
    "train empty.yaml": "empty.yaml: is empty",
    "train binary.yaml": "binary.yaml: is not UTF-8 text",
    "train folder.yaml": "folder.yaml: is a folder",
    "train list.yaml": "list.yaml: must hold a mapping of keys to values",
    "train spec.yaml": "is a search's spec, not one configuration; run it with `afcl search spec.yaml`",
    "show tolt": "no search 'tolt' in {root}; did you mean told?",
    "explain tolt 0": "did you mean told?",
    "logs tolt 0": "did you mean told?",
    "export tolt": "did you mean told?",
    "report tolt": "did you mean told?",
    "resume tolt": "did you mean told?",
    "extend tolt --trials 3": "did you mean told?",
    "stop tolt": "did you mean told?",
    "sync tolt": "did you mean told?",
    "rm tolt --yes": "did you mean told?",
    "rm . --yes": "no search '.'",
    "rm told/confirm-1 --yes": "no search 'confirm-1'",
    "show ../told": "no search '..'",
    "show foreign": "foreign is not a search's folder: it has no search.json",
    "rm foreign --yes": "foreign is not a search's folder",
    "search digits --name foreign": "foreign",
    "explain told 99": "search told has no trial 99",
    "explain told x": "Invalid value for 'trial'",
    "logs told 99": "search told has no trial 99",
    "stop told": "search told is not running",
    "export told --top 0": "--top: ",
    "export told --top 99": "--top: ",
    "export told --top many": "Invalid value for '--top'",
    "export begun": "--top: 0 trials of begun finished",
    "export told": "has no whole checkpoint left to export",
    "extend told --trials 0": "Invalid value for '--trials'",
    "show told --wacth": "No such option: --wacth",
    "shwo told": "No such command 'shwo'. Did you mean 'show'?",
    "data check dgits": "did you mean digits?",
    "data fetch dgits": "did you mean digits?",
    "data fetch folder": "there is nothing to fetch",
    "ui tolt": "did you mean told",
    "ui --port 99999": "Invalid value for '--port'",
    "ui --page-port 0": "Invalid value for '--page-port'",
}

DAMAGES = {  # the file, its content (or the line to spoil), what the line must hold
    "a search.json that is no JSON": ("search.json", "{", "search.json is damaged: not a JSON object"),
    "a search.json that is a list": ("search.json", "[]", "search.json is damaged: not a JSON object"),
    "a search.json that lacks everything": ("search.json", '{"format": 1}', "search.json is damaged"),
    "a search.json of a later format": (
        "search.json",
        '{"format": 99}',
        "is of format 99, but this afcl reads formats",
    ),
    "a spec.yaml that is no YAML": ("spec.yaml", "name: [", "spec.yaml:"),
    "an empty spec.yaml": ("spec.yaml", "", "spec.yaml: is empty"),
    "a journal that is damaged in the middle": ("journal.jsonl", 5, "journal.jsonl: line "),
}

EXPORTS = {  # what is wrong: path, value, what the line must hold
    "no config": (["config"], 3, "an export has the sections config and expected"),
    "a config with an unknown key": (["config", "los"], {}, "config.los: unknown key; did you mean loss?"),
    "a config with a wrong value": (["config", "loss", "temperature"], -1, "config.loss.temperature: must be greater"),
    "a list for expected": (["expected"], [1], "an export has the sections config and expected"),
    "threads that are no number": (["expected", "threads"], "many", "expected.threads"),
    "no threads at all": (["expected", "threads"], 0, "expected.threads"),
    "a value that is no number": (["expected", "value"], "high", "expected.value"),
    "no such metric": (["expected", "metric"], "luck", "expected.metric"),
    "a device that is no text": (["expected", "device"], 7, "expected.device"),
    "versions that are a number": (["expected", "versions"], 3, "expected.versions"),
}


def everything_in(root: Path) -> dict[str, bytes | None]:
    """Every path below a folder, with the content of files; a lock that was taken and left is nothing."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
        if path.name not in ("driver.lock", "driver.json")
    }


@pytest.fixture
def refused(typed, told, tmp_path, monkeypatch):
    """Type words that must be refused; the one line that says why."""
    monkeypatch.chdir(tmp_path)

    def run(code: int, *words: str, results: Path = told, **environment: str) -> str:
        before = everything_in(told)
        done = typed(*words, results=results, **environment)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert done.stderr.startswith("afcl: ")
        assert "Traceback" not in done.stdout
        assert done.returncode == code, done.stderr
        assert everything_in(told) == before
        return done.stderr

    return run


def write_spec(path: Path, **sections: object) -> Path:
    path.write_text(yaml.safe_dump(SPEC | sections))
    return path


@pytest.mark.parametrize(
    ("verb", "what"),
    [(verb, what) for verb in ("search", "plan") for what in SPECS if verb == "search" or what != EXISTS],
)
def test_a_wrong_spec_is_refused(verb, what, refused, tmp_path):
    sections, expected = SPECS[what]
    assert expected in refused(INPUT, verb, str(write_spec(tmp_path / "spec.yaml", **sections)))


@pytest.mark.parametrize("line", COMMANDS)
def test_a_wrong_command_is_refused(line, refused, told, tmp_path):
    (tmp_path / "empty.yaml").touch()
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\x93NUMPY\x01\x00")
    (tmp_path / "list.yaml").write_text("- loss\n")
    write_spec(tmp_path / "spec.yaml")
    (told / "foreign").mkdir()
    (told / "foreign" / "thesis.tex").write_text("years of work")
    assert COMMANDS[line].format(root=told) in refused(INPUT, *line.split())


@pytest.mark.parametrize("words", ["show", "explain 0", "export", "report", "resume", "sync"])
@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_search_is_refused(what, words, refused, told):
    name, content, expected = DAMAGES[what]
    file = told / "told" / name
    if isinstance(content, int):
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join([*lines[:content], lines[content][:9] + "\n", *lines[content + 1 :]]))
    else:
        file.write_text(content)
    verb, *trial = words.split()
    assert expected in refused(INPUT, verb, "told", *trial)


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_search_does_not_hide_the_others(what, typed, told):
    name, content, _ = DAMAGES[what]
    (told / "told" / name).write_text("{damaged}\n" if isinstance(content, int) else content)
    done = typed("list", results=told)
    assert done.returncode == 0
    assert "begun" in done.stdout


def test_a_torn_last_line_is_recovered(typed, told):
    with (told / "told" / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "res')
    done = typed("show", "told", "--json", results=told)
    assert done.returncode == 0
    assert json.loads(done.stdout)["state"] == "done"


@pytest.mark.parametrize("what", EXPORTS)
def test_a_damaged_export_is_refused(what, refused, told, tmp_path):
    path, value, expected = EXPORTS[what]
    document = export_of(told)
    section = document
    for name in path[:-1]:
        section = section[name]
    section[path[-1]] = value
    (tmp_path / "best.yaml").write_text(yaml.safe_dump(document))
    assert expected in refused(INPUT, "train", "best.yaml")


def test_an_export_from_other_data_is_refused(refused, told, tmp_path):
    document = export_of(told)
    document["expected"]["data_fingerprint"] = "0" * 64
    (tmp_path / "best.yaml").write_text(yaml.safe_dump(document))
    assert "is not what this was trained on" in refused(ENVIRONMENT, "train", "best.yaml")


def test_a_dataset_that_is_not_there_is_told_with_its_mend(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(fmnist, "DEBIAN", tmp_path / "no package")
    (tmp_path / "empty").mkdir()
    for words in (["search", "demo"], ["plan", "demo"], ["data", "check", "fmnist"]):
        line = refused(ENVIRONMENT, *words, AFCL_DATA=str(tmp_path / "empty"))
        assert "Fashion-MNIST is not on this machine; get it with `afcl data fetch fmnist`" in line
    assert not list((tmp_path / "empty").iterdir())


def test_a_given_folder_without_the_dataset_is_refused(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    spec = write_spec(tmp_path / "spec.yaml", data={"dataset": "fmnist", "path": str(tmp_path / "empty")})
    assert "must hold train-images-idx3-ubyte" in refused(INPUT, "search", str(spec))


@pytest.mark.slow
@pytest.mark.parametrize("below", ["", "below/it"])
@pytest.mark.parametrize("line", ["search digits", "doctor"])
def test_a_results_folder_that_cannot_be_written_is_told_with_its_mend(line, below, typed, tmp_path):
    in_the_way = tmp_path / "file"
    in_the_way.write_text("years of work")
    done = typed(*line.split(), results=in_the_way / below)
    assert done.returncode == ENVIRONMENT
    assert "choose another folder with --results" in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == (line != "doctor")
    assert in_the_way.read_text() == "years of work"


def test_no_device_is_taken_for_a_results_folder(refused):
    assert "cannot write to /dev/null" in refused(ENVIRONMENT, "search", "digits", results=Path("/dev/null"))


def test_a_full_disk_is_told_before_the_search_begins(refused, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("needs root and mount to make a small disk")
    if subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("this machine mounts no tmpfs")
    try:
        line = refused(ENVIRONMENT, "search", "digits", results=disk / "results")
        assert "MB free; free some, or choose another folder with --results" in line
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("127.0.0.1:9", ENVIRONMENT),
        ("no-such-host.invalid:6379", ENVIRONMENT),
        ("head:port", INPUT),
        ("head:6379:1", INPUT),
        ("http://head:6379", INPUT),
        ("127.0.0.1:99999", INPUT),
        (":6379", INPUT),
        ("", INPUT),
    ],
)
def test_an_address_where_no_cluster_is_is_told_within_seconds(address, code, refused, monkeypatch):
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # whatever other tests started
    started = time.monotonic()
    line = refused(code, "search", "digits", "--name", "new", "--address", address)
    assert line.startswith("afcl: --address")
    assert time.monotonic() - started < 60, "Ray itself would try for minutes"


def test_a_taken_port_is_told_with_its_mend(refused, told):
    (told / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        line = refused(ENVIRONMENT, "ui", "--port", port)
    assert line == f"afcl: --port {port}: Address already in use; choose another with --port\n"


def test_a_search_is_removed_only_when_somebody_says_so(typed, told, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())  # nobody is there to answer
    done = typed("rm", "told", results=told)
    assert done.returncode == INPUT
    assert len(done.stderr.splitlines()) == 1
    assert (told / "told" / "journal.jsonl").exists()


@pytest.mark.slow
def test_what_no_node_has_is_refused(refused, shared_ray):
    line = refused(ENVIRONMENT, "search", "digits", "--name", "new", "--set", "resources.cpus=3")
    assert "resources.cpus: a trial asks for 3, but no node has more than 2" in line


def test_a_journal_with_a_line_missing_is_told_with_its_place(refused, typed, told):
    journal = told / "told" / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if json.loads(line)["event"] == "asked")
    journal.write_bytes(b"".join(lines[:place] + lines[place + 1 :]))
    for words in (["show", "told"], ["explain", "told", "0"], ["resume", "told"]):
        complaint = typed(*words, results=told)
        assert complaint.returncode == 2
        assert re.fullmatch(r"afcl: \S+/journal.jsonl: line \d+ does not fit those before it\n", complaint.stderr)
    rows = {row["name"]: row["state"] for row in json.loads(typed("list", "--json", results=told).stdout)}
    assert rows["told"] == "damaged"
    assert rows["begun"] == "interrupted"


@pytest.mark.slow
def test_a_training_that_diverges_is_one_line(typed, tmp_path):
    config = "data: {dataset: digits, val_per_class: 40, classes: ['3', '8']}\n"
    config += "representation: {epochs: 2, optimizer: sgd, lr: 1.0e+38}\n"
    (tmp_path / "wild.yaml").write_text(config)
    ended = typed("train", str(tmp_path / "wild.yaml"))
    assert ended.returncode == 1
    assert re.fullmatch(r"afcl: diverged: .*no longer finite.*\n", ended.stderr)
