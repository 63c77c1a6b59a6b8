#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# An authority and the certificates of an LNS and a LAC, with openssl.
#
# usage: certificates.sh DIRECTORY LNS-NAME LAC-NAME [further subjectAltName of the LAC]…
# DIRECTORY gets ca.pem, ca-key.pem, lns.pem, lns-key.pem, lac.pem, lac-key.pem; ca-key.pem belongs on neither.
set -eu
umask 077

[ $# -ge 3 ] || {
	echo "usage: certificates.sh DIRECTORY LNS-NAME LAC-NAME [subjectAltName]…" >&2
	exit 2
}
directory=$1
lns=$2
lac=$3
shift 3
mkdir -p "$directory"
cd "$directory"

openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout ca-key.pem -out ca.pem \
	-days 3650 -subj "/CN=L2TP authority" -addext "keyUsage=critical,keyCertSign,cRLSign"

# issue FILE USAGE NAME…: strongSwan compares a peer's identity with the names of its certificate
issue() {
	file=$1
	usage=$2
	shift 2
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$file-key.pem" \
		-out "$file.csr" -subj "/CN=$1"
	{
		echo "basicConstraints=CA:FALSE"
		echo "keyUsage=critical,digitalSignature"
		echo "extendedKeyUsage=$usage"
		printf 'subjectAltName=DNS:%s' "$1"
		shift
		for name; do
			printf ',DNS:%s' "$name"
		done
		echo
	} >"$file.ext"
	openssl x509 -req -in "$file.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 825 \
		-extfile "$file.ext" -out "$file.pem"
	rm -f "$file.csr" "$file.ext"
}
issue lns serverAuth "$lns"
issue lac clientAuth "$lac" "$@"
