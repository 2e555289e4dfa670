#!/bin/sh
# Run pytest with the given arguments, after installing the Debian packages that tests use; in as
# many processes as there are cores, `-n 0` in one. Ends with pytest's own summary line and exit code.
set -eu
cd "$(dirname "$0")/.."
. tools/apt.sh

have_postgresql() {
    for bin in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb || true)"; do
        if [ -x "$bin" ]; then return 0; fi
    done
    return 1
}

if ! command -v strace >/dev/null 2>&1 && ! apt_install strace && apt_possible; then
    # It could have run here, so its tests must not be skipped: they fail and say why.
    echo "strace could not be installed; its tests will fail: $(apt_command strace)" >&2
elif ! strace -qq true 2>/dev/null; then
    echo "strace is missing or may not trace here, so the tests that watch system calls are" \
        "skipped: $(apt_command strace)" >&2
    FOOTFALL_TESTS_WITHOUT_STRACE=1
    export FOOTFALL_TESTS_WITHOUT_STRACE
fi
if ! have_postgresql && ! apt_install postgresql; then
    if apt_possible; then
        # It could have run here, so its tests must not be skipped: they fail and say why.
        echo "PostgreSQL could not be installed; its tests will fail: $(apt_command postgresql)" >&2
    else
        echo "PostgreSQL is missing, so its tests are skipped: $(apt_command postgresql)" >&2
        FOOTFALL_TESTS_WITHOUT_POSTGRESQL=1
        export FOOTFALL_TESTS_WITHOUT_POSTGRESQL
    fi
fi
if ! command -v chromium >/dev/null 2>&1 && ! command -v chromium-browser >/dev/null 2>&1 \
    && ! apt_install chromium; then
    if apt_possible; then
        # It could have run here, so its tests must not be skipped: they fail and say why.
        echo "Chromium could not be installed; its tests will fail: $(apt_command chromium)" >&2
    else
        echo "Chromium is missing, so its tests are skipped: $(apt_command chromium)" >&2
        FOOTFALL_TESTS_WITHOUT_CHROMIUM=1
        export FOOTFALL_TESTS_WITHOUT_CHROMIUM
    fi
fi
# Tests start servers hundreds of times; each would compile our modules anew.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python -m pytest -n auto --dist worksteal "$@"
