#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Tries what one document (DOCUMENT, below COUNTERSIGN_SRC) tells its reader to type, from its beginning to its end, as
# root on a machine of its own: Postfix as Debian has it, a DNS server for all names, swaks, countersign where a package
# puts it. systemctl and journalctl stand for systemd's. Prints TAP; with DOCS_SHOW what each command says, too. See
# t/docs_commands.sh.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/machine.sh"
need unshare nsd swaks postconf
machine "$0"
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C LAB=/root/lab
mkdir -p $LAB/bin $LAB/work
export PATH=$LAB/bin:$PATH
export HOME=$LAB/work

# ---- the programs, and their directories under the names that a package gives them ----
ln -s "$build/admin/countersign" "$build/daemon/countersignd" $LAB/bin/
etc=$(countersign config explain sign.keys | grep -oE '"/[^"]*/keys"' | head -1 | tr -d '"') etc=${etc%/keys}
state=$(countersign config explain store.url | grep -oE 'sqlite:/[^"]*' | head -1) state=$(dirname "${state#sqlite:}")
run=$(countersign config explain listen | grep -oE 'local:/[^"]*/milter.sock' | head -1) run=$(dirname "${run#local:}")
for pair in "$etc:/etc/countersign" "$state:/var/lib/countersign" "$run:/run/countersign"; do
	rm -rf "${pair%%:*}" "${pair##*:}"
	mkdir -p "$(dirname "${pair%%:*}")"
	[ "${pair%%:*}" = "${pair##*:}" ] || ln -s "${pair%%:*}" "${pair##*:}"
done
mkdir -p "$run" "$etc/conf.d"
echo 'log: { target = "stderr"; };' >"$etc/conf.d/00-lab.conf"

# ---- DNS: own keys are published by  publish DOMAIN ----
cat >$LAB/own.zone <<'Z'
example.com. IN MX 10 mx.example.com.
example.com. IN TXT "v=spf1 ip4:192.0.2.25 -all"
mx.example.com. IN A 192.0.2.25
25.2.0.192.in-addr.arpa. IN PTR mx.example.com.
_dmarc.example.com. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.com"
_dmarc.sender.test. IN TXT "v=DMARC1; p=reject; rua=mailto:reports@sender.test"
sender.test. IN TXT "v=spf1 ip4:198.51.100.25 -all"
sender.test. IN MX 10 mail.sender.test.
mail.sender.test. IN A 198.51.100.25
25.100.51.198.in-addr.arpa. IN PTR mail.sender.test.
Z
cat >$LAB/nsd.conf <<N
server:
  ip-address: 127.0.0.1
  username: ""
  chroot: ""
  zonesdir: "$LAB"
  database: ""
  server-count: 1
  pidfile: "$LAB/nsd.pid"
  xfrdfile: "$LAB/xfrd.state"
  zonelistfile: "$LAB/zone.list"
  logfile: "$LAB/nsd.log"
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: "root.zone"
N
cat >$LAB/bin/zone <<'Z'
#!/bin/bash
# zone [FILE...]: serves these records too.
cat "$@" >>$LAB/own.zone </dev/null
{
	printf '$ORIGIN .\n$TTL 5\n. IN SOA ns.root. hostmaster.root. %s 3600 600 86400 1\n. IN NS ns.root.\nns.root. IN A 127.0.0.1\n' "$SECONDS$RANDOM"
	cat $LAB/*.*.zone $LAB/own.zone 2>/dev/null
} >$LAB/root.zone
[ -f $LAB/nsd.pid ] && kill "$(cat $LAB/nsd.pid)" && while [ -f $LAB/nsd.pid ]; do sleep 0.02; done
nsd-checkzone . $LAB/root.zone >$LAB/checkzone 2>&1 || { cat $LAB/checkzone; exit 1; }
# the last one's processes may have the port a moment longer
for _ in {1..200}; do nsd -c $LAB/nsd.conf 2>$LAB/nsd.out && break; sleep 0.05; done
until [ -f $LAB/nsd.pid ]; do sleep 0.02; done
Z
cat >$LAB/bin/publish <<'Z'
#!/bin/bash
# publish DOMAIN: what key show says to publish.
countersign key show "$1" --format zone >$LAB/$1.zone && zone
Z
cat >$LAB/bin/systemctl <<'Z'
#!/bin/bash
# The few words of systemctl that the documents use, for countersignd as its unit starts it.
units=() words=()
for word; do case $word in -*) ;; *) words+=("$word") ;; esac; done
verb=${words[0]} units=("${words[@]:1}")
daemon() { cat $LAB/daemon.pid 2>/dev/null; }
start() {
	countersign setup socket-dir
	install -d -o countersign -g countersign -m 750 /var/lib/countersign/ && install -d -o countersign -m 755 /run/countersign/
	before=$(grep -sc ' ready: ' $LAB/daemon.log)
	setsid countersignd -f -u countersign -c /etc/countersign/countersign.conf >>$LAB/daemon.log 2>&1 </dev/null &
	echo $! >$LAB/daemon.pid
	for _ in $(seq 200); do
		kill -0 "$(daemon)" 2>/dev/null || { tail -3 $LAB/daemon.log; return 1; }
		[ "$(grep -c ' ready: ' $LAB/daemon.log)" -gt "${before:-0}" ] && serves && return 0
		sleep 0.05
	done
	return 1
}
serves() { # what http.listen says, where it says something
	port=$(cat /etc/countersign/conf.d/*.conf | sed -nE 's/^http: .*127\.0\.0\.1:([0-9]+).*/\1/p' | tail -1)
	[ -z "$port" ] || (: </dev/tcp/127.0.0.1/"$port") 2>/dev/null
}
stop() { kill "$(daemon)"; while kill -0 "$(daemon)" 2>/dev/null; do sleep 0.05; done; }
for unit in "${units[@]}"; do
	case ${unit%.service} in
	countersignd) ;;
	postfix | sendmail) [ "$verb" = reload ] && { postfix reload; continue; } ;;
	*) continue ;;
	esac
	case $verb in
	enable | start) daemon >/dev/null && kill -0 "$(daemon)" 2>/dev/null || start || exit 1 ;;
	restart) stop; start || exit 1 ;;
	reload) before=$(grep -c 'reload' $LAB/daemon.log); kill -HUP "$(daemon)" || exit 1
		for _ in $(seq 100); do [ "$(grep -c reload $LAB/daemon.log)" -gt "$before" ] && break; sleep 0.05; done
		! tail -5 $LAB/daemon.log | grep 'reload refused' ;;
	stop | disable) stop ;;
	status | is-active) kill -0 "$(daemon)" 2>/dev/null || exit 3 ;;
	esac
