#!/bin/sh
# What the measurements need beside a Rust toolchain, on Debian or Ubuntu: nginx (the program
# only, not the service) and taskset. Does nothing to an nginx that is already there.
set -eu

if command -v nginx >/dev/null && command -v taskset >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "run this as root" >&2
    exit 1
fi
apt-get update -qq
if ! command -v nginx >/dev/null; then
    apt-get install -y --no-install-recommends nginx-light
    # The package starts a server on port 80.
    if [ -d /run/systemd/system ]; then
        systemctl disable --now nginx.service
    fi
fi
apt-get install -y --no-install-recommends util-linux
