"""Colours and the style sheet of a report, the same colours as on screen. Light, dark, and always light on paper."""

# Bars of several runs: Petroff's accessible colours (arXiv 2107.02270), each with an outline and its letter.
RUN_COLOURS = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59")

# Lines of attempts: colours of six and dashes of five, so that thirty attempts differ; clean is the solid blue one.
LIGHT_LINES = ("#b04c00", "#1b7f79", "#6b4fa3", "#8a6a00", "#5b6572", "#a0327e")
DARK_LINES = ("#f28c45", "#4fc1b8", "#b29ae0", "#d9b44a", "#9aa4b2", "#f29ad0")
DASHES = ("8 3", "2 3", "9 3 2 3", "14 4", "5 2 1 2 1 2")

_LIGHT = {
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
_DARK = {
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


def _tokens(colours: dict[str, str]) -> str:
    return ":root{" + "".join(f"--{name}:{value};" for name, value in colours.items()) + "}"


SHEET = (
    _tokens(_LIGHT)
    + f"@media screen and (prefers-color-scheme:dark){{{_tokens(_DARK)}}}"
    + """
:root{color-scheme:light dark}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px;max-width:1120px;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif;
 -webkit-print-color-adjust:exact;print-color-adjust:exact}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:20px;margin:36px 0 8px;padding-top:12px;border-top:1px solid var(--grid)}
h3{font-size:16px;margin:20px 0 6px;overflow-wrap:anywhere}
p{margin:6px 0;max-width:85ch}
ul{margin:6px 0;padding-left:20px;max-width:85ch}
.note,caption,.muted{color:var(--muted);font-size:13px}
.warning{border-left:4px solid var(--amber);background:var(--panel);padding:8px 12px}
.scroll{overflow-x:auto;margin:8px 0 14px}
table{border-collapse:collapse;font-size:13.5px}
caption{text-align:left;padding:4px 0;caption-side:top}
th,td{padding:4px 10px;border-bottom:1px solid var(--grid);text-align:left;vertical-align:top;font-weight:400}
th{font-weight:600}
td{overflow-wrap:break-word}
thead th{color:var(--muted);border-bottom:1px solid var(--muted);vertical-align:bottom}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:12.5px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}
pre{background:var(--panel);padding:10px 12px;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}
figure{margin:16px 0}
figcaption{font-weight:600;margin-bottom:6px;max-width:85ch}
svg{max-width:100%;height:auto;display:block;font:12px system-ui,sans-serif}
svg text{fill:var(--text)}
svg .muted{fill:var(--muted)}
svg .grid{stroke:var(--grid)}
svg .zero{stroke:var(--text);stroke-width:1.5}
svg .whisker{stroke:var(--text);stroke-width:1.4;fill:none}
svg .halo{stroke:var(--page);stroke-width:3.6;fill:none}
svg .curve{fill:none;stroke-width:2}
.badge{display:inline-block;min-width:4.6em;padding:0 8px;border:1.5px solid currentColor;border-radius:9px;font-weight:600;
 text-align:center;white-space:nowrap}
.red{color:var(--red)}.amber{color:var(--amber)}.green{color:var(--green)}.grey{color:var(--grey)}
img{max-width:100%;height:auto;image-rendering:pixelated;display:block}
.sheets{display:grid;gap:10px 24px;grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr))}
.sheets figure{margin:0}
.sheets figcaption{font-weight:400;font-size:13px;margin-bottom:2px}
.heat td{text-align:right;font-variant-numeric:tabular-nums}
@media print{body{max-width:none;padding:0;font-size:11px}table{font-size:9.5px}.note,caption{font-size:10px}th,td{padding:2px 5px}.scroll{overflow:visible}
 figure,tr,.badge{break-inside:avoid}h2,h3{break-after:avoid}h2{margin-top:20px}}
"""
)
