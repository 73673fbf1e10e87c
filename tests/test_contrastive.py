"""CRL against a slow loop written from the formula. Run: pytest tests/test_contrastive.py"""

import math

import pytest
import torch

from c2r.core.contrastive import Keys, class_mean_alignment, class_means, crl


def slow_crl(anchors, anchor_labels, keys, key_labels, tau, excluded, negatives):
    cos = torch.nn.functional.cosine_similarity
    losses = []
    for i in range(len(anchors)):
        allowed = [a for a in range(len(keys)) if not excluded[i][a]]
        terms = [math.exp(cos(anchors[i], keys[a], dim=0).item() / tau) for a in allowed]
        terms += [math.exp(cos(anchors[i], n, dim=0).item() / tau) for n in negatives[i]]
        positives = [a for a in allowed if key_labels[a] == anchor_labels[i]]
        logs = [math.log(math.exp(cos(anchors[i], keys[a], dim=0).item() / tau) / sum(terms)) for a in positives]
        losses.append(-sum(logs) / len(logs) if logs else 0.0)
    return losses


@pytest.mark.parametrize("tau", [0.07, 0.2, 1.0])
def test_crl_equals_the_slow_loop(tau, generator):
    clean, adversarial = torch.randn(6, 5, generator=generator), torch.randn(6, 5, generator=generator)
    labels = torch.tensor([0, 0, 1, 1, 2, 2])
    keys, key_labels = torch.cat([clean, adversarial]), torch.cat([labels, labels])
    excluded = torch.zeros(6, 12, dtype=torch.bool)
    excluded[:, :6].fill_diagonal_(True)
    extra, mask = torch.randn(6, 3, 5, generator=generator), torch.tensor([[True, False, True]] * 6)
    fast = crl(clean, labels, Keys(keys, key_labels, excluded=excluded), tau=tau, negatives=(extra, mask))
    slow = slow_crl(
        clean, labels, keys, key_labels, tau, excluded.tolist(), [e[m] for e, m in zip(extra, mask, strict=True)]
    )
    assert fast.tolist() == pytest.approx(slow, rel=1e-4)


def test_when_all_embeddings_agree_the_loss_is_the_log_of_the_number_of_candidates():
    same = torch.ones(4, 3)
    loss = crl(same, torch.tensor([0, 0, 1, 1]), Keys(same, torch.tensor([0, 0, 1, 1])), tau=0.2)
    assert loss.tolist() == pytest.approx([math.log(4)] * 4, rel=1e-5)


def test_an_anchor_without_positives_costs_nothing():
    assert crl(torch.ones(1, 2), torch.tensor([0]), Keys(torch.eye(2), torch.tensor([1, 1])), tau=0.1).tolist() == [0.0]


def test_a_harder_negative_costs_more():
    anchor, positive = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.1]])
    losses = [
        crl(
            anchor, torch.tensor([0]), Keys(torch.cat([positive, torch.tensor([other])]), torch.tensor([0, 1])), tau=0.2
        ).item()
        for other in ([0.0, 1.0], [0.9, 0.5])
    ]
    assert losses[1] > losses[0]


def test_class_means_and_their_alignment_are_what_the_formula_says():
    clean, adversarial = torch.tensor([[0.0], [2.0], [5.0]]), torch.tensor([[1.0], [3.0], [8.0]])
    labels = torch.tensor([0, 0, 2])
    assert class_means(clean, labels, 3).tolist() == [[1.0], [0.0], [5.0]]
    assert class_mean_alignment(clean, adversarial, labels, 3).item() == pytest.approx(1.0 + 9.0)
