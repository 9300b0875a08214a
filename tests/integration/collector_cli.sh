#!/bin/sh
# collector_cli.sh COLLECTOR VERIFY: the commands of akashi-collector that need no listener, as people
# meet them: what goes to which stream, in which words, with which exit status.
set -u
collector=$1
verify=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# expect STATUS TEXT COMMAND...: exit status, and TEXT as a whole line of stderr ("" for none).
expect() {
    status=$1
    text=$2
    shift 2
    "$collector" "$@" >out 2>err
    got=$?
    if [ "$got" != "$status" ]; then
        echo "akashi-collector $*: exit status $got, not $status"
        failed=1
    fi
    if [ -n "$text" ] && ! grep -Fxq -- "akashi-collector: error: $text" err; then
        echo "akashi-collector $*: stderr is not \"$text\" but:"
        cat err
        failed=1
    fi
    if [ -z "$text" ] && [ -s err ]; then
        echo "akashi-collector $*: something on stderr:"
        cat err
        failed=1
    fi
}

# init prints the vkey and nothing else; key show prints it again; the log verifies with it.
expect 0 "" init --store s --log a --origin a.example/syslog --epochs 3
cp out vkey
[ "$(wc -l <vkey)" = 1 ] && grep -Eq '^a\.example/syslog/[0-9a-f]{32}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$' vkey ||
    { echo "init printed no vkey alone:"; cat vkey; failed=1; }
expect 0 "" key show --store s --log a
cmp out vkey || failed=1
"$verify" check s --key vkey >report || { echo "a new log does not verify:"; cat report; failed=1; }

# Nothing is overwritten, and nothing at all is made where something is in the way.
find s -type f | sort | xargs sha256sum | grep -v ' s/lock$' >before
expect 1 "nothing was made: log a is in this store already and is left as it is; take another name for a new log, or see this one's key with akashi-collector key show" \
    init --store s --log a --origin b.example/syslog
find s -type f | sort | xargs sha256sum | grep -v ' s/lock$' >after
cmp before after || { echo "a refused init changed something"; failed=1; }
expect 1 "nothing was made: origin a.example/syslog is that of log a already: two logs of one origin could not be told apart in a proof. Take another one" \
    init --store s --log b --origin a.example/syslog
expect 2 "log name B: it must be 1 to 63 of a-z, 0-9 and '-'. It is your own word for the log; the origin is what others see" \
    init --store s --log B --origin b.example/syslog
expect 2 '--epochs: "0": write a number from 1 to 1048576' init --store s --log b --origin b.example/x --epochs 0
expect 2 "--origin ORIGIN is missing: name of the log for everybody else, as power-a.example/syslog. It stands in every proof, is seen by whoever gets one, and can never change. With exercise. in front every report says that it is an exercise; for example: akashi-collector init --store /var/lib/akashi --log power-a --origin power-a.example/syslog" \
    init --store s --log b

# The store and the number of epochs out of a configuration.
cat >conf <<'END'
store: s
logs:
  - name: c
    epochs: 2
listeners:
  - url: tcp://127.0.0.1:0
END
expect 2 "log b is not in the configuration; list it under \`logs\` first" \
    init --config conf --log b --origin b.example/syslog
expect 0 "" init --config conf --log c --origin c.example/syslog
expect 0 "" check-config conf
[ "$(cat out)" = "conf: good: 1 log, 1 listener" ] || { echo "check-config: $(cat out)"; failed=1; }
expect 0 "" check-config --show conf
cp out shown
expect 0 "" check-config --show shown
cmp out shown || { echo "what --show prints does not load to the same"; failed=1; }
echo "colour: red" >>conf
expect 2 'conf:7:1: unknown option "colour"; known here: store, control, log_level, signing_interval, batches, partial_frames, disk_warn_percent, disk_warn_free, disk_reserve, certificate_warning, logs, listeners' \
    check-config conf

# Nobody there, and what to type; mistyped words.
expect 1 "no collector runs here: nobody answers at s/control. Start it: akashi-collector run --config FILE" \
    status --store s
expect 1 "store s: log z is not in this store" key show --store s --log z
expect 1 "store $work/nowhere is not there: look for a wrong path or a disk that is not mounted, or make one with akashi-collector init" \
    run --store nowhere --log a --listen tcp://127.0.0.1:0
expect 2 "there is no command 'statsu'; did you mean 'status'?" statsu
expect 2 "there is no option --jsno; did you mean --json?" status --jsno
expect 2 "there is no 'key sohw'; did you mean 'key show'?" key sohw
expect 2 "status takes no --origin; akashi-collector status --help lists what it takes" \
    status --origin x
expect 2 "--store was given twice" status --store a --store b
expect 2 "status takes no words, only options; 'x' is too much" status x
expect 2 "say what to do, for example: akashi-collector run --config FILE; akashi-collector --help lists all"

# What cannot be written is said.
"$collector" --help >/dev/full 2>err && { echo "a full standard output went unnoticed"; failed=1; }
exit "$failed"
