#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A hoster that moves: the keys of many customers in OpenDKIM's KeyTable and SigningTable; then, by `countersign migrate`, `key
# import` and `key seal` alone, in PostgreSQL, with a second host that signs with the same. The same mail before and after gets
# the same signatures; differences are in e2e/sites.txt with their causes. In namespaces of its own.  --domains N: so many customers, with
# the time and the memory of each step.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/chain.sh"
. "$COUNTERSIGN_SRC/t/lib/postgres.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root, for Postfix's master and namespaces of its own"
need postfix nsd swaks openssl ip unshare opendkim opendmarc sqlite3 python3 pgrep
if [ -z "${LAB_ALONE:-}" ]; then
	lab_alone_possible || skip_all "network, mount and process namespaces of its own are not permitted here"
	(lab_alone "$0" "$@")
	exit
fi
customers=60
[ "${1:-}" != --domains ] || customers=$2
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
memory_of() { # a host's processes
	local pid
	for pid in $(pgrep -f "countersignd -f -u $LAB_USER -c $1/countersign.conf"); do
		awk '$1 == "Pss:" { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null
	done | awk '{ s += $1 } END { print int(s / 1024) }'
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

run_all() { # run
	local id login sender author word file
	while read -r id login sender author; do
		printf 'From: %s\nTo: box@example.com\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@test>\n\nhello\n' \
			"$author" "$1-$id" "$1-$id" >"$LAB/message"
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
	"$LAB_BUILD/daemon/countersignd" -f -u "$LAB_USER" -c "$LAB/second/countersign.conf" >"$LAB/log/second" 2>&1 &
	LAB_PIDS+=($!)
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

# ---- before ----
lab_begin || { echo "Bail out! no lab"; exit 99; }
trap 'pg_stop; lab_end' EXIT
pg_make "$LAB/pg"
mkdir "$LAB/old"
lab_zone 'example.com. IN TXT "v=spf1 ip4:192.0.2.1 -all"' || { echo "Bail out! no DNS"; exit 99; }
lab_conf
lab_postfix 'mynetworks = 127.0.0.0/8' 'default_process_limit = 20' || { echo "Bail out! no Postfix"; exit 99; }
read -r logins < <(lab_ports 1)
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$logins inet n - n - - smtpd
	  -o smtpd_recipient_restrictions=
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
echo "store: { shared = \"$pg_url&connect_timeout=2\"; };" >"$LAB/etc/conf.d/45-store.conf"
cs_timed key import --from-opendkim "$LAB/old/opendkim.conf" >"$LAB/log/import" 2>&1
is "each customer's key is imported" "$(ls "$LAB/keys" | grep -c '^c[0-9]*\.test$')" "$customers"
like "and sealed" "$(cs_timed key seal)" "^$customers keys sealed, 0 were in the shared store"
sed 's/^/# /' "$LAB/log/figures"
find "$LAB/keys" -mindepth 1 -maxdepth 1 -name 'c*.test' -exec rm -r {} + # as doc/keys.md says, once they are in the store
echo "store: { shared = \"$pg_url&connect_timeout=2\"; keys = true; };" >"$LAB/etc/conf.d/45-store.conf"
chown -R "$LAB_USER" "$LAB/keys"
ok "the settings are valid" lab_cs config check
begun=$EPOCHREALTIME
lab_daemon || { fail "countersignd starts"; done_testing; }
echo "# it started in $(since "$begun") s"
ok "the host has all keys" eventually -t $((20 + customers / 400)) has_all_keys "$LAB/etc"
echo "# $customers customers, after $(since "$begun") s; $(memory_of "$LAB/etc") MiB"
chain_ask "{ unix:$LAB/run/milter.sock, default_action=tempfail }"
signs hoster-first
echo "# with mail: $(memory_of "$LAB/etc") MiB"
lab_daemon_stop
begun=$EPOCHREALTIME
lab_daemon || { fail "countersignd starts again"; done_testing; }
echo "# with all keys there it started in $(since "$begun") s"

# ---- the second host ----
ok "a second host needs the settings and the sealing key" second_host
ok "it has all keys, too" eventually -t $((20 + customers / 400)) has_all_keys "$LAB/second"
chain_ask "{ unix:$LAB/second/run/milter.sock, default_action=tempfail }"
signs hoster-second

# ---- the database is away ----
pg_stop immediate
signs hoster-alone
done_testing
