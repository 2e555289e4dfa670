"""Charts: what they show, said once in Python, for the page and as a picture.

Altair writes the specification (Vega-Lite); it is imported with the first chart.
"""

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath

from footfall.console.formatting import Formatter
from footfall.console.vega import bundle
from footfall.kernel.errors import NotFound

Theme = Literal["light", "dark"]
_HEIGHT: Final = 220
_WIDTH: Final = 640
#: Below, Vega puts ticks between whole numbers, whatever their smallest step.
_FEW_COUNTS: Final = 6


class _Palette(NamedTuple):
    """Colours that differ in lightness, too, for who tells colours apart badly; 3:1 at least."""

    ground: str
    text: str
    grid: str
    series: Sequence[str]


_PALETTES: Final[Mapping[Theme, _Palette]] = {
    "light": _Palette(
        "#ffffff", "#45525a", "#dde3e6", ("#0b6e8a", "#b35900", "#5b2a86", "#8a1c3b")
    ),
    "dark": _Palette("#1a2226", "#b9c6cc", "#334046", ("#59c3e0", "#f0a34a", "#c9a0f0", "#f08aa6")),
}
_SERIES: Final = (
    ("views", "Views"),
    ("carts", "Put into carts"),
    ("purchases", "Purchases"),
    ("returns", "Taken back"),
)


def product_chart(
    numbers: Mapping[str, Any], title: str, *, theme: Theme, locale: str, width: int = _WIDTH
) -> str:
    """Return the chart of a product's days as a Vega-Lite specification, JSON text.

    Args:
        numbers: What the API answers of a product's statistics.
        locale: Of the months.
        width: In the picture; in a page the chart is as wide as its place.
    """
    import altair  # noqa: PLC0415 - takes most of a second and 30 MB, which a server without charts saves

    palette = _PALETTES[theme]
    rows = [
        {"day": day["day"], "what": label, "number": day[name]}
        for day in numbers["days"]
        for name, label in _SERIES
    ]
    labels = [label for _, label in _SERIES]
    most = max((row["number"] for row in rows), default=0)
    chart = (
        altair.Chart(altair.InlineData(values=rows), title=altair.Title(title[:80], anchor="start"))
        .mark_line(strokeWidth=2)
        .encode(
            x=altair.X("day:T", title="Day", axis=altair.Axis(labelAngle=0, tickCount=6)),
            y=altair.Y(
                "number:Q",
                title="Events a day",
                axis=altair.Axis(**_ticks(most)),
                scale=altair.Scale(domainMin=0),
            ),
            color=altair.Color(
                "what:N",
                title=None,
                sort=labels,
                scale=altair.Scale(domain=labels, range=list(palette.series)),
                legend=altair.Legend(orient="top"),
            ),
            strokeDash=altair.StrokeDash("what:N", sort=labels, legend=None),
        )
    )
    return _dressed(chart, palette, locale, width)


def segment_chart(
    sizes: Mapping[str, Any], title: str, *, theme: Theme, locale: str, width: int = _WIDTH
) -> str:
    """Return the chart of a segment's size by day as a Vega-Lite specification, JSON text.

    Args:
        sizes: What the API answers of a segment's sizes.
        locale: Of the months.
        width: In the picture; in a page the chart is as wide as its place.
    """
    import altair  # noqa: PLC0415 - as above

    palette = _PALETTES[theme]
    rows = [{"day": day["day"], "number": day["size"]} for day in sizes["days"]]
    most = max((row["number"] for row in rows), default=0)
    chart = (
        altair.Chart(altair.InlineData(values=rows), title=altair.Title(title[:80], anchor="start"))
        .mark_line(strokeWidth=2, interpolate="step-after", color=palette.series[0])
        .encode(
            x=altair.X("day:T", title="Day", axis=altair.Axis(labelAngle=0, tickCount=6)),
            y=altair.Y(
                "number:Q",
                title="Members at the end of the day",
                axis=altair.Axis(**_ticks(most)),
                scale=altair.Scale(domainMin=0),
            ),
        )
    )
    return _dressed(chart, palette, locale, width)


