"""The device of a run, resolved once, and what makes its arithmetic repeatable."""

import ctypes
import os
import platform

import torch

from c2r.base.errors import NO_CUDA, InputError


def resolve(name: str, threads: int = 0) -> torch.device:
    """``auto | cpu | cuda`` → a device, in deterministic mode and full float32 convolutions.

    :param threads: processor threads of this process from now on; 0 leaves torch's choice, all cores
    :raises InputError: CUDA was asked for and there is none
    """
    if threads:
        torch.set_num_threads(threads)
    _keep_memory()
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise InputError(NO_CUDA)
    if name == "cpu" or not available:
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda")


def _keep_memory() -> None:
    """Let glibc keep freed memory: else it hands every larger tensor back, and the next one costs a page fault per 4
    KB.

    Elsewhere than on Linux with glibc nothing happens. The numbers are M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of
    malloc.h.
    """
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(-3, 32 << 20)
        library.mallopt(-1, 1 << 30)


def describe(device: torch.device) -> str:
    """One line for the manifest: the GPU's name, or the processor and the threads used."""
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name()}"
    return f"cpu: {platform.machine()}, {torch.get_num_threads()} threads"
