"""A comparison for other programs: all result rows as one table, everything as JSON. No torch."""

import json
from collections.abc import Sequence
from typing import Any

from c2r.evaluation.comparability import differences
from c2r.evaluation.contestant import Contestant, data_hash, stored_bytes
from c2r.evaluation.digest import Threat
from c2r.evaluation.tables import Columns


def exported_rows(contestants: Sequence[Contestant]) -> Columns:
    """All result rows as one table with the set's name, stored bytes and data hash; lists and options as JSON text."""
    rows = [
        {"set": c.name, "stored_bytes": stored_bytes(c), "data_hash": data_hash(c)} | row
        for c in contestants
        for row in c.rows
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [_cell(row.get(name)) for row in rows] for name in names}


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def exported(contestants: Sequence[Contestant], threat: Threat | None) -> str:
    """Everything of a comparison as JSON text: rows, digests, facts, origin, and why the sets may not be ranked under
    the threat."""
    sets = [
        {
            "name": c.name,
            "settings": c.config.model_dump(mode="json") if c.config else None,
            "manifest": c.manifest,
            "facts": {name: value for name, value in c.facts.items() if name != "histograms"},
            "summary": c.digest,
            "rows": list(c.rows),
        }
        for c in contestants
    ]
    said = {"threat": threat.label if threat else None, "not_rankable_because": differences(contestants, threat)}
    return json.dumps(said | {"sets": sets}, indent=1, default=float) + "\n"
