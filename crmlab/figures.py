"""The look of every picture: one palette, quiet axes, and an alt text with each."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008), told apart with every common kind of colour vision; names as in their palette.
BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#6B6B6B",
)
PALETTE = [BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY]

STYLE: dict[str, Any] = {
    "figure.figsize": (7.0, 3.8),
    "figure.dpi": 140,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "date.converter": "concise",
}


def axes(**options: Any) -> tuple[Figure, Axes]:
    """A figure with one pair of axes, and the house style for all that this process draws from now on.

    Parameters
    ----------
    **options
        As of `matplotlib.pyplot.subplots`, such as figsize in inches.

    Returns
    -------
    (Figure, Axes)
    """
    from matplotlib import pyplot
    from matplotlib.rcsetup import cycler

    style: Any = {**STYLE, "axes.prop_cycle": cycler(color=PALETTE)}
    pyplot.rcParams.update(style)
    figure, ax = pyplot.subplots(**options)
    return figure, ax


def label(ax: Axes, title: str, x: str, y: str) -> None:
    """Title that says the finding, and axes with units."""
    ax.set_title(title)
    ax.set_xlabel(x)
    ax.set_ylabel(y)


def show(figure: Figure, alt: str) -> None:
    """Show a figure as a PNG with an alt text, and close it.

    Parameters
    ----------
    figure : Figure
    alt : str
        What the figure shows, with its main numbers, computed. It is the output's plain text, too, so that tests
        which cannot compare pixels compare it.

    Raises
    ------
    ValueError
        The alt text is missing or too short to say anything.
    """
    from IPython.display import display
    from matplotlib import pyplot

    alt = " ".join(alt.split())
    if len(alt) < 30:
        raise ValueError(f"show(figure, alt={alt!r}): say in a sentence what the figure shows, with its main numbers")
    data = {"image/png": b64encode(png(figure)).decode("ascii"), "text/plain": alt}
    pyplot.close(figure)
    display(data, metadata={"image/png": {"alt": alt}}, raw=True)


def sliders(draw: Callable[..., Axes], **ranges: tuple[float, float, float, float]) -> Any:
    """A picture that is drawn anew as sliders move.

    Parameters
    ----------
    draw : function
        Gives Axes; its arguments are named as the sliders.
    **ranges : (start, lowest, highest, step)
        One slider each.

    Returns
    -------
    widget
        JupyterLab shows it; without a running kernel nothing moves.

    Notes
    -----
    The picture is an image of its own. ipywidgets' `interact` would capture outputs instead, and programs that run
    notebooks then wait for ever, now and then (nbclient, issue 312).

    Examples
    --------
    >>> from crmlab.lifetime_value.plots import plot_margin_multiple
    >>> box = sliders(lambda retention: plot_margin_multiple(retention, 100, 0.1, "USD"), retention=(0.8, 0, 0.9, 0.1))
    >>> before = box.children[-1].value
    >>> box.children[0].value = 0.5
    >>> box.children[-1].value == before
    False
    """
    from ipywidgets import FloatSlider, Image, VBox
    from matplotlib import pyplot

    picture = Image(format="png")
    controls = {
        name: FloatSlider(start, min=low, max=high, step=step, description=name, continuous_update=False)
        for name, (start, low, high, step) in ranges.items()
    }

    def redraw(_: Any = None) -> None:
        figure: Any = draw(**{name: control.value for name, control in controls.items()}).figure
        picture.value = png(figure)
        pyplot.close(figure)

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    return VBox([*controls.values(), picture])


def png(figure: Figure) -> bytes:
    """A figure as a PNG of 64 colours: a third of the size, and no version in it, so that equal figures are equal."""
    from PIL import Image

    drawn, file = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png")
    picture = Image.open(drawn).convert("RGB")
    picture.quantize(64, dither=Image.Dither.NONE).save(file, format="png", optimize=True)
    return file.getvalue()
