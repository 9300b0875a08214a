#!/bin/sh
# What we write, Go's checksum database accepts, and the other way round: vkey, signed checkpoints,
# inclusion and consistency proofs. Usage: tlog.sh PEER, the built tlog_peer. Ends with 77 (skipped)
# where Go or golang.org/x/mod is missing.
set -eu
peer=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export GO111MODULE=off GOPATH="${GOPATH:-/usr/share/gocode}" GOFLAGS=

command -v go >/dev/null || { echo "skipped: no Go compiler"; exit 77; }
[ -d "$GOPATH/src/golang.org/x/mod/sumdb/tlog" ] || { echo "skipped: no golang.org/x/mod in $GOPATH"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOCACHE="${GOCACHE:-$work/cache}"
go build -o "$work/tlog" "$here/main.go"

"$peer" make >"$work/log"
"$work/tlog" <"$work/log"

"$work/tlog" sign "$work/vkey" >"$work/note"
"$peer" check "$(cat "$work/vkey")" <"$work/note"
if sed 's/a text/b text/' "$work/note" | "$peer" check "$(cat "$work/vkey")" 2>/dev/null; then
    echo "a changed note is accepted" >&2
    exit 1
fi
echo "the note signed by Go is accepted, a changed one is not"
