#!/bin/sh
# operating.sh SOURCES: the rsyslog examples of docs/operating.md that are marked as accepted by the
# client's own check are: each is given to `rsyslogd -N1`.
set -eu
page=$1/docs/operating.md
peers=$("$1/tests/peers") || exit $?
eval "$peers"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
awk -v work="$work" '/^```rsyslog$/ { on = 1; n++; next } /^```/ { on = 0 } on { print > (work "/" n ".conf") }' "$page"
marked=$(grep -c "^Accepted by the client's own check" "$page")
count=$(find "$work" -name '*.conf' | wc -l)
[ "$count" -ge 4 ] && [ "$count" = "$marked" ] || { echo "$count examples, $marked marks"; exit 1; }
# What the examples name but this machine need not have.
mkdir "$work/spool"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=fw1 \
    -keyout "$work/fw1.key" -out "$work/fw1.pem" 2>/dev/null
cp "$work/fw1.pem" "$work/ca.pem"
failed=0
for conf in "$work"/*.conf; do
    sed -i "s#/etc/akashi/#$work/#g; s#/var/spool/rsyslog#$work/spool#" "$conf"
    if ! "$RSYSLOGD" -N1 -f "$conf" >"$work/out" 2>&1 || grep -Eq 'error|warning|not known|parameter' "$work/out"; then
        echo "$(basename "$conf"):"
        cat "$conf" "$work/out"
        failed=1
    fi
done
[ "$failed" = 0 ] && echo "$count examples are accepted"
exit "$failed"
