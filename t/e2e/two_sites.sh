#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two sites, each with a network of its own, a Postfix and countersign, send mail to each other for three days: directly, by
# a forwarder's Postfix, and a spoofer takes part. They send each other aggregate reports, take them as they arrive, and
# say from them who is who, and whether a stricter policy is safe. The clock of both is moved (t/tools/clock_shift.c).
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need postfix nsd smtp-source smtp-sink swaks ip unshare nsenter sqlite3 cc python3
clear_of_midnight 120
enter_lab "$0" "$@"
SELF=$(realpath "$0")
NET=11.0.0.254 # the way between the sites; DNS
FORWARDER=11.0.0.3
declare -A address=([alpha]=11.0.0.1 [beta]=11.0.0.2) other=([alpha]=beta [beta]=alpha)
APP=11.0.0.11 # alpha's second host, which sends by itself

# ---- one site: "site NAME" sets it up and stays, "at COMMAND..." runs something there ----

site() { # name
	local ip=${address[$1]} dns="dns: { servers = [ \"$NET@53\" ]; timeout = \"3s\"; };"
	eventually ip link show "$1" || exit 99
	ip link set lo up
	ip addr add "$ip/32" dev "$1"
	[ "$1" != alpha ] || ip addr add $APP/32 dev "$1"
	ip link set "$1" up
	ip route add $NET dev "$1" src "$ip"
	ip route add default via $NET src "$ip"
	LAB_CLIENTS=
	lab_begin || exit 99
	echo "nameserver $NET" >"$LAB/resolv.conf"
	lab_conf "$dns" "authserv_id = \"mx.$1.test\";" 'trusted_networks = [ "127.0.0.0/8" ];' \
		"inbox: { addresses = [ \"dmarc@$1.test\" ]; };" \
		"reports: { org = \"$1.test\"; from = \"dmarc@$1.test\"; via = \"smtp://127.0.0.1:$LAB_SUBMISSION\"; };"
	lab_cs -q key gen "$1.test" --selector s1 --type rsa2048 --active --format zone >"$SHARED/$1.zone.part" || exit 99
	chown -R "$LAB_USER" "$LAB/keys"
	mv "$SHARED/$1.zone.part" "$SHARED/$1.zone"
	cat >"$LAB/run/daemon" <<-D
		#!/bin/sh
		export LD_PRELOAD=$SHARED/clock.so CLOCK_SHIFT=$SHARED/shift
		exec $LAB_BUILD/daemon/countersignd "\$@"
	D
	chmod 755 "$LAB/run/daemon"
	LAB_DAEMON=$LAB/run/daemon
	eventually test -e "$SHARED/dns" || exit 99
	lab_daemon || exit 99
	lab_postfix "myhostname=mx.$1.test" "mydomain=$1.test" "myorigin=$1.test" "virtual_mailbox_domains=$1.test" relayhost= \
		inet_interfaces=all "smtp_bind_address=$ip" smtp_dns_support_level=enabled smtp_host_lookup=dns || exit 99
	echo "$ip:25 inet n - n - - smtpd" >>"$LAB/etc/master.cf"
	postfix -c "$LAB/etc" reload >/dev/null 2>&1
	declare -p LAB LAB_SUBMISSION >"$SHARED/$1.part"
	eventually lab_answers_at "$ip" && mv "$SHARED/$1.part" "$SHARED/$1.ready"
	read -r _ <"$SHARED/$1.end"
}
lab_answers_at() { # address
	(exec 3<>"/dev/tcp/$1/25") 2>/dev/null
}
cs() {
	LD_PRELOAD=$SHARED/clock.so CLOCK_SHIFT=$SHARED/shift lab_cs "$@"
}
sql() {
	sqlite3 -cmd ".timeout 10000" "$LAB/store/countersign.db" "$1"
}
submit() { # number from to
	printf 'From: <%s>\nTo: <%s>\nSubject: x\nMessage-ID: <%s@x.test>\nDate: Sun, 29 Nov 2026 12:00:00 +0000\n\nhello\n' "$2" "$3" "$RANDOM$RANDOM" >"$LAB/m"
	smtp-source -m "$1" -s 1 -f "$2" -t "$3" -F "$LAB/m" "127.0.0.1:$LAB_SUBMISSION"
}
case ${1:-} in
site)
	site "$2"
	exit
	;;
