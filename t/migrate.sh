#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign migrate: the settings of OpenDKIM, dkimpy-milter, OpenDMARC, policyd-spf, OpenARC and parsedmarc as ours. The tables have
# every option of the manuals, each line with one becomes what t/migrate_options.txt says, and no line makes us trust more
# than the original did. Nothing of the host's /etc is read.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
work=$(mktemp -d "${TMPDIR:-/tmp}/countersign-migrate.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

migrate() { # exit code, arguments
	local want=$1 status
	shift
	"$cs" migrate "$@" >"$work/out" 2>"$work/err"
	status=$?
	is "migrate ${*//$work/} " $status "$want"
}
has() { like "has: $1" "$(cat "$work/out")" "$1"; }
hasnt() { is "has not: $1" "$(grep -E -- "$1" "$work/out")" ''; }
says() { like "says: ${1//$work/}" "$(cat "$work/err")" "$1"; }
# one program's lines on standard input
lines() { # exit code, program
	cat >"$work/$2.in"
	migrate "$1" "--$2=$work/$2.in"
	"$cs" config check "$work/out" >"$work/check" 2>&1 || fail "config check" "$(cat "$work/check")"
}
value() { "$cs" -c "$work/new.conf" config show --changed | grep -E "^[[:space:]]*$1 = " | sed -E 's/^[[:space:]]*//; s/;.*//'; }

# ---- the tables ----
"$cs" migrate --list >"$work/list"
in_list() { # program
	awk -v p="$1" '/^[^ ]/ { on = tolower($1) == p } on && /^  [^ ]/ { print $1 }' "$work/list"
}
options_of() { # page: the options that a manual documents
	case $1 in
	policyd-spf) zcat -f "$2" | grep -oE '^(\.I )?"?[A-Za-z_]+"?( \((string|dataset|integer)\)| = )' | grep -oE '[A-Za-z_]{4,}' |
		grep -vxE 'string|dataset|integer|Use' ;;
	*) zcat -f "$2" | grep -A1 '^\.TP' | sed -nE 's/^\.I ([A-Z][A-Za-z0-9-]+).*/\1/p' ;;
	esac | sort -u
}
for program in opendkim opendmarc policyd-spf dkimpy-milter; do
	page=/usr/share/man/man5/$program.conf.5.gz
	[ -e "$page" ] || page=$(man -w "$program.conf" 2>/dev/null)
	if [ -z "$page" ]; then
		skip "every option of $program.conf(5) is in the table" "there is no manual: Debian's package is not installed"
		continue
	fi
	options_of $program "$page" >"$work/documented"
	cmp -s "$work/documented" /dev/null && fail "$program.conf(5) was read"
	is "every option of $program.conf(5) is in the table" "$(in_list $program | grep -vxiFf - "$work/documented")" ''
done
# OpenARC is not in Debian: 43 options are in openarc.conf(5) of version 1.3
is "and no table is short" "$(for p in opendkim opendmarc policyd-spf openarc dkimpy-milter parsedmarc; do in_list $p | wc -l; done | tr '\n' ' ')" \
	'135 44 34 43 30 63 '
is "each has a meaning there, and one here" "$(awk '/^  [^ ]/ { name = $1; getline a; getline b
	if (a !~ /^      there: .+/ || b !~ /^      here:  .+/ || b ~ /here:  none$/ || b ~ /; $/) print name }' "$work/list")" ''
is "a setting that is named exists" "$(sed -nE 's/^      here:  ([a-z_.]+)(;.*)?$/\1/p' "$work/list" | grep -vx none | sort -u |
	while read -r name; do "$cs" config explain "$name" >/dev/null 2>&1 || echo "$name"; done)" ''

# ---- each option alone: what becomes of a line with it, and the reason that the administrator is told ----
mkdir "$work/files"
: >"$work/files/empty"
echo 192.0.2.1 >"$work/files/hosts"
echo 'k example.com:s:/etc/k' >"$work/files/KeyTable"
echo '*@example.com k' >"$work/files/SigningTable"
declare -A reason
while IFS=$'\t' read -r program option why; do
	[ "$program" = dkimpy-milter ] && program=dkimpy
	reason["$program $option"]=$why
