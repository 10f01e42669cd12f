#!/bin/sh
# Measures Trunkline beside nginx on this machine. Arguments go to `trunkline-bench compare`.
#
#   TRUNKLINE   a trunkline program to measure, instead of one built here; empty: nginx alone
#   POSTGRES    the folder of PostgreSQL's programs [the newest that Debian has installed]; empty:
#               books in SQLite alone
#   PROFILE     a profile to build with, instead of building what is shipped (bench/dist.sh)
set -eu
cd "$(dirname "$0")/.."

profile=${PROFILE:-dist}
target=${CARGO_TARGET_DIR-target}
if ! command -v nginx >/dev/null; then
    echo "nginx is missing: run bench/setup.sh" >&2
    exit 1
fi

cargo build --quiet --profile "$profile" -p trunkline-bench
if [ -z "${TRUNKLINE+set}" ]; then
    if [ -n "${PROFILE-}" ]; then
        cargo build --quiet --profile "$profile" -p trunkline
        TRUNKLINE=$target/$profile/trunkline
    else
        TRUNKLINE=$(bench/dist.sh | tail -n 1)
    fi
fi
if [ -n "$TRUNKLINE" ]; then
    if ! command -v sqlite3 >/dev/null; then
        echo "sqlite3 is missing: run bench/setup.sh" >&2
        exit 1
    fi
    if [ -z "${POSTGRES+set}" ]; then
        POSTGRES=$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
        POSTGRES=${POSTGRES%/postgres}
        if [ -z "$POSTGRES" ]; then
            echo "PostgreSQL is not installed (bench/setup.sh does it): not measured" >&2
        fi
    fi
else
    POSTGRES=
fi

# A thousand streams are two sockets each in a proxy.
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"

bench=$target/$profile/trunkline-bench
set -- compare ${TRUNKLINE:+--trunkline "$TRUNKLINE"} ${POSTGRES:+--postgres "$POSTGRES"} "$@"
if command -v taskset >/dev/null && [ "$(nproc)" -ge 2 ]; then
    exec taskset -c 1 "$bench" "$@" --proxy-core 0 --upstream-core 1
fi
exec "$bench" "$@"
