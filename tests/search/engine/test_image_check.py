"""Images that an encoder cannot take are refused before a search begins (search.engine.image_check)."""

import pytest
from pictures import noise, save


@pytest.mark.parametrize("word", ["plan", "search"])
def test_images_too_small_for_the_encoder_are_refused_in_one_line(typed, tmp_path, word):
    for k, name in enumerate(("cat", "dog")):
        for number in range(6):
            save(tmp_path / "images" / name / f"{number}.png", noise(10 * k + number, 7, 30))
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        f"name: small\ndata: {{dataset: folder, path: {tmp_path / 'images'}, val_per_class: 2}}\n"
        "model: {encoder: resnet18}\n"
        "space: {model.encoder: {choice: [resnet18, small]}}\nsearch: {trials: 2, baselines: []}\n"
    )
    told = typed(word, str(spec))
    assert told.returncode == 2
    assert told.stderr == (
        "afcl: model.encoder: small needs images of 8×8 pixels or more, but these are 30×7; "
        "set data.image_size if they are files, or take a ResNet\n"
    )
