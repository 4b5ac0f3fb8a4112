"""What images are made into stays what it was where nothing asks for more: to the byte, and in the array cache."""

import json

import numpy as np
import PIL
import pytest
from pictures import deep_png, folders, noise, own, save

from trainers.data import data_root, load, load_test
from trainers.data.datasets import folder
from trainers.data.io import levels
from trainers.data.io.look import Look, common_look
from trainers.data_config import DataConfig
from trainers.errors import InputError

# by the code before there were backgrounds, fits and scales
BEFORE = {
    "rgb": "ab39a1e37b83ce1d358c4916b7d9d6595b3fcf4859d73575b70eff89269561b5",
    "grey": "47260189aad231294a3f09da120227f2e326b2dbacea8616d87ef2c95938de44",
    "opaque": "6b4b02216ce322965532914acbda2c97be07a82abe78dec6d1b353d7b3b77054",
    "deep": "5bb54e5bdb5b8bdd442577134284eab96b77a29df61ef3eff026a447a14683b5",
    "mixed": "06816724fc58470ccaa3ecd03466bb830ef920b41039d18d577548212842167e",
}
PLAIN = f"bilinear, Pillow {PIL.__version__}"


def ordinary(top):
    """Folders of colour, of grey, of opaque alpha, of 16 full bits, and of formats without loss."""
    folders(top / "rgb")
    folders(top / "grey", shape=(10, 12))
    for k, name in enumerate(("cat", "dog")):
        for i in range(4):
            pixels, number = noise(100 * k + i, 10, 12, 3), f"{i}.png"
            save(top / "opaque" / name / number, np.dstack([pixels, np.full((10, 12), 255, np.uint8)]))
            deep = noise(100 * k + i, 10, 12, high=65536, kind=np.uint16)
            deep[0, 0] = 65535
            save(top / "deep" / name / number, deep)
            save(top / "mixed" / name / f"{i}.bmp", pixels)
            save(top / "mixed" / name / f"{i}.gif", noise(100 * k + i, 10, 12))
            save(top / "mixed" / name / f"p{i}.tif", noise(100 * k + i, 10, 12))


def look_of(config):
    top = folder.given(config)
    return common_look(folder.list_images(top, top, config).items, config, data_root())[0]


@pytest.mark.slow
def test_images_without_transparency_16_used_bits_or_odd_shapes_are_what_they_were(tmp_path):
    ordinary(tmp_path)
    assert {name: load(own(tmp_path / name)).fingerprint for name in BEFORE} == BEFORE


def test_their_cached_arrays_stay_good(tmp_path):
    ordinary(tmp_path)
    for name, mode in (("rgb", "RGB"), ("grey", "L"), ("deep", "L"), ("mixed", "RGB")):
        assert look_of(own(tmp_path / name)).how == f"{mode}, {PLAIN}"
    assert look_of(own(tmp_path / "rgb", image_size=16, background="red")).how == f"RGB, {PLAIN}"


@pytest.mark.parametrize(
    "fields", [{"background": "black"}, {"fit": "pad"}, {"fit": "crop"}, {"background": "#123", "fit": "pad"}]
)
def test_every_choice_that_changes_pixels_has_a_cache_of_its_own(tmp_path, fields):
    pixels = noise(1, 10, 20, 4)
    save(tmp_path / "cat" / "1.png", pixels)
    save(tmp_path / "dog" / "1.png", pixels)
    plain, other = look_of(own(tmp_path, image_size=16)), look_of(own(tmp_path, image_size=16, **fields))
    assert plain.how != f"RGB, {PLAIN}"  # arrays of which hidden pixels are part are not taken
    assert other.how != plain.how


def test_the_scale_of_16_bits_belongs_to_the_cache(tmp_path):
    for name in ("cat", "dog"):
        save(tmp_path / name / "1.png", noise(1, 10, 12, high=4096, kind=np.uint16))
    assert look_of(own(tmp_path)).how == f"L, {PLAIN}, 0..4,095 as 0..255"


def test_a_transparent_test_image_among_opaque_ones_is_laid_on_the_background(tmp_path):
    folders(tmp_path / "train")
    pixels = noise(7, 10, 10, 4)
    pixels[..., 3] = 0
    for name in ("cat", "dog"):
        save(tmp_path / "test" / name / "1.png", pixels)
    whites = load_test(own(tmp_path), tmp_path / "root")
    assert (whites.images == 255).all()
    assert (load_test(own(tmp_path, background="black"), tmp_path / "root").images == 0).all()


def test_a_coloured_background_that_shows_makes_grey_images_rgb(tmp_path):
    folders(tmp_path / "opaque", shape=(10, 12))
    folders(tmp_path / "clear", shape=(10, 12, 2))
    assert look_of(own(tmp_path / "opaque", background="red")).mode == "L"
    assert look_of(own(tmp_path / "clear", background="red")).mode == "RGB"
    assert look_of(own(tmp_path / "clear", background="#888")).mode == "L"
    assert look_of(own(tmp_path / "opaque", background="red", fit="pad", image_size=16)).mode == "RGB"


def test_levels_are_measured_once_for_the_same_files(tmp_path, monkeypatch):
    for name in ("cat", "dog"):
        deep_png(tmp_path / name / "1.png", noise(1, 10, 12, 3, high=4096, kind=np.uint16))
    read = []
    original = levels.read_deep
    monkeypatch.setattr(levels, "read_deep", lambda path: read.append(path) or original(path))
    looks = [look_of(own(tmp_path)) for _ in range(3)]
    assert len(read) == 2
    assert looks[0] == looks[1] == looks[2]
    deep_png(tmp_path / "cat" / "1.png", noise(1, 10, 12, 3, high=60000, kind=np.uint16))
    assert look_of(own(tmp_path)).scales == {"integers": (0, 65535)}


def test_a_look_survives_as_plain_values():
    look = Look("RGB", (10, 12), "#abc", "pad", {"floats": (0.0, 1.0), "integers": (-1024.0, 3071.0)})
    assert Look.from_plain(json.loads(json.dumps(look.as_plain()))) == look


def test_fit_and_background_are_for_image_files_alone():
    for fields in ({"background": "black"}, {"fit": "pad", "image_size": 16}):
        with pytest.raises(InputError, match="is only for dataset: folder and isic2018, not for digits"):
            load(DataConfig(dataset="digits", val_per_class=5, **fields))
