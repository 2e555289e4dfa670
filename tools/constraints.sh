#!/bin/sh
# Rewrite constraints.txt with the newest versions that pyproject.toml allows, the whole closure.
set -eu
cd "$(dirname "$0")/.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
"${PYTHON:-python3}" -m venv "$fresh/venv"
"$fresh/venv/bin/pip" install --quiet --disable-pip-version-check hatchling editables '.[dev]'
"$fresh/venv/bin/pip" freeze --exclude footfall > "$fresh/constraints.txt"
cp "$fresh/constraints.txt" constraints.txt
echo "constraints.txt has $(wc -l < constraints.txt) packages; run make check and make test, then commit it."
