#!/bin/sh
# Build scripts of web/ into the package (`web.sh build sdk`), or compare the committed build with its
# sources (`web.sh check console`). Running Footfall needs none of this, so without Node a check says
# that it was skipped.
set -eu

want=${1:?build or check}
folder=${2:?sdk or console}
cd "$(dirname "$0")/../web/$folder"

missing() {
    if [ "$want" = check ]; then
        echo "skipped: web/$folder was not compared with what is built, because $1" >&2
        exit 0
    fi
    echo "web/$folder cannot be built, because $1" >&2
    exit 1
}

command -v npm >/dev/null 2>&1 || missing "npm is missing."

now=$(cksum < package-lock.json)
if [ "$(cat node_modules/.installed 2>/dev/null)" != "$now" ]; then
    # No script of a package runs; esbuild finds its program without one.
    log=$(npm ci --ignore-scripts --no-audit --no-fund 2>&1) \
        || missing "its build tools could not be installed: $(printf '%s' "$log" | tail -n 1)"
    printf '%s\n' "$now" > node_modules/.installed
fi
exec npm run --silent "$want"
