import pickle
import re
from importlib.resources import files

import jsonschema
import pytest
import yaml

from spaces.fields import fields, searchable
from spaces.ranges import Choice, IntUniform, LogUniform, Uniform, ZeroOr
from spaces.spec import SearchSpec, json_schema, load_spec, parse_spec, ready_names
from spaces.yaml_file import read_mapping
from trainers.config import METRIC, TrialConfig
from trainers.errors import InputError
from trainers.loss_config import family

READY = ["demo", "digits", "fmnist", "isic2018", "study"]
SMALLEST = "name: a\nspace: {loss.eta: {uniform: [1, 2]}}\nsearch: {trials: 1}\n"
EVERY_KIND = [
    "space.loss.eta={zero_or: {loguniform: [1, 300]}, share: 0.3}",
    "space.loss.gamma={intuniform: [1, 10]}",
    "space.loss.temperature={uniform: [0.03, 1]}",
    "space.loss.normalize_by={choice: [batch, positives]}",
    "space.representation.views={choice: [1, 2]}",
    "space.representation.batch_size={choice: [64, 128, 256]}",
    "space.representation.balanced_batches={choice: [true, false]}",
    "space.representation.warmup_epochs={zero_or: {intuniform: [1, 3]}}",
    "space.representation.augment.flip={choice: [0, 1e-1]}",
    "classifier.solver=adamw",
    "space.classifier.lr={loguniform: [1e-3, 1e-1]}",
    'tracking.uri="1e3"',
]


@pytest.fixture
def written(tmp_path):
    """Write a spec and load it again."""

    def write(text, *overrides, name=None):
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return load_spec(path, overrides, name=name)

    return write