at)
	. "$SHARED/$2.ready"
	shift 2
	"$@"
	exit
	;;
esac

# ---- the way between them ----

lab_begin || exit 99
export SHARED=$LAB_REAL/shared
mkdir "$SHARED"
printf '%012d' 0 >"$SHARED/shift"
cc -shared -fPIC -O1 -o "$SHARED/clock.so" "$COUNTERSIGN_SRC/t/tools/clock_shift.c" || exit 99
chmod 755 "$SHARED"
chmod 644 "$SHARED"/*
ip addr add $NET/32 dev lo
ip addr add $FORWARDER/32 dev lo
echo 1 >/proc/sys/net/ipv4/ip_forward
declare -A holder
for name in alpha beta; do
	mkfifo "$SHARED/$name.end"
	unshare --net --mount --uts bash "$SELF" site $name >"$LAB/log/$name" 2>&1 &
	holder[$name]=$!
done
for name in alpha beta; do
	eventually eval '[ "$(readlink /proc/${holder[$name]}/ns/net)" != "$(readlink /proc/$$/ns/net)" ]'
	ip link add "to-$name" type veth peer name "$name" netns "${holder[$name]}" || exit 99
	ip link set "to-$name" up
	ip route add "${address[$name]}" dev "to-$name" src 203.0.113.66 # who says nothing else here is the spoofer
done
ip route add $APP dev to-alpha
eventually test -s "$SHARED/alpha.zone" && eventually test -s "$SHARED/beta.zone" || { cat "$LAB"/log/{alpha,beta}; exit 99; }
mapfile -t keys < <(cat "$SHARED"/*.zone)
records=()
for name in alpha beta; do
	records+=("$name.test. IN MX 10 mx.$name.test." "mx.$name.test. IN A ${address[$name]}"
		"$name.test. IN TXT \"v=spf1 ip4:${address[$name]} -all\""
		"_dmarc.$name.test. IN TXT \"v=DMARC1; p=none; rua=mailto:dmarc@$name.test\"")
done
LAB_DNS_IP=$NET lab_zone "${keys[@]}" "${records[@]}" 'forward.test. IN MX 10 mx.forward.test.' "mx.forward.test. IN A $FORWARDER" \
	'3.0.0.11.in-addr.arpa. IN PTR mx.forward.test.' || exit 99
: >"$SHARED/dns"
echo "nameserver $NET" >"$LAB/resolv.conf"
lab_postfix myhostname=mx.forward.test mydomain=forward.test virtual_mailbox_domains= virtual_alias_domains=forward.test \
	'virtual_alias_maps=inline:{ { alpha@forward.test = box@alpha.test }, { beta@forward.test = box@beta.test } }' relayhost= \
	inet_interfaces=all smtp_bind_address=$FORWARDER smtp_dns_support_level=enabled smtp_host_lookup=dns smtpd_milters= \
	non_smtpd_milters= || exit 99
echo "$FORWARDER:25 inet n - n - - smtpd" >>"$LAB/etc/master.cf"
postfix -c "$LAB/etc" reload >/dev/null 2>&1
for name in alpha beta; do
	eventually -t 60 test -e "$SHARED/$name.ready" || { cat "$LAB/log/$name"; exit 99; }
done
eventually lab_answers_at $FORWARDER

at() { # site command...
	nsenter -t "${holder[$1]}" --net --mount bash "$SELF" at "$@"
}
set_day() { # number: noon of that day
	local now
	now=$(date +%s)
	printf '%012d' $(((now / 86400 + $1) * 86400 + 43200 - now + 86400)) >"$SHARED/shift.new"
	cat "$SHARED/shift.new" 1<>"$SHARED/shift"
	day=$(date -u -d "@$(((now / 86400 + $1 + 1) * 86400))" +%F)
}
counted() { # site: messages in the names of the other one, on this day
	at "$1" sql "SELECT COALESCE(SUM(messages), 0) FROM tally WHERE domain = '${other[$1]}.test' AND day = $(($(date -u -d "$day" +%s) / 86400))"
}
is_counted() { # site number
	[ "$(counted "$1")" -ge "$2" ]
}
one_day() { # number of the day, how alpha's second host sends
	local name
	set_day "$1"
	for name in alpha beta; do
		at $name submit 5 "bob@$name.test" "box@${other[$name]}.test"
		at $name submit 2 "bob@$name.test" "${other[$name]}@forward.test"
		printf 'From: <bob@%s.test>\nTo: <box@%s.test>\nSubject: spoof\n\nhello\n' $name "${other[$name]}" >"$LAB/m"
		smtp-source -m 3 -s 1 -f "bob@$name.test" -t "box@${other[$name]}.test" -F "$LAB/m" "${address[${other[$name]}]}:25"
	done
	case $2 in
	alone) at alpha swaks --server "${address[beta]}" --local-interface $APP --from bob@alpha.test --to box@beta.test \
		--header 'From: <bob@alpha.test>' >/dev/null 2>&1 ;;
	relay) at alpha submit 1 bob@alpha.test box@beta.test ;;
	esac
	ok "day $1: the mail of alpha is counted at beta" eventually is_counted beta 11
	ok "and that of beta at alpha" eventually is_counted alpha 10
}
has_reports() { # site number
	[ "$(at "$1" sql "SELECT COUNT(*) FROM rx_report WHERE trust = 'pass' AND mail_from = '${other[$1]}.test'")" = "$2" ]
}
report() { # number of the day after
	local name
	set_day "$1"
	for name in alpha beta; do at $name cs report send >"$LAB/log/report.$name" 2>&1; done
	for name in alpha beta; do
		ok "on day $1 $name has the report about the day before, authenticated" eventually has_reports $name "$1"
		has_reports $name "$1" || cat "$LAB/log/report.${other[$name]}" | sed 's/^/# /'
	done
}
verdict() { # advice option...
	local what=$1
	shift
	at alpha cs --json inbox advice alpha.test --reporters 1 "$@" |
		WHAT=$what python3 -c 'import json, os, sys
a = {a["advice"]: a for a in json.load(sys.stdin)["advices"]}[os.environ["WHAT"]]
print(a["verdict"], *[r["flow"] for r in a["against"] if a["verdict"] == "not yet"])'
}
sources() { # site
	at "$1" cs --json inbox sources "$1.test" | python3 -c 'import json, sys
for s in sorted(json.load(sys.stdin)["sources"], key=lambda s: s["flow"]): print(s["flow"], s["class"], s["messages"] - s["passed"] if s["flow"] == "own" else "%d/%d" % (s["passed"], s["messages"]))'
}

# ---- three days ----

one_day 0 alone
report 1
is "after one day there is not enough to say" "$(verdict p=reject --days 2)" "not enough data"
one_day 1 alone
report 2
is "after two: the host that does not sign would lose its mail" "$(verdict p=reject --days 2)" "not yet own"
like "a finding says so" "$(at alpha cs inbox findings alpha.test)" '^unsigned-host: alpha.test: 2 messages of your own hosts failed'
one_day 2 relay # the cause is removed
last=$day
report 3
is "since it sends by the mail server: ready" "$(verdict p=reject --days 1 --since "$last")" "ready"
is "for quarantine, too" "$(verdict p=quarantine --days 1 --since "$last")" "ready"
is "alpha knows its own hosts, the forwarder and the spoofer" "$(sources alpha)" "203.0.113.0/24 unknown 0/9
forward.test forwarded 6/6
own ours 2"
is "so does beta" "$(sources beta)" "203.0.113.0/24 unknown 0/9
forward.test forwarded 6/6
own ours 0"
for name in alpha beta; do
	is "$name has as many messages in its rows as the other one has reported" \
		"$(at $name sql "SELECT SUM(messages) FROM rx_row")" "$(at "${other[$name]}" sql "SELECT SUM(messages) FROM report")"
done

for name in alpha beta; do
	echo >"$SHARED/$name.end"
	wait "${holder[$name]}"
done
done_testing
