#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A hoster that moves: the keys of many customers in OpenDKIM's KeyTable and SigningTable; then, by `countersign migrate`, `key
# import` and `key seal` alone, in PostgreSQL, with a second host that signs with the same. The same mail before and after gets
# the same signatures; differences are in e2e/sites.txt with their causes. Then the database is away: mail goes on through both
# hosts, and what they counted is in the store afterwards. In namespaces of its own.
#   --domains N       so many customers, with the time and the memory of each step
#   --outage SECONDS  the database is away so long; a message every five seconds
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
. "$COUNTERSIGN_SRC/t/lib/chain.sh"
. "$COUNTERSIGN_SRC/t/lib/postgres.sh"
need postfix nsd swaks openssl ip unshare opendkim opendmarc sqlite3 python3 pgrep
enter_lab "$0" "$@"
customers=60 outage=0 limits=
while [ $# -gt 1 ]; do
	case $1 in
	--domains) customers=$2 limits=yes ;;
	--outage) outage=$2 ;;
	esac
	shift 2
done
last=c$customers.test

# id, login, MAIL FROM, From
messages() {
	cat <<-M
		01 a@c1.test a@c1.test a@c1.test
		02 a@c2.test a@c2.test a@c2.test
		03 a@$last a@$last a@$last
		04 a@c1.test news@c1.test Shop@C1.Test
		05 a@c1.test a@c1.test a@www.c1.test
		06 a@c1.test <> a@c1.test
		07 a@c1.test a@c1.test ceo@c2.test
		08 a@c1.test ceo@c2.test ceo@c2.test
		09 a@elsewhere.test a@elsewhere.test a@elsewhere.test
		10 a@elsewhere.test a@elsewhere.test ceo@c1.test
	M
}

# The administrator's command, with its time and memory in $LAB/log/figures.
cs_timed() {
	local begun=$EPOCHREALTIME code
	python3 -c 'import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("%.1f s of processor, %d MiB" % (used.ru_utime + used.ru_stime, used.ru_maxrss // 1024), file=open(sys.argv[1], "w"))
sys.exit(code)' "$LAB/log/used" "$LAB_BUILD/admin/countersign" -c "$LAB/etc/countersign.conf" "$@"
	code=$?
	echo "${*:1:2}: $(since "$begun") s, $(cat "$LAB/log/used")" >>"$LAB/log/figures"
	return $code
}
since() { # EPOCHREALTIME of before
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }'
}
memory_of() { # a host's processes, in MiB
	local pid
	for pid in $(pgrep -f "countersignd -f -u $LAB_USER -c $1/countersign.conf"); do
		awk '$1 == "Pss:" { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null
	done | awk '{ s += $1 } END { print int(s / 1024) }'
}

within() { # what, figure, limit, unit: printed; with --domains also held
	echo "# $1: $2 $4"
	[ -z "$limits" ] || ok "$1: less than $3 $4" awk -v a="$2" -v b="$3" 'BEGIN { exit !(a < b) }'
}

old_settings() { # one key serves all: making one takes longer than what it is used for
	local i
	openssl genrsa -out "$LAB/old/one.private" 2048 2>/dev/null
	chmod 600 "$LAB/old/one.private"
	for i in $(seq "$customers"); do echo "k$i c$i.test:own:$LAB/old/one.private"; done >"$LAB/old/KeyTable"
	for i in $(seq "$customers"); do echo "*@c$i.test k$i"; done >"$LAB/old/SigningTable"
	echo test >"$LAB/old/suffixes"
	printf '%s\n' 'Syslog no' 'Mode sv' 'Canonicalization relaxed/simple' "KeyTable file:$LAB/old/KeyTable" \
		"SigningTable refile:$LAB/old/SigningTable" 'MTA ORIGINATING' 'SubDomains no' 'AuthservID mx.example.com' \
		'Nameservers 127.0.0.1' 'Socket inet:8891@127.0.0.1' 'Background no' 'UMask 007' >"$LAB/old/opendkim.conf"
	printf '%s\n' 'AuthservID mx.example.com' 'TrustedAuthservIDs mx.example.com' 'IgnoreAuthenticatedClients true' \
		"PublicSuffixList $LAB/old/suffixes" 'Socket inet:8893@127.0.0.1' 'Background false' >"$LAB/old/opendmarc.conf"
}