@pytest.mark.parametrize("name", READY)
def test_a_ready_spec_loads_by_its_name_and_by_its_path_from_anywhere(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = load_spec(name)
    assert spec == load_spec(f"spaces/{name}.yaml") == load_spec(f"{name}.yaml")
    assert {"loss.eta", "loss.gamma", "loss.temperature"} <= spec.space.keys()
    assert {"CL", "FCL", "ACL"} <= set(spec.search.baselines)


def test_the_ready_names_are_those_of_the_files():
    assert ready_names() == READY


def test_a_file_of_ones_own_comes_before_a_ready_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()  # a folder is not in the way
    assert load_spec("demo").name == "demo"
    (tmp_path / "demo.yaml").write_text(SMALLEST)
    assert load_spec("demo.yaml").name == "a"


def test_the_demo_is_as_large_as_it_says():
    spec = load_spec("demo")
    assert spec.search.trials >= 12
    assert (spec.data.train_size, spec.data.ratio, spec.model.encoder) == (1000, (90, 10), "small")


@pytest.mark.parametrize("name", READY)
def test_every_family_of_the_loss_lies_inside_a_ready_space(name):
    spec = load_spec(name)
    families = {
        family(spec.trial_config({"loss.eta": eta, "loss.gamma": gamma}).loss)
        for eta in spec.space["loss.eta"].points(3)
        for gamma in spec.space["loss.gamma"].points(3)
    }
    assert families == {"CL", "FCL", "ACL", "AFCL"}


@pytest.mark.parametrize("name", READY)
def test_a_dumped_spec_comes_back_equal(name, written):
    spec = load_spec(name, EVERY_KIND)
    assert parse_spec(spec.dump()) == spec
    assert written(spec.dump_yaml()) == spec
    assert written(spec.dump_yaml()).dump_yaml() == spec.dump_yaml()
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_yaml_1_1_reader_reads_the_dump_as_the_same_values():
    spec = load_spec("fmnist", ["representation.lr=1e-5"])
    assert parse_spec(yaml.safe_load(spec.dump_yaml())) == spec


def test_numbers_without_a_dot_are_numbers_in_ranges_and_in_fixed_fields(written):
    adamw = "classifier.solver=adamw"
    spec = written(SMALLEST, adamw, "representation.lr=1e-3", "space.classifier.lr={loguniform: [1e-3, 1e-1]}")
    assert spec.representation.lr == 0.001
    assert spec.space["classifier.lr"] == LogUniform(0.001, 0.1)
    with_text = {"name": "a", "representation": {"lr": "1e-3"}, "search": {"trials": 0}}  # as PyYAML reads it
    assert parse_spec(with_text).representation.lr == 0.001


def test_overrides_are_put_in_before_the_check_and_the_last_one_holds(written):
    spec = written(
        SMALLEST.replace("trials: 1", "trials: -1"),
        "search.trials=5",
        "search.trials=7",
        "data.ratio=[98, 2]",
        "space.loss.gamma={uniform: [0, 10]}",
        "space.loss.eta=null",
        "search.scheduler={name: none}",
        "data.classes=['0', \"1\"]",
        " model.width = 4 ",
        "tracking.experiment=a=b",
    )
    assert spec.search.trials == 7
    assert spec.data.ratio == (98, 2)
    assert spec.space == {"loss.gamma": Uniform(0, 10)}
    assert spec.search.scheduler.name == "none"
    assert spec.data.classes == ("0", "1")
    assert spec.model.width == 4
    assert spec.tracking.experiment == "a=b"


def test_a_whole_space_can_be_replaced(written):
    spec = written(SMALLEST, "space={loss.gamma: {choice: [0, 1, 2]}}")
    assert spec.space == {"loss.gamma": Choice((0.0, 1.0, 2.0))}


def test_the_name_can_be_replaced(written):
    assert written(SMALLEST, name="Other.1").name == "Other.1"


def test_a_space_keeps_the_order_of_the_file_and_the_type_of_the_field(written):
    spec = written(SMALLEST, *EVERY_KIND)
    assert list(spec.space) == [re.match(r"space\.(.*?)=", one)[1] for one in EVERY_KIND if one.startswith("space")]
    assert spec.space["representation.batch_size"] == Choice((64, 128, 256))
    flips = spec.space["representation.augment.flip"].values
    assert all(type(value) is float for value in flips)
    assert spec.space["representation.warmup_epochs"] == ZeroOr(IntUniform(1, 3))


def test_searched_values_take_the_place_of_the_fixed_ones():
    spec = load_spec("fmnist")
    config = spec.trial_config({"loss.eta": 5.0, "representation.lr": 0.02, "representation.augment.flip": 0})
    assert (config.loss.eta, config.representation.lr, config.representation.augment.flip) == (5, 0.02, 0)
    assert config.model_copy(update={"loss": spec.loss, "representation": spec.representation}) == spec.base
    with pytest.raises(InputError, match=r"loss\.etaa: unknown field; did you mean loss\.eta\?"):
        spec.trial_config({"loss.etaa": 5.0})
    with pytest.raises(InputError, match=r"loss\.eta: must be greater than or equal to 0, but got -1"):
        spec.trial_config({"loss.eta": -1})


def test_baselines_are_the_corners_of_the_family_at_the_fixed_values():
    spec = load_spec("fmnist", ["loss.eta=7", "loss.gamma=3", "loss.temperature=0.5", "search.baseline_eta=30"])
    corners = {name: spec.baseline(name).loss for name in ("CL", "FCL", "ACL", "AFCL")}
    assert {name: (loss.eta, loss.gamma) for name, loss in corners.items()} == {
        "CL": (0, 0),
        "FCL": (0, 2),
        "ACL": (30, 0),
        "AFCL": (30, 2),
    }
    for name, loss in corners.items():
        assert family(loss) == name
        assert loss.temperature == 0.5
        assert spec.trial_config(spec.baseline_values(name)) == spec.baseline(name)
        assert spec.baseline_values(name).keys() == spec.space.keys()


def test_the_default_metric_is_the_one_of_the_contract():
    assert load_spec("demo").search.metric_key == METRIC
    assert load_spec("demo", ["search.metric=auroc"]).search.metric_key == "val_auroc"


def test_a_spec_has_every_field_of_a_trial():
    for name, info in TrialConfig.model_fields.items():
        assert SearchSpec.model_fields[name].annotation == info.annotation
        assert SearchSpec.model_fields[name].default == info.default


def test_every_number_of_a_trial_but_data_seeds_and_stage_lengths_can_be_searched():
    kept_fixed = {path for path, field in fields().items() if field.kind in ("real", "whole")} - searchable().keys()
    stages = {"representation.epochs", "classifier.epochs", "classifier.fine_tune_epochs"}
    assert kept_fixed == {"data.val_per_group", "data.seed", "seed", *stages}


def test_the_learning_rate_of_fine_tuning_is_searched_where_it_is_on_and_refused_where_it_is_off(written):
    ranged = "space.classifier.fine_tune_lr={loguniform: [1e-5, 1e-3]}"
    spec = written(SMALLEST, "classifier.fine_tune=true", ranged)
    assert spec.trial_config({"classifier.fine_tune_lr": 2e-5}).tuning.lr == 2e-5
    assert spec.last_epoch("CL") == spec.representation.epochs + 1 + 10
    said = r"space\.classifier\.fine_tune_lr: has no effect with classifier\.fine_tune: false"
    with pytest.raises(InputError, match=said):
        written(SMALLEST, ranged)
    with pytest.raises(InputError, match=r"space\.classifier\.fine_tune: may not be searched: rungs and the step"):
        written(SMALLEST, "space.classifier.fine_tune={choice: [true, false]}")


def test_baselines_alone_need_no_space(written):
    spec = written(SMALLEST, "space={}", "search.trials=0")
    assert spec.space == {}


def test_rules_about_two_fields_are_checked_on_pairs_of_ranges(written):
    pair = "space.model.pretrained={choice: [true, false]}"
    allowed = written(SMALLEST, pair, "space.model.encoder={choice: [resnet18, resnet34]}")  # fixed encoder: small
    assert allowed.model.encoder == "small"
    with pytest.raises(InputError, match=r"space\.model\.\w+.*pretrained: true needs a resnet encoder"):
        written(SMALLEST, pair, "space.model.encoder={choice: [resnet18, small]}")


def test_a_complaint_names_the_line_of_the_file_or_the_flag(written, tmp_path):
    text = "name: a\nspace:\n  loss.eta: {uniform: [1, 2]}\n  loss.gamma:\n    uniform: [5, 3]\nsearch: {trials: 1}\n"
    with pytest.raises(InputError, match=r"spec\.yaml:4: space\.loss\.gamma: low < high must hold"):
        written(text)
    with pytest.raises(InputError, match=r"^--set: space\.loss\.gamma: low < high must hold"):
        written(text, "space.loss.gamma={uniform: [7, 6]}")
    with pytest.raises(InputError, match=r"spec\.yaml:1: search\.trials: is required"):
        written("search: {}\nname: a")
    with pytest.raises(InputError, match=r"spec\.yaml: search: is required"):
        written("name: a")
    with pytest.raises(InputError, match=r"^--name: name: must start with a letter or digit"):
        written(SMALLEST, name="../a")


@pytest.fixture(scope="module")
def validator():
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_json_schema_explains_every_property(validator):
    """A section by the schema that it refers to."""
    schema = validator.schema
    unexplained, seen = [], 0
    queue = [("", schema)]
    while queue:
        where, here = queue.pop()
        children = here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ()
        queue += [(f"{where}/{key}", child) for key, child in children]
        for name, told in here.get("properties", {}).items() if isinstance(here, dict) else ():
            seen += 1
            section = schema["$defs"].get(told.get("$ref", "").rpartition("/")[2], {})
            if not (told.get("description") or section.get("description")):
                unexplained.append(f"{where}/{name}")
    assert seen > 71
    assert not unexplained
    of_range = schema["properties"]["space"]["properties"]["loss.eta"]["description"]
    assert of_range == schema["$defs"]["LossConfig"]["properties"]["eta"]["description"]


@pytest.mark.parametrize("name", READY)
def test_the_ready_files_and_their_dumps_fit_the_json_schema(name, validator):
    validator.validate(read_mapping(files("spaces") / f"{name}.yaml").values)
    validator.validate(load_spec(name, EVERY_KIND).dump())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["serch"], {}),
        (["name"], "a b"),
        (["loss", "etaa"], 1),
        (["loss", "eta"], -1),
        (["loss", "temperature"], 0),
        (["loss", "eta"], {"uniform": [0, 1]}),
        (["model", "encoder"], "resnet19"),
        (["data", "ratio"], [90]),
        (["search", "sampler"], "tep"),
        (["search", "trials"], 1.5),
        (["search", "scheduler", "reduction"], 1),
        (["space", "loss.etaa"], {"uniform": [0, 1]}),
        (["space", "data.seed"], {"intuniform": [0, 1]}),
        (["space", "representation.epochs"], {"intuniform": [1, 9]}),
        (["space", "loss.eta"], {"uniform": [0]}),
        (["space", "loss.eta"], {"loguniform": [0, 1]}),
        (["space", "loss.eta"], {"normal": [0, 1]}),
        (["space", "loss.eta"], {"uniform": [0, 1], "share": 0.5}),
        (["space", "model.width"], {"uniform": [1, 9]}),
        (["space", "model.encoder"], {"choice": ["small", "resnet19"]}),
    ],
    ids=lambda part: str(part)[:50],
)
def test_the_json_schema_refuses_what_the_check_refuses(path, value, validator):
    raw = load_spec("demo").dump()
    here = raw
    for key in path[:-1]:
        here = here[key]
    here[path[-1]] = value
    assert not validator.is_valid(raw)
    with pytest.raises(InputError):
        parse_spec(raw)


