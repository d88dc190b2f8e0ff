#!/bin/bash
# countersign migrate: OpenDKIM's, OpenDMARC's and policyd-spf's settings as ours; no option of theirs falls through.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

migrate() { # exit code, arguments
	local want=$1 status
	shift
	"$cs" migrate "$@" >"$work/out" 2>"$work/err"
	status=$?
	is "migrate $* " $status "$want"
}
has() { like "has: $1" "$(cat "$work/out")" "$1"; }
says() { like "says: $1" "$(cat "$work/err")" "$1"; }
value() { "$cs" -c "$work/new.conf" config show --changed | grep -E "^[[:space:]]*$1 = " | sed -E 's/^[[:space:]]*//; s/;.*//'; }

# every option of the manuals is in the tables
"$cs" migrate --list >"$work/list"
for program in opendkim opendmarc; do
	page=$(man -w $program.conf 2>/dev/null)
	[ -n "$page" ] || page=/usr/share/man/man5/$program.conf.5.gz
	if [ -e "$page" ]; then
		missing=$(zcat -f "$page" | grep -A1 '^\.TP' | sed -nE 's/^\.I ([A-Z][A-Za-z0-9-]+).*/\1/p' |
			while read -r name; do
				awk -v p=$program 'tolower($1) == p { on = 1; next } /^[^ ]/ { on = 0 } on { print $1 }' "$work/list" |
					grep -qxiF "$name" || echo "$name"
			done)
		is "every option of $program.conf(5) has an answer" "$missing" ""
	else
		pass "every option of $program.conf(5) has an answer # SKIP there is no manual"
	fi
done
is "an answer is never empty" "$(grep -cE '^  [^ ]+ *$' "$work/list")" 0

# one of each kind
mkdir "$work/keys"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key" 2>/dev/null
printf '%s\n' '# own hosts' 127.0.0.1 192.0.2.0/24 mail.example.com '2001:db8::/32 # six' >"$work/hosts"
cat >"$work/opendkim.conf" <<-O
	# a comment
	Syslog			yes
	UMask			007
	Canonicalization	relaxed/simple
	Mode			sv
	SubDomains		yes
	AuthservID		HOSTNAME
	InternalHosts		$work/hosts
	MinimumKeyBits		512
	SignatureTTL		864000
	DNSTimeout		7
	Nameservers		192.0.2.53, 2001:db8::53
	OversignHeaders		From,To
	Domain			example.com
	Selector		mail
	KeyFile			$work/key
	On-BadSignature		reject
	MTA			MSA
O
cat >"$work/opendmarc.conf" <<-O
	AuthservID mx.example.com
	RejectFailures true
	HoldQuarantinedMessages yes
	IgnoreAuthenticatedClients true
	IgnoreMailTo dmarc@example.com, abuse@example.com
	HistoryFile /var/run/opendmarc/opendmarc.dat
	TrustedAuthservIDs HOSTNAME
	DomainWhitelist example.org, lists.example.net
O
cat >"$work/spf.conf" <<-O
	debugLevel = 1
	HELO_reject = Fail
	skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
	Whitelist = 198.51.100.7
	Domain_Whitelist = forwarder.example
O
migrate 0 --opendkim="$work/opendkim.conf" --opendmarc="$work/opendmarc.conf" --policyd-spf="$work/spf.conf" -o "$work/new.conf"
says "then the keys: countersign key import --from-opendkim $work/opendkim.conf"
ok "the result passes config check" "$cs" -c "$work/new.conf" config check
is "umask" "$(value socket_mode)" '' # 0660 is the default
like "hosts of all three, and only addresses" "$(cat "$work/new.conf")" \
	'^trusted_networks = \[ "127.0.0.1", "192.0.2.0/24", "2001:db8::/32", "127.0.0.0/8", .*"::1" \];'
like "what was left out is told" "$(cat "$work/new.conf")" 'trusted_networks; left out: mail\.example\.com'
is "canonicalization" "$(value canonicalization)" 'canonicalization = "relaxed/simple"'
like "time of signatures" "$(value expire)" '^expire = "(10d|864000s|240h)"'
like "DNS" "$(value servers)" 'servers = \[ "192\.0\.2\.53", "2001:db8::53" \]'
is "the later authserv-id counts" "$(value authserv_id)" 'authserv_id = "mx.example.com"'
is "RejectFailures" "$(value enforce)" 'enforce = "strict"'
is "HoldQuarantinedMessages" "$(value quarantine)" 'quarantine = "hold"'
is "IgnoreMailTo" "$(value quiet)" 'quiet = [ "dmarc@example.com", "abuse@example.com" ]'
is "sealers" "$(value trusted_sealers)" 'trusted_sealers = [ "example.org", "lists.example.net" ]'
like "whitelists" "$(value trusted_forwarders)" '"198\.51\.100\.7", "forwarder\.example"'
for line in 'On-BadSignature reject' 'HistoryFile /var' 'HELO_reject Fail' 'MTA MSA' 'Syslog yes'; do
	like "no counterpart, and why: $line" "$(grep -A1 -F "$line" "$work/new.conf")" 'no counterpart: [A-Za-z0-9]'
done
like "keys are for key import" "$(grep -A1 'KeyFile' "$work/new.conf")" 'countersign key import --from-opendkim'
ok "which takes them" "$cs" -c "$work/new.conf" key import --from-opendkim "$work/opendkim.conf" --keys "$work/keys"
ok "to their place" test -s "$work/keys/example.com/mail.key"

# OpenDMARC without RejectFailures only observes; OpenDKIM without SubDomains signs for none
echo 'AuthservID x.example' >"$work/m"
printf '%s\n' 'Domain example.com' 'Selector s' 'KeyFile /k' >"$work/d"
migrate 0 --opendmarc="$work/m" --opendkim="$work/d"
has 'enforce = "observe";'
has 'subdomains = false;'

# mistakes
printf '%s\n' 'Canonicalisation relaxed' 'DNSTimeout soon' 'UMask 9' 'Mode' 'Nameservers dns.example' >"$work/d"
migrate 1 --opendkim="$work/d"
has 'NOT KNOWN'
says '1 line is not known'
is "what cannot be understood is left out" "$(grep -c 'not taken over:' "$work/out")" 4
migrate 73 --opendmarc="$work/m" -o "$work/new.conf"
migrate 66 --opendmarc="$work/nosuch"
says 'nosuch: No such file'
migrate 64 extra
head -c 3000 /dev/urandom >"$work/d"
"$cs" migrate --opendkim="$work/d" >"$work/noise.conf" 2>/dev/null
ok "noise gives valid settings" "$cs" config check "$work/noise.conf"

# the files that Debian ships
for program in opendkim opendmarc; do
	if [ -r /etc/$program.conf ]; then
		"$cs" migrate --$program=/etc/$program.conf >"$work/shipped.conf" 2>"$work/err"
		is "/etc/$program.conf as shipped" $? 0
		ok "its result passes config check" "$cs" config check "$work/shipped.conf"
	fi
done
"$cs" --json migrate --opendmarc="$work/m" >"$work/out"
like "JSON" "$(tr -d '\n' <"$work/out")" '"settings": "# countersign\.conf.*"not_known": 0'
done_testing
