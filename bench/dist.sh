#!/bin/sh
# Builds what is shipped, in two steps, each taught by a run of all loads what of the code runs:
#
# 1. The compiler makes the rest small and puts it apart (a profile of what is counted).
# 2. Once all is linked, BOLT moves what runs close together, the parts in C as well. Without
#    llvm-bolt this step is left out.
#
# Takes about as long as two builds; leaves target/shipped/trunkline.
#
#   PROFILE_DATA   a profile that is there already, of about the same code, instead of the first run
set -eu
PROFILE_DATA=${PROFILE_DATA:+$(realpath "$PROFILE_DATA")}
cd "$(dirname "$0")/.."

target=$(pwd)/${CARGO_TARGET_DIR-target}
case ${CARGO_TARGET_DIR-} in /*) target=$CARGO_TARGET_DIR ;; esac
host=$(rustc -vV | sed -n 's/^host: //p')
shipped=$target/shipped
mkdir -p "$shipped"

bolt=
for name in llvm-bolt llvm-bolt-22 llvm-bolt-21 llvm-bolt-20 llvm-bolt-19; do
    if [ -z "$bolt" ] && command -v $name >/dev/null; then
        bolt=$(readlink -f "$(command -v $name)")
    fi
done
merge=$(dirname "$bolt")/merge-fdata
if [ -n "$bolt" ] && [ ! -x "$merge" ]; then
    bolt=
fi
if [ -z "$bolt" ]; then
    echo "llvm-bolt, or merge-fdata beside it, is missing (bench/setup.sh installs it where it can): its step is left out" >&2
fi
measures=$bolt
if [ -z "$PROFILE_DATA" ]; then
    measures=yes
fi
if [ -n "$measures" ] && ! { command -v nginx && command -v sqlite3; } >/dev/null; then
    echo "nginx or sqlite3 is missing: run bench/setup.sh" >&2
    exit 1
fi

# `--target` keeps the flags off what runs while building: build scripts and macros. What follows the
# folder is for the last step alone.
build() {
    flags=$1
    folder=$2
    shift 2
    RUSTFLAGS=$flags cargo rustc --locked --profile dist --target "$host" \
        --target-dir "$shipped/$folder" -p trunkline --bin trunkline --config profile.dist.strip=false \
        -- "$@"
}

# The figures are those of a program that counts, and mean nothing.
run_loads() {
    ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -H -n)"
    "$target/dist/trunkline-bench" compare --trunkline "$1" --rounds 1 --seconds 2 \
        --results "$shipped" >/dev/null
}

# BOLT says much, and warns of what it leaves as it is.
bolt() {
    "$bolt" "$@" >>"$shipped/layout/log" 2>&1 || {
        tail "$shipped/layout/log" >&2
        return 1
    }
}

if [ -n "$measures" ]; then
    cargo build --locked --profile dist -p trunkline-bench
fi
if [ -z "$PROFILE_DATA" ]; then
    profdata=$(find "$(rustc --print sysroot)" -name llvm-profdata | head -n 1)
    if [ -z "$profdata" ]; then
        echo "llvm-profdata is missing: rustup component add llvm-tools" >&2
        exit 1
    fi
    counts=$shipped/counts
    rm -rf "$counts"
    build "-Cprofile-generate=$counts" counting
    run_loads "$shipped/counting/$host/dist/trunkline"
    PROFILE_DATA=$shipped/trunkline.profdata
    "$profdata" merge --output "$PROFILE_DATA" "$counts"/*.profraw
fi

if [ -z "$bolt" ]; then
    build "-Cprofile-use=$PROFILE_DATA" trained
    strip -o "$shipped/trunkline" "$shipped/trained/$host/dist/trunkline"
else
    # What is moved must be found again: relocations stay. Of those that lld writes, the linker of
    # this one platform, BOLT takes some for others, and thread-local variables are read elsewhere.
    set -- -Clink-arg=-Wl,--emit-relocs
    case $host in x86_64-unknown-linux-gnu) set -- "$@" -Clinker-features=-lld ;; esac
    build "-Cprofile-use=$PROFILE_DATA" trained "$@"
    linked=$shipped/trained/$host/dist/trunkline
    layout=$shipped/layout
    rm -rf "$layout"
    mkdir "$layout"
    bolt "$linked" -instrument -o "$layout/counting" \
        --instrumentation-file="$layout/counts" --instrumentation-file-append-pid
    run_loads "$layout/counting"
    if ! "$merge" "$layout"/counts.* >"$layout/merged" 2>>"$layout/log"; then
        tail "$layout/log" >&2
        exit 1
    fi
    # Symbols go here: `strip` would break what BOLT has written.
    bolt "$linked" -o "$layout/trunkline" -data="$layout/merged" -reorder-blocks=ext-tsp \
        -reorder-functions=cdsort -split-functions -split-all-cold -split-eh -remove-symtab
    # A copy: of a file as BOLT writes it the system maps twice as much.
    cp "$layout/trunkline" "$shipped/trunkline"
fi
"$shipped/trunkline" --version >/dev/null
echo "$shipped/trunkline"
