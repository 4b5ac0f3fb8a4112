"""What a user may get wrong in a spec, and the one line that tells: the file or flag, the path, the rule, the value."""

import os

import pytest

from spaces.spec import load_spec
from spaces.yaml_file import MAX_BYTES, dump_yaml, parse_yaml
from trainers.errors import InputError

BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))

FILES = {  # what is wrong: content, what the line must hold
    "empty": ("", "spec.yaml: is empty; a mapping of keys to values is needed"),
    "only comments": ("# nothing\n", "is empty"),
    "null": ("~\n", "is empty"),
    "a list": ("- name: a\n", "must hold a mapping of keys to values, but got [{'name': 'a'}]"),
    "a word": ("demo\n", "must hold a mapping of keys to values, but got 'demo'"),
    "a tab": ("name: a\nloss:\n\teta: 1\n", "spec.yaml:3:1: a tab where YAML wants spaces"),
    "an open bracket": ("name: [a\n", "spec.yaml:2:1: expected ',' or ']'"),
    "an open quote": ("name: 'a\n", "spec.yaml:2:1: found unexpected end of stream"),
    "two colons": ("name: a: b\n", "spec.yaml:1:8: mapping values are not allowed here"),
    "a key twice": ("name: a\nseed: 1\nname: b\n", "spec.yaml:3:1: name: is given twice"),
    "a key twice in a section": ("loss: {eta: 1, eta: 2}\n", "spec.yaml:1:16: loss.eta: is given twice"),
    "a list as key": ("? [a]\n: b\n", "spec.yaml:1:3: a key must be a word"),
    "an alias": ("name: &n a\nseed: *n\n", "spec.yaml:2:7: alias *n: write the value out instead"),
    "a bomb of aliases": (BOMB, "alias *a: write the value out instead"),
    "an alias in itself": ("a: &a [*a]\n", "alias *a: write the value out instead"),
    "a deep nest": ("a: " + "[" * 10_000, "spec.yaml:1:23: is nested too deeply"),
    "a Python object": (
        "a: !!python/object/apply:os.system [ls]\n",
        "tag:yaml.org,2002:python/object/apply:os.system is",
    ),
    "a tag of one's own": ("name: !env HOME\n", "spec.yaml:1:7: 'HOME' cannot be read as !env"),
    "a wrong tag": ("seed: !!int a\n", "spec.yaml:1:7: 'a' cannot be read as int"),
    "a set": ("seed: !!set {a}\n", "spec.yaml:1:7: tag tag:yaml.org,2002:set is not allowed"),
    "two documents": ("name: a\n---\nname: b\n", "spec.yaml:2:1: expected a single document in the stream"),
    "too many digits": (f"seed: {'9' * 5000}\n", "cannot be read as int"),
    "a null byte": (b"name: a\0b\n", "spec.yaml: is not text: character 7 is 0x0"),
    "binary": (b"\x93NUMPY\x01\x00", "spec.yaml: is not UTF-8 text (byte 0 is 0x93)"),
    "UTF-16": ("name: a\n".encode("utf-16"), "is not UTF-8 text (byte 0 is 0xff)"),
    "too large": (b"#" * (MAX_BYTES + 1), "spec.yaml: is larger than 256 kB, which no spec needs"),
    "no name": ("search: {trials: 1}\n", "spec.yaml: name: is required"),
    "no search": ("name: a\n", "spec.yaml: search: is required"),
    "a section without a value": ("name: a\nloss:\nsearch: {trials: 1}\n", "spec.yaml:2: loss: must be a mapping"),
    "a misspelt section": ("name: a\nserch: {trials: 1}\n", "spec.yaml:2: serch: unknown key; did you mean search?"),
    "a key with a line end": ('"na\\nme": a\n', "na\\nme: unknown key; did you mean name?"),
}

