#!/bin/sh
# Runs a PostgreSQL server until standard input ends, that is until whoever started this is gone,
# however it went. Arguments: the folder of the server's programs, a new folder for all files, and
# where an empty cluster is kept from one time to the next: making one takes longer than most tests.
set -eu
programs=$1
folder=$2
template=$3

# An interrupt is for the tests; when they are gone there is still something to remove.
trap '' INT TERM
trap 'rm -rf "$folder"' EXIT

# PostgreSQL refuses to be run by the superuser.
unprivileged() {
    if [ "$(id -u)" = 0 ]; then
        exec setpriv --reuid postgres --regid postgres --clear-groups -- "$@"
    fi
    exec "$@"
}
if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi

if ! cp -a "$template" "$folder/data" 2>/dev/null; then
    rm -rf "$folder/data"
    (unprivileged "$programs/initdb" --pgdata "$folder/data" --username trunkline --auth trust \
        --encoding UTF8 --locale C.UTF-8 --no-sync --wal-segsize 1)
    # Whoever comes first keeps his; it is whole from the moment it has its name.
    cp -a "$folder/data" "$template.$$"
    mv -T "$template.$$" "$template" 2>/dev/null || rm -rf "$template.$$"
fi
(unprivileged "$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= \
    -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200 \
    -c shared_buffers=32MB -c autovacuum=off) &
server=$!
cat >/dev/null
# At once, without writing anything that is removed anyway.
kill -QUIT "$server" 2>/dev/null || true
# One that has only just begun does not hear that.
(sleep 5 && kill -KILL "$server") </dev/null >/dev/null 2>&1 &
last=$!
wait "$server" || true
kill "$last" 2>/dev/null || true