done < <(awk '/^[^ ]/ { program = tolower($1) } /^  [^ ]/ { option = $1 }
	/^      here:/ { sub(/^      here:  [^;]*;? ?/, ""); print program "\t" option "\t" $0 }' "$work/list")
try_option() { # program, option, value, what becomes of it: says what is wrong
	local between=' ' status answer why=${reason["$1 $2"]} number=1
	[ "$1" = policyd-spf ] && between=' = '
	case "$1 $2" in
	parsedmarc\ *.*)
		number=2
		printf '[%s]\n%s = %b\n' "${2%.*}" "${2#*.}" "$3" >"$work/line"
		;;
	parsedmarc\ *) printf '[%s]\nx = y\n' "$2" >"$work/line" ;;
	*) printf '%b\n' "$2$between${3//@files@/$work/files}" >"$work/line" ;;
	esac
	"$cs" migrate "--$1=$work/line" >"$work/out" 2>"$work/err"
	status=$?
	answer=$(sed -n "/^# $number: /{n;s/^#     //;p;q}" "$work/out")
	case $4 in
	nothing) [ "$answer" = "nothing to write: $why" ] && ! grep -qF ":$number: $2:" "$work/err" ;;
	left) [ "$answer" = "LEFT OUT: $why" ] && [ $status = 2 ] && grep -qF ":$number: $2: $why" "$work/err" ;;
	read) [[ $answer == *"$why" ]] && [ $status != 1 ] ;;
	*) [[ $answer == "-> $4"* && $answer == *"$why" ]] && grep -qE "^[[:space:]]*${4##*.} = " "$work/out" ;;
	esac || echo "$1 $2 $3: $answer ($status)"
}
table=$COUNTERSIGN_SRC/t/migrate_options.txt
grep -v '^#' "$table" | while IFS=$'\t' read -r program option value outcome; do
	try_option "$program" "$option" "$value" "$outcome"
done >"$work/wrong"
is "each line becomes what the table says, with the reason of --list" "$(cat "$work/wrong")" ''
is "and every option is in it" "$(printf '%s\n' "${!reason[@]}" | sort | comm -3 - <(grep -v '^#' "$table" | cut -f1,2 | tr '\t' ' ' | sort -u))" ''

# ---- one of each kind ----
mkdir "$work/keys"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/key" 2>/dev/null
printf '%s\n' '# own hosts' 127.0.0.1 192.0.2.0/24 '2001:db8::/32 # six' >"$work/hosts"
printf '%s\n' localhost 192.0.2.0/24 198.51.100.7 >"$work/ignore"
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
	MaximumHeaders		131072
	Nameservers		192.0.2.53, 2001:db8::53
	OversignHeaders		From,To
	SignHeaders		To,Subject
	Domain			example.com
	Selector		mail
	KeyFile			$work/key
	MTA			MSA
O
cat >"$work/opendmarc.conf" <<-O
	AuthservID HOSTNAME
	RejectFailures true
	HoldQuarantinedMessages yes
	IgnoreAuthenticatedClients true
	IgnoreHosts $work/ignore
	IgnoreMailFrom example.net, Other.Example
	IgnoreMailTo dmarc@example.com, abuse@example.com
	HistoryFile /var/run/opendmarc/opendmarc.dat
	TrustedAuthservIDs HOSTNAME
	DomainWhitelist example.org, lists.example.net
	UMask 0002
O
migrate 0 --opendkim="$work/opendkim.conf" --opendmarc="$work/opendmarc.conf" -o "$work/new.conf"
says "then the keys: countersign key import --from-opendkim $work/opendkim.conf"
ok "the result passes config check" "$cs" -c "$work/new.conf" config check
is "UMask: the socket is for the MTA's group, as always" "$(value socket_mode)" ''
is "InternalHosts" "$(value trusted_networks)" 'trusted_networks = [ "127.0.0.1", "192.0.2.0/24", "2001:db8::/32" ]'
like "IgnoreHosts: neither checked nor signed" "$(tr -d '\n\t' <"$work/new.conf")" \
	'relays = \( \{ from = \[ "198\.51\.100\.7" \]; client = "skip"; \} \);'
