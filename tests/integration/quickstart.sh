#!/bin/bash
# quickstart.sh SOURCES BUILD: collector/quickstart as a new user meets it. Who is not root gets the
# one line to run; root on Debian 12 gets the whole of it, with the programs of BUILD: the machine's
# own logs, and files of bytes that are easily changed on the way.
set -u
sources=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
complain() {
    echo "quickstart.sh: $*"
    failed=1
}
# says TEXT: the last run printed a line with TEXT.
says() { grep -Fq -- "$1" "$work/out" || complain "it does not say: $1"; }

# The script alone, where anybody may read it: nothing of the sources is needed to refuse.
mkdir -p "$work/akashi/collector"
cp "$sources/collector/quickstart" "$work/akashi/collector/"
chmod -R a+rX "$work"
refused=("$work/akashi/collector/quickstart" --dir "$work/nothing")
if [ "$(id -u)" = 0 ]; then
    refused=(setpriv --reuid 65534 --regid 65534 --clear-groups "${refused[@]}")
fi
"${refused[@]}" >"$work/out" 2>&1
status=$?
[ $status = 2 ] || complain "without root, or not on Debian 12: exit status $status, not 2"
grep -Eq "^quickstart:   (sudo|su|docker) .*/?collector/quickstart" "$work/out" ||
    complain "it does not print the line to run"
[ ! -e "$work/nothing" ] || complain "it wrote something although it refused"
[ $failed = 0 ] || cat "$work/out"

# shellcheck disable=SC1091
system=$(. /etc/os-release && echo "$ID ${VERSION_ID:-}")
if [ "$(id -u)" != 0 ] || [ "$system" != "debian 12" ]; then
    echo "skipped: all but the refusal, which needs root on Debian 12"
    exit $failed
fi

# run WORD...: the whole of it; what every run must say.
run() {
    "$sources/collector/quickstart" --programs "$build" --dir "$build/quickstart" "$@" \
        >"$work/out" 2>&1
    status=$?
    local before=$failed
    [ $status = 0 ] || complain "exit status $status"
    says "and nothing anywhere else"
    says "VALID 2 checked: 2 VALID"
    grep -Eq "^INVALID (ALTERED|MALFORMED) .*entr.*[.]zst, byte" "$work/out" || complain "it names no place"
    says "INVALID 2 checked: 1 INVALID, 1 VALID"
    says "docs/operating.md"
    [ "$(grep -c 'missing 0, changed 0' "$work/out")" = 2 ] || complain "not two agencies whole"
    [ "$before" = $failed ] || cat "$work/out"
}
# What it may not touch: where programs put things by default, the packages, the logging.
mkdir "$work/home" "$work/tmp"
export HOME=$work/home TMPDIR=$work/tmp
machine() { dpkg-query -W; ls -l /etc/rsyslog.conf /etc/rsyslog.d /dev/log 2>&1; }
before=$(machine)
run
[ "$(grep -c '^  /' "$work/out")" -ge 1 ] || complain "it does not name the logs it ships"

# What it says to type next does what it should, and only the forgery is INVALID.
sed -n '/^Look around:/,/^On to/s/^  //p' "$work/out" | sed 's/ | less/ >records/' >"$work/next"
[ "$(wc -l <"$work/next")" -ge 8 ] || complain "it does not say what to type next"
grep -v ' check forged ' "$work/next" >"$work/next.good"
bash -e "$work/next.good" >"$work/said" 2>&1 || { cat "$work/said"; complain "what to type next fails"; }
for word in 'VALID 2 checked: 2 VALID' 'VALID .* lines, all held' 'ALTERED: ' 'city-a.example on relp+tls'; do
    grep -q "$word" "$work/said" || complain "what to type next does not say: $word"
done
bash -e "$work/next" >"$work/said" 2>&1
[ $? = 1 ] || complain "what to type next does not find the forgery"

# Bytes that are easily changed: no line end at the end, CR, tabs, escapes, Latin 1, Japanese in
# three encodings, a priority of its own; and what rsyslog's input from files cannot carry.
printf '<34>1 2026-11-24T05:17:27Z fw1 sshd - - - \xc3\xa9\n\xe9 Latin 1\ttab\r\n\x1b[31mred\n \xe8\xa8\xbc \n\x8f\xd8\n\x1b$B>Z\x1b(B\n100%% %%msg%% "q" \\\n\na\0b\n' >"$work/bytes"
head -c 59000 /dev/zero | tr '\0' x >>"$work/bytes"
seq 2000 >"$work/many"
run --data "$work/bytes" --data "$work/many"
says "left out: 1 lines empty"
says "left out: 1 lines with NULs"
says "city-a: sent 1004, held 1004, missing 0, changed 0 (byte for byte, in order)"
says "power-b: sent 1004, held 1004, missing 0, changed 0 (byte for byte, in order)"
[ -z "$(find "$work/home" "$work/tmp" -mindepth 1)" ] || complain "it wrote elsewhere too"
[ "$(machine)" = "$before" ] || complain "the machine's packages or logging are others than before"
left=$(grep -als -- "$build/[q]uickstart" /proc/[0-9]*/cmdline || true)
[ -z "$left" ] || complain "it left processes running: $left"

# It does not write into a directory that it did not make.
"$sources/collector/quickstart" --programs "$build" --dir "$work" >"$work/out" 2>&1
[ $? = 2 ] || complain "a directory of somebody else was taken"
says "was not made by quickstart"
[ $failed = 0 ] && echo "the refusals, and two runs: good"
exit $failed
