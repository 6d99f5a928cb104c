"""What the pocket model sees of a picture: the right patches in the right cells, with their colours."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForImageTextToText

from msr.backbones.pocket.model import GRID, IMAGE_TOKENS, LAYERS, MEAN, STD, Connector, PocketLlava
from msr.backbones.pocket.sight import SECOND
from tests import tiny
from tests.fakes import picture
from tests.tiny import SEEN, TEXT, VIEW

CELLS = GRID * GRID


@pytest.fixture(scope="module")
def model() -> PocketLlava:
    return tiny.pocket_model()


def normalised(rgb: torch.Tensor) -> torch.Tensor:
    """(3, H, W) in [0, 1] as a batch of one that the tower takes."""
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return ((rgb - mean) / std)[None]


@torch.inference_mode()
def seen(model, rgb: torch.Tensor) -> torch.Tensor:
    return model.model.see(normalised(rgb))[0]


def cells_of(rows: slice, columns: slice) -> list[int]:
    """Indices of a rectangle of cells, row by row from the top left."""
    return [r * GRID + c for r in range(GRID)[rows] for c in range(GRID)[columns]]


QUADRANTS = {
    "top left": (slice(0, 2), slice(0, 2)),
    "top right": (slice(0, 2), slice(2, 4)),
    "bottom left": (slice(2, 4), slice(0, 2)),
    "bottom right": (slice(2, 4), slice(2, 4)),
}


def test_a_view_is_one_whole_and_sixteen_cells(model):
    with torch.inference_mode():
        views = model.model.see(torch.randn(3, 3, VIEW, VIEW))
    assert views.shape == (3, 1 + 16, SEEN + 6)


@pytest.mark.parametrize("name", QUADRANTS)
def test_a_colour_in_one_quadrant_is_in_its_cells_alone(model, name):
    rows, columns = QUADRANTS[name]
    rgb = torch.zeros(3, VIEW, VIEW)
    rgb[0, slice(rows.start * 8, rows.stop * 8), slice(columns.start * 8, columns.stop * 8)] = 1.0
    view = seen(model, rgb)
    means, deviations = view[1:, SEEN : SEEN + 3], view[1:, SEEN + 3 :]
    expected = torch.zeros(CELLS, 3)
    expected[cells_of(rows, columns), 0] = 1.0
    torch.testing.assert_close(means, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(deviations, torch.zeros(CELLS, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(view[0, SEEN : SEEN + 3], torch.tensor([0.25, 0.0, 0.0]), atol=1e-5, rtol=0)
    # A quarter at 1, the rest at 0: the variance is 0.25 * 0.75.
    assert view[0, SEEN + 3].item() == pytest.approx(0.1875**0.5, abs=1e-3)


def test_a_cell_is_the_mean_of_its_four_patches(model):
    torch.manual_seed(5)
    rgb = torch.rand(3, VIEW, VIEW)
    with torch.inference_mode():
        tower = model.model.vision_tower
        looked = tower(normalised(rgb), output_hidden_states=True)
        layers = [tower.layernorm(looked.hidden_states[n])[0] for n in LAYERS]
    view = seen(model, rgb)
    torch.testing.assert_close(layers[0], looked.last_hidden_state[0])
    states = torch.cat(layers, dim=1)
    torch.testing.assert_close(view[0, :SEEN], states[0])
    patches = states[1:].reshape(8, 8, SEEN)  # rows and columns of patches; a cell is 2x2 of them
    for row in range(GRID):
        for column in range(GRID):
            four = patches[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].reshape(4, SEEN)
            torch.testing.assert_close(view[1 + row * GRID + column, :SEEN], four.mean(0), atol=1e-5, rtol=1e-4)


def test_a_deviation_is_that_of_the_cells_own_pixels(model):
    rgb = torch.full((3, VIEW, VIEW), 0.5)
    rgb[1, 0:8:2, 8:16] = 1.0  # every other row of the upper half, and of the lower half, of cell 1
    rgb[1, 1:8:2, 8:16] = 0.0
    view = seen(model, rgb)
    deviations = view[1:, SEEN + 3 :].clone()
    assert deviations[1, 1].item() == pytest.approx(0.5, abs=0.01)
    deviations[1, 1] = 0
    torch.testing.assert_close(deviations, torch.zeros(CELLS, 3), atol=1e-5, rtol=0)


def test_a_picture_takes_as_many_tokens_as_the_processor_expands(model):
    processor = tiny.pocket_processor()
    inputs = processor(text="<image>", images=[picture("red").open()], return_tensors="pt")
    image = processor.tokenizer.convert_tokens_to_ids("<image>")
    (tokens,) = model.model.get_image_features(inputs["pixel_values"]).pooler_output
    assert int((inputs["input_ids"] == image).sum()) == len(tokens) == IMAGE_TOKENS == model.config.image_seq_length
    assert tokens.shape[1] == TEXT


@pytest.mark.parametrize("part", ["whole", "a cell's features", "a cell's colours"])
def test_the_tokens_follow_every_part_of_the_view(model, part):
    connector = model.model.multi_modal_projector
    view = torch.randn(1, 1 + CELLS, SEEN + 6)
    changed = view.clone()
    where = {"whole": (0, 0, 0), "a cell's features": (0, 6, 0), "a cell's colours": (0, 6, SEEN)}[part]
    changed[where] += 1.0
    before, after = connector(view)[0], connector(changed)[0]
    assert before.shape == (IMAGE_TOKENS, TEXT)
    assert ((before - after).abs().amax(1) > 1e-6).all()


def test_other_tokens_are_mixtures_of_the_words_a_connector_speaks():
    torch.manual_seed(0)
    connector = Connector(SEEN, TEXT)
    words = torch.randn(5, TEXT)
    connector.speak(torch.randn(7, TEXT))
    connector.speak(words)  # the earlier vocabulary is gone
    with torch.no_grad():
        connector.trace.zero_()
        tokens = connector.eval()(torch.randn(3, 1 + CELLS, SEEN + 6))[:, SECOND + 1 :].flatten(0, 1)
    shares = torch.linalg.lstsq(words.T, tokens.T).solution
    assert torch.allclose(words.T @ shares, tokens.T, atol=1e-4)
    assert (shares > -1e-4).all() and torch.allclose(shares.sum(0), torch.ones(shares.shape[1]), atol=1e-3)


def test_a_saved_model_comes_back_through_the_auto_class(model, tmp_path):
    model.save_pretrained(tmp_path)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=torch.float32)
    assert isinstance(loaded, PocketLlava)
    ours = model.state_dict()
    assert all(torch.equal(weight, ours[name]) for name, weight in loaded.state_dict().items())
    assert set(loaded.state_dict()) == set(ours)
