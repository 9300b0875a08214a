#!/bin/sh
# What we write, Go's checksum database accepts, and the other way round: vkey, signed checkpoints,
# inclusion and consistency proofs; and proofs that akashi-verify makes of a store's entries. Usage:
# tlog.sh PEER VERIFY, the built tlog_peer and akashi-verify. Ends with 77 (skipped) where Go or
# golang.org/x/mod is missing.
set -eu
peer=$1
verify=$2
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
export GO111MODULE=off GOPATH="${GOPATH:-/usr/share/gocode}" GOFLAGS=

command -v go >/dev/null || { echo "skipped: no Go compiler"; exit 77; }
[ -d "$GOPATH/src/golang.org/x/mod/sumdb/tlog" ] || { echo "skipped: no golang.org/x/mod in $GOPATH"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOCACHE="${GOCACHE:-$work/cache}"
go build -o "$work/tlog" "$here/main.go" "$here/bundle.go"

"$peer" make >"$work/log"
"$work/tlog" <"$work/log"

"$work/tlog" sign "$work/vkey" >"$work/note"
"$peer" check "$(cat "$work/vkey")" <"$work/note"
if sed 's/a text/b text/' "$work/note" | "$peer" check "$(cat "$work/vkey")" 2>/dev/null; then
    echo "a changed note is accepted" >&2
    exit 1
fi
echo "the note signed by Go is accepted, a changed one is not"

# Entries of a whole store, at its borders and between.
/usr/bin/python3 "$here/../verify_cli_store.py" "$work" || {
    echo "skipped: proofs out of a store"
    exit 0
}
proofs=
for index in 0 1 255 256 675 676 700 1023 1024 1239 1240 1743 2047 2048 2236; do
    "$verify" prove "$work/good" --index "$index" --key "$work/key" -o "$work/$index.tlog-proof" --quiet
    proofs="$proofs $work/$index.tlog-proof"
done
"$work/tlog" proof "$(cat "$work/key")" $proofs

# Bundles: every entry they show, by a record proof put together from their own hashes.
export_bundle() {
    name=$1
    shift
    "$verify" export "$work/good" "$@" --key "$work/key" --case 1 --exhibit 2 --by a --reason b \
        -o "$work/$name" --quiet >/dev/null
}
export_bundle one --index 1023
export_bundle range --index 250-1300
export_bundle source --from 2023-11-14T22:13:20.100Z --to 2023-11-14T22:13:20.300Z --source 257 --events
export_bundle match --match user4
"$work/tlog" bundle "$(cat "$work/key")" "$work/one" "$work/range" "$work/source" "$work/match"
cp -r "$work/range" "$work/forged"
/usr/bin/python3 - "$work/forged/entries" <<'END'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(54 * 100 + 30)
    f.write(b"xx")
END
if "$work/tlog" bundle "$(cat "$work/key")" "$work/forged" 2>/dev/null; then
    echo "a forged bundle is accepted" >&2
    exit 1
fi

# A witness: Go signs with a key that akashi-verify made, and each opens what the other takes.
"$verify" key new witness.example.org -o "$work/witness.key" >/dev/null
cat "$work"/good/*/checkpoint | "$work/tlog" cosign "$work/witness.key" 1800000000 "$work/cosigned" \
    >"$work/witness"
printf 'log %s\nwitness w %s\nquorum w\n' "$(cat "$work/key")" "$(cat "$work/witness")" >"$work/policy"
"$verify" check "$work/good" --policy "$work/policy" --quiet && {
    echo "a checkpoint that no witness has signed meets a quorum" >&2
    exit 1
}
"$verify" check "$work/good" --policy "$work/policy" --checkpoint "$work/cosigned" >"$work/report"
grep -q 'existed by 2027-01-15T08:00:00Z' "$work/report"
"$work/tlog" cosigned "$(cat "$work/key")" "$(cat "$work/witness")" "$work/cosigned"

# A custody record that akashi-verify signed.
"$verify" export "$work/good" --index 300-310 --key "$work/key" --case 1 --exhibit 2 --by a --reason b \
    --sign "$work/witness.key" -o "$work/bundle" --quiet
"$work/tlog" open "$("$verify" key show "$work/witness.key" | sed -n 's/^vkey *//p')" \
    "$work/bundle/custody/0001"
