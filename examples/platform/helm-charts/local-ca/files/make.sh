#!/bin/sh
# Makes the authority, unless the cluster has one (mounted at /authority), and signs the wanted certificates.
# Everything is written to /work, which is memory: no key ever touches a disk.
set -euf
umask 077
cd /work

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

if [ -f /authority/tls.key ]; then
  cp /authority/tls.crt chain.crt
  cp /authority/tls.key issuing.key
  cp /authority/ca.crt root.crt
elif [ "$MODE" = existing ]; then
  echo "The Secret $ISSUING_SECRET has no tls.key: create it with tls.crt, tls.key and ca.crt before this release." >&2
  exit 1
else
  key root.key
  openssl req -x509 -new -sha256 -key root.key -days "$ROOT_DAYS" -out root.crt \
    -subj "/O=$ORGANIZATION/CN=$COMMON_NAME" \
    -addext "keyUsage=critical,keyCertSign,cRLSign"
  key issuing.key
  openssl req -new -sha256 -key issuing.key -subj "/O=$ORGANIZATION/CN=$INTERMEDIATE_COMMON_NAME" -out issuing.csr
  cat > issuing.ext <<EXT
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
EXT
  openssl x509 -req -sha256 -in issuing.csr -CA root.crt -CAkey root.key -CAcreateserial \
    -days "$INTERMEDIATE_DAYS" -extfile issuing.ext -out issuing.crt
  cat issuing.crt root.crt > chain.crt
fi

# Each entry reads secret=name,name; the chart's schema admits only DNS names in both.
for certificate in $CERTIFICATES; do
  secret=${certificate%%=*}
  names=${certificate#*=}
  key "$secret.key"
  openssl req -new -sha256 -key "$secret.key" -subj "/CN=${names%%,*}" -out "$secret.csr"
  cat > "$secret.ext" <<EXT
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth,clientAuth
subjectAltName=DNS:$(printf '%s' "$names" | sed 's/,/,DNS:/g')
authorityKeyIdentifier=keyid
EXT
  openssl x509 -req -sha256 -in "$secret.csr" -CA chain.crt -CAkey issuing.key -CAserial issuing.srl -CAcreateserial \
    -days "$CERTIFICATE_DAYS" -extfile "$secret.ext" -out "$secret.leaf"
  openssl verify -CAfile root.crt -untrusted chain.crt "$secret.leaf"
  cat "$secret.leaf" chain.crt > "$secret.crt"
done