is "canonicalization" "$(value canonicalization)" 'canonicalization = "relaxed/simple"'
like "time of signatures" "$(value expire)" '^expire = "(10d|864000s|240h)"'
is "size of the header" "$(value max_header_bytes)" 'max_header_bytes = "128KiB"'
like "DNS" "$(value servers)" 'servers = \[ "192\.0\.2\.53", "2001:db8::53" \]'
is "From is signed" "$(value headers)" 'headers = [ "To", "Subject", "from" ]'
is "HOSTNAME" "$(value authserv_id)" "authserv_id = \"$(hostname)\""
is "RejectFailures" "$(value enforce)" 'enforce = "strict"'
is "HoldQuarantinedMessages" "$(value quarantine)" 'quarantine = "hold"'
like "IgnoreMailFrom" "$(tr -d '\n\t' <"$work/new.conf")" \
	'actions = \( \{ domain = "example\.net"; action = "accept"; \},\{ domain = "other\.example"; action = "accept"; \} \);'
is "IgnoreMailTo" "$(value quiet)" 'quiet = [ "dmarc@example.com", "abuse@example.com" ]'
is "sealers" "$(value trusted_sealers)" 'trusted_sealers = [ "example.org", "lists.example.net" ]'
like "keys are for key import" "$(grep -A1 'KeyFile' "$work/new.conf")" 'countersign key import --from-opendkim'
ok "which takes them" "$cs" -c "$work/new.conf" key import --from-opendkim "$work/opendkim.conf" --keys "$work/keys"
ok "to their place" test -s "$work/keys/example.com/mail.key"

# ---- whose mail is signed ----
lines 0 opendkim <<<'InternalHosts 127.0.0.1, 192.0.2.0/30, !192.0.2.2'
has '^trusted_networks = \[ "127.0.0.1", "192.0.2.0/30", "!192.0.2.2" \];'
lines 0 opendkim <<-O
	InternalHosts 127.0.0.1, 192.0.2.0/30, !192.0.2.2, 192.0.2.8/29
	PeerList 192.0.2.0/31, 192.0.2.8/29
O
has '^trusted_networks = \[ "127.0.0.1", "192.0.2.3" \];' # no entry of the one is more precise than the other's here
lines 0 opendkim <<-O
	InternalHosts 127.0.0.1, 192.0.2.0/30
	PeerList 192.0.2.0/31
O
has '^trusted_networks = \[ "127.0.0.1", "192.0.2.2/31" \];'
lines 2 opendkim <<<'InternalHosts 127.0.0.1, 192.0.2.0/24, !mail.example.com'
has '^trusted_networks = \[ \];'
says 'InternalHosts: cannot tell which addresses "!mail\.example\.com" means, so no network is trusted'
lines 2 opendkim <<-O
	InternalHosts 127.0.0.1, 192.0.2.0/24
	PeerList .example.com
O
has '^trusted_networks = \[ \];'
lines 2 opendkim <<<'InternalHosts 127.0.0.1, 192.0.2.5/24, .example.com, 0.0.0.0/0, ::ffff:192.0.2.9'
has '^trusted_networks = \[ "127.0.0.1" \];'
says '192\.0\.2\.5/24 is left out: bits are set after the prefix'
says '\.example\.com is left out: DNS must not decide whose mail is signed'
says '0\.0\.0\.0/0 is left out: it matches every address'
says '4 settings were left out or only partly taken over'
lines 0 opendkim <<<'InternalHosts 192.0.2.1'
has '^trusted_networks = \[ "192.0.2.1" \];' # as with OpenDKIM, loopback is only trusted if it is listed
lines 2 opendkim <<<'InternalHosts -'
has '^trusted_networks = \[ \];'
lines 0 opendkim <<-O
	InternalHosts 127.0.0.1, 198.51.100.0/24
	InternalHosts 127.0.0.1, 192.0.2.1
