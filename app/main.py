"""Entry of the app: ``streamlit run app/main.py`` serves `app/script.py` and the routes of `app/api.py` behind the door
(`app/door.py`)."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from app import api
from app.door import Door

app = st.App(Path(__file__).with_name("script.py"), routes=api.routes(), middleware=[Middleware(Door)])
