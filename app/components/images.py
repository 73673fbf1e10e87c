"""Pictures on a page. They travel inside the page itself: a file of the server could be gone before a browser asks for
it."""

import base64
from typing import Literal

import numpy as np
import streamlit as st

from app import pictures, words

Width = int | Literal["stretch", "content"]


def data_uri(picture: np.ndarray) -> str:
    """A picture uint8 [H, W, 3] as a PNG inside an address."""
    return png_uri(pictures.png(picture))


def png_uri(png: bytes) -> str:
    """The bytes of a PNG inside an address."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def show(picture: np.ndarray, alt: str, caption: str | None = None, width: Width = "stretch") -> None:
    """Draw a picture uint8 [H, W, 3]; `alt` says in a few words what it shows, `caption` is text, not Markdown."""
    st.image(data_uri(picture), width=width, alt=alt, caption=None if caption is None else words.plain(caption))
