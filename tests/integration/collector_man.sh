#!/bin/sh
# collector_man.sh PROGRAM PAGE COMPLETION: commands and options of --help, of the man page (scdoc
# text) and of the completion are the same.
set -eu
program=$1
page=$2
completion=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The text of the page between the heading $1 and the next heading.
part() {
    awk -v head="# $1" '$0 == head { on = 1; next } /^#/ { on = 0 } on' "$page"
}
complain() {
    echo "$1"
    failed=1
}

"$program" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }' |
    sort >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 4 ] || complain "--help lists too few commands"
part COMMANDS | sed -n 's/^\*\([a-z-]*\).*\*.*$/\1/p' | sort -u >"$work/told"
diff -u "$work/commands" "$work/told" || complain "commands of --help (-) and the page (+) differ"
part OPTIONS | grep -o '^\*--[a-z-]*\*' | tr -d '*' | sort -u >"$work/explained"

: >"$work/all"
while read -r command; do
    "$program" "$command" --help | grep -o '^  --[a-z-]*' | tr -d ' ' | sort -u >"$work/help"
    cat "$work/help" >>"$work/all"
    grep -v '^--help$' "$work/help" >"$work/own"
    # What the synopsis gives a command is what the command takes; `run` has TLS options beside.
    part SYNOPSIS | grep "^\*akashi-collector $command" | grep -o -e '--[a-z-]*' | sort -u >"$work/synopsis"
    comm -13 "$work/own" "$work/synopsis" >"$work/wrong"
    [ ! -s "$work/wrong" ] || complain "$command: the synopsis has $(tr '\n' ' ' <"$work/wrong")"
    sed -n "s/^ *$command) options=\"\(.*\)\" ;;.*/\1/p" "$completion" | tr ' ' '\n' | sort -u >"$work/completed"
    diff -u "$work/own" "$work/completed" || complain "$command: --help (-) and completion (+) differ"
done <"$work/commands"
echo --version >>"$work/all"
sort -u -o "$work/all" "$work/all"
diff -u "$work/all" "$work/explained" || complain "options of --help (-) and the page (+) differ"
[ "$failed" = 0 ] && echo "$(wc -l <"$work/commands") commands, $(wc -l <"$work/all") options: the same"
exit "$failed"
