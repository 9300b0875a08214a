#!/bin/sh
# Makes what a TLS test needs, with the openssl program: an authority, the collector's certificate
# (localhost, 127.0.0.1, ::1) and a client's certificate for each of two agencies; beside them a
# client of another authority and an expired one, which must be refused.
#
#   certs.sh DIR [AGENCY-A [AGENCY-B]]      agencies: power-a and water-b if not given
#
# Makes in DIR (which may exist): ca.pem ca.key server.pem server.key, and for each agency NAME.pem
# NAME.key with common name and alternative name NAME.example; stranger-ca.pem, stranger.pem
# stranger.key; expired.pem expired.key; fingerprints ("NAME sha-256:E1:2D:...", a line each).
# Keys are P-256, mode 0600. Prints nothing; on a fault says what failed and exits 1.
set -eu

if [ $# -lt 1 ] || [ $# -gt 3 ]; then
    echo "usage: certs.sh DIR [AGENCY-A [AGENCY-B]]" >&2
    exit 2
fi
dir=$1
agency_a=${2:-power-a}
agency_b=${3:-water-b}
umask 077
mkdir -p "$dir"
work=$(mktemp -d "$dir/.work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# quiet COMMAND...: its chatter is shown only if it fails.
quiet() {
    if ! "$@" >"$work/chatter" 2>&1; then
        echo "certs.sh: $*: failed" >&2
        cat "$work/chatter" >&2
        exit 1
    fi
}

key() {
    quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/$1.key"
}

# authority NAME COMMON-NAME
authority() {
    key "$1"
    quiet openssl req -x509 -new -key "$dir/$1.key" -sha256 -days 3650 -subj "/O=Akashi test/CN=$2" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
        -out "$dir/$1.pem"
}

# request NAME COMMON-NAME SAN USAGE: key, request and extensions.
request() {
    key "$1"
    quiet openssl req -new -key "$dir/$1.key" -subj "/O=Akashi test/CN=$2" -out "$work/$1.csr"
    cat >"$work/$1.ext" <<EXT
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $4
subjectAltName = $3
EXT
}

# certificate NAME COMMON-NAME SAN USAGE AUTHORITY
certificate() {
    request "$1" "$2" "$3" "$4"
    quiet openssl x509 -req -in "$work/$1.csr" -CA "$dir/$5.pem" -CAkey "$dir/$5.key" \
        -set_serial "0x$(openssl rand -hex 8)" -sha256 -days 825 -extfile "$work/$1.ext" \
        -out "$dir/$1.pem"
}

# The same, but its time is over: `openssl ca` is the one command that takes both dates.
expired_certificate() {
    request "$1" "$2" "$3" "$4"
    : >"$work/index.txt"
    printf '[ca]\ndefault_ca = d\n[d]\ndatabase = %s\nnew_certs_dir = %s\nrand_serial = yes\ndefault_md = sha256\npolicy = p\nunique_subject = no\n[p]\norganizationName = optional\ncommonName = supplied\n' \
        "$work/index.txt" "$work" >"$work/ca.cnf"
    quiet openssl ca -batch -config "$work/ca.cnf" -notext -in "$work/$1.csr" \
        -cert "$dir/$5.pem" -keyfile "$dir/$5.key" -extfile "$work/$1.ext" \
        -startdate 20200101000000Z -enddate 20210101000000Z -out "$dir/$1.pem"
}

authority ca "Akashi test CA"
authority stranger-ca "Another test CA"
certificate server collector "DNS:localhost,IP:127.0.0.1,IP:::1" serverAuth ca
certificate "$agency_a" "$agency_a.example" "DNS:$agency_a.example" clientAuth ca
certificate "$agency_b" "$agency_b.example" "DNS:$agency_b.example" clientAuth ca
certificate stranger "$agency_a.example" "DNS:$agency_a.example" clientAuth stranger-ca
expired_certificate expired expired.example DNS:expired.example clientAuth ca

for name in server "$agency_a" "$agency_b" stranger expired; do
    printf '%s sha-256:%s\n' "$name" \
        "$(openssl x509 -noout -fingerprint -sha256 -in "$dir/$name.pem" | sed 's/^.*=//')"
done >"$dir/fingerprints"
