# SPDX-License-Identifier: BSD-2-Clause
# Logos, and mark certificates of a private PKI, made in the current directory. mark_names: for whom.
logo() { # TITLE, content
	printf '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 9 9">\n'
	printf '<title>%s</title>\n%s\n</svg>\n' "$1" "$2"
}

purpose=1.3.6.1.5.5.7.3.31
mark='/markType=Registered Mark'
printf '%s\n' oid_section=oids '[oids]' markType=1.3.6.1.4.1.53087.1.13 testMark=1.3.6.1.4.1.53087.4.1 '[req]' distinguished_name=names '[names]' CN=name >req.cnf
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }
authority() { # NAME, issuer or nothing, purposes, days, more extensions
	key "$1"
	printf 'basicConstraints=critical,CA:TRUE%s\nkeyUsage=critical,keyCertSign,cRLSign\n%s\n%s\n%s\n' "${mark_depth:-}" "${3:+extendedKeyUsage=$3}" \
		"${2:+crlDistributionPoints=URI:${mark_lists:-http://crl.example.com}/$2.crl}" "${5:-}" >"$1.ext"
	openssl req -new -key "$1.key" -subj "/CN=$1" 2>/dev/null |
		if [ -n "$2" ]; then
			openssl x509 -req -days "${4:-30}" -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$RANDOM$RANDOM" -extfile "$1.ext" -out "$1.crt"
		else
			openssl x509 -req -days "${4:-30}" -signkey "$1.key" -extfile "$1.ext" -out "$1.crt"
		fi 2>/dev/null
}
digest_of() { openssl dgst -sha256 -r "$1" | cut -d' ' -f1; }
extensions() { # PICTURE, MEDIA TYPE, FILE WHOSE HASH IT HAS: all that a mark certificate has, each on a line
	cat <<-X
		subjectAltName=${mark_names:-DNS:example.com}
		extendedKeyUsage=$purpose
		crlDistributionPoints=URI:${mark_lists:-http://crl.example.com}/issuer.crl
		1.3.6.1.4.1.11129.2.4.2=DER:0434003200300011111111111111111111111111111111111111111111111111111111111111110000018bcfe5680000000403000100
		1.3.6.1.5.5.7.1.12=ASN1:SEQUENCE:logotype
		[logotype]
		subject=EXPLICIT:2,IMPLICIT:0,SEQUENCE:data
		[data]
		images=SEQUENCE:images
		[images]
		image=SEQUENCE:image
		[image]
		details=SEQUENCE:details
		[details]
		type=IA5STRING:$2
		hashes=SEQUENCE:hashes
		uris=SEQUENCE:uris
		[hashes]
		hash=SEQUENCE:hash
		[hash]
		algorithm=SEQUENCE:algorithm
		value=FORMAT:HEX,OCTETSTRING:$(digest_of "$3")
		[algorithm]
		oid=OID:sha256
		parameters=NULL
		[uris]
		uri=IA5STRING:data:$2;base64,$(base64 -w 0 "$1")
	X
}
# revocation_list ISSUER FILE DAYS CERTIFICATE...: ISSUER's list of the revoked CERTIFICATEs, replaced in DAYS (below 0: too old).
revocation_list() {
	local issuer=$1 file=$2 days=$3 one begin
	shift 3
	printf '%s\n' '[ca]' default_ca=list '[list]' "database=$file.index" default_md=sha256 "crlnumber=$file.number" >"$file.cnf"
	echo 01 >"$file.number"
	for one; do
		printf 'R\t%s\t%s\t%s\tunknown\t/CN=x\n' "$(date -u -d '30 days' +%y%m%d%H%M%SZ)" "$(date -u -d '1 minute ago' +%y%m%d%H%M%SZ)" \
			"$(openssl x509 -in "$one" -noout -serial | cut -d= -f2)"
	done >"$file.index"
	begin=$(date -u -d "$((days < 0 ? days - 1 : 0)) days 1 minute ago" +%y%m%d%H%M%SZ)
	openssl ca -config "$file.cnf" -gencrl -keyfile "$issuer.key" -cert "$issuer.crt" -crl_lastupdate "$begin" \
		-crl_nextupdate "$(date -u -d "$days days" +%y%m%d%H%M%SZ)" 2>"$file.err" | openssl crl -outform DER -out "$file" 2>>"$file.err" ||
		{ fail "the list $file"; sed 's/^/# /' "$file.err"; }
}

# NAME, ISSUER, SUBJECT, days; the extensions from standard input. mark_key: another key than leaf.key; mark_digest: another
# digest than SHA-256.
mark_certificate() {
	cat >"$1.ext"
	openssl req -new -config req.cnf -key "${mark_key:-leaf.key}" -subj "/CN=Example$3" 2>/dev/null |
		openssl x509 -req -days "${4:-20}" "-${mark_digest:-sha256}" -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$RANDOM$RANDOM" \
			-extfile "$1.ext" -out "$1.crt" 2>"$1.err" || { fail "the certificate $1"; sed 's/^/# /' "$1.err"; }
	cat "$1.crt" "$2.crt" >"$1.pem"
}

# One that is valid from next year on.
mark_certificate_of_future() { # NAME, ISSUER, SUBJECT; the extensions from standard input
	cat >"$1.ext"
	printf '%s\n' oid_section=oids '[oids]' markType=1.3.6.1.4.1.53087.1.13 '[ca]' default_ca=next '[next]' "database=$1.index" "serial=$1.serial" new_certs_dir=. default_md=sha256 policy=any preserve=yes \
		'[any]' commonName=supplied markType=optional >"$1.cnf"
	: >"$1.index"
	echo 77 >"$1.serial"
	openssl req -new -config req.cnf -key leaf.key -subj "/CN=Example$3" -out "$1.csr" 2>/dev/null
	openssl ca -batch -notext -config "$1.cnf" -in "$1.csr" -cert "$2.crt" -keyfile "$2.key" -startdate "$(date -u -d '1 year' +%y%m%d%H%M%SZ)" \
		-enddate "$(date -u -d '2 years' +%y%m%d%H%M%SZ)" -extfile "$1.ext" -out "$1.crt" 2>"$1.err" || { fail "the certificate $1"; sed 's/^/# /' "$1.err"; }
	cat "$1.crt" "$2.crt" >"$1.pem"
}

# What issuers put into mark certificates: the logo is compressed, and its type does not say so.
mark_standard() { extensions logo.svgz image/svg+xml logo.svg; }

# The whole mark PKI in the current directory, which has logo.svg, logo.svgz, other.svg (another logo) and bad.svg (one with a
# script): certificates of each kind, in NAME.pem, that lead to root.crt, and of each fault; lists of revoked ones.
mark_pki() {
	key leaf
	authority root
	authority issuer root $purpose
	authority middle root $purpose
	authority deep middle $purpose
	authority plain root
	authority stranger
	authority revoked_issuer root $purpose
	authority other_issuer root $purpose
	authority expired_issuer root $purpose -1
	authority narrow root $purpose 30 'nameConstraints=critical,permitted;DNS:example.net'
	mark_depth=,pathlen:0 authority shallow root $purpose
	authority below_shallow shallow $purpose
	mark_lists=ldap://crl.example.com authority quiet root $purpose

	mark_standard | mark_certificate vmc issuer "$mark"
	mark_standard | mark_certificate cmc issuer '/markType=Prior Use Mark'
	mark_standard | mark_certificate government issuer '/markType=Government Mark'
	extensions logo.svgz image/svg+xml+gzip logo.svg | mark_certificate typed_gzip issuer "$mark"
	extensions logo.svg image/svg+xml logo.svg | mark_certificate uncompressed issuer "$mark"
	extensions logo.svgz image/svg+xml logo.svgz | mark_certificate raw_hash issuer "$mark"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out rsa1024.key 2>/dev/null
	mark_standard | mark_key=rsa.key mark_certificate rsa issuer "$mark"
	mark_standard | mark_certificate under_two deep "$mark"
	cat middle.crt >>under_two.pem
	cat vmc.pem root.crt >with_root.pem

	mark_standard | mark_certificate expired issuer "$mark" -1
	mark_standard | mark_certificate_of_future future issuer "$mark"
	mark_standard | mark_certificate under_expired expired_issuer "$mark"
	mark_standard | mark_certificate revoked issuer "$mark"
	mark_standard | sed "s/^subjectAltName=.*/&$(printf ',DNS:n%s.example.com' $(seq 90))/" | mark_certificate many_names issuer "$mark"
	mark_standard | mark_certificate under_revoked revoked_issuer "$mark"
	mark_standard | mark_certificate other_list other_issuer "$mark"
	mark_standard | sed 's/^extendedKeyUsage=.*/extendedKeyUsage=serverAuth/' | mark_certificate tls issuer "$mark"
	mark_standard | sed 's/^extendedKeyUsage=.*/extendedKeyUsage=anyExtendedKeyUsage/' | mark_certificate any_purpose issuer "$mark"
	mark_standard | sed '/^extendedKeyUsage=/d' | mark_certificate no_purpose issuer "$mark"
	mark_standard | mark_certificate issuer_purpose plain "$mark"
	mark_standard | sed '/^subjectAltName=/d' | mark_certificate no_name issuer "$mark"
	mark_standard | sed 's/^subjectAltName=.*/subjectAltName=DNS:example.org/' | mark_certificate other_name issuer "$mark"
	mark_standard | sed 's/^subjectAltName=.*/subjectAltName=DNS:*.example.com/' | mark_certificate wildcard issuer "$mark"
	mark_standard | sed 's/^subjectAltName=.*/subjectAltName=DNS:other._bimi.example.com/' | mark_certificate other_selector issuer "$mark"
	mark_standard | mark_certificate pilot issuer "$mark/testMark=test"
	mark_standard | sed '1i 1.3.6.1.4.1.53087.4.1=critical,ASN1:UTF8String:Mark Certificate' | mark_certificate pilot_extension issuer "$mark"
	mark_standard | mark_certificate no_mark issuer ""
	mark_standard | sed '/^crlDist/d' | mark_certificate no_crl issuer "$mark"
	mark_standard | sed 's,URI:http://crl,URI:ldap://crl,' | mark_certificate no_web_crl issuer "$mark"
	mark_standard | mark_certificate no_issuer_crl quiet "$mark"
	mark_standard | sed '/^1.3.6.1.4.1.11129/d' | mark_certificate no_sct issuer "$mark"

	mark_standard | sed '/^1.3.6.1.5.5.7.1.12/d' | mark_certificate no_logo issuer "$mark"
	extensions logo.svgz image/svg+xml other.svg | mark_certificate wrong_hash issuer "$mark"
	gzip -9nc bad.svg >bad.svgz
	gzip -9nc other.svg >other.svgz
	extensions bad.svgz image/svg+xml bad.svg | mark_certificate bad_logo issuer "$mark"
	extensions other.svgz image/svg+xml other.svg | mark_certificate another_logo issuer "$mark"
	extensions logo.svgz image/png logo.svg | mark_certificate png issuer "$mark"
	mark_standard | sed 's,^uri=.*,uri=IA5STRING:https://example.com/logo.svg,' | mark_certificate by_address issuer "$mark"
	mark_standard | sed 's/^image=.*/&\nanother=SEQUENCE:image/' | mark_certificate several_logos issuer "$mark"
	for one in sha1 sha512 md5; do
		mark_standard | sed "s/^oid=.*/oid=OID:$one/; s/^value=.*/value=FORMAT:HEX,OCTETSTRING:$(openssl dgst -$one -r logo.svg | cut -d' ' -f1)/" |
			mark_certificate $one issuer "$mark"
	done
	mark_standard | sed "s/^oid=.*/oid=OID:sha1/; s/^value=.*/value=FORMAT:HEX,OCTETSTRING:$(openssl dgst -sha1 -r other.svg | cut -d' ' -f1)/" |
		mark_certificate wrong_sha1 issuer "$mark"
	mark_standard | sed 's/^1.3.6.1.5.5.7.1.12=.*/1.3.6.1.5.5.7.1.12=DER:3003020101/' | mark_certificate odd_logotype issuer "$mark"

	mark_standard | mark_certificate unknown stranger "$mark"
	mark_standard | mark_certificate constrained narrow "$mark"
	mark_standard | mark_certificate too_deep below_shallow "$mark"
	cat shallow.crt >>too_deep.pem
	cp leaf.key vmc.key
	mark_standard | mark_certificate under_leaf vmc "$mark"
	cat issuer.crt >>under_leaf.pem
	mark_standard | mark_key=rsa1024.key mark_certificate rsa1024 issuer "$mark"
	mark_standard | mark_digest=sha1 mark_certificate by_sha1 issuer "$mark"
	openssl req -new -config req.cnf -key leaf.key -subj "/CN=Example$mark" 2>/dev/null |
		openssl x509 -req -days 20 -signkey leaf.key -extfile vmc.ext -out self.pem 2>/dev/null
	cat vmc.crt >alone.pem
	cat issuer.crt vmc.crt >disorder.pem
	cat vmc.pem stranger.crt >extra.pem
	cat vmc.pem leaf.key >with_key.pem
	sed 's/^MII/MIJ/' vmc.pem >damaged.pem
	printf -- '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n' >no_certificate.pem

	revocation_list root root.crl 5 revoked_issuer.crt
	revocation_list issuer issuer.crl 5 revoked.crt many_names.crt
	for one in middle deep revoked_issuer; do revocation_list $one $one.crl 5; done
}
