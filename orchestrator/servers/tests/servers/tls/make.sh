#!/bin/sh
# Makes the certificates of the tests again: an authority, and a server at 127.0.0.1 that it vouches for.
# They prove nothing to anybody: the server's key is public, the authority's is thrown away.
set -e
work=$(mktemp -d)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
    -subj "/CN=Retrial tests" -keyout "$work/authority.key" -out authority.pem \
    -addext "keyUsage=critical,keyCertSign"
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=127.0.0.1" \
    -keyout server.key -out "$work/server.csr"
cat > "$work/ca.conf" <<EOF
[ca]
default_ca = tests
[tests]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = server
[any]
commonName = supplied
[server]
subjectAltName = IP:127.0.0.1
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
EOF
touch "$work/index"
openssl ca -batch -config "$work/ca.conf" -in "$work/server.csr" -out server.pem -notext \
    -cert authority.pem -keyfile "$work/authority.key" \
    -startdate 20200101000000Z -enddate 21200101000000Z
rm -r "$work"
