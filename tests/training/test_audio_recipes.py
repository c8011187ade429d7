"""The data fields of recipes that learn from crops of sound."""

import pytest

from songdiff.training import RecipeError, load_recipe

RECIPE = """
kind: {kind}
output: out
data: {{corpus: nowhere, {data}}}
optimizer: {{lr: 1.0e-3}}
steps: 1
batch_size: 1
crop_frames: 8
"""


def test_recipes_name_recordings_for_waveforms_only(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text(RECIPE.format(kind="vocoder", data="recordings: [my music], recordings_share: 0.25"))
    data = load_recipe(path).data
    assert [str(folder) for folder in data.recordings] == ["my music"]
    assert (data.recordings_share, data.augment) == (0.25, True)
    for kind, field, message in (
        ("transformer", "recordings: [music]", "recordings: only for autoencoder and vocoder"),
        ("autoencoder", "recordings_share: 0.5", "give recordings too"),
        ("autoencoder", "recordings: [music], recordings_share: 2", "recordings_share"),
    ):
        path.write_text(RECIPE.format(kind=kind, data=field))
        with pytest.raises(RecipeError, match=message):
            load_recipe(path)
