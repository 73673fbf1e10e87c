"""Learn: the same core on points in the plane, two panels one switch apart, five tasks and the glossary."""

import streamlit as st

from app.components import learn, shell
from c2r.base.errors import InputError

shell.header(
    "Learn: the core in two dimensions",
    "Real points, an attack, margins, a curriculum and a loss that moves a few points: the same code as on images,"
    " small enough to see whole.",
)
lesson = learn.choose_task()
if lesson:
    learn.ask(lesson)
try:
    one, apart, fresh = learn.set_up()
except InputError as error:
    shell.problem(error)
    st.stop()
learn.panels(one, apart, fresh, lesson)
if lesson:
    learn.reveal(lesson, one, apart)
learn.glossary()