O
has '^trusted_networks = \[ "127.0.0.1", "192.0.2.1" \];' # as in OpenDKIM, the last line counts
echo 'InternalHosts 127.0.0.1' >"$work/more"
lines 0 opendkim <<-O
	InternalHosts 192.0.2.0/24
	Include $work/more
O
has '^trusted_networks = \[ "127.0.0.1" \];'
lines 2 opendkim <<-O
	InternalHosts 192.0.2.0/24
	Include $work/nosuch
O
has '^trusted_networks = \[ \];'
echo "Include $work/loop" >"$work/loop"
lines 2 opendkim <<<"Include $work/loop"
says 'loop:1: Include: more than 64 files are included, or deeper than 5 levels'
lines 2 opendkim <<<'InternalHosts file:/nosuch'
has '^trusted_networks = \[ \];'
printf '%s\n' 192.0.2.0/24 >"$work/ignore"
lines 0 opendmarc <<<"IgnoreHosts $work/ignore"
hasnt 'trusted_(networks|forwarders) ='
has '^relays = \( \{ from = \[ "192.0.2.0/24" \]; client = "skip"; \} \);'
printf '%s\n' 192.0.2.0/24 '!gateway.example' >"$work/ignore"
lines 2 opendmarc <<<"IgnoreHosts $work/ignore"
hasnt '(trusted_(networks|forwarders)|relays) ='
lines 0 opendkim <<<$'InternalHosts 192.0.2.0/24\nPeerList 192.0.2.128/25, 198.51.100.7'
has '^trusted_networks = \[ "192.0.2.0/25" \];'
has '^relays = \( \{ from = \[ "192.0.2.128/25", "198.51.100.7" \]; client = "skip"; \} \);'
echo 'PeerList 198.51.100.7' >"$work/d"
printf '%s\n' 'RejectFailures true' 'IgnoreAuthenticatedClients true' >"$work/m"
migrate 0 --opendkim="$work/d" --opendmarc="$work/m"
hasnt 'relays =' # OpenDMARC checked them
lines 2 policyd-spf <<<'skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1,192.0.2.0/24'
hasnt 'trusted_(networks|forwarders) ='
has '^relays = \( \{ from = \[ "192.0.2.0/24" \]; client = "skip"; \} \);'
has 'action ='
echo 'skip_addresses = 192.0.2.0/24' >"$work/s"
migrate 2 --policyd-spf="$work/s" --opendmarc="$work/m"
hasnt '(trusted_(networks|forwarders)|relays) =' # exempted from one of the two
hasnt 'action ='
printf '%s\n' 192.0.2.0/25 198.51.100.7 >"$work/ignore"
echo "IgnoreHosts $work/ignore" >>"$work/m"
echo 'skip_addresses = 192.0.2.0/26' >"$work/s"
migrate 2 --policyd-spf="$work/s" --opendmarc="$work/m"
has '^relays = \( \{ from = \[ "192.0.2.0/26" \]; client = "skip"; \} \);' # what both exempted
says 'mail from "192\.0\.2\.64/26", "198\.51\.100\.7" is checked'
for option in Whitelist=192.0.2.1 InternalHosts=192.0.2.1; do
	lines 2 policyd-spf <<<"$option"
	hasnt 'trusted_(networks|forwarders) ='
	has '^relays = \( \{ from = \[ "192.0.2.1" \]; client = "skip"; \} \);'
done
for option in Domain_Whitelist=example.com Domain_Whitelist_PTR=example.com HELO_Whitelist=mx.example.com MacroList=daemon_name; do
	lines 2 policyd-spf <<<"$option"
	hasnt '(trusted_(networks|forwarders)|relays) ='
	hasnt 'action ='
done
lines 0 opendkim <<<'MTA MSA, MSP-v4, ORIGINATING, inside'
has '^submission_services = \[ "MSA", "MSP-v4", "ORIGINATING", "inside" \];'
lines 2 opendkim <<<'MTA MSA*'
hasnt 'submission_services ='
lines 2 opendkim <<<'MacroList {daemon_name}|ORIGINATING|VPN, daemon_name, {auth_type}'
has '^submission_services = \[ "ORIGINATING", "VPN" \];'
says '2 settings were'

