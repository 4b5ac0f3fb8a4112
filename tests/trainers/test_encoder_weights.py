"""An encoder that begins with weights from a file. See trainers.encoder_weights."""

import hashlib
import re

import pytest
import torch

from trainers.checkpoint import save_checkpoint
from trainers.config import ModelConfig
from trainers.encoder_weights import with_hash
from trainers.errors import InputError
from trainers.models import build_encoder

SMALL = {"encoder": "small", "width": 4}


def small(seed=1, **more):
    return build_encoder(ModelConfig(**SMALL | more), 1, seed)


def saved(path, content):
    torch.save(content, path)
    return str(path)


def same(one, other):
    first, second = one.state_dict(), other.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("prefix", ["", "module.", "encoder.", "backbone."])
@pytest.mark.parametrize("holder", [None, "state_dict", "model"])
def test_a_state_dict_is_found_however_it_was_saved(prefix, holder, tmp_path):
    other = small(seed=2)
    state = {prefix + name: value for name, value in other.state_dict().items()} | {"fc.weight": torch.zeros(2, 16)}
    path = saved(tmp_path / "w.pt", state if holder is None else {holder: state, "epoch": 3})
    assert not same(small(), other)
    assert same(small(pretrained=path), other)


@pytest.mark.slow
def test_a_trials_checkpoint_gives_its_encoder(tmp_path, tiny_config, digits):
    from trials import run

    _, kept, _ = run(tiny_config, digits)
    last = kept[max(kept)]
    path = save_checkpoint(last, tmp_path)
    encoder = build_encoder(tiny_config.model.model_copy(update={"pretrained": str(path)}), 1, seed=5)
    assert all(torch.equal(value, last.encoder[name]) for name, value in encoder.state_dict().items())


def test_a_file_of_another_encoder_is_told_with_what_differs(tmp_path):
    wider = build_encoder(ModelConfig(encoder="small", width=8), 1, seed=0)
    path = saved(tmp_path / "wide.pt", wider.state_dict())
    with pytest.raises(InputError, match=r"wide\.pt is of another encoder: blocks\.0\.0\.weight is \[8, 1, 3, 3\]"):
        small(pretrained=path)
    path = saved(tmp_path / "other.pt", {"layer.weight": torch.zeros(3)})
    with pytest.raises(InputError, match=r"it lacks \d+ of \d+ tensors, such as blocks"):
        small(pretrained=path)


def test_what_is_no_file_of_weights_is_told_in_one_line(tmp_path):
    (tmp_path / "text.pt").write_text("hello")
    saved(tmp_path / "list.pt", [1, 2])
    for name, said in {
        "text.pt": "is not a file of weights that torch can read",
        "list.pt": "holds no state dict",
        "nowhere.pt": "cannot be read: No such file",
    }.items():
        with pytest.raises(InputError, match=said) as refused:
            small(pretrained=str(tmp_path / name))
        assert len(str(refused.value).splitlines()) == 1


class Harmful:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def test_a_file_runs_no_code(tmp_path):
    path = saved(tmp_path / "harmful.pt", {"weight": Harmful()})
    with pytest.raises(InputError, match="is not a file of weights that torch can read"):
        small(pretrained=path)


def test_a_file_is_known_by_its_hash(tmp_path, monkeypatch):
    path = saved(tmp_path / "w.pt", small(seed=2).state_dict())
    monkeypatch.chdir(tmp_path)
    kept = with_hash("w.pt")
    assert kept == f"{path}#sha256={hashlib.sha256((tmp_path / 'w.pt').read_bytes()).hexdigest()}"
    assert with_hash(kept) == kept
    assert same(small(pretrained=kept), small(seed=2))
    saved(tmp_path / "w.pt", small(seed=3).state_dict())
    with pytest.raises(InputError, match=re.escape(f"{path} has changed since the search began")):
        small(pretrained=kept)


@pytest.mark.slow
def test_torchvisions_names_fit_a_resnet_of_any_stem_and_number_of_channels(tmp_path, torchvision):
    from torchvision.models import resnet18

    torch.manual_seed(0)
    theirs = resnet18()
    path = saved(tmp_path / "resnet.pt", theirs.state_dict())
    config = ModelConfig(encoder="resnet18", stem="imagenet", pretrained=path)
    image = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    theirs.fc = torch.nn.Identity()
    colour, grey = build_encoder(config, 3, 0).eval(), build_encoder(config, 1, 0).eval()
    assert torch.equal(colour(image.expand(-1, 3, -1, -1)), theirs.eval()(image.expand(-1, 3, -1, -1)))
    torch.testing.assert_close(grey(image), colour(image.expand(-1, 3, -1, -1)))
    small_stem = build_encoder(config.model_copy(update={"stem": "small"}), 3, 0)
    assert small_stem.net.conv1.weight.shape == (64, 3, 3, 3)
    assert torch.equal(small_stem.net.layer1[0].conv1.weight, theirs.layer1[0].conv1.weight)
