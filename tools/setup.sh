#!/bin/sh
# Make .venv hold Footfall and its pinned dependencies: `setup.sh run`, or `setup.sh dev` with the
# tools of development. Does nothing when nothing it depends on has changed since the last time.
set -eu
cd "$(dirname "$0")/.."
. tools/apt.sh

want=${1:?run or dev}

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    say "Footfall needs Python 3.11 or newer and found none. Install it, or name it: PYTHON=/path/to/python3 make $want"
    exit 1
}

create_venv() {
    python=$(find_python)
    # Debian keeps the part of Python that makes environments in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        apt_install "$package" || apt_install python3-venv || {
            say "Python's venv module is missing. Install it, then run this again: $(apt_command "$package")"
            exit 1
        }
    fi
    say "Creating .venv with $("$python" --version)."
    "$python" -m venv --clear .venv
}

# What the installation depends on; a moved tree too, because scripts in .venv name their folder.
fingerprint() {
    { pwd; cat pyproject.toml constraints.txt; } | cksum
}

now=$(fingerprint)
for stamp in dev "$want"; do  # what `dev` installed is more than enough for `run`
    if [ "$(cat ".venv/.installed-$stamp" 2>/dev/null)" = "$now" ] && .venv/bin/python -c '' 2>/dev/null; then
        exit 0
    fi
done

home=$(cat .venv/.home 2>/dev/null || true)
if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
    || { [ -n "$home" ] && [ "$home" != "$(pwd)" ]; }; then
    create_venv
fi
pwd > .venv/.home

if [ "$want" = dev ]; then target='.[dev]'; else target='.'; fi
say "Installing Footfall and its dependencies into .venv; this takes a minute the first time."
pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet --no-input "$@"; }
# The build backend comes from constraints.txt too, so that nothing unpinned runs.
pip install -c constraints.txt hatchling editables
pip install -c constraints.txt --no-build-isolation -e "$target"
printf '%s\n' "$now" > ".venv/.installed-$want"
