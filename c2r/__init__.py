"""C2R: robust dataset distillation, and everything the app shows about it.

The package never imports Streamlit, Plotly, ``app`` or ``pages``; see the file tree in the README.
"""

__version__ = "0.1.0"