# ---- subdomains ----
key="$(printf '%s\n' 'Domain example.com' 'Selector s' 'KeyFile /k')"
lines 0 opendkim <<<"$key"
has 'subdomains = false;'
lines 0 opendkim <<<"$key"$'\nSubDomains yes'
has 'subdomains = true;'
tables() { # exit code, lines of the SigningTable
	printf 'a example.com:s:/k\nb example.org:s:/k\n' >"$work/KeyTable"
	printf '%s\n' "${@:2}" >"$work/SigningTable"
	lines "$1" opendkim <<-O
		KeyTable $work/KeyTable
		SigningTable refile:$work/SigningTable
		SubDomains no
	O
}
tables 0 '*@example.com a' '*@*.example.com a'
has 'subdomains = true;' # SubDomains is not asked beside a SigningTable
tables 0 '*@example.com a'
has 'subdomains = false;'
tables 2 '*@example.com a' '*@*.example.com a' '*@example.org b'
has 'subdomains = false;'
says '\*@\*\.example\.com: mail of subdomains of example\.com is not signed'
tables 0 '*@example.com a' '*@*.example.com a' '*@example.org b:x@example.org' '*@*.example.org b:y@example.org'
has 'subdomains = true;'
tables 2 '*@example.com a' 'alice@*.example.com a'
has 'subdomains = false;'
tables 2 '*@example.com a' '*@sub.example.com a'
has 'subdomains = false;'
tables 0 '* a'
has 'subdomains = true;'
lines 2 opendkim <<<$'KeyTable dsn:mysql://h/d\nSigningTable refile:/nosuch'
has 'subdomains = false;'

# ---- names ----
lines 0 opendkim <<<'AuthservID mx.example.com'
has '^authserv_id = "mx.example.com";'
echo 'AuthservID one.example' >"$work/d"
echo 'AuthservID two.example' >"$work/m"
migrate 2 --opendkim="$work/d" --opendmarc="$work/m"
has '^authserv_id = "two.example";'
says 'results are written as two\.example only: change what looks for one\.example'

lines 0 opendmarc <<<$'AuthservID mx.example.com\nTrustedAuthservIDs HOSTNAME, MX.example.com'
lines 2 opendmarc <<<'TrustedAuthservIDs gateway.example.com'
says 'results of gateway\.example\.com are not used'

