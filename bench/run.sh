#!/bin/sh
# Measures Trunkline beside nginx on this machine. Arguments go to `trunkline-bench compare`.
#
#   TRUNKLINE   a trunkline program to measure, instead of one built here; empty: nginx alone
#   PROFILE     the profile to build with [dist]
set -eu
cd "$(dirname "$0")/.."

profile=${PROFILE-dist}
target=${CARGO_TARGET_DIR-target}
if ! command -v nginx >/dev/null; then
    echo "nginx is missing: run bench/setup.sh" >&2
    exit 1
fi

cargo build --quiet --profile "$profile" -p trunkline-bench
if [ -z "${TRUNKLINE+set}" ]; then
    cargo build --quiet --profile "$profile" -p trunkline
    TRUNKLINE=$target/$profile/trunkline
fi

# A thousand streams are two sockets each in a proxy.
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"

bench=$target/$profile/trunkline-bench
set -- compare ${TRUNKLINE:+--trunkline "$TRUNKLINE"} "$@"
if command -v taskset >/dev/null && [ "$(nproc)" -ge 2 ]; then
    exec taskset -c 1 "$bench" "$@" --proxy-core 0 --upstream-core 1
fi
exec "$bench" "$@"