OVERRIDES = [  # --set ..., what the line must hold
    ("search.trials", "--set 'search.trials': must be path=value, such as search.trials=64"),
    ("=3", "--set '=3': must be path=value"),
    ("", "--set '': must be path=value"),
    ("search.trials=", "--set search.trials: a value must follow the = (null for none)"),
    ("serch.trials=3", "--set serch.trials: unknown key; did you mean search.trials?"),
    ("search.trial=3", "--set search.trial: unknown key; did you mean search.trials?"),
    ("search.trials.x=3", "--set search.trials.x: unknown key; did you mean search.trials?"),
    ("data.classes.0=a", "--set data.classes.0: unknown key; did you mean data.classes?"),
    ("a\nb=3", "--set a\\nb: unknown key"),
    ("search.trials=[1", "--set search.trials:1:3: expected ',' or ']'"),
    ("search.trials={a: 1, a: 2}", "a: is given twice"),
    ("space.loss.etaa=null", "there is no such range to take away; did you mean loss.eta?"),
    ("eta=3", "--set eta: unknown key; did you mean loss.eta?"),
    ("lr=3", "--set lr: unknown key; did you mean cross_entropy.lr or "),
    # the name
    ("name=a b", "--set: name: must start with a letter or digit and hold only these and . _ -, at most 64 in all"),
    ("name=../a", "name: must start with a letter or digit"),
    ("name=.a", "name: must start with a letter or digit"),
    (f"name={'a' * 65}", "name: must start with a letter or digit"),
    ('name="a\\n"', "but got 'a\\n'"),
    ("name=2024", "name: must be text (a number or a word like true needs quotes to be text), but got 2024"),
    # fixed values
    ("data.ratio=[90]", "--set: data.ratio: must have at least 2 entries, but got [90]"),
    ("data.ratio=90:10", "data.ratio: must be a list, but got '90:10'"),
    ("data.ratio=[90, 0]", "data.ratio[1]: must be greater than 0, but got 0"),
    (
        "data.ratio=[90, 5, 5]",
        "demo.yaml:6 with --set: data: ratio needs one number per class, but got 3 for 2 classes",
    ),
    ("data.ratio=[90, .nan]", "data.ratio[1]: must be a finite number, but got nan"),
    ("data.dataset=mnist", "(did you mean fmnist?), but got 'mnist'"),
    ("data.train_size=1.5", "data.train_size: must be a whole number, but got 1.5"),
    (
        "model.encoder=resnet19",
        "timm:NAME, or a path such as mypkg.models:build (did you mean resnet18?), but got",
    ),
    ("model.encoder=[small]", "but got ['small']"),
    ("model.pretrained=true", "with --set: model: pretrained: true needs a resnet encoder, but got encoder: small"),
    (
        "model.pretrained=maybe",
        "model.pretrained: must be true, false, or the path of a file of weights, but got 'maybe'",
    ),
    ("loss=3", "loss: must be a mapping of keys to values, but got 3"),
    ("loss=[1, 2]", "loss: must be a mapping of keys to values, but got [1, 2]"),
    ("loss={etaa: 3}", "loss.etaa: unknown key; did you mean eta?"),
    ("loss.eta=-1", "loss.eta: must be greater than or equal to 0, but got -1"),
    ("loss.eta=many", "loss.eta: must be a number, but got 'many'"),
    ("loss.eta=true", "loss.eta: a number must be given, not true or false, but got true"),
    ("loss.eta=.inf", "loss.eta: must be a finite number, but got inf"),
    ("loss.eta=1e999", "loss.eta: must be a finite number, but got inf"),
    (
        "loss.eta={loguniform: [0, 300]}",
        "loss.eta: must be a fixed value here; its range goes under space, as space.loss",
    ),
    ("loss.temperature=0", "loss.temperature: must be greater than 0, but got 0"),
    (
        "representation.warmup_epochs=99",
        "with --set: representation: warmup_epochs < epochs must hold, but got 99 and 16",
    ),
    ("seed=-1", "seed: must be greater than or equal to 0, but got -1"),
    ("seed=99999999999999999999", "seed: must be less than 2147483648, but got 99999999999999999999"),
    # the space
    ("space=null", "--set: space: must be a mapping of fields to ranges, but got null"),
    ("space=[loss.eta]", "space: must be a mapping of fields to ranges, but got ['loss.eta']"),
    ("space={}", "space: must name at least one range, unless search.trials is 0 and only baselines run"),
    ("space={loss: {eta: {uniform: [0, 1]}}}", "space.loss: is a section; name its fields, such as loss.eta:"),
    ("space.loss.etaa={uniform: [0, 1]}", "--set: space.loss.etaa: unknown field; did you mean loss.eta?"),
    ("space.eta={uniform: [0, 1]}", "space.eta: unknown field; did you mean loss.eta?"),
    ("space.loss.eta=3", "space.loss.eta: must be a range such as {uniform: [0, 1]}, but got 3"),
    (
        "space.loss.eta={loguniform: [0, 300]}",
        "but got low=0; for zero as well, write {zero_or: {loguniform: [1, 300]}}",
    ),
    ("space.loss.eta={uniform: [300, 1]}", "space.loss.eta: low < high must hold, but got low=300, high=1"),
    ("space.loss.eta={uniform: [.nan, 1]}", "space.loss.eta: low must be a finite number, but got nan"),
    ("space.loss.eta={uniform: [-1, 1]}", "space.loss.eta: must be greater than or equal to 0, but got -1"),
    ("space.loss.eta={choice: [1, many]}", "space.loss.eta: a choice must be a real number, but got 'many'"),
    ("space.loss.temperature={uniform: [0, 1]}", "space.loss.temperature: must be greater than 0, but got 0"),
    (
        "space.loss.temperature={zero_or: {uniform: [0.1, 1]}}",
        "space.loss.temperature: must be greater than 0, but got 0",
    ),
    (
        "space.representation.momentum={uniform: [0.5, 1]}",
        "space.representation.momentum: must be less than 1, but got 1",
    ),
    (
        "space.representation.epochs={intuniform: [5, 9]}",
        "may not be searched: rungs and the step counter need the stage",
    ),
    ("space.classifier.epochs={choice: [5, 9]}", "space.classifier.epochs: may not be searched: rungs and the step"),
    ("space.representation.warmup_epochs={intuniform: [0, 16]}", "warmup_epochs < epochs must hold, but got 16 and 16"),
    ("space.classifier.l2_rules={choice: [1, 2]}", "space.classifier.l2_rules: may not be searched: the probes that"),
    ("space.data.train_size={intuniform: [9, 99]}", "may not be searched: scores on different data cannot be compared"),
    ("space.data={uniform: [0, 1]}", "space.data: may not be searched: scores on different data cannot be compared"),
    (
        "space.seed={intuniform: [0, 9]}",
        "space.seed: may not be searched: scores of different seeds cannot be compared",
    ),
    (
        "space.deterministic={choice: [true, false]}",
        "space.deterministic: may not be searched: it says how a trial runs",
    ),
    (
        "space.model.width={uniform: [4, 8]}",
        "space.model.width: a whole number takes intuniform or choice, but got uniform",
    ),
    ("space.model.width={zero_or: {uniform: [4, 8]}}", "a whole number takes intuniform or choice, but got uniform"),
    ("space.model.width={choice: [4, 8.5]}", "space.model.width: a choice must be a whole number, but got 8.5"),
    ("model.projection_dim=5360000000", "model.projection_dim: must be less than or equal to 65536"),
    ("data.image_size=1000000000", "data.image_size: must be less than or equal to 4096"),
    ("search.final={seeds: 1000000000000}", "search.final.seeds: must be less than or equal to 1000"),
    ("search.final={top: 1000000000000}", "search.final.top: must be less than or equal to 1000"),
    (
        "space.model.width={intuniform: [4, 9999]}",
        "space.model.width: must be less than or equal to 1024, but got 9999",
    ),
    ("space.model.encoder={uniform: [0, 1]}", "takes choice only (of small, resnet18, resnet34, resnet50, resnet101,"),
    ("space.model.encoder={choice: [small, resnet19]}", "but got 'resnet19'; did you mean resnet18?"),
    (
        "space.model.pretrained={choice: [true, false]}",
        "space.model.pretrained: pretrained: true needs a resnet encoder",
    ),
    ("space.representation.views={choice: [1, 3]}", "a choice must be one of 1, 2, but got 3"),
    ("space.representation.balanced_batches={choice: [0, 1]}", "a choice must be one of true, false, but got 0"),
    # the search
    ("search=null", "--set: search: must be a mapping of keys to values, but got null"),
    ("search={}", "--set: search.trials: is required"),
    ("search.trials=null", "search.trials: must be a whole number, but got null"),
    ("search.trials=ten", "search.trials: must be a whole number, but got 'ten'"),
    ("search.baselines=CL", "search.baselines: must be a list, but got 'CL'"),
    (
        "search.baselines=[CL, SCL]",
        "search.baselines[1]: must be one of CL, FCL, ACL, AFCL, CE, FOCAL, LA, BCL, KCL, SUPMIN, or a path such",
    ),
    ("search.baselines=[CL, CL]", "search.baselines: baselines must differ from each other, but got ['CL', 'CL']"),
    ("search.baseline_eta=0", "search.baseline_eta: must be greater than 0, but got 0"),
    (
        "search.sampler=tep",
        "search.sampler: must be one of curves, tpe, gp, random, grid, or a path such as mypkg:propose",
    ),
    ("search.scheduler=asha", "search.scheduler: must be a mapping of keys to values, but got 'asha'"),
    (
        "search.scheduler.grace=17",
        "search.scheduler.grace: grace ≤ representation.epochs must hold, but got grace=17, epo",
    ),
    ("search.scheduler.reduction=1", "search.scheduler.reduction: must be greater than or equal to 2, but got 1"),
    ("search.metric=val_balanced_accuracy", "but got 'val_balanced_accuracy'; did you mean balanced_accuracy?"),
    ("search.max_concurrent=0", "search.max_concurrent: must be greater than or equal to 1, but got 0"),
    ("search.max_hours=-1", "search.max_hours: must be greater than 0, but got -1"),
    ("search.exempt_share=2", "search.exempt_share: must be less than or equal to 1, but got 2"),
    ("resources.cpus=0", "resources.cpus: must be greater than 0, but got 0"),
    ("resources.gpus=2", "resources.gpus: a worker computes on one GPU at most, but got 2; resources.workers sets"),
    (
        "resources={workers: 2, gpus: 0.5}",
        "resources.gpus: workers of one trial need a GPU each, but got 0.5 with 2 workers",
    ),
    ("resources.workers=0", "resources.workers: must be greater than or equal to 1, but got 0"),
    (
        "resources.workers=1000",
        "resources.workers: each worker needs a row of each batch or chunk, but got 1000 workers for",
    ),
    ("tracking.uri=''", "tracking.uri: must not be empty, but got ''"),
    ("tracking.uri=https://me:secret@mlflow.example", "tracking.uri: must hold no name and password, as a spec"),
    ("tracking.uri=postgresql://me:secret@host/db", "tracking.uri: must hold no name and password, as a spec"),
]


