"""The words about this machine, as functions. See search.machine; tests/search/cli shows what they print."""

import pytest
from consoles import paper
from pictures import folders

import search
from spaces.spec import load_spec
from trainers.errors import InputError


def test_a_data_set_is_counted(capsys):
    checked = search.data_check("digits")
    assert checked.counts.class_names == tuple("0123456789")
    assert checked.config.dataset == "digits"
    assert (checked.section, checked.sheet) == (None, None)
    assert capsys.readouterr().out == ""


def test_a_folder_s_section_is_what_a_spec_says_of_it(tmp_path):
    folders(tmp_path, per_class=6)
    checked = search.data_check(tmp_path, ["data.image_size=16"])
    assert checked.section.startswith(f"data: {{dataset: folder, path: {tmp_path}, image_size: 16, val_per_class: 1")
    assert checked.config.image_size == 16


@pytest.mark.parametrize("form", ["digits.yaml", load_spec("digits"), load_spec("digits").dump()])
def test_a_spec_in_any_form_says_which_data(form):
    checked = search.data_check(form, ["data.val_per_class=7"])
    assert checked.counts.class_names == ("3", "8", "9")
    assert set(checked.counts.validation) == {7}


def test_only_data_can_be_set_without_a_spec():
    with pytest.raises(InputError, match="only fields of data can be set here"):
        search.data_check("digits", ["model.width=4"])


def test_a_sheet_is_drawn(tmp_path):
    checked = search.data_check("digits", ["data.train_size=60", "data.val_per_class=5"], sheet=tmp_path / "s.png")
    assert checked.sheet == tmp_path / "s.png"
    assert checked.sheet.exists()
    assert checked.as_json()["sheet"] == str(checked.sheet)


def test_a_fetch_says_what_it_does_on_the_console_that_is_given(capsys):
    console = paper(80)
    search.data_fetch("digits", console=console)
    assert "nothing to fetch" in console.file.getvalue()
    assert capsys.readouterr().out == ""
    with pytest.raises(InputError, match="did you mean digits"):
        search.data_fetch("digit")


def test_the_schema_is_a_spec_s():
    assert "space" in search.schema()["properties"]


@pytest.mark.slow
def test_doctor_returns_what_it_looked_at_and_tells_each_at_once(tmp_path):
    told = []
    found = search.doctor(results=tmp_path, on_finding=told.append)
    assert told == found
    assert [finding.name for finding in found][:3] == ["python", "torch", "ray"]
    assert all(finding.ok or finding.mend for finding in found)
