"""Whether a run fits into the memory of this machine, in a sentence. No torch."""

from c2r.work import machine


def problem(need: float, kind: str, of_file: bool) -> str:
    """More than the machine has cannot work; on a GPU most of the estimate lies in its own memory. A set of a file
    keeps its size."""
    whole = machine.memory()
    if kind == "cuda" or need <= whole:
        return ""
    advice = "lower width or eval_batch, or import a smaller set" if of_file else "lower ipc, width or the batches"
    return f"It needs about {need:.1f} GB of memory and this machine has {whole:.1f} GB: {advice}."


def note(need: float, kind: str) -> str:
    """Less is free than it may need; on a GPU less than it has, which forbids nothing: the estimate was never compared
    with one."""
    if kind == "cuda":
        there, said = machine.gpu()[1], "the GPU has {:.1f} GB: lower ipc, width or the batches."
    else:
        there, said = machine.free_memory(), "{:.1f} GB are free: close other programs or lower the batches."
    return f"It may need {need:.1f} GB of memory and {said.format(there)}" if 0 < there < need else ""