def one_line_from(source, *overrides) -> str:
    with pytest.raises(InputError) as caught:
        load_spec(source, overrides)
    message = str(caught.value)
    assert message.isprintable(), message  # so it is one line, and no escape code reaches a terminal
    assert len(message) < 400
    return message


@pytest.mark.parametrize("what", FILES)
def test_a_malformed_file_is_one_line(what, tmp_path):
    content, expected = FILES[what]
    path = tmp_path / "spec.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    message = one_line_from(path)
    assert message.startswith(str(path))
    assert expected in message


@pytest.mark.parametrize(("override", "expected"), OVERRIDES, ids=[repr(text)[1:50] for text, _ in OVERRIDES])
def test_a_malformed_override_is_one_line(override, expected):
    message = one_line_from("demo", override)
    assert "--set" in message.split(": ")[0]
    assert expected in message


def test_an_override_into_a_section_that_is_none_is_one_line():
    assert "--set loss.eta: loss must be a mapping of keys to values, but got 3" in one_line_from(
        "demo", "loss=3", "loss.eta=1"
    )


def test_nothing_to_run_is_refused():
    message = one_line_from("demo", "search.trials=0", "search.baselines=[]")
    assert "search.trials: must be at least 1 without baselines, but got 0" in message


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("dmeo", "dmeo: no such file; did you mean demo?"),
        ("spaces/fminst.yaml", "spaces/fminst.yaml: no such file; did you mean fmnist?"),
        ("imagenet", "imagenet: no such file; known are demo, digits, fmnist, isic2018"),
        ("none/at/all.yaml", "none/at/all.yaml: no such file"),
        ("a\nb", "a\\nb: no such file"),
        ("a\0b", "a\\x00b: no such file"),
        ("a" * 300, ": cannot be read: File name too long"),
        ("~no_such_user/a.yaml", "~no_such_user/a.yaml: cannot be read"),
        ("", "is a folder, not a YAML file"),
        (".", ".: is a folder, not a YAML file"),
        ("/dev/zero", "/dev/zero: is not a regular file"),
    ],
    ids=lambda part: repr(part)[1:30],
)
def test_a_spec_that_is_no_file_is_one_line(source, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert expected in one_line_from(source)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "pipe: is not a regular file" in one_line_from(tmp_path / "pipe")


def test_scalars_are_read_as_yaml_1_2_reads_them():
    text = "a: [1e-3, .5, 010, 90:10, no, off, 2026-01-01, ~, True, 1_000, .inf, '1', 0x10]"
    assert parse_yaml(text, "file")[0]["a"] == (
        [0.001, 0.5, 10, "90:10", "no", "off", "2026-01-01", None, True, "1_000", float("inf"), "1", "0x10"]
    )


def test_text_that_looks_like_something_else_comes_back_from_a_dump():
    values = {
        "a": ["1e3", "90:10", "no", "~", "", "1", "é\n", "2026-01-01", "=", "<<", "- x", "#a", "\t", "\x1b", "null"]
    }
    assert parse_yaml(dump_yaml(values), "file")[0] == values
