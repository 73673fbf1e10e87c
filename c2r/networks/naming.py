"""Which norm a network has and what the network is called wherever it is shown or stored. No torch."""

from c2r.settings import NetworkSettings

OWN = {"convnet": "instance", "resnet18": "group", "mlp": "none"}  # couple no images of a batch


def norm_of(settings: NetworkSettings) -> str:
    """The norm between the layers, with the word ``own`` resolved: instance, group, batch or none."""
    return OWN[settings.model] if settings.norm == "own" else settings.norm


def norm_problem(settings: NetworkSettings, side: int) -> str:
    """Why the network cannot have its norm for images of this (longer) side in px; '' when it can.

    Instance norm of a plane of one place is 0 whatever the image.
    """
    if norm_of(settings) != "instance" or settings.model == "convnet":
        return ""
    if settings.model == "mlp":
        return "An MLP has no planes for instance norm: expected norm own, group or batch; choose another norm."
    if side > 8:
        return ""
    return (
        f"A ResNet-18 with instance norm expects images of at least 9 px, found {side} px: choose another norm or raise"
        " image_size."
    )


def network_name(settings: NetworkSettings, *, with_depth: bool = True) -> str:
    """``convnet-32-d2``, and ``convnet-32-d2-batch`` where the norm is not the model's own."""
    depth = f"-d{settings.depth}" if with_depth else ""
    norm = "" if norm_of(settings) == OWN[settings.model] else f"-{norm_of(settings)}"
    return f"{settings.model}-{settings.width}{depth}{norm}"
