"""Charts: arrays in, Plotly figure out; no streamlit. Show them with ``theme=None`` and ``config=chart_config()``.

| view | functions |
|---|---|
| margins.py | `margin_histogram`, `empty_histogram`, `margin_bands`, `margin_history`, `histogram_span`,
`histogram_top` |
| curriculum.py | `curriculum_heatmap`, `curriculum_classes`, `rank_paths` |
| maps.py | `embedding_map`: what it is given is in mapdata.py, its frame in mapframe.py, its marks in mapmarks.py |
| comparison.py, paired.py | `accuracy_profile`, `accuracy_sweep`; `paired_dots` |
| heatmaps.py, cumulative.py | `class_heatmap`, `transfer_heatmap`; `margin_cumulative` |
| separation.py | `separation_lines`, `separation_table` |
| series.py, shares.py | `series_lines`, `accuracy_bars`; `share_areas` |
| storage.py | `storage_bars` |
| across.py, waterfall.py | `row_dots`, `number_lines`, `time_dots`; `waterfall` |
| predict.py | `objective_scatter`, `correlation_dots` |
| base.py | `alt_text`, `chart_config`, `selected_numbers` and the common look |
| dots.py, labels.py, naming.py | dots of sets; names at the ends of lines; names of groups on a map |

`rank_matrix` and `thin` of `c2r.look.summary` make what they draw small.
"""

from app.charts.across import number_lines, row_dots, time_dots
from app.charts.base import Drawing, alt_text, chart_config, selected_numbers
from app.charts.comparison import accuracy_profile, accuracy_sweep
from app.charts.cumulative import margin_cumulative
from app.charts.curriculum import Paths, curriculum_classes, curriculum_heatmap, rank_paths
from app.charts.heatmaps import class_heatmap, transfer_heatmap
from app.charts.mapdata import Colouring, Emphasis, Plane, Points, map_ranges, margin_limit
from app.charts.maps import embedding_map
from app.charts.margins import (
    Counted,
    Quantiles,
    empty_histogram,
    histogram_span,
    histogram_top,
    margin_bands,
    margin_histogram,
    margin_history,
)
from app.charts.paired import paired_dots
from app.charts.predict import Tried, correlation_dots, objective_scatter
from app.charts.separation import Course, separation_lines, separation_table
from app.charts.series import accuracy_bars, series_lines
from app.charts.shares import share_areas
from app.charts.storage import storage_bars
from app.charts.waterfall import waterfall
from c2r.look.summary import rank_matrix, thin

__all__ = [
    "Colouring",
    "Counted",
    "Course",
    "Drawing",
    "Emphasis",
    "Paths",
    "Plane",
    "Points",
    "Quantiles",
    "Tried",
    "accuracy_bars",
    "accuracy_profile",
    "accuracy_sweep",
    "alt_text",
    "chart_config",
    "class_heatmap",
    "correlation_dots",
    "curriculum_classes",
    "curriculum_heatmap",
    "embedding_map",
    "empty_histogram",
    "histogram_span",
    "histogram_top",
    "map_ranges",
    "margin_bands",
    "margin_cumulative",
    "margin_histogram",
    "margin_history",
    "margin_limit",
    "number_lines",
    "objective_scatter",
    "paired_dots",
    "rank_matrix",
    "rank_paths",
    "row_dots",
    "selected_numbers",
    "separation_lines",
    "separation_table",
    "series_lines",
    "share_areas",
    "storage_bars",
    "thin",
    "time_dots",
    "transfer_heatmap",
    "waterfall",
]
