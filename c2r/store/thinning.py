"""The recorded steps that keep their frame: the recent ones all, older ones ever more sparsely. No torch.

Margins, losses and figures of every recorded step stay in ``events.jsonl``; a frame (images, δ, embeddings) is a
thousand times larger. So a run of any length keeps about ``recent · (1 + log2(steps / recent) / 2)`` frames.
"""

from c2r.config import RunConfig


def kept(count: int, recent: int) -> list[int]:
    """Return the positions, of `count` recorded steps counted from 0, whose frames are kept.

    The newest `recent` all are, of the next `recent` every second, of the next 2 · `recent` every fourth, and so on;
    position 0 always is. What is thinned once is never wanted again, so frames can be deleted as the run goes on.
    """
    return [position for position in range(count) if position % stride(count - 1 - position, recent) == 0]


def stride(age: int, recent: int) -> int:
    """Return one in how many frames is kept, `age` recorded steps before the newest one: a power of two."""
    return 1 << (age // recent).bit_length()


def expected_steps(config: RunConfig) -> int:
    """Count the recorded steps a run will have: step 0, every `record_every`, and the last."""
    return 1 + -(-config.steps // config.record_every)


def expected_frames(config: RunConfig) -> int:
    """Count the frames that thinning leaves of them."""
    return len(kept(expected_steps(config), config.frames_recent))
