"""Runs Vega outside the server: a process of its own draws pictures and bundles the script.

The engine (V8) takes 90 MB once it has run, and gives nothing back; the server stays as it was.
"""

import subprocess
import sys
from functools import cache, lru_cache
from typing import Final

#: Drawing takes one second, bundling three, on a machine that has nothing else to do.
_TIMEOUT_SECONDS: Final = 60
#: Pictures of twice the size are sharp on every screen.
_SCALE: Final = 2
#: Pictures that are asked for again within moments, of some 30 KB each.
_KEPT_PICTURES: Final = 64

_DRAW: Final = (
    "import sys, vl_convert; sys.stdout.buffer.write("
    f"vl_convert.vegalite_to_png(sys.stdin.read(), scale={_SCALE}))"
)
_BUNDLE: Final = (
    "import sys, vl_convert; sys.stdout.buffer.write("
    "vl_convert.javascript_bundle(sys.stdin.read()).encode())"
)


@lru_cache(maxsize=_KEPT_PICTURES)
def picture(spec: str) -> bytes:
    """Return a Vega-Lite specification drawn as PNG; the same one is drawn once."""
    return _run(_DRAW, spec)


@cache
def bundle(snippet: str) -> bytes:
    """Return a script that holds Vega and runs `snippet`, which imports what it uses."""
    return _run(_BUNDLE, snippet)


def _run(program: str, text: str) -> bytes:
    done = subprocess.run(  # noqa: S603 - this very interpreter, and programs of this file
        [sys.executable, "-c", program],
        input=text.encode(),
        capture_output=True,
        check=True,
        timeout=_TIMEOUT_SECONDS,
    )
    return done.stdout
