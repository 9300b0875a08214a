#!/bin/sh
# verify_only.sh SOURCE BUILD COMPILER: akashi-verify builds without what the collector needs, as a
# program and as one static file; both pass their own test, the static one where nothing else is.
PATH=$PATH:/usr/sbin:/sbin # chroot is there, and not in every PATH
set -eu
source=$1
build=$2
compiler=$3

make_one() { # DIRECTORY OPTION...
    directory=$1
    shift
    mkdir -p "$directory"
    if ! {
        cmake -S "$source" -B "$directory" -DCMAKE_C_COMPILER="$compiler" -DAKASHI_VERIFY_ONLY=ON \
            -DAKASHI_TESTS=OFF "$@" && cmake --build "$directory" -j 2
    } >"$directory/log" 2>&1; then
        tail -n 40 "$directory/log"
        exit 1
    fi
}

make_one "$build/shared"
if ldd "$build/shared/verifier/akashi-verify" | grep -E 'libuv|libssl|libcyaml'; then
    echo "a program that only verifies must not need these"
    exit 1
fi
make_one "$build/static" -DAKASHI_STATIC=ON
if ldd "$build/static/verifier/akashi-verify" 2>/dev/null | grep '=>'; then
    echo "the static file needs these"
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$build/static/verifier/akashi-verify" "$work/"
if [ "$(id -u)" = 0 ]; then
    mkdir "$work/tmp"
    set -- env -i "$(command -v chroot)" "$work" /akashi-verify
    place="in a root directory without anything else"
else
    set -- env -i "$work/akashi-verify"
    place="here"
fi
"$build/shared/verifier/akashi-verify" selftest | tail -n 1 | grep -x 'PASSED all [0-9]* checks'
"$@" selftest >"$work/out" || { cat "$work/out"; exit 1; }
tail -n 1 "$work/out" | grep -x 'PASSED all [0-9]* checks'
echo "without the collector's libraries, and as a static file $place: good"