write_message() { # subject, From
	printf 'From: %s\nTo: box@example.com\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@test>\n\nhello\n' \
		"$2" "$1" "$1" >"$LAB/message"
}

run_all() { # run
	local id login sender author word file
	while read -r id login sender author; do
		write_message "$1-$id" "$author"
		word=$(chain_word "$(LAB_SMTP=$logins lab_send 203.0.113.7 laptop "$sender" box@example.com "$LAB/message" --xclient-login "$login")")
		if [ "$word" = accepted ]; then
			file=$(lab_mail "$1-$id") && word="accepted, $(chain_signers "$file")" || word=lost
		fi
		echo "$id $word"
	done < <(messages) >"$LAB/$1.decisions"
}

# Each host has settings of its own; the lab's are those of the first.
second_host() {
	mkdir -p "$LAB/second/store" "$LAB/second/keys" "$LAB/second/run"
	sed "s|$LAB/run|$LAB/second/run|; s|$LAB/keys|$LAB/second/keys|; s|$LAB/store|$LAB/second/store|; s|$LAB/etc|$LAB/second|" \
		"$LAB/etc/countersign.conf" >"$LAB/second/countersign.conf"
	cp -r "$LAB/etc/conf.d" "$LAB/second/conf.d"
	cp "$LAB/keys/.sealing-key" "$LAB/second/keys/"
	chown -R "$LAB_USER" "$LAB/second"
	chmod 750 "$LAB/second/keys"
	second_start
}
second_start() {
	rm -f "$LAB/second/run/milter.sock"
	"$LAB_BUILD/daemon/countersignd" -f -u "$LAB_USER" -c "$LAB/second/countersign.conf" >>"$LAB/log/second" 2>&1 &
	second=$!
	LAB_PIDS+=($second)
	eventually test -S "$LAB/second/run/milter.sock"
}
has_all_keys() { # directory of settings: in the copy of its host
	[ "$(sqlite3 -readonly "$(sed -n 's/.*url = "sqlite:\([^"]*\)".*/\1/p' "$1/countersign.conf")-keys" \
		"SELECT COUNT(*) FROM signing_key" 2>/dev/null)" -ge "$customers" ]
}
signs() { # run: the whole of it, as it was before
	run_all "$1"
	chain_judge hoster 10 "$LAB/hoster-old.decisions" "$LAB/$1.decisions" "$COUNTERSIGN_SRC/t/e2e/sites.txt"
}

