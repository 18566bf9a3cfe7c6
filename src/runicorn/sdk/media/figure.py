"""Figures of matplotlib and plotly."""

from __future__ import annotations

import io
from typing import Any

from runicorn.sdk.media.base import Content, Encoded, Media, MediaError, Store
from runicorn.storage.events import Kind


class Figure(Media):
    """A figure: matplotlib's Figure or Axes (kept as PNG), plotly's Figure (kept as its JSON), or matplotlib.pyplot."""

    kind = Kind.FIGURE

    def __init__(self, figure: Any, caption: str | None = None) -> None:
        self.figure = figure
        self.caption = caption

    def encode(self, store: Store) -> Encoded:
        figure = self.figure
        if hasattr(figure, "gcf"):  # the module matplotlib.pyplot itself
            figure = figure.gcf()
        if not hasattr(figure, "savefig") and hasattr(figure, "get_figure"):
            figure = figure.get_figure()
        if hasattr(figure, "savefig"):
            buffer = io.BytesIO()
            figure.savefig(buffer, format="png", dpi=120)
            return Encoded(self.captioned({"format": "png"}), Content(buffer.getvalue(), "png"))
        if hasattr(figure, "to_plotly_json") and hasattr(figure, "to_json"):
            content = Content(str(figure.to_json()).encode("utf-8", "backslashreplace"), "plotly.json")
            return Encoded(self.captioned({"format": "plotly"}), content)
        raise MediaError(f"{type(figure).__name__} is no figure of matplotlib or plotly")
