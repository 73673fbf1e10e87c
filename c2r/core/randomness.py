"""Random draws that depend on what they are for and on nothing that was drawn before.

A draw of update 73 is the same whether steps 1 to 72 were recorded, killed and resumed, or skipped.
"""

import numpy as np
import torch

PURPOSES = ("update", "order", "look", "projection", "scorer", "whitening", "learner", "student", "predict", "start")


def generator_for(seed: int, purpose: str, number: int) -> torch.Generator:
    """A CPU generator of its own for the `number`-th draw (step, stage) of one of the `PURPOSES` of the run with this
    seed."""
    state = np.random.SeedSequence([seed, PURPOSES.index(purpose), number]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)
