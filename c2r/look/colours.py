"""The colours of data, the same on every page and in every file: classes, clean and adversarial, margins.

A class keeps its colour in every chart; margins diverge from a neutral at 0, orange = broken, blue = robust.
"""

from math import cos, radians, sin

# Petroff's ten accessible colours (M. A. Petroff, arXiv 2107.02270): the worst pair stays apart for all colour visions.
PETROFF10 = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
CLEAN, ADVERSARIAL = "#0072B2", "#D55E00"


def class_colour(k: int, n_classes: int) -> str:
    """The fixed colour ``#rrggbb`` of class `k` of `n_classes`.

    Up to ten classes: Petroff 10. Above ten: ten hue families, class k belongs to family k mod 10, and the
    ceil(n/10) members of a family differ in lightness. Colour alone cannot carry that many classes: print names too.
    """
    if n_classes <= len(PETROFF10):
        return PETROFF10[k]
    levels = -(-n_classes // 10)
    level = (k // 10) / max(1, levels - 1)
    return _oklch(0.50 + 0.34 * level, 0.12, 36.0 * (k % 10) + 20.0)


def _oklch(lightness: float, chroma: float, hue: float) -> str:
    """The nearest displayable sRGB colour of an OKLCH colour (B. Ottosson's matrices)."""
    a, b = chroma * cos(radians(hue)), chroma * sin(radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(max(value, 0.0), 1.0))):02x}" for value in linear)


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


# Ten colours each, lowest value first; the lists stand in config.toml too. In light the far ends are dark, in dark
# light.
MARGIN_LIGHT = (
    "#7a3300",
    "#a84a00",
    "#d46a1c",
    "#eca468",
    "#f7d6b8",
    "#c3dcee",
    "#86bade",
    "#3f8fc4",
    "#00659e",
    "#003f66",
)
MARGIN_DARK = (
    "#ffc79c",
    "#fb9d57",
    "#dd7423",
    "#a3541a",
    "#633a20",
    "#22445f",
    "#22689a",
    "#3490d0",
    "#74bcea",
    "#b5dff8",
)
MARGIN_MIDDLE = {False: "#eff0f1", True: "#2a2f37"}


def margin_scale(dark: bool) -> list[tuple[float, str]]:
    """Stops of the diverging scale of margins: orange = broken, neutral in the middle, blue = robust.

    Use it with limits ±m.
    """
    colours = MARGIN_DARK if dark else MARGIN_LIGHT
    stops = [(i / 10, colour) for i, colour in enumerate(colours[:5])] + [
        ((i + 6) / 10, colour) for i, colour in enumerate(colours[5:])
    ]
    return [*stops[:5], (0.5, MARGIN_MIDDLE[dark]), *stops[5:]]
