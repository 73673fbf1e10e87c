"""The Streamlit shell around C2R: the only place that knows both Streamlit and ``c2r``. Never imports torch."""