# ---- mail while the database is away, or was ----
message_of() { # subject, login: by the host at port $port; prints who signed it, or what became of it
	local word file
	write_message "$1" "a@$2"
	word=$(chain_word "$(LAB_SMTP=$port lab_send 203.0.113.7 laptop "a@$2" box@example.com "$LAB/message" --xclient-login "a@$2")")
	[ "$word" = accepted ] || { echo "$word"; return; }
	file=$(lab_mail "$1") || { echo lost; return; }
	chain_signers "$file"
	rm "$file"
}
message_to_us() { # subject: from outside, by the host at port $port; prints its DMARC result
	local file
	write_message "$1" a@sender.test
	LAB_SMTP=$port lab_send 198.51.100.25 mail.sender.test a@sender.test box@example.com "$LAB/message" >/dev/null
	file=$(lab_mail "$1") || { echo lost; return; }
	lab_field "$file" Authentication-Results | grep -oE 'dmarc=[a-z]+' | head -1 # then policy.dmarc
	rm "$file"
}
# By the hosts in turn, of one customer after the other; each fifth message comes from outside. What is not as it should be is a
# line in $LAB/log/amiss.
send_one() { # number
	local port=${hosts[$1 % 2]} domain=c$((3 + $1 * 7919 % (customers - 3))).test is wanted
	if [ $(($1 % 5)) = 4 ]; then
		is=$(message_to_us "away-$1") wanted=dmarc=pass
		incoming=$((incoming + 1))
	else
		is=$(message_of "away-$1" "$domain") wanted="signed by $domain"
		outgoing=$((outgoing + 1))
	fi
	[ "$is" = "$wanted" ] || echo "$(date +%T) message $1 of $domain, port $port: $is" >>"$LAB/log/amiss"
}
send_until() { # SECONDS of the shell, at least so many messages more
	local least=$((sent + $2))
	while [ $SECONDS -lt "$1" ] || [ $sent -lt $least ]; do
		send_one $sent
		sent=$((sent + 1))
		[ "$outage" = 0 ] || sleep 5
	done
}
of_outage() { # SQL by this command: how many messages of the outage are counted there
	"$@" "SELECT (SELECT COALESCE(SUM(messages), 0) FROM sent WHERE header_from LIKE 'c%' AND header_from NOT IN ('c1.test', 'c2.test', '$last'))
		|| ' ' || (SELECT COALESCE(SUM(messages), 0) FROM tally WHERE domain = 'sender.test')"
}
both_say() { # pattern
	grep -qE "$1" "$LAB/log/countersignd.log" && grep -qE "$1" "$LAB/log/second"
}
signed_by_both() { # domain
	local port
	for port in "${hosts[@]}"; do
		probes=$((probes + 1))
		[ "$(message_of "probe-$probes" "$1")" = "signed by $1" ] || return 1
	done
}

# ---- before ----
lab_begin || { echo "Bail out! no lab"; exit 99; }
trap 'pg_stop; lab_end' EXIT
pg_make "$LAB/pg"
mkdir "$LAB/old"
zone=('example.com. IN TXT "v=spf1 ip4:192.0.2.1 -all"' 'sender.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"'
	'_dmarc.sender.test. IN TXT "v=DMARC1; p=none; rua=mailto:d@sender.test"')
lab_zone "${zone[@]}" || { echo "Bail out! no DNS"; exit 99; }
lab_conf
lab_postfix 'mynetworks = 127.0.0.0/8' 'default_process_limit = 20' || { echo "Bail out! no Postfix"; exit 99; }
read -r logins one two < <(lab_ports 3)
hosts=("$one" "$two")
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$logins inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	127.0.0.1:${hosts[0]} inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	  -o milter_default_action=tempfail
	  -o smtpd_milters=unix:$LAB/run/milter.sock
	127.0.0.1:${hosts[1]} inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
	  -o milter_default_action=tempfail
	  -o smtpd_milters=unix:$LAB/second/run/milter.sock
M
old_settings
chain_start || { echo "Bail out! no OpenDKIM or OpenDMARC"; exit 99; }
chain_ask "$CHAIN_MILTERS"
run_all hoster-old
chain_stop
ok "OpenDKIM signs for its customers" [ "$(grep -c 'signed by c' "$LAB/hoster-old.decisions")" -ge 5 ]

# ---- moved: settings, keys into the directory, from there into the store ----
cs_timed migrate "--opendkim=$LAB/old/opendkim.conf" "--opendmarc=$LAB/old/opendmarc.conf" \
	-o "$LAB/etc/conf.d/40-migrated.conf" 2>"$LAB/log/migrate"