done
Z
printf '#!/bin/sh\ncat $LAB/daemon.log\n' >$LAB/bin/journalctl
# inbound IP FROM [FILE]: a message from outside; spoof is one in sender.test's name from elsewhere.
cat >$LAB/bin/inbound <<'Z'
#!/bin/sh
swaks --server 127.0.0.1 --xclient-addr="$1" --helo "${2##*@}" --from "$2" --to alice@example.com --data "@${3:-$LAB/work/message.eml}"
Z
printf '#!/bin/sh\ninbound 203.0.113.66 x@evil.test\n' >$LAB/bin/spoof
# as_documented DOCUMENT ID PATTERN: the sample of a log line that begins with ID has the keys, in their order, of the
# last line that was logged with PATTERN.
cat >$LAB/bin/as_documented <<'Z'
#!/bin/bash
keys() { sed 's/"[^"]*"//g' | grep -oE '(^| )[a-z_]+=' | tr -d ' =' | tr '\n' ' '; }
sample=$(sed -n "/$2: /,/^\( *\|\`\`\`\)\$/p" "$COUNTERSIGN_SRC/$1" | tr '\n' ' ' | keys)
logged=$(grep -E "$3" $LAB/daemon.log | tail -1 | sed 's/^.*: origin=/ origin=/' | keys)
[ -n "$sample" ] && [ "$sample" = "$logged" ] || { printf 'in the document: %s\nlogged:          %s\n' "$sample" "$logged"; exit 1; }
Z
chmod 755 $LAB/bin/*
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
zone

mkdir -p /run/systemd/system /etc/systemd/system # for programs that ask whether it runs, and has the unit
touch /etc/systemd/system/countersignd.service

# ---- Postfix, its mailbox, mail ----
machine_postfix 'mydestination = example.com' 'smtpd_authorized_xclient_hosts = 127.0.0.0/8' 'home_mailbox = Maildir/' \
	"mailbox_command = /bin/sh -c 'cat >>$LAB/work/mailbox'" 'mynetworks = 127.0.0.0/8' 'default_transport = discard'
getent passwd alice >/dev/null || useradd -M -d $LAB/work alice 2>/dev/null
chmod 711 /root $LAB && chmod 1777 $LAB/work
[ ! -d /etc/postfix ] || postfix start >$LAB/postfix.out 2>&1
cat >$LAB/work/message.eml <<'M'
From: Bob <bob@sender.test>
To: alice@example.com
Subject: hello
Date: Thu, 26 Nov 2026 12:00:00 +0000
Message-ID: <1@sender.test>

Hello.
M
cd $LAB/work || exit 99

# ---- going through the document ----
doc=${DOCUMENT:?}
head=${doc##*/}