def test_the_json_schema_knows_every_searchable_field(validator):
    assert validator.schema["properties"]["space"]["properties"].keys() == searchable().keys()


def test_a_familys_own_space_leaves_zero_to_the_others():
    spec = load_spec("digits", ["search.per_family=true", "search.baselines=[]"])
    ranges = {family: spec.family_space(family)[0] for family in spec.families}
    assert {family: sorted(one) for family, one in ranges.items()} == {
        "CL": ["loss.temperature"],
        "FCL": ["loss.gamma", "loss.temperature"],
        "ACL": ["loss.eta", "loss.temperature"],
        "AFCL": ["loss.eta", "loss.gamma", "loss.temperature"],
    }
    assert not any(one.contains(0) for path, one in ranges["AFCL"].items() if path != "loss.temperature")
    assert spec.family_space("CL")[1] == {"loss.eta": 0, "loss.gamma": 0}
    fixed_eta = load_spec("digits", ["search.per_family=true", "search.baselines=[]", "space.loss.eta=null"])
    assert fixed_eta.family_space("ACL")[1] == {"loss.eta": 60, "loss.gamma": 0}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ([], "must have one, or none of them ([]), but got CL, FCL, ACL"),
        (["search.baselines=[]", "search.sampler=grid"], "takes the samplers curves, tpe, gp and random"),
        (["search.baselines=[]", "space.loss.eta={uniform: [0, 9]}"], "space.loss.eta: with per_family zero must"),
        (["search.baselines=[]", "space.loss.temperature=null"], "space: with per_family CL must have something"),
    ],
)
def test_families_without_equal_chances_are_refused(changes, complaint):
    with pytest.raises(InputError, match=re.escape(complaint)):
        load_spec("digits", ["search.per_family=true", *changes])