like "migrate takes the settings" $? '^[02]$'
echo "store: { shared = \"$pg_url&connect_timeout=30\"; };" >"$LAB/etc/conf.d/45-store.conf"
cs_timed key import --from-opendkim "$LAB/old/opendkim.conf" >"$LAB/log/import" 2>&1
is "each customer's key is imported" "$(ls "$LAB/keys" | grep -c '^c[0-9]*\.test$')" "$customers"
like "and sealed" "$(cs_timed key seal)" "^$customers keys sealed, 0 were in the shared store"
sed 's/^/# /' "$LAB/log/figures"
find "$LAB/keys" -mindepth 1 -maxdepth 1 -name 'c*.test' -exec rm -r {} + # as doc/keys.md says, once they are in the store
echo "store: { shared = \"$pg_url&connect_timeout=30\"; keys = true; };" >"$LAB/etc/conf.d/45-store.conf"
chown -R "$LAB_USER" "$LAB/keys"
ok "the settings are valid" lab_cs config check
begun=$EPOCHREALTIME
lab_daemon || { fail "countersignd starts"; done_testing; }
within "start without keys" "$(since "$begun")" 3 s
ok "the host has all keys" eventually -t $((60 + customers / 100)) has_all_keys "$LAB/etc"
echo "# $customers customers, after $(since "$begun") s; $(memory_of "$LAB/etc") MiB"
chain_ask "{ unix:$LAB/run/milter.sock, default_action=tempfail }"
signs hoster-first
within "memory with mail" "$(memory_of "$LAB/etc")" 400 MiB
lab_daemon_stop
begun=$EPOCHREALTIME
lab_daemon || { fail "countersignd starts again"; done_testing; }
within "start with all keys" "$(since "$begun")" 3 s

# ---- the second host ----
ok "a second host needs the settings and the sealing key" second_host
ok "it has all keys, too" eventually -t $((60 + customers / 100)) has_all_keys "$LAB/second"
chain_ask "{ unix:$LAB/second/run/milter.sock, default_action=tempfail }"
signs hoster-second

# ---- the database is away ----
sent=0 outgoing=0 incoming=0 probes=0
: >"$LAB/log/amiss"
pg_stop immediate
away=$SECONDS
signs hoster-alone
send_until $((away + outage / 2)) 5
ok "both hosts say that they sign with the keys that they have" eventually -t 60 both_say 'mail is signed with the keys as they were last known'
ok "and that what they count stays with them" eventually -t 60 both_say 'what is counted stays in the ledger'
like "store info shows what waits" "$(lab_cs store info 2>&1)" 'to ship +[0-9]+ rows, [1-9]'
kill $second
wait $second 2>/dev/null
begun=$EPOCHREALTIME
ok "a host starts without the database" second_start
within "start without the database" "$(since "$begun")" 3 s
send_until $((away + outage)) 5
for host in etc second; do within "memory of a host ($host)" "$(memory_of "$LAB/$host")" 400 MiB; done
echo "# the database was away for $((SECONDS - away)) s: $outgoing messages of customers, $incoming from outside"
is "every message was signed by its customer, or judged" "$(cat "$LAB/log/amiss")" ''

# ---- and is back ----
pg_start
back=$SECONDS
lacks() { [ "$(of_outage pg_ask)" != "$outgoing $incoming" ]; }
ok "both hosts find it" eventually -t 400 both_say 'the shared store is available again'
eventually -t 400 eval '! lacks'
is "everything that was counted is in it" "$(of_outage pg_ask)" "$outgoing $incoming"
echo "# shipped $((SECONDS - back)) s after it was back"
said=$(lab_cs store check --reconcile 2>&1; echo "exit $?")
echo "$said" | sed 's/^/# /'
like "nothing is missing" "$said" '^exit 0$'
ok "both have news of keys" eventually -t 60 both_say 'the signing keys of the shared store are up to date again'
record=$(lab_cs -q key gen new.test --selector own --type ed25519 --format zone)
port=${hosts[1]}
is "a new customer's mail is not signed before the record is there" "$(message_of early new.test)" unsigned
lab_zone "${zone[@]}" "$record"
begun=$EPOCHREALTIME
ok "then by both hosts, without a reload" eventually -t 60 signed_by_both new.test
within "after the record" "$(since "$begun")" 10 s
done_testing
