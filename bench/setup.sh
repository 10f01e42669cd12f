#!/bin/sh
# What the measurements need beside a Rust toolchain, on Debian or Ubuntu: nginx and PostgreSQL (the
# programs only, not the services), sqlite3, taskset and setpriv; and what reads a profile for
# bench/dist.sh. Does nothing to what is already there.
set -eu

if command -v rustup >/dev/null; then
    rustup component add llvm-tools
fi

has() {
    command -v "$1" >/dev/null
}
has_postgres() {
    [ -n "$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null)" ]
}
# The packages start servers on their usual ports.
stop() {
    if [ -d /run/systemd/system ]; then
        systemctl disable --now "$1"
    fi
}

if has nginx && has sqlite3 && has taskset && has setpriv && has_postgres; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "run this as root" >&2
    exit 1
fi
apt-get update -qq
if ! has nginx; then
    apt-get install -y --no-install-recommends nginx-light
    stop nginx.service
fi
if ! has_postgres; then
    apt-get install -y --no-install-recommends postgresql
    stop postgresql.service
fi
apt-get install -y --no-install-recommends sqlite3 util-linux