BATCHES = ["representation.batch_size=6", "representation.chunk=null"]


@pytest.mark.parametrize(
    ("overrides", "most", "named"),
    [
        ([], 12, "representation.batch_size × views"),
        (["representation.views=1"], 6, "representation.batch_size × views"),
        (["representation.chunk=4"], 4, "representation.chunk"),
        (["representation.chunk=50"], 12, "representation.batch_size × views"),
        (["space.representation.batch_size={choice: [4, 8]}"], 8, "representation.batch_size × views"),
        (["space.representation.batch_size={choice: [8, 9]}"], 12, "representation.batch_size × views"),
        (
            ["space.representation.batch_size={choice: [8, 9]}", "search.baselines=[]"],
            16,
            "representation.batch_size × views",
        ),
        (["search.first=[{representation.batch_size: 3}]"], 6, "representation.batch_size × views"),
        (["search.first=[{representation.views: 1}]"], 6, "representation.batch_size × views"),
        (["search.first=[{loss.name: cross_entropy}]"], 6, "representation.batch_size × views"),
    ],
)
def test_no_more_workers_than_rows_that_they_share(overrides, most, named):
    asked = [*BATCHES, "search.baselines=[CL]", *overrides]
    assert load_spec("demo", [*asked, f"resources.workers={most}"]).resources.workers == most
    with pytest.raises(InputError) as caught:
        load_spec("demo", [*asked, f"resources.workers={most + 1}"])
    assert str(caught.value) == (
        "--set: resources.workers: each worker needs a row of each batch or chunk, "
        f"but got {most + 1} workers for {most} rows ({named})"
    )
