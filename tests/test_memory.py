"""The queue: values before and after the wrap, balance, retrieval. Run: pytest tests/test_memory.py"""

import torch

from c2r.core.memory import ClassQueue


def queue(capacity=3, classes=2, dimension=2, rank=2):
    return ClassQueue(classes, capacity, dimension, rank, torch.Generator().manual_seed(0))


def rows(*values):
    return torch.tensor([[float(v), 0.0] for v in values])


def first(tensor):
    return tensor[:, 0].tolist()


def test_a_new_queue_is_empty_and_offers_no_negative():
    fresh = queue()
    assert fresh.contents(0).shape == (0, 2)
    _, mask = fresh.hard_negatives(rows(1), torch.tensor([0]), 4)
    assert not mask.any()


def test_rows_stay_in_order_before_and_after_the_wrap():
    held = queue()
    held.enqueue(rows(1, 2), torch.tensor([0, 0]))
    assert first(held.contents(0)) == [1, 2]
    held.enqueue(rows(3, 4), torch.tensor([0, 0]))
    assert first(held.contents(0)) == [2, 3, 4]
    held.enqueue(rows(5, 6), torch.tensor([0, 0]))
    assert first(held.contents(0)) == [4, 5, 6]


def test_a_batch_larger_than_the_queue_leaves_its_newest_rows():
    held = queue()
    held.enqueue(rows(1, 2, 3, 4, 5), torch.tensor([0] * 5))
    assert first(held.contents(0)) == [3, 4, 5]


def test_classes_do_not_touch_each_other():
    held = queue()
    held.enqueue(rows(1, 10, 2, 20, 3, 30, 4), torch.tensor([0, 1, 0, 1, 0, 1, 0]))
    assert first(held.contents(0)) == [2, 3, 4]
    assert first(held.contents(1)) == [10, 20, 30]


def test_a_slow_fifo_agrees_over_many_random_batches():
    generator = torch.Generator().manual_seed(3)
    held, slow = queue(capacity=5, classes=3), {0: [], 1: [], 2: []}
    for number in range(40):
        labels = torch.randint(3, (int(torch.randint(1, 12, (1,), generator=generator)),), generator=generator)
        values = [1000.0 * number + i for i in range(len(labels))]
        held.enqueue(rows(*values), labels)
        for value, label in zip(values, labels.tolist(), strict=True):
            slow[label] = (slow[label] + [value])[-5:]
    assert [first(held.contents(c)) for c in range(3)] == [slow[c] for c in range(3)]


def test_hard_negatives_are_the_most_similar_of_other_classes_and_keep_the_full_dimension():
    held = ClassQueue(3, 4, 6, 64, torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(5)
    stored, labels = torch.randn(12, 6, generator=generator), torch.arange(3).repeat(4)
    held.enqueue(stored, labels)
    anchor = torch.randn(1, 6, generator=generator)
    negatives, mask = held.hard_negatives(anchor, torch.tensor([1]), 2)
    others = stored[labels != 1]
    projected = lambda x: torch.nn.functional.normalize(x @ held.projection.T, dim=1)  # noqa: E731
    best = others[(projected(others) @ projected(anchor).T).squeeze(1).topk(2).indices]
    assert mask.all()
    torch.testing.assert_close(negatives[0], best)


def test_enqueued_rows_carry_no_gradient():
    held = queue()
    held.enqueue(rows(1).requires_grad_(True), torch.tensor([0]))
    assert not held.rows.requires_grad
