#!/bin/sh
# install.sh BUILD COMPILER: what is installed of libakashi and akashi-verify is enough: every public
# header compiles by itself, a program finds the library through pkg-config and links, and the
# installed akashi-verify runs.
set -eu
build=$1
compiler=$2
command -v pkg-config >/dev/null || { echo "skipped: no pkg-config"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/usr" --component verify >"$work/log" || {
    cat "$work/log"
    exit 1
}
pc=$(find "$work/usr" -name akashi.pc)
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
flags=$(pkg-config --define-variable=prefix="$work/usr" --cflags akashi)
libs=$(pkg-config --define-variable=prefix="$work/usr" --libs akashi)

headers=0
for header in "$work"/usr/include/akashi/*.h; do
    echo "#include <akashi/$(basename "$header")>" >"$work/one.c"
    # shellcheck disable=SC2086
    "$compiler" -std=c11 -Wall -Wextra -Werror $flags -c -o "$work/one.o" "$work/one.c"
    headers=$((headers + 1))
done
[ "$headers" -ge 15 ] || { echo "only $headers headers are installed"; exit 1; }

cat >"$work/program.c" <<'C'
#include <akashi/check.h>

#include <stdio.h>

/* Judges what is not there: the code must say so. */
int main(void)
{
    const struct ak_check_options options = {0};
    const char *path = "/nowhere/at/all";
    struct ak_error err = {0};
    struct ak_check *check;

    if (ak_check_run(&path, 1, &options, &check, &err) != AK_ENOTFOUND)
        return 1;
    printf("%s\n", err.text);
    return 0;
}
C
# shellcheck disable=SC2086
"$compiler" -std=c11 -Wall -Wextra -Werror $flags -o "$work/program" "$work/program.c" $libs
"$work/program"
"$work/usr/bin/akashi-verify" selftest | tail -n 1 | grep -x 'PASSED all 43 checks'
echo "$headers headers, a program linked through pkg-config, and the installed akashi-verify: good"
