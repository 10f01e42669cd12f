#!/bin/sh
# What the measurements need beside a Rust toolchain, on Debian or Ubuntu: nginx and PostgreSQL (the
# programs only, not the services), sqlite3, taskset and setpriv; and what bench/dist.sh wants: what
# reads a profile, and BOLT, where there is a package of it. Does nothing to what is already there.
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
# Those that bench/dist.sh looks for.
has_bolt() {
    has llvm-bolt || has llvm-bolt-22 || has llvm-bolt-21 || has llvm-bolt-20 || has llvm-bolt-19
}
bolt_package() {
    apt-cache search --names-only '^bolt-(19|20|21|22)$' | cut -d ' ' -f 1 | sort -V | tail -n 1
}
# The packages start servers on their usual ports.
stop() {
    if [ -d /run/systemd/system ]; then
        systemctl disable --now "$1"
    fi
}

if has nginx && has sqlite3 && has taskset && has setpriv && has_postgres &&
    { has_bolt || [ -z "$(bolt_package)" ]; }; then
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
if ! has_bolt && [ -n "$(bolt_package)" ]; then
    # shellcheck disable=SC2046
    apt-get install -y --no-install-recommends $(bolt_package)
fi