def _dressed(chart: Any, palette: _Palette, locale: str, width: int) -> str:
    """Return a chart in our colours and the reader's language, JSON text."""
    import altair  # noqa: PLC0415 - as above

    dressed = (
        chart.properties(width=width, height=_HEIGHT, background=palette.ground)
        # First: it replaces what the others have set.
        .configure(locale=altair.Locale(time=_time_locale(locale)))
        .configure_axis(
            gridColor=palette.grid,
            domainColor=palette.grid,
            tickColor=palette.grid,
            labelColor=palette.text,
            titleColor=palette.text,
        )
        .configure_legend(labelColor=palette.text, symbolStrokeWidth=3)
        .configure_title(color=palette.text)
        .configure_view(stroke=None)
    )
    return str(dressed.to_json(indent=None))


def _ticks(most: int) -> dict[str, Any]:
    """Return where the axis of counts has its ticks: on whole numbers, of few counts too."""
    return {"values": list(range(most + 1))} if most < _FEW_COUNTS else {"tickMinStep": 1}


def _time_locale(locale: str) -> dict[str, Any]:
    """Return the names of days and months as Vega takes them."""
    from babel import Locale  # noqa: PLC0415 - beside altair, only charts need it here

    known = Locale.parse(locale)
    days = [known.days["format"]["wide"][(place + 6) % 7] for place in range(7)]
    short = [known.days["format"]["abbreviated"][(place + 6) % 7] for place in range(7)]
    months = known.months["stand-alone"]
    return {
        "dateTime": "%x, %X",
        "date": "%d.%m.%Y",
        "time": "%H:%M:%S",
        "periods": ["AM", "PM"],
        "days": days,
        "shortDays": short,
        "months": [months["wide"][number] for number in range(1, 13)],
        "shortMonths": [months["abbreviated"][number] for number in range(1, 13)],
    }


def summary_of(numbers: Mapping[str, Any], fmt: Formatter) -> str:
    """Return what the chart shows, in a sentence or two, for who does not see it."""
    days = numbers["days"]
    best = max(days, key=lambda day: int(day["views"]))
    total = (
        f"From {fmt.day(days[0]['day'])} to {fmt.day(days[-1]['day'])}:"
        f" {fmt.counted(numbers['views'], 'view')},"
        f" {fmt.counted(numbers['carts'], 'time')} put into a cart,"
        f" {fmt.counted(numbers['purchases'], 'purchase')},"
        f" {fmt.number(numbers['returns'])} taken back."
    )
    if not best["views"]:
        return total
    return f"{total} Most views on {fmt.day(best['day'])}: {fmt.number(best['views'])}."


_SCRIPT: Final = Path(__file__).with_name("charts.js")


@cache
def _script_hash() -> str:
    """Return a name for the script that changes with what it is made of."""
    made_of = _SCRIPT.read_bytes() + version("vl-convert-python").encode()
    return hashlib.sha256(made_of).hexdigest()[:12]


def script_url() -> str:
    """Return the address of the script that draws the charts of a page."""
    return f"/charts/{_script_hash()}/charts.js"


@cache
def _script() -> tuple[bytes, bytes]:
    plain = bundle(_SCRIPT.read_text("utf-8"))
    return plain, gzip.compress(plain, 9, mtime=0)


@get("/charts/{content_hash:str}/charts.js", sync_to_thread=True, include_in_schema=False)
def script(request: Request[Any, Any, Any], content_hash: FromPath[str]) -> Response[bytes]:
    """Return Vega and what draws with it; made when it is first asked for."""
    if content_hash != _script_hash():
        raise NotFound("There is nothing at this address.")
    plain, zipped = _script()
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(zipped, media_type="text/javascript", headers=headers)
    return Response(plain, media_type="text/javascript", headers=headers)


ROUTES: Final = [script]