# ---- what is refused ----
lines 0 opendmarc <<<'Syslog true'
has 'enforce = "observe";'
lines 2 opendmarc <<<'RejectFailures true'
has 'enforce = "strict";'
says 'IgnoreAuthenticatedClients'
lines 0 opendmarc <<<$'HoldQuarantinedMessages true\nIgnoreAuthenticatedClients true'
has 'enforce = "strict";'
has 'actions = \( \{ domain = "\*"; policy = "reject"; action = "accept"; \} \);'
lines 2 policyd-spf <<<'debugLevel = 1'
has 'actions = \( \{ domain = "\*"; spf = "fail"; action = "reject"; \} \);'
has 'reject = "no-dmarc";' # of mail without a DMARC record
has 'helo_reject = "no-dmarc";'
lines 2 policyd-spf <<<'No_Mail = True'
has 'reject = "nomail";'
has 'helo_reject = "nomail";'
hasnt 'action ='
lines 2 policyd-spf <<<$'Mail_From_reject = False\nHELO_reject = Fail'
hasnt '\<reject ='
has 'helo_reject = "no-dmarc";'
lines 2 policyd-spf <<<'HELO_reject = Null'
hasnt 'helo_reject ='
lines 0 opendmarc <<<'RejectString rejected by policy of %s, see https://help.example/'
has 'reject_text = "rejected by policy of %\{domain\}, see https://help\.example/";'
lines 2 opendmarc <<<'RejectString 100 % of %s'
says 'RejectString: .*only %\{domain\} and %\{client\} can follow'
lines 2 policyd-spf <<<'Mail_From_reject = Softfail'
has 'spf = "softfail"; action = "reject"'
lines 0 policyd-spf <<<'TestOnly=0'
hasnt 'action ='
lines 0 policyd-spf <<<$'Mail_From_reject = False\nHELO_reject = No_Check'
hasnt 'action ='
lines 2 policyd-spf <<<'PermError_reject = True'
has 'spf = "permerror"; action = "reject"'
echo 'HELO_reject = False' >"$work/s"
echo 'RejectFailures false' >"$work/m"
migrate 2 --policyd-spf="$work/s" --opendmarc="$work/m"
has 'enforce = "rfc";'
like "the rest is accepted" "$(tr -d '\n\t' <"$work/out")" 'spf = "fail"; action = "reject"; \},\{ domain = "\*"; action = "accept"; \} \)'
printf '%s\n' 192.0.2.0/24 >"$work/ignore"
echo "IgnoreHosts $work/ignore" >"$work/m"
migrate 2 --policyd-spf="$work/s" --opendmarc="$work/m"
hasnt 'trusted_forwarders ='
says 'mail from "192\.0\.2\.0/24" is checked'
for option in 'On-BadSignature reject' 'On-NoSignature r' 'DontSignMailTo a@example.com' 'ExemptDomains example.com' 'MaximumHeaders 0' \
	'SignHeaders *,+X-Foo' 'Diagnostics yes' 'ResignAll true' 'RequiredHeaders yes'; do
	lines 2 opendkim <<<"$option"
done
lines 0 opendkim <<<$'On-BadSignature accept\nOn-DNSError tempfail\nDiagnostics No\nSenderHeaders From'
lines 2 opendkim <<<'MaximumHeaders 0'
says 'a header always has a limit: 1 MiB'
lines 2 opendkim <<<'MaximumHeaders 100'
has 'max_header_bytes = "64KiB";'

# ---- dkimpy-milter ----
lines 0 dkimpy <<-O
	Domain			example.com
	Selector		s
	KeyFile			/etc/dkimkeys/k
	Canonicalization	relaxed
	InternalHosts		192.0.2.0/24,2001:db8::1
	MacroListVerify		daemon_name|VERIFYING|MX
	SubDomains		yes
O
has 'canonicalization = "relaxed/relaxed";'
has '^trusted_networks = \[ "192\.0\.2\.0/24", "2001:db8::1" \];'
has '^inbound_services = \[ "VERIFYING", "MX" \];'
has 'subdomains = true;'
says 'dkimpy-milter signed mail of every login'
says "countersign key import --from-opendkim $work/dkimpy.in"
for option in 'MacroListVerify auth_type' 'MacroListVerify daemon_name' 'MacroListVerify daemon_name|MX*' 'MacroListVerify file:/x'; do
	lines 2 dkimpy <<<"$option"
	has 'enabled = false;' # what was exempted from signing is not signed
	hasnt 'inbound_services ='
done
lines 2 dkimpy <<<'MacroList {daemon_name}|MSA'
hasnt 'submission_services ='
lines 2 dkimpy <<<'InternalHosts 192.0.2.1,192.0.2.128/25,!192.0.2.0/24'
has '^trusted_networks = \[ "192\.0\.2\.1", "!192\.0\.2\.0/24" \];'
says '192\.0\.2\.128/25 is left out: a later entry excludes it'
printf '%s\n' '*@example.com a' '*@*.example.com a' >"$work/SigningTable"
lines 2 dkimpy <<<"KeyTable $work/KeyTable"$'\n'"SigningTable refile:$work/SigningTable"
has 'subdomains = false;' # the second line matches nothing there
migrate 64 --opendkim="$work/d" --dkimpy="$work/d"
says 'name the one that signs'

