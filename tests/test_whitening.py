"""The space of a contrast, where the answer is known. Run: pytest tests/test_whitening.py"""

import torch

from c2r.core.whitening import Space, space_of


def test_a_space_of_nothing_leaves_embeddings_as_they_are(generator):
    x = torch.randn(5, 4, generator=generator)
    assert Space()(x) is x and space_of(x, "none") == Space()


def test_centring_takes_away_what_all_embeddings_share(generator):
    real = torch.randn(50, 4, generator=generator) + 7
    torch.testing.assert_close(space_of(real, "centre")(real).mean(0), torch.zeros(4), atol=1e-5, rtol=0)


def test_whitening_makes_every_direction_weigh_alike_up_to_the_shrinkage(generator):
    scales = torch.tensor([10.0, 3.0, 1.0, 0.5])
    real = torch.randn(4000, 4, generator=generator) * scales + 5
    spread = space_of(real, "whiten")(real).var(0, correction=0)
    mean = (scales**2).mean()
    torch.testing.assert_close(spread, scales**2 / (0.9 * scales**2 + 0.1 * mean), atol=0.08, rtol=0.1)


def test_whitening_parts_embeddings_that_a_common_direction_bunches(generator):
    real = torch.randn(500, 6, generator=generator) + 20 * torch.ones(6)
    cosine = lambda x: torch.nn.functional.cosine_similarity(x[:250], x[250:]).mean()  # noqa: E731
    assert cosine(real) > 0.9 and abs(cosine(space_of(real, "whiten")(real))) < 0.1
