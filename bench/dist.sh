#!/bin/sh
# Builds what is shipped: Trunkline by the `dist` profile, compiled with what a run of all loads says of
# which of its code runs, so that this lies together and the rest is made small. Takes about as long as
# two builds; leaves target/shipped/trunkline.
#
#   PROFILE_DATA   a profile that is there already, of about the same code, instead of a run
set -eu
cd "$(dirname "$0")/.."

target=$(pwd)/${CARGO_TARGET_DIR-target}
case ${CARGO_TARGET_DIR-} in /*) target=$CARGO_TARGET_DIR ;; esac
host=$(rustc -vV | sed -n 's/^host: //p')
shipped=$target/shipped
mkdir -p "$shipped"

# `--target` keeps the flags off what runs while building: build scripts and macros.
build() {
    RUSTFLAGS="$1" cargo build --locked --profile dist --target "$host" \
        --target-dir "$shipped/$2" -p trunkline
}

if [ -z "${PROFILE_DATA-}" ]; then
    profdata=$(find "$(rustc --print sysroot)" -name llvm-profdata | head -n 1)
    if [ -z "$profdata" ]; then
        echo "llvm-profdata is missing: rustup component add llvm-tools" >&2
        exit 1
    fi
    if ! command -v nginx >/dev/null || ! command -v sqlite3 >/dev/null; then
        echo "nginx or sqlite3 is missing: run bench/setup.sh" >&2
        exit 1
    fi
    counts=$shipped/counts
    rm -rf "$counts"
    build "-Cprofile-generate=$counts" counting
    cargo build --locked --profile dist -p trunkline-bench
    ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"
    # The figures are those of a program that counts, and mean nothing.
    "$target/dist/trunkline-bench" compare --trunkline "$shipped/counting/$host/dist/trunkline" \
        --rounds 1 --seconds 2 --results "$shipped" >/dev/null
    PROFILE_DATA=$shipped/trunkline.profdata
    "$profdata" merge --output "$PROFILE_DATA" "$counts"/*.profraw
fi
build "-Cprofile-use=$PROFILE_DATA" trained
cp "$shipped/trained/$host/dist/trunkline" "$shipped/trunkline"
echo "$shipped/trunkline"
