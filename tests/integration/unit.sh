#!/bin/sh
# unit.sh SOURCES COLLECTOR: the systemd units. systemd's own measure of how exposed it is must not
# rise (the unit files of rsyslog and syslog-ng score 6.3 to 9.6), it must have no unknown word, and
# what it starts must be a command that the collector has.
set -u
unit=$1/collector/dist/akashi-collector.service
witness=$1/collector/dist/akashi-witness.service
collector=$2
failed=0
sed -n 's/^Exec[A-Za-z]*=\/usr\/bin\/akashi-collector \([a-z-]*\) .*/\1/p' "$unit" "$witness" | sort -u |
    while read -r command; do
        "$collector" "$command" --help >/dev/null || echo "the collector has no command $command"
    done | grep . && failed=1
grep -q '^ExecStart=/usr/bin/akashi-collector run --config /etc/akashi/akashi.conf$' "$unit" ||
    { echo "the unit does not start the collector"; failed=1; }
command -v systemd-analyze >/dev/null ||
    { echo "skipped: how exposed the unit is; no systemd-analyze"; [ $failed = 0 ] && exit 77; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for one in "$witness" "$unit"; do
    systemd-analyze security --offline=true --threshold=20 --no-pager "$one" >"$work/out" 2>&1 ||
        { echo "more exposed than 2.0 (or systemd-analyze failed):"; grep -v '✓' "$work/out"; failed=1; }
done
# Programs and manuals need not be installed here; every other complaint counts.
systemd-analyze verify --man=no "$unit" "$witness" 2>&1 | grep akashi | grep -v 'is not executable' && failed=1
[ $failed = 0 ] && tail -n 1 "$work/out"
exit $failed