shown() { # name, status, wanted
	tap_n=$((tap_n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $tap_n - $1"
		[ -z "${DOCS_SHOW:-}" ] || sed 's/^/# /' $LAB/out
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_n - $1"
		{ echo "exit status $2, wanted $3"; tail -15 $LAB/out; } | sed 's/^/# /'
	fi
}

# Runs one command; it may say  # exit N  at its end.
run_command() { # line number, command
	local want=0
	[[ $2 =~ \#\ exit\ ([0-9]+) ]] && want=${BASH_REMATCH[1]}
	timeout 60 bash -c "$2" >$LAB/out 2>&1 </dev/null
	shown "$head:$1: ${2%%$'\n'*}" $? "$want"
}

# Whether the commands and options in a text exist; and whether a shell takes it.
check_command() { # line number, command
	local rest words noun verb word help status=0
	bash -n -c "$2" >$LAB/out 2>&1 || status=1
	while read -r rest; do
		read -ra words <<<"$rest"
		noun='' verb=''
		for word in "${words[@]}"; do
			case $word in -* | *=* | /*) ;; *) if [ -z "$noun" ]; then noun=$word; elif [ -z "$verb" ]; then verb=$word; fi ;; esac
		done
		help=$(countersign help "$noun" "$verb" 2>/dev/null) || help=$(countersign help "$noun" 2>&1) || { echo "no $noun $verb" >>$LAB/out; status=1; }
		for word in "${words[@]}"; do
			[[ $word == --?* ]] || continue
			grep -qE -- "(^|[ ,])${word%%=*}([ =]|$)" <<<"$help" || { echo "$noun $verb has no ${word%%=*}" >>$LAB/out; status=1; }
		done
	done < <(grep -oE '(^|[|;&(] *|sudo )countersign [^|;&)#<>]*' <<<"$2" | sed 's/^.*countersign //')
	shown "$head:$1: checked, not run: ${2%%$'\n'*}" $status 0
}

# Calls FUNCTION for each command of the block: lines are joined until a shell takes them for whole.
each_command() { # function, first line's number, lines...
	local call=$1 at=$2 text='' from end line
	shift 2
	from=$((at + 1))
	for line; do
		at=$((at + 1))
		[ -n "$text$line" ] || { from=$((at + 1)); continue; }
		[ -n "$text" ] || from=$at
		text+=${text:+$'\n'}$line
		[[ $line == *\\ ]] && continue
		end=$(sed -n "s/.*<<-*'*\([A-Z][A-Z]*\)'*.*/\1/p" <<<"$text" | head -1)
		[ -z "$end" ] || [ "$line" = "$end" ] || continue
		bash -n -c "$text" 2>/dev/null || continue
		[[ $text == \#* ]] || $call "$from" "$text"
		text=
	done
	[ -z "$text" ] || fail "$head:$from: the block ends within a command"
}

block() { # kind, line number, lines...
	local kind=$1 at=$2
	shift 2
	case $kind in
	sh) each_command run_command "$at" "$@" ;;
	"sh check") each_command check_command "$at" "$@" ;;
	test) run_command "$at" "$1" ;;
	conf)
		mkdir -p $LAB/fragment
		printf '%s\n' "$@" >$LAB/fragment/countersign.conf
		countersign config check $LAB/fragment/countersign.conf >$LAB/out 2>&1
		shown "$head:$at: settings" $? 0
		;;
	main.cf)
		mkdir -p $LAB/fragment
		cp /etc/postfix/master.cf $LAB/fragment/
		{ echo 'compatibility_level = 3.6'; printf '%s\n' "$@"; } >$LAB/fragment/main.cf
		postconf -c $LAB/fragment 2>&1 >/dev/null | grep -v 'overriding earlier' >$LAB/out
		shown "$head:$at: main.cf" "$(wc -l <$LAB/out)" 0
		;;
	dns)
		{ printf '$ORIGIN .\n$TTL 5\n. IN SOA a. b. 1 2 3 4 5\n. IN NS ns.root.\n'; printf '%s\n' "$@"; } >$LAB/fragment.zone
		nsd-checkzone . $LAB/fragment.zone >$LAB/out 2>&1
		shown "$head:$at: records" $? 0
		;;
	esac
}

kind='' at='' lines=()
while IFS= read -r line; do
	if [ -z "$kind" ]; then
		kind=${line% *} at=${line##* } lines=()
	elif [ -z "$line" ]; then
		block "$kind" "$at" "${lines[@]}"
		kind=
	else
		lines+=("${line#	}")
	fi
done < <(awk -f "$COUNTERSIGN_SRC/t/lib/doc_items.awk" "$COUNTERSIGN_SRC/$doc")
done_testing # all that runs ends with the machine
