#!/bin/sh
# verify_man.sh PROGRAM PAGE: every option that a command's --help lists stands in the command's part
# of the man page and the other way round, and the page explains each. The page is scdoc text.
set -eu
program=$1
page=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# The text of the page between the heading $1 (a regular expression) and the next heading.
part() {
    awk -v head="$1" '$0 ~ head { on = 1; next } /^#/ { on = 0 } on' "$page"
}

"$program" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }' \
    >"$work/commands"
[ "$(wc -l <"$work/commands")" -ge 10 ] || { echo "--help lists too few commands"; exit 1; }
part '^# OPTIONS' | grep -o '^\*--[a-z-]*\*' | tr -d '*' | sort -u >"$work/explained"

while read -r command; do
    "$program" "$command" --help | grep -o '^  --[a-z-]*' | tr -d ' ' | grep -v '^--help$' |
        sort -u >"$work/help" || :
    part "^## $command( |\$)" >"$work/part"
    if [ ! -s "$work/part" ]; then
        echo "$command: the page has no part for it"
        failed=1
    fi
    sed -n '/^Options:/,$p' "$work/part" | grep -o '\*--[a-z-]*\*' | tr -d '*' | sort -u >"$work/man" || :
    if ! diff -u "$work/help" "$work/man"; then
        echo "$command: --help (-) and the man page (+) differ"
        failed=1
    fi
    comm -23 "$work/help" "$work/explained" >"$work/missing"
    if [ -s "$work/missing" ]; then
        echo "$command: the page does not explain" $(cat "$work/missing")
        failed=1
    fi
done <"$work/commands"

# What the page speaks of must be there, too.
grep '^## ' "$page" | awk '{ print $2 }' | sort >"$work/parts"
sort "$work/commands" | diff -u - "$work/parts" || { echo "commands differ"; failed=1; }
[ "$failed" = 0 ] && echo "$(wc -l <"$work/commands") commands, $(wc -l <"$work/explained") options: the same"
exit "$failed"
