#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Two hosts with a shared store (PostgreSQL): the MTA-STS policy that one has fetched the other one has, too. The database is
# stopped, and made to hang: each host then fetches for itself, as fast as ever, and later they agree again. The next day, which
# is made by the clock (t/tools/clock_shift.c), one host renews for both.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
. "$COUNTERSIGN_SRC/t/lib/postgres.sh"
. "$COUNTERSIGN_SRC/contrib/lab.sh"
. "$COUNTERSIGN_SRC/t/lib/alone.sh"
need nsd unbound ldns-keygen ldns-signzone openssl ip unshare python3 sqlite3 cc
enter_lab "$0" "$@"
. "$COUNTERSIGN_SRC/t/e2e/tls_lab.sh"

names=(one two three four five)
tls_lab_more_open() {
	local name
	for name in "${names[@]}"; do
		printf '%s\n' "$name.s IN MX 10 mx.$name.s" "mx.$name.s IN A $TLS_GOOD" "_mta-sts.$name.s 1 IN TXT \"v=STSv1; id=1;\"" \
			"mta-sts.$name.s IN A $TLS_WEB"
	done
}

lab_begin || exit 99
trap 'unset LD_PRELOAD; pg_stop; kill $other 2>/dev/null; lab_end' EXIT
other=
cc -shared -fPIC -O1 -o "$LAB/clock.so" "$COUNTERSIGN_SRC/t/tools/clock_shift.c" || exit 99
printf '%012d' 0 >"$LAB/shift"
export LD_PRELOAD=$LAB/clock.so CLOCK_SHIFT=$LAB/shift ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
pg_make "$LAB/pg"
tls_lab_begin || exit 99
tls_lab_certificate "$LAB/site/s.pem" ca /CN=web "$(printf ',DNS:mta-sts.%s.s.open' "${names[@]}" | cut -c2-)" || exit 99
for name in "${names[@]}"; do
	cp "$LAB/site/s.pem" "$LAB/site/cert/mta-sts.$name.s.open.pem"
	tls_lab_policy "$name.s.open" enforce "mx.$name.s.open"
done
settings() { # store socket
	echo "dns: { trust_anchor = \"$LAB/dns/anchor\"; };"
	echo "store: { url = \"sqlite:$LAB/store/$1.db\"; shared = \"$pg_url\"; ship_every = \"200ms\"; };"
	echo "tls: { listen = [ \"unix:$LAB/run/$1-tls.sock\" ]; ca_file = \"$LAB/site/ca.pem\"; }; sign: { enabled = false; };"
}
lab_conf "$(settings a)"
lab_daemon || exit 99
mkdir -p "$LAB/other"
{ printf '%s\n' "listen = [ \"local:$LAB/run/other.sock\" ];" "log: { target = \"stderr\"; level = \"info\"; };" \
	"sign: { keys = \"$LAB/keys\"; };" && settings b | sed 's/^dns: {/& servers = [ "127.0.0.1@53" ]; timeout = "3s";/; s/sign: .*//'; } >"$LAB/other/conf"
"$LAB_BUILD/daemon/countersignd" -f -u "$LAB_USER" -c "$LAB/other/conf" >>"$LAB/log/other.log" 2>&1 &
other=$!
eventually test -S "$LAB/run/b-tls.sock"

ask() { # host domain [map]: the answer
	python3 - "$LAB/run/$1-tls.sock" "${3:-policy} $2" <<-'P'
		import socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(sys.argv[1])
		text = sys.argv[2].encode()
		s.sendall(b"%d:%s," % (len(text), text))
		answer = b""
		while not answer.endswith(b","):
		    answer += s.recv(4096)
		print(answer.split(b":", 1)[1][:-1].decode())
	P
}
asked() { grep -c "^mta-sts.$1.s.open GET" "$LAB/site/asked"; }
has() { # host domain: its ledger has a policy
	[ -n "$(sqlite3 -readonly -cmd '.timeout 5000' "$LAB/store/$1.db" "SELECT 1 FROM sts_policy WHERE domain = '$2.s.open'")" ]
}
state() { sqlite3 -readonly -cmd '.timeout 5000' "$LAB/store/$1.db" "SELECT shared FROM sts_policy WHERE domain = '$2.s.open'"; }
secure() { echo "OK secure match=mx.$1.s.open servername=hostname"; }

# ---- one fetches for all ----

is "one host fetches" "$(ask a one.s.open)" "$(secure one)"
ok "the other one gets it" eventually has b one
ok "and the shared store has it" eval '[ "$(pg_ask "SELECT id FROM sts_policy WHERE domain = '"'one.s.open'"'")" = 1 ]'
is "it answers by it" "$(ask b one.s.open)" "$(secure one)"
is "the web server was asked once" "$(asked one)" 1
is "each knows whose it is" "$(state a one) $(state b one)" "1 2"
is "mail from the second host is noted there" "$(eventually eval '[ "$(sqlite3 -readonly "$LAB/store/b.db" "SELECT used > 0 FROM sts_policy")" = 1 ]' && echo yes)" yes

