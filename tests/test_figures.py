"""Every picture: a PNG with an alt text that is its plain text, too."""

import base64
import io

import pytest
from PIL import Image

from crmlab import figures

ALT = "A line that rises from 1 to 3 over three weeks."


@pytest.fixture
def displayed(monkeypatch):
    outputs = []
    monkeypatch.setattr("IPython.display.display", lambda data, metadata, raw: outputs.append((data, metadata, raw)))
    return outputs


def a_figure():
    figure, ax = figures.axes()
    ax.plot([1, 2, 3], [1, 2, 3])
    figures.label(ax, "It rises by 1 a week", "week", "orders")
    return figure


def test_alt_text_is_metadata_and_plain_text(displayed):
    figures.show(a_figure(), alt=ALT + "\n  Twice.")
    data, metadata, raw = displayed[0]
    assert raw
    assert data["text/plain"] == f"{ALT} Twice."
    assert metadata == {"image/png": {"alt": f"{ALT} Twice."}}
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).format == "PNG"


def test_equal_figures_are_equal_bytes():
    assert figures.png(a_figure()) == figures.png(a_figure())


def test_a_figure_is_closed_when_shown(displayed):
    from matplotlib import pyplot

    figures.show(a_figure(), alt=ALT)
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("alt", ["", "  ", "A plot."])
def test_a_figure_without_a_description_is_refused(alt):
    figure = a_figure()
    with pytest.raises(ValueError, match="say in a sentence what the figure shows"):
        figures.show(figure, alt=alt)


def test_the_palette_is_told_apart_on_white():
    def luminance(colour):
        channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert len(set(figures.PALETTE)) == len(figures.PALETTE)
    assert all(1.05 / (luminance(colour) + 0.05) > 2 for colour in figures.PALETTE)
