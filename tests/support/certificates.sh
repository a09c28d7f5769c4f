#!/usr/bin/env bash
# Certificates for tests of TLS, of which nobody else knows:   certificates.sh DIR
#
# ca.pem signs server.pem (for localhost and 127.0.0.1) and client.pem, with keys beside them; other-ca.pem signs nothing.
set -euo pipefail
command -v openssl >/dev/null || { echo "certificates: openssl is not installed" >&2; exit 77; }
mkdir -p "$1" && cd "$1"
exec 2>openssl.log
key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
for ca in ca other-ca; do
  openssl req -x509 "${key[@]}" -keyout "$ca.key" -out "$ca.pem" -days 2 -subj "/CN=$ca of a test"
done
for who in server client; do
  openssl req "${key[@]}" -keyout "$who.key" -out "$who.csr" -subj "/CN=$who of a test"
  openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out "$who.pem" \
    -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1")
done
