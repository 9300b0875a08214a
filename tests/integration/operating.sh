#!/bin/bash
# operating.sh SOURCES COLLECTOR VERIFY: the client examples of docs/operating.md that are marked
# "Run as written" are: each is taken out of the page and ships with a real client to a real
# collector, and what it was given to ship must be in the log. Only host, ports and directories are
# others than on the page.
set -eu
page=$1/docs/operating.md
collector=$2
verify=$3
peers=$("$1/tests/peers") || exit $?
eval "$peers"
work=$(mktemp -d)
pids=()
on_exit() {
    local status=$?
    trap - EXIT
    [ "${#pids[@]}" = 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$work"
    exit $status
}
trap on_exit EXIT
failed=0
complain() {
    echo "operating.sh: $*"
    failed=1
}

# ---- A collector with every listener that the examples name.
"$1/collector/dist/make-certificates" "$work/etc" --server collector.example --server 127.0.0.1 \
    fw1 >"$work/certificates.out"
"$collector" init --store "$work/store" --log power-a --origin power-a.example/syslog --epochs 4 \
    >"$work/vkey"
tls() {
    printf '    tls:\n      certificate: %s/etc/server.pem\n      key: %s/etc/server.key\n      ca: %s/etc/ca.pem\n' \
        "$work" "$work" "$work"
}
{
    printf 'store: %s\nlogs:\n  - name: power-a\nlisteners:\n' "$work/store"
    echo '  - url: relp+tls://127.0.0.1:0'
    tls
    echo '  - url: tls://127.0.0.1:0'
    tls
    echo '  - url: relp://127.0.0.1:0'
    echo '  - url: tcp://127.0.0.1:0'
    echo '  - url: udp://127.0.0.1:0'
    echo "  - url: unix://$work/log"
} >"$work/conf"
"$collector" run --config "$work/conf" >"$work/collector.out" 2>"$work/collector.err" &
pids+=($!)
patience=600
wait_for() { # WHAT COMMAND...: who waited once in vain does not wait as long again
    local what=$1 turns=0
    shift
    until "$@" 2>/dev/null; do
        turns=$((turns + 1))
        if [ $turns -gt $patience ]; then
            complain "in vain: $what"
            patience=20
            return 0
        fi
        sleep 0.1
    done
}
wait_for "the collector is ready" grep -qx ready "$work/collector.out"
port() { sed -n "s#^listening $1://.*:\([0-9]*\)\$#\1#p" "$work/collector.out"; }

# ---- The examples, one a file: N.rsyslog, N.syslog-ng, N.sh.
awk -v work="$work" '
    /^```(rsyslog|syslog-ng|sh)$/ { on = 1; n++; file = work "/" n "." substr($0, 4); next }
    /^```/ { on = 0 }
    on { print > file }' "$page"
marked=$(grep -c '^Run as written' "$page")
count=$(find "$work" -maxdepth 1 -name '[0-9]*.*' | wc -l)
if [ "$count" != "$marked" ] || [ "$count" -lt 8 ]; then complain "$count examples, $marked marks"; fi
# The page says that gtls does as well.
for example in "$work"/*.rsyslog; do
    ! grep -q '"ossl"' "$example" || sed 's/"ossl"/"gtls"/g' "$example" >"${example%.rsyslog}gtls.rsyslog"
done
udp_in=$(python3 -c 'import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
replace=(-e "s#/etc/akashi/#$work/etc/#g" -e "s#\"10514\"#\"$udp_in\"#"
    -e "s#target=\"collector.example\"#target=\"127.0.0.1\"#"
    -e "s#syslog(\"collector.example\"#syslog(\"127.0.0.1\"#" -e "s#--server collector.example#--server 127.0.0.1#"
    -e "s#\([( \"]\)2514\([) \"]\)#\1$(port 'relp+tls')\2#" -e "s#\([( \"]\)2515\([) \"]\)#\1$(port relp)\2#"
    -e "s#\([( \"]\)6514\([) \"]\)#\1$(port tls)\2#" -e "s#/run/akashi/log#$work/log#"
    -e "/--udp/s#--port 514#--port $(port udp)#" -e "s#\([( \"]\)514\([) \"]\)#\1$(port tcp)\2#")

# What must be in the log at the end, and how often; the dot ends a text, so none begins another.
expected=()
for example in "$work"/[0-9]*.{rsyslog,syslog-ng,sh}; do
    name=$(basename "$example")
    n=${name%%.*}
    mkdir -p "$work/spool/$n"
    sed -i "${replace[@]}" -e "s#/var/spool/rsyslog#$work/spool/$n#" "$example"
    ! grep -q '"collector.example" port\|/etc/akashi' "$example" || complain "$name: something was not replaced"
    case $name in
    *.rsyslog)
        # Where the example has no input of its own it gets one, as the machine's own logs are.
        {
            grep -q imudp "$example" || printf 'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="%s" CreatePath="on")\n' "$work/$n.sock"
            cat "$example"
        } >"$example.conf"
        "$RSYSLOGD" -N1 -f "$example.conf" >"$work/$n.check" 2>&1 || complain "$name: refused"
        if grep -Eq 'error|warning|not known|parameter' "$work/$n.check"; then
            complain "$name: $(cat "$work/$n.check")"
        fi
        "$RSYSLOGD" -n -f "$example.conf" -i "$work/$n.pid" >"$work/$n.log" 2>&1 &
        pids+=($!)
        ;;
    *.syslog-ng)
        { printf '@version: 3.38\noptions { stats-freq(0); };\n'
            printf 'source s_src { unix-dgram("%s"); };\n' "$work/$n.sock"
            cat "$example"; } >"$example.conf"
        "$SYSLOG_NG" -F -f "$example.conf" -R "$work/spool/$n/persist" -p "$work/$n.pid" \
            -c "$work/$n.ctl" >"$work/$n.log" 2>&1 &
        pids+=($!)
        ;;
    *.sh)
        sed -i "s/backup of fw1 is done/&, example $n./" "$example"
        sh "$example" || complain "$name: exit status $?"
        expected+=("$(grep -c '^logger' "$example") backup of fw1 is done, example $n.")
        ;;
    esac
done
for example in "$work"/[0-9]*.rsyslog "$work"/[0-9]*.syslog-ng; do
    name=$(basename "$example")
    n=${name%%.*}
    if grep -q imudp "$example"; then
        # No socket to see: the first message that arrives says that it listens.
        arrived() {
            logger --server 127.0.0.1 --port "$udp_in" --udp "example $n is there"
            "$verify" cat "$work/store" --raw --quiet | grep -aFq "example $n is there"
        }
        wait_for "the relay of example $n" arrived
        logger --server 127.0.0.1 --port "$udp_in" --udp "first of example $n."
        logger --server 127.0.0.1 --port "$udp_in" --udp "second of example $n."
    else
        wait_for "the client of example $n" test -S "$work/$n.sock"
        logger --socket "$work/$n.sock" "first of example $n."
        logger --socket "$work/$n.sock" "second of example $n."
    fi
    expected+=("1 first of example $n." "1 second of example $n.")
done

holds() { [ "$("$verify" cat "$work/store" --raw --quiet | grep -acF -- "$1")" = "$2" ]; }
for line in "${expected[@]}"; do wait_for "$line" holds "${line#* }" "${line%% *}"; done
kill "${pids[0]}"
wait "${pids[0]}" || complain "the collector ended with $?"
"$verify" check "$work/store" --key "$work/vkey" --quiet || complain "the log does not verify"
if [ $failed != 0 ]; then
    cat "$work/collector.err" "$work"/*.log
    exit 1
fi
echo "$count examples, and one with gtls: ${#expected[@]} messages arrived"
