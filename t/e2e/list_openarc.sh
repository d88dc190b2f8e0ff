#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A list host that moves: OpenARC verifies what arrives and seals what the list manager hands in; then, by `countersign migrate`,
# `key import` and doc/lists.md alone, countersign. The same mail before and after gets the same seals; differences are in
# e2e/sites.txt with their causes. Each side's chains are validated by the other. In namespaces of its own.
# OPENARC: the path of OpenARC's program (version 1.3, https://github.com/flowerysong/OpenARC), which Debian does not have. The list
# manager is Mailman 3 where it is installed, otherwise tools/list.py.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
. "$COUNTERSIGN_SRC/t/lib/chain.sh"
. "$COUNTERSIGN_SRC/t/lib/mailman.sh"
[ -n "${OPENARC:-}" ] || skip_all "OPENARC does not name OpenARC's program, which is in no package"
[ -x "$OPENARC" ] || skip_all "$OPENARC cannot be run"
need postfix nsd swaks smtp-sink openssl ip unshare
enter_lab "$0" "$@"
clear_of_midnight 120

# id, the road, the chain that it has (forged: a broken one, with results in this host's name; results: those alone), From
messages() {
	grep -v '^#' <<-'M'
		01 mm none bob@victim.test
		02 mmfrom none bob@victim.test
		03 mm one bob@victim.test
		04 mm two bob@victim.test
		05 mmfrom two bob@victim.test
		06 mm broken bob@victim.test
		07 mm failed bob@victim.test
		08 mm forged bob@victim.test
		09 spoof results bob@victim.test
		# mail of this host's own users: to a list, and not to a list
		10 own none ann@lists.example.org
		11 out none ann@lists.example.org
		12 box two bob@victim.test
	M
}

# ---- messages, and what became of them ----
add_set() { # domain: a set of a forwarder on top of the message
	sed 's/\r*$/\r/' "$LAB/message" | "$COUNTERSIGN_BUILD/t/bin/arcmsg" "$LAB/records" "$LAB/foreign/$1.f1.key" "$1" f1 \
		"$1; dmarc=pass header.from=victim.test" 2>>"$LAB/log/arcmsg" | tr -d '\r' >"$LAB/sealed"
	mv "$LAB/sealed" "$LAB/message"
}
write_message() { # subject, chain, From
	printf 'From: %s\nTo: mm@lists.example.org\nSubject: %s\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMessage-ID: <%s@test>\n\nhello\n' \
		"$3" "$1" "$1" >"$LAB/message"
	case $2 in
	none | results) ;;
	*) add_set forwarder.test ;;
	esac
	case $2 in
	two) add_set hop.test ;;
	broken | failed | forged) sed -i 's/^hello/HELLO/' "$LAB/message" ;;
	esac
	case $2 in
	failed) add_set hop.test ;;
	forged | results)
		sed -i '1i Authentication-Results: mx.example.com; arc=pass; dmarc=pass header.from=victim.test' "$LAB/message"
		;;
	esac
}
send_message() { # road
	case $1 in
	mm | mmfrom) lab_send 198.51.100.25 mail.victim.test bob@victim.test "$1@lists.example.org" "$LAB/message" ;;
	spoof) lab_send 203.0.113.66 evil.test bob@victim.test mm@lists.example.org "$LAB/message" ;;
	own) lab_send 127.0.0.9 localhost ann@lists.example.org mm@lists.example.org "$LAB/message" ;;
	out) lab_send 127.0.0.9 localhost ann@lists.example.org reader@reader.test "$LAB/message" ;;
	box) lab_send 198.51.100.25 mail.victim.test bob@victim.test box@example.com "$LAB/message" ;;
	esac
}
arrived() { # road, subject: the file
	case $1 in
	out) lab_left "$2" ;;
	box) lab_mail "$2" ;;
	*) lab_left "\[[A-Za-z]*\] $2" ;;
	esac
}
seal_of() { # message: the list's newest seal
	lab_field "$1" ARC-Seal | tr -d ' \t\r' | sed 's/^[^:]*:\(.*\)/;\1;/' | grep ';d=lists\.example\.org;' | sort -t= -k2,2nr | head -1 |
		grep -oE '(i|cv|d|s)=[^;]*' | sort | tr '\n' ' ' | sed 's/^/sealed /; s/ $//' | grep . || echo unsealed
}
run_all() { # run
	local id road chain author word file
	while read -r id road chain author; do
		write_message "$1-$id" "$chain" "$author"
		word=$(chain_word "$(send_message "$road")")
		if [ "$word" = accepted ]; then
			file=$(arrived "$road" "$1-$id") && cp "$file" "$LAB/$1.$id" && word="accepted, $(seal_of "$file")" || word=lost
		fi
		echo "$id $word"
	done < <(messages) >"$LAB/$1.decisions"
}
whole() { # run: the messages with a chain of the list that can be whole
	grep 'sealed cv=\(none\|pass\)' "$LAB/$1.decisions" | cut -d' ' -f1 | xargs
}
openarc_start() {
	"$OPENARC" -f -c "$LAB/old/openarc.conf" >>"$LAB/log/openarc" 2>&1 &
	openarc_pid=$!
	eventually lab_answers 8895
}
openarc_stop() {
	kill $openarc_pid
	wait $openarc_pid 2>/dev/null
}

