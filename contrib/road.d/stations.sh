# SPDX-License-Identifier: BSD-2-Clause
# What happens on the road, station by station: each is looked at, printed, and has to be as it should. To be sourced by
# bash after world.sh, when the sites are up.

ROAD_FAILED=0

place() { # name: where the message is now
	printf '  %s\n' "$1"
}

arrow() {
	printf '     v\n'
}

# station WHAT TEXT PATTERN: prints the first part of TEXT that matches, or FAILED with all of it
station() {
	local found
	if found=$(grep -oE -m1 -- "$3" <<<"$2"); then
		printf '     |  ok      %-42s %.120s\n' "$1" "$(head -1 <<<"$found")"
	else
		printf '     |  FAILED  %-42s expected: %s\n' "$1" "$3"
		sed 's/^/     |          /' <<<"$2" | cut -c1-300 | tail -n 12
		ROAD_FAILED=$((ROAD_FAILED + 1))
	fi
}

# station_soon WHAT PATTERN COMMAND...: the same for what is yet to come
station_soon() {
	local what=$1 pattern=$2 text
	shift 2
	eventually has_said "$pattern" "$@"
	text=$("$@" 2>&1)
	station "$what" "$text" "$pattern"
}

has_said() { # pattern command...
	local pattern=$1
	shift
	"$@" 2>&1 | grep -qE -- "$pattern"
}

# ---- what the sites say ----

log_of() { # site queue-ID: Postfix's lines about a message, with the connections before them
	at "$1" grep -E "$2|TLS connection established to|connect to " /var/log/postfix.log
}

line_of() { # site pattern: countersign's lines
	at "$1" grep -E "$2" /root/countersignd.log
}

field_of() { # file-with-message name: its header field with folds undone
	awk -v name="$(tr A-Z a-z <<<"$2"):" '
		/^\r?$/ { exit }
		/^[ \t]/ { if (on) { sub(/^[ \t]+/, " "); sub(/\r$/, ""); text = text $0 } ; next }
		{ if (on) { print text; on = 0 } }
		index(tolower($0), name) == 1 { on = 1; text = $0; sub(/\r$/, "", text) }
		END { if (on) print text }' "$1"
}

# ---- a mail program ----

write_message() { # from to subject
	printf 'From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s.%s@%s>\n\n%s: nobody else is to read this.\n' "$1" "$2" "$3" \
		"$(date -R)" "$3" "$$" "${1#*@}" "$3" >"$ROAD/message"
}

