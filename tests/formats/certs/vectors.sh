#!/bin/sh
# Makes certificates, CRLs and lists for the tests of formats/certs with OpenSSL and certtool.
#
# usage: vectors.sh FOLDER
#
# NAME.der is a self-signed certificate, NAME.crt the same as PEM, NAME.key its key.
set -eu
cd "$1"

# key NAME ARGUMENTS: a private key.
key() {
    name=$1
    shift
    openssl genpkey "$@" -out "$name.key"
}

# self NAME HASH ARGUMENTS: a self-signed certificate of that key.
self() {
    name=$1
    hash=$2
    shift 2
    openssl req -x509 -new -key "$name.key" "-$hash" -subj "/O=Test/CN=$name" -days 30 "$@" -out "$name.crt"
    openssl x509 -in "$name.crt" -outform DER -out "$name.der"
}

# again NAME OTHER: another certificate with the key of NAME.
again() {
    cp "$1.key" "$2.key"
}

key rsa512 -algorithm RSA -pkeyopt rsa_keygen_bits:512
self rsa512 md5
key rsa1024 -algorithm RSA -pkeyopt rsa_keygen_bits:1024
self rsa1024 sha1
for hash in md5 sha224 sha256 sha384 sha512 sha3-256; do
    again rsa1024 "rsa1024-$hash"
    self "rsa1024-$hash" "$hash"
done
key rsa2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
self rsa2048 sha256
for salt in 0 20 32; do
    again rsa2048 "pss-$salt"
    self "pss-$salt" sha256 -sigopt rsa_padding_mode:pss -sigopt "rsa_pss_saltlen:$salt"
done
again rsa2048 pss-sha512
self pss-sha512 sha512 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:64
again rsa2048 pss-sha1
self pss-sha1 sha1 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20
again rsa2048 pss-other-mask
self pss-other-mask sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1

openssl genpkey -genparam -algorithm DSA -pkeyopt dsa_paramgen_bits:1024 -pkeyopt dsa_paramgen_q_bits:160 -out dsa.params
key dsa -paramfile dsa.params
self dsa sha1
again dsa dsa-sha256
self dsa-sha256 sha256

key p256 -algorithm EC -pkeyopt ec_paramgen_curve:P-256
self p256 sha256
again p256 p256-sha1
self p256-sha1 sha1
key p384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
self p384 sha384
key p521 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
self p521 sha512
key secp256k1 -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1
self secp256k1 sha256
key ed25519 -algorithm ED25519
self ed25519 sha256
key ed448 -algorithm ED448
self ed448 sha256

# A small authority: leaf.der under rsa2048, its CRL with three serial numbers.
openssl req -new -key p256.key -subj "/O=Test/CN=leaf" -out leaf.csr
cat >leaf.cnf <<'END'
basicConstraints = critical, CA:TRUE, pathlen:3
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid, issuer:always
END
openssl x509 -req -in leaf.csr -CA rsa2048.crt -CAkey rsa2048.key -set_serial -5 -days 30 -sha1 \
    -extfile leaf.cnf -out leaf.crt
openssl x509 -in leaf.crt -outform DER -out leaf.der

cat >ca.cnf <<'END'
[ca]
default_ca = this
[this]
database = index.txt
crlnumber = number
default_md = sha1
default_crl_days = 30
crl_extensions = crl
[crl]
authorityKeyIdentifier = keyid
END
printf '04d2\n' >number
printf 'R\t350101000000Z\t200102030405Z,keyCompromise\t01\tunknown\t/CN=a\n' >index.txt
printf 'R\t350101000000Z\t200102030406Z\t7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\tunknown\t/CN=b\n' >>index.txt
printf 'R\t350101000000Z\t510102030406Z,superseded\t80\tunknown\t/CN=c\n' >>index.txt
openssl ca -config ca.cnf -gencrl -keyfile rsa2048.key -cert rsa2048.crt -out crl.crl
openssl crl -in crl.crl -outform DER -out crl.der

# Lists.
cat rsa1024.crt leaf.crt p256.crt >list.pem
openssl crl2pkcs7 -certfile list.pem -in crl.crl -outform DER -out list.p7b
openssl crl2pkcs7 -certfile list.pem -in crl.crl -out list.p7b.pem
printf 'content' | openssl cms -sign -signer rsa2048.crt -inkey rsa2048.key -certfile list.pem -nodetach -md sha256 \
    -outform DER -out signed.p7m
certtool --p7-generate --load-certificate list.pem --outder --outfile certtool.p7b 2>/dev/null || rm -f certtool.p7b
