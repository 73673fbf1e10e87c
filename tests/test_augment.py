"""Siamese augmentation: alike for every image, seeded, differentiable. Run: pytest tests/test_augment.py"""

import pytest
import torch

from c2r.core.augment import OPERATIONS, draw

MEAN, STD = torch.tensor([0.4]), torch.tensor([0.2])


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_treats_an_image_alike_in_any_batch(name, generator):
    images = torch.rand(5, 1, 8, 8, generator=generator)
    u, mean, std = [0.9, 0.2, 0.7, 0.1, 0.5, 0.3], MEAN.view(1, 1, 1, 1), STD.view(1, 1, 1, 1)
    together = OPERATIONS[name](images, u, mean, std)
    alone = OPERATIONS[name](images[3:4], u, mean, std)
    assert together.shape == images.shape
    torch.testing.assert_close(together[3:4], alone)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_passes_a_gradient(name, generator):
    images = torch.rand(2, 1, 8, 8, generator=generator).requires_grad_(True)
    OPERATIONS[name](images, [0.4] * 6, MEAN.view(1, 1, 1, 1), STD.view(1, 1, 1, 1)).square().sum().backward()
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["crop", "cutout", "rotate"])
def test_what_moves_in_is_the_channel_mean(name):
    images = torch.full((1, 1, 8, 8), 0.4)
    torch.testing.assert_close(
        OPERATIONS[name](images, [0.95] * 6, MEAN.view(1, 1, 1, 1), STD.view(1, 1, 1, 1)), images
    )


def test_crop_shifts_by_whole_pixels():
    images = torch.zeros(1, 1, 8, 8)
    images[0, 0, 3, 3] = 1
    moved = OPERATIONS["crop"](images, [1.0, 0.5, 0, 0, 0, 0], torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
    assert moved[0, 0].nonzero().tolist() == [[4, 3]]


def test_the_same_seed_draws_the_same_transform_and_flip_is_left_out_when_asked():
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(9))
    one, two = (draw(torch.Generator().manual_seed(4), MEAN, STD, flip=True)(images) for _ in range(2))
    assert torch.equal(one, two)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        assert not torch.equal(draw(generator, MEAN, STD, flip=False)(images), images.flip(3))


def test_what_is_drawn_stays_in_the_pixel_box(generator):
    images = torch.rand(4, 1, 8, 8, generator=generator)
    for _ in range(60):
        found = draw(generator, MEAN, STD, flip=True)(images)
        assert found.min() >= 0
        assert found.max() <= 1
