"""The words for the network that measured the margins of synthetic images. No torch.

Every run trains a scorer of its own, so two runs that hold the same images store other margins and another share of
broken images.
"""

from collections.abc import Mapping
from typing import Any

from c2r.attacks.figurekey import radius
from c2r.config import RunConfig
from c2r.networks.naming import network_name
from c2r.scorers import FOLLOWER


def scorer(config: RunConfig | None, manifest: Mapping[str, Any], run: str = "", name: str = "") -> str:
    """Say who measured.

    Such as ``scorer of run X: convnet-32-d2, adversarially trained on digits, 150 steps at ε = 32/255, seed 0``.

    :param config: settings of the run whose frames hold the margins, None when they cannot be read
    :param manifest: the manifest of that run
    :param run: what the run is called; '' says ``scorer of this run``
    :param name: which of its scorers, '' for the first
    """
    whose = f"scorer of run {run}" if run else "scorer of this run"
    if config is None:
        return f"{whose}: not recorded"
    if name == FOLLOWER:
        trained = f"trained on the synthetic images alone, {config.scorer_set_steps:,} steps by the evaluation's recipe"
        return f"{whose}: {network_name(config)}, {trained}, anew every {config.scorer_refresh:,} updates"
    data = manifest.get("data")
    called = str(data.get("name") or config.data) if isinstance(data, Mapping) else config.data
    steps = f"{config.pool_steps:,} steps at ε = {radius(config.eps)}"
    return f"{whose}: {network_name(config)}, adversarially trained on {called}, {steps}, seed {config.seed}"