# submit PORT-OPTIONS FROM TO SUBJECT: the reply to the message, of the site of FROM
submit() {
	local how=$1 from=$2 to=$3 site user=${2%@*}
	site=${from#*@} site=${site%.example}
	write_message "$from" "$to" "$4"
	swaks $how --server "${ROAD_NET[$site]}.25" --tls-verify --tls-ca-path "$ROAD/ca.pem" --auth PLAIN --auth-user "$from" \
		--auth-password "secret-of-$user" --from "$from" --to "$to" --ehlo laptop.example --data "@$ROAD/message" \
		>"$ROAD/log/swaks" 2>&1
	cat "$ROAD/log/swaks"
}

queue_id() { # of what submit printed
	sed -nE 's/.*queued as ([0-9A-Za-z]+).*/\1/p' | tail -1
}

read_mail() { # protocol://site.host/path user: what a mail program reads
	local host=${1#*://} protocol=${1%%://*} site
	host=${host%%/*} site=${host#*.} site=${site%.example}
	curl -s --cacert "$ROAD/ca.pem" --resolve "$host:993:${ROAD_NET[$site]}.25" --resolve "$host:995:${ROAD_NET[$site]}.25" \
		--user "$2:secret-of-${2%@*}" "$protocol://${1#*://}" "${@:3}"
}

# imap_find FOLDER SUBJECT: the message with this subject in bob's folder, to $ROAD/read
imap_find() {
	local number
	number=$(read_mail "imaps://mx2.south.example/$1" bob@south.example --request "SEARCH SUBJECT $2" | tr -d '\r' |
		sed -nE 's/^\* SEARCH ([0-9]+).*/\1/p')
	[ -n "$number" ] && read_mail "imaps://mx2.south.example/$1;MAILINDEX=$number" bob@south.example >"$ROAD/read"
}

pop_find() { # subject: the same in alice's mailbox, by POP3
	local number
	for number in $(read_mail pop3s://mx.north.example/ alice@north.example | cut -d' ' -f1); do
		read_mail "pop3s://mx.north.example/$number" alice@north.example >"$ROAD/read"
		grep -q "^Subject: .*$1" "$ROAD/read" && return
	done
	return 1
}

# ---- there: MTA-STS ----

road_there() {
	local said id log
	place "set up by: countersign setup --apply"
	said=$(at north countersign doctor --only=tls 2>&1)
	station "Postfix asks the map of its version" "$said" 'Postfix [0-9.]+ asks the map policy(310)?'
	station "as its user" "$said" 'user postfix gets answers at .*'
	station "its resolver validates" "$said" '127.0.0.1 validates DNSSEC'
	echo
	place "alice@north.example, a mail program anywhere"
	said=$(submit "--port 587 --tls" alice@north.example bob@south.example there)
	id=$(queue_id <<<"$said")
	station "port 587: STARTTLS" "$said" 'TLS started with cipher [^ ]+'
	station "login over TLS" "$said" '235 2.7.0 Authentication successful'
	station "taken" "$said" '250 2.0.0 Ok: queued as .*'
	arrow
	place "mx.north.example: Postfix, countersign"
	station_soon "submission is told from inbound mail" 'origin=(auth|submission)' line_of north "$id"
	station "signed" "$(line_of north "$id")" 'sign=north.example/[^/]*/rsa-sha256'
	station_soon "delivered" 'status=sent.*' log_of north "$id"
	log=$(log_of north "$id")
	station "first MX (10) is down" "$log" 'connect to mx1.south.example.*: (No route to host|Host is unreachable|Connection refused)'
	station "the next one (20), verified by MTA-STS" "$log" 'Verified TLS connection established to mx2.south.example[^:]*:25: TLSv1.[23]'
	station "as our policy service answered" "$(at north countersign --json tls policy south.example)" \
		'OK secure match=mx1.south.example:mx2.south.example'
	arrow
	place "mx2.south.example: Postfix, countersign, Dovecot (LMTP, Sieve)"
	eventually imap_find INBOX there
	said=$(field_of "$ROAD/read" Authentication-Results)
	for what in iprev spf dkim dmarc; do station "$what" "$said" "$what=pass[^;]*"; done
	station "TLS on arrival" "$(field_of "$ROAD/read" Received)" 'by mx2.south.example .Postfix. with ESMTPS'
	station "read over IMAP, port 993" "$(cat "$ROAD/read")" 'there: nobody else is to read this'
	echo
}

# ---- back: DANE ----

road_back() {
	local said id log
	place "bob@south.example answers"
	said=$(submit "--port 465 --tls-on-connect" bob@south.example alice@north.example back)
	id=$(queue_id <<<"$said")
	station "port 465: TLS from the beginning" "$said" 'TLS started with cipher [^ ]+'
	station "taken" "$said" '250 2.0.0 Ok: queued as .*'
	arrow
	place "mx2.south.example: Postfix, countersign"
	station_soon "signed" 'sign=south.example/[^/]*/rsa-sha256' line_of south "$id"
	station_soon "delivered" 'status=sent.*' log_of south "$id"
	station "verified by DANE" "$(log_of south "$id")" 'Verified TLS connection established to mx.north.example[^:]*:25: TLSv1.[23]'
	station "as our policy service answered" "$(at south countersign --json tls policy north.example)" 'OK dane-only'
	arrow
	place "mx.north.example: Postfix, countersign, Dovecot"
	eventually pop_find back
	station "SPF, DKIM and DMARC" "$(field_of "$ROAD/read" Authentication-Results)" 'spf=pass.*dkim=pass.*dmarc=pass'
	station "read over POP3, port 995" "$(cat "$ROAD/read")" 'back: nobody else is to read this'
	echo
}

# ---- through a forwarder: ARC ----

road_forwarded() {
	local said
	place "alice@north.example writes to friends@lists.hub.example, which changes messages"
	station "taken" "$(submit "--port 587 --tls" alice@north.example friends@lists.hub.example forwarded)" '250 2.0.0 Ok.*'
	arrow
	place "mx.hub.example: Postfix, a list manager, countersign"
	station_soon "signed as the list's" 'sign=hub.example/[^/]*/rsa-sha256' line_of hub 'sign=hub.example'
	eventually imap_find INBOX forwarded
	station "sealed with the results on arrival" "$(field_of "$ROAD/read" ARC-Authentication-Results)" 'mx.hub.example;.*dmarc=pass'
	arrow
	place "mx2.south.example"
	said=$(field_of "$ROAD/read" Authentication-Results)
	station "north's signature does not survive" "$said" 'dkim=fail[^;]*north.example'
	station "the chain does" "$said" 'arc=pass[^;]*'
	station "DMARC fails, and the sealer is believed" "$said" 'dmarc=fail[^;]*override=[^;]*'
	station "in the inbox" "$(cat "$ROAD/read")" 'Subject: .friends. forwarded'
	echo
}

# ---- a forgery ----

road_spoof() {
	place "a stranger writes as alice@north.example"
	write_message alice@north.example bob@south.example spoof
	station "taken (RFC 9989 section 7.4)" "$(swaks --server "${ROAD_NET[south]}.25" --local-interface "$ROAD_THIEF" \
		--from x@thief.example --to bob@south.example --ehlo thief.example --data "@$ROAD/message" 2>&1)" '250 2.0.0 Ok.*'
	arrow
	place "mx2.south.example"
	eventually imap_find Junk spoof
	station "DMARC" "$(field_of "$ROAD/read" Authentication-Results)" 'dmarc=fail[^;]*'
	station "the Sieve rule files it in Junk" "$(cat "$ROAD/read")" 'X-Countersign-Quarantine: yes'
	echo
}

# ---- a man in the middle ----

# attacked FROM TO NAME PATTERN: a message under attack is deferred for that reason, and kept for later
attacked() {
	local from=$1 to=$2 id site
	site=${from#*@} site=${site%.example}
	at "$site" postqueue -f
	id=$(submit "--port 587 --tls" "$from" "$to" "$3" | queue_id)
	station_soon "refused" "status=deferred .*$4" log_of "$site" "${id:-none}"
	at "$site" postsuper -h "$id" >/dev/null 2>&1
}

# The service forgets what it knows at the end of its TTL, which is 10 seconds at least; here, at once.
look_again() { # site domain
	at "$1" countersign tls refresh "$2"
}

road_attacked_sts() {
	local mx=${ROAD_NET[south]}.25
	place "a man in the middle, between north and south (MTA-STS)"
	printf '     |\n     |  strips STARTTLS\n'
	world_thief "$mx" strip "${ROAD_NET[south]}.125"
	attacked alice@north.example bob@south.example strip 'TLS is required, but was not offered by host mx2.south.example'
	submit "--port 587 --tls" alice@north.example postmaster@plain.example unprotected >/dev/null
	station_soon "mail to a domain without policy is read" 'unprotected: nobody else' cat "$ROAD/log/stolen"
	world_thief_ends "$mx"
	printf '     |  has a certificate of the right name that has expired\n'
	world_thief "$mx" cert "$ROAD/cert/expired.pem"
	attacked alice@north.example bob@south.example expired 'Server certificate not (trusted|verified)'
	world_thief_ends "$mx"
	printf '     |  has a valid certificate for another name\n'
	world_thief "$mx" cert "$ROAD/cert/thief.pem"
	attacked alice@north.example bob@south.example name 'Server certificate not verified'
	world_thief_ends "$mx"
	printf '     |  forges the MX record\n'
	world_forge south
	world_thief "$ROAD_THIEF_MX" cert "$ROAD/cert/thief.pem"
	station_soon "seen by the policy service" 'TEMP no MX host' look_again north south.example
	attacked alice@north.example bob@south.example forged 'TLS policy|policy table lookup|configuration problem'
	world_thief_ends "$ROAD_THIEF_MX"
	world_forge_ends south
	station "he has read none of these" "$(grep -cE '(strip|expired|name|forged): nobody' "$ROAD/log/stolen")" '^0$'
	echo
}

road_attacked_dane() {
	local mx=${ROAD_NET[north]}.25
	place "the same, between south and north (DANE)"
	printf '     |\n     |  strips STARTTLS\n'
	world_thief "$mx" strip "${ROAD_NET[north]}.125"
	attacked bob@south.example alice@north.example strip2 'TLS is required, but was not offered by host mx.north.example'
	world_thief_ends "$mx"
	printf '     |  has a certificate of the right name, from a CA that everybody trusts\n'
	world_thief "$mx" cert "$ROAD/cert/misissued.pem"
	attacked bob@south.example alice@north.example issued2 'Server certificate not (trusted|verified)'
	world_thief_ends "$mx"
	printf '     |  forges the MX record\n'
	world_forge north
	world_thief "$ROAD_THIEF_MX" cert "$ROAD/cert/thief.pem"
	station_soon "seen by the policy service" 'TEMP .*' look_again south north.example
	attacked bob@south.example alice@north.example forged2 'Host not found, try again'
	world_thief_ends "$ROAD_THIEF_MX"
	world_forge_ends north
	station "he has read none of these" "$(grep -cE '(strip|issued|forged)2: nobody' "$ROAD/log/stolen")" '^0$'
	echo
}

# ---- the end of the attacks ----

# Resolvers remember for a minute that a zone's keys were bogus; here, new ones take their place.
forget_bogus() { # site
	at "$1" bash -c 'kill "$(cat /root/unbound.pid)"; while [ -e /root/unbound.pid ]; do sleep 0.05; done; unbound -c /root/unbound.conf'
	at "$1" countersign reload >/dev/null 2>&1
}

road_released_sts() {
	local subject
	place "the man in the middle goes; what was refused is tried again"
	station_soon "the policy service knows the MX hosts again" 'OK secure' look_again north south.example
	at north postsuper -H ALL >/dev/null 2>&1
	at north postqueue -f
	for subject in strip expired name forged; do
		eventually imap_find INBOX "$subject"
		station "arrived: $subject" "$(cat "$ROAD/read")" "^$subject: nobody else"
	done
	echo
}

road_released_dane() {
	local subject
	forget_bogus south
	place "the same between south and north"
	station_soon "the policy service knows the MX hosts again" 'OK dane-only' look_again south north.example
	at south postsuper -H ALL >/dev/null 2>&1
	at south postqueue -f
	for subject in strip2 issued2 forged2; do
		eventually pop_find "$subject"
		station "arrived: $subject" "$(cat "$ROAD/read")" "^$subject: nobody else"
	done
	echo
}

# ---- reports ----

# The counts of today become those of yesterday, because reports are sent after midnight.
let_a_day_pass() { # site
	at "$1" sqlite3 /var/lib/countersign/countersign.db 'update tls_session set day = day - 1'
}

# The daemon may have begun by itself.
send_report() {
	at "$1" countersign tls report send >/dev/null 2>&1
	at "$1" countersign tls report list "$2.example"
}

# report_to SITE-THAT-SENDS SITE-THAT-READS
report_to() {
	station_soon "counted" '[1-9] +successful' at "$1" countersign tls report show "$2.example" --day today
	let_a_day_pass "$1"
	station_soon "sent" "tls-reports@$2.example +sent: 250.*" send_report "$1" "$2"
	arrow
	place "$2: countersign inbox tls"
	station_soon "a report came" "$1" at "$2" countersign inbox tls
	station "its mail is signed by $1 (RFC 8460, 3)" "$(line_of "$2" 'origin=inbound .*from=<postmaster[^>]*@'"$1")" "dkim=pass/$1[^ ]*"
	ROAD_REPORT=$(at "$2" countersign inbox tls 2>&1)
}

road_reports() {
	place "the next day: north reports to south (TLS-RPT)"
	report_to north south
	station "STARTTLS stripped" "$ROAD_REPORT" '.*starttls-not-supported.*'
	station "certificate expired" "$ROAD_REPORT" '.*certificate-expired.*'
	station "wrong name" "$ROAD_REPORT" '.*certificate-host-mismatch.*'
	station "forged MX" "$ROAD_REPORT" '.*validation-failure.*'
	echo
	place "and south to north"
	report_to south north
	station "STARTTLS stripped" "$ROAD_REPORT" '.*starttls-not-supported.*'
	station "a certificate that DANE does not name" "$ROAD_REPORT" '.*validation-failure.*'
	station "forged MX" "$ROAD_REPORT" '.*dnssec-invalid.*'
	echo
}