# ---- the site ----
lab_begin || { echo "Bail out! no lab"; exit 99; }
mkdir "$LAB/old"
openssl genrsa -out "$LAB/old/l1.private" 2048 2>/dev/null
chmod 600 "$LAB/old/l1.private"
cp "$LAB/old/l1.private" "$LAB/foreign/lists.example.org.l1.key"
public=$(openssl rsa -in "$LAB/old/l1.private" -pubout -outform DER 2>/dev/null | base64 -w0)
forwarder=$(lab_key forwarder.test f1) hop=$(lab_key hop.test f1)
printf '%s\n' "$forwarder" "$hop" | sed -E 's/^([^ ]+)\. IN TXT /\1 /; s/"( ")?//g' >"$LAB/records"
lab_zone 'victim.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"' '_dmarc.victim.test. IN TXT "v=DMARC1; p=reject"' \
	'lists.example.org. IN TXT "v=spf1 ip4:192.0.2.1 -all"' '_dmarc.lists.example.org. IN TXT "v=DMARC1; p=reject"' \
	"l1._domainkey.lists.example.org. IN TXT \"v=DKIM1; k=rsa; p=${public:0:200}\" \"${public:200}\"" "$forwarder" "$hop" ||
	{ echo "Bail out! no DNS"; exit 99; }
printf '127.0.0.1\n127.0.0.9\n' >"$LAB/old/hosts"
printf '%s\n' 'AuthservID mx.example.com' 'Domain lists.example.org' 'Selector l1' "KeyFile $LAB/old/l1.private" \
	"InternalHosts $LAB/old/hosts" 'PermitAuthenticationOverrides yes' 'Canonicalization relaxed/relaxed' \
	'Socket inet:8895@127.0.0.1' 'Background no' 'Syslog no' >"$LAB/old/openarc.conf"
lab_conf
read -r back lmtp next < <(lab_ports 3)
lab_postfix "transport_maps=regexp:$LAB/etc/transport" "relay_domains=lists.example.org" "lmtp_host_lookup=native" 'non_smtpd_milters=' ||
	{ echo "Bail out! no Postfix"; exit 99; }
echo 'mmfrom munge' | list_manager "$back"
# the host of a reader, with OpenARC
cat >>"$LAB/etc/master.cf" <<-M
	127.0.0.1:$next inet n - n - - smtpd
	  -o smtpd_milters=inet:127.0.0.1:8895
M
manager=list: MAILMAN_PID=
if mailman_begin "$back" "$lmtp"; then manager=lmtp:[127.0.0.1]:$lmtp; else echo "# Mailman 3 is not installed: tools/list.py"; fi
echo "/^mm(from)?@/ $manager" >"$LAB/etc/transport"

# ---- before ----
openarc_start || { echo "Bail out! OpenARC does not start: $(tail -1 "$LAB/log/openarc")"; exit 99; }
chain_ask inet:127.0.0.1:8895
run_all openarc-old
openarc_stop

# ---- moved ----
lab_cs migrate "--openarc=$LAB/old/openarc.conf" -o "$LAB/etc/conf.d/40-migrated.conf" 2>"$LAB/log/migrate"
is "migrate says that something is left out" $? 2
like "namely what a list host needs" "$(cat "$LAB/log/migrate" "$LAB/etc/conf.d/40-migrated.conf")" 'see lists'
cat >"$LAB/etc/conf.d/45-documented.conf" <<-C
	trusted_networks = [ "127.0.0.1", "127.0.0.9" ];
	lists = ( { id = "lists.example.org"; from = [ "127.0.0.1" ]; sign = "lists.example.org"; seal = true; } );
C
lab_cs key import --from-opendkim "$LAB/old/openarc.conf" >"$LAB/log/import" 2>&1
chown -R "$LAB_USER" "$LAB/keys"
ok "the settings are valid" lab_cs config check
lab_daemon || { fail "countersignd starts"; done_testing; }
chain_ask "{ unix:$LAB/run/milter.sock, default_action=tempfail }"
run_all openarc-new
chain_judge openarc 12 "$LAB/openarc-old.decisions" "$LAB/openarc-new.decisions" "$COUNTERSIGN_SRC/t/e2e/sites.txt"

# ---- each side's chains, by the other ----
is "countersign finds OpenARC's chains valid" "$(for id in $(whole openarc-old); do
	lab_cs verify --ip=192.0.2.1 --helo=mx.example.com --from=mm-bounces@lists.example.org "$LAB/openarc-old.$id" 2>&1 |
		grep -qE 'arc=pass' && echo "$id"
done | xargs)" "$(whole openarc-old)"
openarc_start
is "OpenARC finds countersign's chains valid" "$(for id in $(whole openarc-new); do
	subject=$(lab_field "$LAB/openarc-new.$id" Subject) # as lab_mail looks for it
	LAB_SMTP=$next lab_send 192.0.2.1 mx.example.com mm-bounces@lists.example.org box@example.com "$LAB/openarc-new.$id" >/dev/null
	file=$(lab_mail "$(echo "${subject#*: }" | sed 's/[][]/\\&/g')") &&
		lab_field "$file" Authentication-Results | grep -q 'arc=pass' && echo "$id"
done | xargs)" "$(whole openarc-new)"
openarc_stop


# ---- a spoof through the list, to a host that trusts the list's seals ----
cat "$LAB/etc/countersign.conf" - >"$LAB/trusting.conf" <<<'arc: { trusted_sealers = [ "lists.example.org" ]; };'
accepts() { # message
	"$LAB_BUILD/admin/countersign" -c "$LAB/trusting.conf" verify --ip=192.0.2.1 --helo=mx.example.com \
		--from=mm-bounces@lists.example.org "$1"
}
refuses() { ! accepts "$1"; }
ok "it accepts what the author sent" accepts "$LAB/openarc-new.01"
ok "and a whole chain" accepts "$LAB/openarc-new.04"
ok "not what a stranger sent with results in this host's name" refuses "$LAB/openarc-new.09"
ok "which OpenARC had sealed as its own" accepts "$LAB/openarc-old.09"
[ -z "$MAILMAN_PID" ] || mailman_end
lab_daemon_stop
done_testing
