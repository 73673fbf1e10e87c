"""Ready-made settings to start from: a preset is a dictionary of the settings in which it differs from the defaults."""

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "demo": {
        "data": "digits",
        "threads": 1,
        "scorers": "ce,ce-crl",
        "ipc": 10,
        "eps": "32/255",
        "width": 32,
        "depth": 2,
        "pool_size": 4,
        "pool_steps": 150,
        "pool_stage": 50,
        "pool_batch": 64,
        "steps": 240,
        "record_every": 8,
        "real_batch": 16,
        "batch": 25,
        "eval_seeds": 3,
        "eval_steps": 300,
        "eval_batch": 64,
        "eval_images": 0,
    },
    "cifar10-small": {
        "method": "c2r-neither",
        "data": "cifar10",
        "image_size": 16,
        "ipc": 10,
        "partition": 2,
        "labels": "soft",
        "eta": 0.0,
        "eps": "2/255",
        "width": 48,
        "depth": 3,
        "pool_size": 5,
        "pool_steps": 1000,
        "pool_stage": 200,
        "pool_batch": 64,
        "steps": 300,
        "record_every": 10,
        "batch": 50,
        "eval_seeds": 3,
        "eval_steps": 1800,
        "eval_batch": 128,
        "eval_at_steps": 2,
        "eval_images": 1000,
    },
    "cifar10": {
        "method": "c2r-neither",
        "data": "cifar10",
        "ipc": 10,
        "partition": 4,
        "labels": "soft",
        "eta": 0.0,
        "eps": "2/255",
        "width": 128,
        "depth": 3,
        "device": "cuda",
        "pool_size": 20,
        "pool_steps": 4000,
        "pool_stage": 500,
        "pool_batch": 256,
        "steps": 3000,
        "record_every": 50,
        "real_batch": 64,
        "batch": 50,
        "queue_size": 256,
        "eval_seeds": 5,
        "eval_steps": 3000,
        "eval_batch": 256,
        "eval_images": 0,
    },
}

PRESET_HELP: dict[str, str] = {
    "demo": "1,797 real 8 × 8 digits, built in, and C2R with all its parts, as they are to be seen. Under a minute on"
    " two processor cores, evaluation included.",
    "cifar10-small": (
        "CIFAR-10 at 16 × 16, ConvNet-3 of width 48, 2 × 2 partition, soft labels, and of C2R what earns something"
        " there: matching under robust networks and line-search attacks. The contrastive loss costs a point,"
        " curriculum and queue change nothing. About ten minutes on two processor cores."
    ),
    "cifar10": "CIFAR-10 at full size, ConvNet-3 of width 128, 4 × 4 partition, soft labels, and the same parts of C2R."
    " Wants a CUDA GPU; not measured yet.",
}