# A new policy with its new id, seen by the second host first.
tls_lab_policy one.s.open testing mx.one.s.open
sed -i 's/86400/604800/' "$LAB/site/policy/one.s.open"
sed -i 's/^\(_mta-sts.one.s 1 IN TXT\).*/\1 "v=STSv1; id=2;"/' "$LAB/dns/open.zone"
kill -HUP "$(cat "$LAB/dns/nsd.pid")"
id_is() { [ "$(sqlite3 -readonly -cmd '.timeout 5000' "$LAB/store/$1.db" "SELECT id FROM sts_policy WHERE domain = 'one.s.open'")" = "$2" ]; }
eventually eval '"$LAB_BUILD/admin/countersign" -c "$LAB/other/conf" --json tls policy one.s.open | tr -d "\n" | grep -q "\"id\": *\"2\""'
is "a changed policy" "$(ask b one.s.open refresh)" "NOTFOUND "
ok "comes to the first host" eventually id_is a 2
before=$(asked one)
ok "and answers by it" eventually eval '[ "$(ask a one.s.open)" = "NOTFOUND " ]'
is "without asking the web server" "$(asked one)" "$before"
is "now it is the second host's" "$(state a one) $(state b one)" "2 1"

# ---- the next day ----

fetched() { sqlite3 -readonly -cmd '.timeout 5000' "$LAB/store/$1.db" "SELECT fetched FROM sts_policy WHERE domain = 'one.s.open'"; }
shown=$(fetched b)
printf '%012d' 86500 >"$LAB/shift"
renewed() { # mail for the domain is sent from both
	ask a one.s.open
	ask b one.s.open
	[ "$(asked one)" = $((before + 1)) ]
}
ok "the host that fetched the policy renews it" eventually renewed
same() { [ "$(fetched a)" = "$(fetched b)" ] && [ "$(fetched a)" -ge $((shown + 86400)) ]; }
ok "the other one has that" eventually same
is "and did not ask the web server" "$(ask a one.s.open)$(asked one)" "NOTFOUND $((before + 1))"

# ---- without the database ----

pg_stop immediate
begin=$(date +%s%N)
is "the database is away: fetched all the same" "$(ask a two.s.open) $(ask b two.s.open)" "$(secure two) $(secure two)"
ok "each host for itself" [ "$(asked two)" = 2 ]
took=$((($(date +%s%N) - begin) / 1000000))
pg_start
server=$(head -1 "$pg_dir/data/postmaster.pid")
ok "it is back, and has what was fetched meanwhile" eventually -t 60 eval '[ -n "$(pg_ask "SELECT 1 FROM sts_policy WHERE domain = '"'two.s.open'"'" 2>/dev/null)" ]'
stopped=$(pgrep -P "$server") # those of connections, too
kill -STOP "$server" $stopped 2>/dev/null
begin=$(date +%s%N)
is "the database hangs: fetched all the same" "$(ask a three.s.open) $(ask b three.s.open)" "$(secure three) $(secure three)"
took="$took $((($(date +%s%N) - begin) / 1000000))"
kill -CONT "$server" $stopped 2>/dev/null
ok "no answer waited for it: both pairs came in $took ms" eval 'for ms in $took; do [ "$ms" -lt 10000 ] || exit 1; done'
ok "and it has that, too" eventually -t 60 eval '[ -n "$(pg_ask "SELECT 1 FROM sts_policy WHERE domain = '"'three.s.open'"'" 2>/dev/null)" ]'

# ---- a host that comes later, and what has expired ----

kill "$other"
wait "$other" 2>/dev/null
rm -f "$LAB"/store/b.db*
"$LAB_BUILD/daemon/countersignd" -f -u "$LAB_USER" -c "$LAB/other/conf" >>"$LAB/log/other.log" 2>&1 &
other=$!
ok "a new host gets all of them" eventually eval 'has b one && has b two && has b three'
before=$(wc -l <"$LAB/site/asked")
is "and answers by them" "$(ask b two.s.open)" "$(secure two)"
is "without asking the web server" "$(wc -l <"$LAB/site/asked")" "$before"
pg_ask "UPDATE sts_policy SET id = repeat('x', 40), fetched = fetched + 5, changed = changed + 5 WHERE domain = 'three.s.open'" >/dev/null
pg_ask "INSERT INTO sts_policy SELECT domain, '1', 'no policy', at, 9999999999, now FROM
	(SELECT CAST(extract(epoch FROM now()) AS bigint) AS now) AS clock, (VALUES ('four.s.open', 0), ('five.s.open', 9999999998)) AS t(domain, at)" >/dev/null
ok "what is not a policy in the database" eventually has b four
is "is not believed" "$(ask b four.s.open)" "$(secure four)"
ok "and replaced" eventually eval 'pg_ask "SELECT text FROM sts_policy WHERE domain = '"'four.s.open'"'" | grep -q enforce'
is "nor is an id that is none" "$(ask b three.s.open)" "$(secure three)"
is "nor what is of the future" "$(has b five; echo $?) $(ask b five.s.open)" "1 $(secure five)"
ok "which is replaced, too" eventually eval 'pg_ask "SELECT text FROM sts_policy WHERE domain = '"'five.s.open'"'" | grep -q enforce'
done_testing
