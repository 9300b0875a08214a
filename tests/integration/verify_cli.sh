#!/bin/bash
# verify_cli.sh PROGRAM: akashi-verify as people and scripts meet it: messages of wrong usage word
# for word, exit statuses, what is printed and what never is.
set -u
program=$(readlink -f "$1")
here=$(dirname "$(readlink -f "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
/usr/bin/python3 "$here/verify_cli_store.py" "$work" || exit $?
id=$(cat id)
cases=0
failed=0

fail() {
    echo "FAILED $*"
    failed=$((failed + 1))
}

# run STATUS WORD...: runs the program; its output is in `out` and `err`.
run() {
    local want=$1
    shift
    cases=$((cases + 1))
    "$program" "$@" >out 2>err </dev/null
    local got=$?
    [ "$got" = "$want" ] || {
        fail "akashi-verify $*: exit status $got, not $want"
        head -5 out err
    }
}

# says FILE TEXT: one line of the file is exactly this.
says() {
    cases=$((cases + 1))
    grep -qxF -- "$2" "$1" || {
        fail "$1 lacks: $2"
        head -5 "$1"
    }
}

# holds FILE TEXT: the text is somewhere in the file.
holds() {
    cases=$((cases + 1))
    grep -qF -- "$2" "$1" || {
        fail "$1 does not hold: $2"
        head -5 "$1"
    }
}

same() {
    cases=$((cases + 1))
    cmp "$1" "$2" || fail "$1 is not $2"
}

empty() {
    cases=$((cases + 1))
    [ ! -s "$1" ] || fail "$1 is not empty: $(head -1 "$1")"
}

# usage TEXT WORD...: exit status 2, exactly this one line on standard error, nothing on output.
usage() {
    local text=$1
    shift
    run 2 "$@"
    empty out
    cases=$((cases + 1))
    [ "$(cat err)" = "akashi-verify: $text" ] || fail "$*: says $(cat err)"
}

# --- Wrong usage is answered with what is right.
usage "say what to do, for example: akashi-verify check STORE --key VKEY; akashi-verify --help lists all commands"
usage "there is no command 'chek'; did you mean 'check'?" chek good
usage "there is no command 'souces'; did you mean 'sources'?" --json souces good
usage "there is no command 'frobnicate'; akashi-verify --help lists all" frobnicate
usage "the command comes first; to check this: akashi-verify check ./good --key VKEY" ./good
usage "there is no option --kye; did you mean --key?" check good --kye x
usage "there is no option --zzzzzz; akashi-verify check --help lists all" check good --zzzzzz
usage "there is no option -k; options are words, as --key; a path that begins with - is written ./-k" check good -k x
usage "check takes no --raw; akashi-verify check --help lists what it takes" check good --raw
usage "check wants PATH...; for example: akashi-verify check /srv/akashi --key agency.vkey --checkpoint kept --save-checkpoint kept" check --json
usage "cat takes PATH and no more; 'cut' is too much" cat good cut
usage "--key wants VKEY|FILE behind it" check good --key
usage "--json takes no value" check good --json=yes
usage "--max-age was given twice" check good --max-age 1h --max-age=2h
usage "'soon' is no stretch of time: write a number and s, m, h, d or w, e.g. 24h or 7d" check good --max-age soon
usage "'25-13-01' is no time: write 2026-11-24T05:17:27Z, with +09:00 for another zone than UTC, a date as 2026-11-24, or -3d for three days ago" check good --until 25-13-01
usage "--jobs 65: write a whole number of at most 64" check good --jobs 65
usage "--jobs 0: write a number from 1 to 64" check good --jobs 0
usage "--index 9-3: write A-B with A not above B, both ends in, or one index" cat good --index 9-3
usage "--raw and --jsonl exclude each other" cat good --raw --jsonl
usage "--kind recrod: there is no such kind, did you mean record; write record, fragment, source, manifest, event, epoch, order, anchor, state, a number, or all" cat good --kind recrod
usage "--source nobody*: this log has no such source; akashi-verify sources good lists them" cat good --source 'nobody*'
usage "--from 2023-11-15T00:00:00.000000Z is not before --to 2023-11-14T00:00:00.000000Z" cat good --from 2023-11-15 --to 2023-11-14
usage "there is no code 'TAIL_UNSIGND'; did you mean TAIL_UNSIGNED?" explain TAIL_UNSIGND
usage "there is no code 'qqqq'; akashi-verify explain lists all codes" explain qqqq
usage "there is no 'key shwo'; did you mean 'key show'?" key shwo key
usage "key show wants a file or a key; for example: akashi-verify key show agency.vkey" key show
usage "key new wants one name and the file to write; for example: akashi-verify key new agency.example/k.sato -o k.sato.key" key new agency.example/k.sato
usage "key show writes no file: --output is for key new" key show key -o x

# A private key of a person: readable by its owner alone, shown by its public half, never overwritten,
# and not taken where a public key is wanted.
run 0 key new agency.example/k.sato -o person.key
mv out person.vkey
cases=$((cases + 1))
[ "$(stat -c %a person.key)" = 600 ] || fail "person.key has mode $(stat -c %a person.key)"
run 0 key show person.key
mv out person.out
run 2 key new agency.example/k.sato -o person.key
holds err "a private key is never overwritten"
run 2 check good --key person.key
holds err "this is a private key; --key wants the vkey that"
run 0 key show person.vkey
same person.out out
run 2 key show "$(cat person.key)"
cases=$((cases + 1))
! grep -qF "$(cut -d+ -f5 person.key)" err || fail "the secret is in a message"
head -c 32 /dev/zero >raw.key
run 2 check good --key raw.key
holds err "--key: raw.key: this looks like the private key of a log; --key wants the vkey"
chmod 644 person.key
run 2 key show person.key
holds err "can be read by others than its owner (mode 0644)"
usage "two holds 2 logs; pick one with --log: power-a, water-b" cat two
usage "good is a store: akashi-verify store good" segment good
usage "newest is a checkpoint: akashi-verify checkpoint newest" store newest
usage "--key nowhere: neither a key (NAME+ID+BASE64, as \`akashi-collector key show\` prints it) nor a file that is there" check good --key nowhere
run 2 check two --save-checkpoint new
says err "akashi-verify: --save-checkpoint keeps the checkpoint of one log, and 2 were looked at: pick one with --log"
run 2 check nowhere --key key
holds err "nowhere"
run 2 check good --key records
holds err "records, line 1"
usage "there is no command 'ch\\x1b[31mk'; akashi-verify --help lists all" $'ch\x1b[31mk'

# --- Options stand before or after; -- ends them.
run 0 check good --key key
run 0 --key key check good
run 0 check --key=key -- good
run 0 check good --key "$(cat key)" --jobs 1

# --- Verdicts.
run 0 check good --key key
last=$(tail -1 out)
cases=$((cases + 1))
[[ $last =~ ^VALID\ 2,222\ records\ and\ 1\ fragment,\ 2023-11-14T22:13:20\.000000Z\ to\ 2023-11-14T22:13:20\.442084Z,\ log\ example\.org/agency/$id,\ key\ [0-9a-f]{32}$ ]] ||
    fail "last line: $last"
holds out "a cut of the newest records could"
holds out "--save-checkpoint FILE"
holds out "the newest is "
holds out "SHA-256 of the program $(sha256sum "$program" | cut -d' ' -f1)"
says out "All that is shown is, byte for byte, what the collector signed."
run 2 check good
holds out "NOT CHECKABLE UNTRUSTED_KEY (R32)"
run 1 check altered --key key
holds out "INVALID ALTERED"
holds out "entries 768-1023, 2023-11-14T22:13:20"
holds out "fw1.example.org (256)"
holds out "00000000000000000676.0.zst, byte "
holds out "0-767 (without a hole from the start), then 1024-2236"
holds out "    Means: "
holds out "    Next:  "
run 0 check cut --key key
run 1 check cut --key key --checkpoint newest
holds out "INVALID ROLLED_BACK"
run 3 check good --key key --max-age 1h
holds out "INCOMPLETE STALE"
run 0 check good --key key --until 2023-11-14T22:13:20Z
run 0 check good --key key --until 2023-11-14
run 3 check good --key key --until 2023-11-15
holds out "INCOMPLETE STALE"
run 2 check two --key key
says out "NOT CHECKABLE 2 checked: 1 NOT CHECKABLE, 1 VALID"
run 0 check two --key key --log power-a
holds out ", log power-a, key "
run 0 check two --key key --key other-key
says out "VALID 2 checked: 2 VALID"
run 2 check two --key key --log nobody
holds err "nobody"
run 0 check exercise --key exercise-key
holds out "EXERCISE / 訓練: what this log holds was made for training"
cases=$((cases + 1))
[[ $(tail -1 out) == *", EXERCISE / 訓練" ]] || fail "the result line does not say EXERCISE"
run 0 segment "good/$id/00000000000000000000.0.zst" --key key
run 0 checkpoint newest --key key
holds out "VALID checkpoint of 2,237 entries"
run 0 check good --key key --quiet
cases=$((cases + 1))
[ "$(wc -l <out)" = 1 ] || fail "--quiet prints more than the result"

# --- A checkpoint is kept, compared the next time, and never replaced by what is wrong.
run 0 check good --key key --save-checkpoint kept
holds out "The newest proven checkpoint was kept in kept"
same kept newest
run 0 check good --key key --checkpoint kept --save-checkpoint kept
same kept newest
run 1 check cut --key key --save-checkpoint kept
holds out "No checkpoint was kept: the log is INVALID"
same kept newest
echo "something else" >other
run 2 check good --key key --save-checkpoint other
says other "something else"
cases=$((cases + 1))
[ -z "$(find . -name 'kept.*' -o -name 'other.*')" ] || fail "temporary files are left"

# --- JSON is JSON, and says the same.
run 1 check altered --key key --json
cases=$((cases + 1))
/usr/bin/python3 - <<'P' || fail "the JSON report is not what it must be"
import hashlib, json
r = json.load(open("out", encoding="utf-8"))
log = r["logs"][0]
assert r["verdict"] == "INVALID" and r["exit_status"] == 1
assert len(r["program"]["sha256"]) == 64
assert log["proven"] == [[0, 768], [1024, 2237]] and log["proven_prefix"] == 768
f = next(f for f in log["findings"] if f["code"] == "ALTERED" and f.get("begin") == 768)
assert f["end"] == 1024 and f["file"] == "00000000000000000676.0.zst" and f["offset"] > 0
assert 256 in f["sources"]
P
run 2 check nowhere --key key --json
cases=$((cases + 1))
/usr/bin/python3 -c '
import json
r = json.load(open("out"))
assert r["verdict"] == "NOT CHECKABLE" and "nowhere" in r["error"] and r["logs"] == []' ||
    fail "a check that could not be done gives no JSON"

# --- cat: the exact bytes; text that a terminal can take; JSON lines.
run 0 cat good --raw
same out records
holds err "1 fragment is not shown: --kind fragment shows what is no whole record"
holds err "not checked: without --key nothing says whether this is what was signed"
run 0 cat good --raw --kind fragment --quiet
same out fragments
empty err
run 0 cat good --raw --key key
same out records
holds err "VALID 2,222 records"
run 1 cat altered --raw --key key
run 3 cat altered --raw
holds err "not readable: entries "
run 0 cat good
cases=$((cases + 1))
[ "$(wc -l <out)" = 2223 ] || fail "cat prints $(wc -l <out) lines"
cases=$((cases + 1))
LC_ALL=C grep -q '[^[:print:][:space:]]' <(LC_ALL=C tr -d '\200-\377' <out) && fail "control characters in cat"
cases=$((cases + 1))
LC_ALL=C grep -qP '\x1b|\r|\x00|\xc2[\x80-\x9f]' out && fail "escape sequences in cat"
holds out '\x1b[31m'
holds out '日本語 ログ'
run 0 cat good --key key --index 100
cases=$((cases + 1))
[[ $(cat out) =~ ^100\ 2023-11-14T22:13:20\.[0-9]{6}Z\ fw1\.example\.org\ record\ proven\ \<134\>1\ .*$ ]] ||
    fail "cat --index: $(cat out)"
run 0 cat good --source '198.51.*' --kind all
cases=$((cases + 1))
[ "$(wc -l <out)" = 511 ] || fail "cat --source prints $(wc -l <out) lines"
run 0 cat good --source 3
cases=$((cases + 1))
[ "$(grep -c ' log event {' out)" = 4 ] || fail "cat --source 3 does not show the events"
run 0 cat good --from 2023-11-14T22:13:20.1Z --to "2023-11-15 07:13:20.2+09:00"
says err "received from 2023-11-14T22:13:20.100000Z to 2023-11-14T22:13:20.200000Z"
cases=$((cases + 1))
awk '$2 < "2023-11-14T22:13:20.100000Z" || $2 >= "2023-11-14T22:13:20.200000Z" { bad = 1 } END { exit bad || NR == 0 }' out ||
    fail "cat --from --to lets others through"
run 0 cat good --jsonl --key key
cases=$((cases + 1))
/usr/bin/python3 - <<'P' || fail "--jsonl is not what it must be"
import base64, json
want = open("records", "rb").read()
got = b""
n = 0
for line in open("out", "rb"):
    e = json.loads(line)
    n += 1
    assert e["datetime"].endswith("Z") and e["timestamp_desc"] and e["proven"] is True
    assert not any(b < 0x20 for b in line[:-1])
    payload = base64.b64decode(e["message_base64"]) if "message_base64" in e \
        else e["message"].encode()
    if e["kind"] == "record":
        got += payload + b"\n"
assert n == 2223 and got == want
P

# --- Files are written where they are asked for, and not over others.
run 0 cat good --raw -o copy
same copy records
run 2 cat good --raw --output copy
holds err "copy is there already; --force overwrites it"
echo longer >>copy
run 0 cat good --raw -o copy --force
same copy records

# --- Output that does not arrive is an error, never a good status.
cases=$((cases + 3))
"$program" cat good --raw >/dev/full 2>err && fail "/dev/full is taken for good"
holds err "standard output could not be written to its end"
"$program" check good --key key >/dev/full 2>err && fail "/dev/full is taken for good by check"
"$program" check good --key key >&- 2>err && fail "a closed standard output is taken for good"
"$program" cat good --raw >&- 2>err && fail "a closed standard output is taken for good by cat"
same "good/$id/checkpoint" newest

# --- At a glance.
run 0 info good
holds out "segments    4, 3 of them sealed"
holds out "2,237: 2,222 record, 2 source, 3 manifest, 4 event, 1 epoch, 1 fragment, 4 state"
holds out "gaps        none"
run 0 info many # more segments than are listed
cases=$((cases + 1))
grep -q '^    and [0-9]* more$' out || fail "info of many segments lists them all"
run 0 info altered
holds out "gaps        "
run 0 sources good
holds out "certificate = identity known by: TLS client certificate"
holds out "forgeable   = identity known by: address of datagrams, which can be forged"
for command in info sources; do
    run 0 "$command" two --json
    cases=$((cases + 1))
    /usr/bin/python3 -c 'import json; assert len(json.load(open("out"))["logs"]) == 2' ||
        fail "$command --json"
done
run 0 key show key
says out "vkey         $(cat key)"
run 0 explain
cases=$((cases + 1))
[ "$(wc -l <out)" -ge 27 ] || fail "explain lists $(wc -l <out) codes"
run 0 explain stale
says out "What to do"
run 0 explain not_checkable
says out "NOT CHECKABLE is a verdict, exit status 2."
run 0 --version
says out "SHA-256 of this program's file: $(sha256sum "$program" | cut -d' ' -f1)"
run 0 check --help
holds out "  --save-checkpoint FILE"
run 0 selftest
says out "PASSED all 43 checks"

# --- Progress and colours are for terminals.
run 0 check good --key key
empty err
cases=$((cases + 1))
grep -q $'\x1b' out && fail "colours without a terminal"
cases=$((cases + 1))
/usr/bin/python3 - "$program" <<'P' || fail "no colours on a terminal"
import os, pty, sys
said = b""
def read(fd):
    global said
    data = os.read(fd, 65536)
    said += data
    return b"."
real = os.dup(1)
os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
status = pty.spawn([sys.argv[1], "check", "altered", "--key", "key"], read, lambda fd: b"")
os.dup2(real, 1)
assert os.waitstatus_to_exitcode(status) == 1 and b"\x1b[1;31mINVALID\x1b[0m" in said
P

echo "$cases checks, $failed failed"
[ "$failed" = 0 ]
