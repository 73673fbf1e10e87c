"""Versions that a figure depends on: of this program, of Python, of packages. No torch."""

import importlib.metadata
import sys

from c2r import __version__

PACKAGES = ("torch", "torchvision", "numpy", "umap-learn", "scikit-learn")


def versions() -> dict[str, str]:
    """Versions of this program, of Python and of the packages that figures depend on."""
    return {"c2r": __version__, "python": sys.version.split()[0]} | {
        name: importlib.metadata.version(name) for name in PACKAGES
    }