# ---- OpenARC ----
arc=$'Domain example.com\nSelector s\nKeyFile /etc/k'
echo "$arc" >"$work/arc"
migrate 2 --openarc="$work/arc"
hasnt 'seal ='
says "mail from this host's own clients is not sealed"
printf '%s\nMode v\n' "$arc" >"$work/arc"
migrate 0 --openarc="$work/arc"
hasnt 'seal ='
printf '%s\nMode sv\nAuthservID mx.example.com\nMinimumKeySizeRSA 2048\nPeerList 127.0.0.1, ::1\nMaximumHeaders 131072\n' "$arc" >"$work/arc"
migrate 2 --openarc="$work/arc"
has 'seal = \[ "example\.com" \];'
has '^authserv_id = "mx\.example\.com";'
says 'KeyFile: the key is not copied: here a key also signs'
hasnt '(trusted_networks|relays) ='
printf '%s\n' "$arc" 'MinimumKeyBits 1024' 'MaximumHeaders 262144' >"$work/d"
migrate 2 --opendkim="$work/d" --openarc="$work/arc"
has 'min_rsa_bits = 2048;'
has 'max_header_bytes = "256KiB";'
is "the domain has a key" "$(grep -c 'not copied' "$work/err")" 0
echo 'MinimumKeyBits 4096' >"$work/d"
migrate 2 --opendkim="$work/d" --openarc="$work/arc"
has 'min_rsa_bits = 4096;'
lines 2 openarc <<<'InternalHosts 192.0.2.0/24'
hasnt '(trusted_networks|relays|lists) ='

# ---- mistakes ----
lines 1 opendkim <<<$'Canonicalisation relaxed\nSignatureTTL soon\nMode\nNameservers dns.example'
has 'NOT KNOWN'
says '1 line is not known'
says 'SignatureTTL: not a number of seconds'
is "what cannot be understood is left out" "$(grep -c '^#     LEFT OUT: ' "$work/out")" 3
migrate 73 --opendmarc="$work/m" -o "$work/new.conf"
migrate 66 --opendmarc="$work/nosuch"
says 'nosuch: No such file'
migrate 64 extra
head -c 3000 /dev/urandom >"$work/d"
"$cs" migrate --opendkim="$work/d" >"$work/noise.conf" 2>/dev/null
ok "noise gives valid settings" "$cs" config check "$work/noise.conf"

# ---- parsedmarc ----
cat >"$work/parsedmarc.in" <<-'I'
	; comment
	[general]
	save_aggregate = True
	save_failure: True
	[imap]
	host = imap.example.com
	port = 143
	ssl = False
	user = dmarc@example.com
	password = s3cret!%word
	[mailbox]
	reports_folder = Reports
	archive_folder = Done
	[elasticsearch]
	hosts = 127.0.0.1:9200
	password = other-secret
I
migrate 2 --parsedmarc="$work/parsedmarc.in" -o "$work/parsedmarc.conf"
cat "$work/parsedmarc.conf" >"$work/out"
has '	imap = "imap://imap.example.com:143";'
has '	imap_user = "dmarc@example.com";'
has '	imap_folder = "Reports";'
has '	imap_done = "Done";'
has '	addresses = \[ "dmarc@example.com" \];'
says ':10: imap.password: .*inbox.imap_password_file'
says ':14: elasticsearch: .*in the ledger'
is "no password is repeated" "$(cat "$work/out" "$work/err" | grep -c 'secret')" 0
ok "config check takes it" "$cs" config check "$work/parsedmarc.conf"
lines 2 parsedmarc <<<$'[imap]\nhost = imap.example.com\nuser = u\nskip_certificate_verification = True\n[mailbox]\ndelete = True\narchive_folder = Done'
has '	imap = "imaps://imap.example.com";'
has '	imap_done = "";'
hasnt 'addresses ='
says 'the certificate must be valid'
lines 2 parsedmarc <<<$'[imap]\nhost = imap.example.com'
says 'imap.user is not set, so the account is not known'
lines 1 parsedmarc <<<$'[imap]\nnosuch = 1'
has 'NOT KNOWN'

