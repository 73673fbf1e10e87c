"""What a setting is: radii in pixel units, the declaration `setting`, and reading back what was declared."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, PlainSerializer
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from c2r.base.named import named


def parse_radius(value: Any) -> float:
    """A radius in pixel units of images in [0, 1]: ``"2/255"`` or a number. Raises ValueError on anything else."""
    if not isinstance(value, str):
        if not isinstance(value, int | float) or abs(value) > 1e9:
            raise ValueError("a radius is a number or a text such as 2/255")
        return float(value)
    top, _, bottom = value.partition("/")
    if bottom and float(bottom) == 0:
        raise ValueError("a radius cannot be divided by zero")
    return float(top) / float(bottom) if bottom else float(top)


def format_radius(value: float) -> str:
    """``2/255`` rather than ``0.00784``; in full where ``n/255`` would read back as another number, since a run goes on
    from it."""
    text = f"{float(Fraction(value * 255).limit_denominator(1000)):g}/255"
    return text if parse_radius(text) == value else repr(value)


Radius = Annotated[float, BeforeValidator(parse_radius), PlainSerializer(format_radius, return_type=str)]


def _radii(value: Any) -> Any:
    """Radii from a text with commas or a sequence of them."""
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        raise ValueError("radii come as a text with commas or as a list")
    return tuple(parse_radius(part) for part in parts)


def _radii_texts(values: tuple[float, ...]) -> list[str]:
    return [format_radius(value) for value in values]


RadiusList = Annotated[
    tuple[Annotated[float, Field(gt=0, le=1)], ...],
    BeforeValidator(_radii),
    PlainSerializer(_radii_texts, return_type=list[str]),
]


def as_names(value: Any) -> Any:
    """Names from a text with commas; anything else as it came."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = BeforeValidator(as_names)


@dataclass(frozen=True)
class KeysOf:
    """The rule that a text, or each of several, is a key of a table, which is imported when the words are asked for."""

    table: str

    @property
    def words(self) -> tuple[str, ...]:
        """The keys of the table, in its order."""
        return tuple(named(self.table))

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._known, handler(kind))

    def _known(self, value: Any) -> Any:
        words = self.words
        if any(word not in words for word in ((value,) if isinstance(value, str) else value)):
            raise ValueError(f"a word is no row of {self.table}")
        return value


def setting(
    default: Any,
    label: str,
    help: str,
    unit: str = "",
    symbol: str = "",
    *,
    table: str = "",
    steers: bool = True,
    **limits: Any,
) -> Any:
    """Declare one setting. More than six parameters, because each is a thing that a setting declares.

    :param label: its name on screen; help: what it does; symbol: the paper's
    :param table: ``module:name`` of a table whose keys are the words that the setting, or each of its items, may take
    :param steers: whether images and figures are meant to depend on it; False for what only looks at a run, or says
        where it works
    :param limits: pydantic's (``ge``, ``le``, ``gt``, ``lt``)
    """
    said = f"{symbol}: {help}" if symbol else help
    field = Field(
        default=default,
        description=said,
        json_schema_extra={"unit": unit, "label": label, "symbol": symbol, "steers": steers},
        **limits,
    )
    if table:
        field.metadata.append(KeysOf(table))
    return field


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The allowed words of a setting that has a fixed choice (also of its items, for a tuple), else (). Loads the
    setting's table, if it has one."""
    for rule in field.metadata:
        if isinstance(rule, KeysOf):
            return rule.words
    kind = get_args(field.annotation)[0] if is_list(field) else field.annotation
    return get_args(kind) if get_origin(kind) is Literal else ()


def limits(field: FieldInfo) -> dict[str, float]:
    """The numeric limits of a setting: any of ``ge``, ``gt``, ``le``, ``lt``."""
    return {
        key: getattr(rule, key)
        for rule in field.metadata
        for key in ("ge", "gt", "le", "lt")
        if getattr(rule, key, None) is not None
    }


def unit(field: FieldInfo) -> str:
    """The unit of a setting, '' when it has none."""
    return _declared(field, "unit")


def label(field: FieldInfo) -> str:
    """What a setting is called on screen, in words."""
    return _declared(field, "label")


def symbol(field: FieldInfo) -> str:
    """The paper's symbol of a setting, '' when it has none."""
    return _declared(field, "symbol")


def steers(field: FieldInfo) -> bool:
    """Whether images and figures are meant to depend on a setting."""
    extra = field.json_schema_extra
    return bool(extra["steers"]) if isinstance(extra, dict) else True


def _declared(field: FieldInfo, what: str) -> str:
    extra = field.json_schema_extra
    return str(extra[what]) if isinstance(extra, dict) else ""


def is_radius(field: FieldInfo) -> bool:
    """Whether the setting is a radius, or a list of them, that is written ``n/255``."""
    return any(isinstance(rule, PlainSerializer) for rule in field.metadata)


def is_list(field: FieldInfo) -> bool:
    """Whether the setting holds several values."""
    return get_origin(field.annotation) is tuple


def shown(field: FieldInfo, value: Any) -> str:
    """A value as a person writes it: radii as ``2/255``, several values with commas."""
    written = format_radius if is_radius(field) else str
    return ",".join(map(written, value)) if isinstance(value, tuple) else written(value)


def expected(field: FieldInfo) -> str:
    """What the setting expects, for a sentence: "a whole number at least 1 and at most 1000"."""
    words = choices(field)
    if words:
        several = "any of " if is_list(field) else "one of "
        return several + ", ".join(words)
    kinds: dict[Any, str] = {int: "a whole number", float: "a number", str: "a text"}
    kind = kinds.get(field.annotation, "a value")
    if is_radius(field) and is_list(field):
        return f"radii such as 2/255,4/255, each {_bounds(get_args(field.annotation)[0].__metadata__[0])}, or none"
    return f"{'a radius such as 2/255' if is_radius(field) else kind} {_bounds(field)}".strip()


def _bounds(field: FieldInfo) -> str:
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    return " and ".join(
        f"{signs[key]} {int(value) if value == int(value) else value}" for key, value in limits(field).items()
    )
