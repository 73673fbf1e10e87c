"""Distilled sets of other projects and ours, read from files and written to them. numpy, no torch at import."""

from c2r.formats.imported import ImportedSet
from c2r.formats.known import FORMATS
from c2r.formats.normalisation import NORMALISATIONS, NormalisationNeeded
from c2r.formats.read import MOST_PARTS, read_set, read_upload
from c2r.formats.safe import Limits, file_name

__all__ = [
    "FORMATS",
    "MOST_PARTS",
    "NORMALISATIONS",
    "ImportedSet",
    "Limits",
    "NormalisationNeeded",
    "file_name",
    "read_set",
    "read_upload",
]