# ---- the files of Debian's packages, below a root of their own ----
root=$work/root
mkdir -p "$root/etc/postfix-policyd-spf-python" "$root/etc/pyspf-milter"
migrate 66 --root="$root"
says "found no settings of OpenDKIM, OpenDMARC or policyd-spf in $root/etc"
cat >"$root/etc/opendkim.conf" <<-O
	Syslog			yes
	SyslogSuccess		yes
	Canonicalization	relaxed/simple
	OversignHeaders		From
	UserID			opendkim
	UMask			007
	Socket			local:/run/opendkim/opendkim.sock
	PidFile			/run/opendkim/opendkim.pid
	InternalHosts		/etc/hosts.opendkim
O
printf '127.0.0.1\n192.0.2.1\n' >"$root/etc/hosts.opendkim"
cat >"$root/etc/opendmarc.conf" <<-O
	PidFile /run/opendmarc/opendmarc.pid
	PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
	Socket local:/run/opendmarc/opendmarc.sock
	Syslog true
	UMask 0002
	UserID opendmarc
O
migrate 0 --root="$root"
has '192.0.2.1'
is "no warning about logins where nothing is signed" "$(grep -c 'login' "$work/err")" 0
hasnt 'sender ='
cp "$root/etc/opendkim.conf" "$work/opendkim.unsigned"
printf '%s\n' 'Domain example.com' 'Selector s' 'KeyFile /etc/s.key' >>"$root/etc/opendkim.conf"
"$cs" migrate --root="$root" >"$work/out" 2>"$work/err"
says 'here a login signs for its own domain; .* --sign-sender=any \(sign\.sender = "any"\)'
hasnt '	sender = '
has '# domain with a key: sign: { sender = "any"; };'
"$cs" migrate --root="$root" --sign-sender=any >"$work/out" 2>"$work/err"
says 'every login can have mail signed as every domain with a key \(sign\.sender = "any"\)'
has 'sender = "any";'
"$cs" migrate --root="$root" --sign-sender=all >"$work/out" 2>"$work/err"
is "another word is refused" $? 64
says 'use login, envelope or any'
cp "$work/opendkim.unsigned" "$root/etc/opendkim.conf"
cat >"$root/etc/pyspf-milter/pyspf-milter.conf" <<-O
	debugLevel = 1
	TestOnly = 1
	HELO_reject = Fail
	Mail_From_reject = Fail
	PermError_reject = False
	TempError_Defer = False
	skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
	Socket = inet:8893@localhost
	PidFile = /run/pyspf-milter/pyspf-milter.pid
	UserID = pyspf-milter
	UMask = 7
	InternalHosts = 127.0.0.1
O
migrate 2 --root="$root"
has '^# /etc/pyspf-milter/pyspf-milter\.conf'
hasnt 'NOT KNOWN'
cp "$root/etc/pyspf-milter/pyspf-milter.conf" "$root/etc/postfix-policyd-spf-python/policyd-spf.conf"
migrate 2 --root="$root"
has '^# /etc/postfix-policyd-spf-python/policyd-spf\.conf'
says 'pyspf-milter\.conf exists too and was not read'
mkdir -p "$root/etc/dkimpy-milter"
echo 'Syslog yes' >"$root/etc/dkimpy-milter/dkimpy-milter.conf"
echo 'Syslog yes' >"$root/etc/openarc.conf"
migrate 2 --root="$root"
says 'dkimpy-milter\.conf exists too and was not read'
has '^# /etc/openarc\.conf'
mv "$root/etc/opendkim.conf" "$work"
migrate 2 --root="$root"
has '^# /etc/dkimpy-milter/dkimpy-milter\.conf'
mv "$work/opendkim.conf" "$root/etc"
rm -r "$root/etc/dkimpy-milter" "$root/etc/openarc.conf"
migrate 2 --root="$root"
is "the rest of the result is one warning" "$(grep -c ': warning: /etc/' "$work/err")" 1
"$cs" --json migrate --root="$root" >"$work/out" 2>/dev/null
like "JSON" "$(tr -d '\n' <"$work/out")" '"settings": "# countersign\.conf.*"left_out": \[ *"/etc/.*"not_known": 0'
done_testing
