"""The colours of a report, the same as on screen: light, dark, and always light on paper. `style.css` uses them by
name."""

# Bars of several runs: Petroff's accessible colours (arXiv 2107.02270), each with an outline and its letter.
RUN_COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59")

# Lines of attempts: colours of six and dashes of five, so that thirty attempts differ; clean is the solid blue one.
LIGHT_LINES = ("#b04c00", "#1b7f79", "#6b4fa3", "#8a6a00", "#5b6572", "#a0327e")
DARK_LINES = ("#f28c45", "#4fc1b8", "#b29ae0", "#d9b44a", "#9aa4b2", "#f29ad0")
DASHES = ("8 3", "2 3", "9 3 2 3", "14 4", "5 2 1 2 1 2")

LIGHT = {
    "text": "#1a1f26",
    "muted": "#5b6572",
    "grid": "#e6e9ed",
    "page": "#ffffff",
    "panel": "#f5f7f9",
    "clean": "#0072b2",
    "adversarial": "#d55e00",
    "red": "#a3160a",
    "amber": "#8a5a00",
    "green": "#146c43",
    "grey": "#5b6572",
} | {f"line{i}": colour for i, colour in enumerate(LIGHT_LINES)}
DARK = {
    "text": "#e8ebf0",
    "muted": "#9aa4b2",
    "grid": "#262d38",
    "page": "#0e1117",
    "panel": "#161b23",
    "clean": "#3a97d4",
    "adversarial": "#e8762b",
    "red": "#ff8a7a",
    "amber": "#f0b64a",
    "green": "#5fc890",
    "grey": "#9aa4b2",
} | {f"line{i}": colour for i, colour in enumerate(DARK_LINES)}
