#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# `countersign store`: info, check, migrate, expire, backup and copy, with a ledger that is being written
# and a private PostgreSQL.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
. "$src/t/lib/postgres.sh"
need sqlite3 perl
clear_of_midnight 120
tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
sink= writer=
trap 'kill $sink $writer 2>/dev/null; pg_stop; wait 2>/dev/null; rm -rf "$tmp"' EXIT
pg_make "$tmp/pg"
day=$(date -u -d '2 days ago' +%F 2>/dev/null || date -u -v-2d +%F)

fill() { "$build/t/bin/ledgerfill" "$tmp/$1.db" asked "$2" "$3" "$4" "mailto:dmarc@$2" >/dev/null 2>&1; }
conf() { # settings of the store
	cat >"$tmp/conf" <<-END
		sign: { keys = "$tmp/keys"; };
		store: { url = "sqlite:$tmp/a.db"; grace = "2d"; $1 };
		reports: { org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:${port:-1}"; };
	END
}
run() { # name, exit code, pattern, arguments
	local name=$1 code=$2 pattern=$3 status
	shift 3
	"$build/admin/countersign" -c "$tmp/conf" "$@" >"$tmp/out" 2>&1
	status=$?
	if [ $status = "$code" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" "$tmp/out"; }; then
		pass "$name"
	else
		fail "$name"
		echo "# exit $status, wanted $code and /$pattern/"
		sed 's/^/# /' "$tmp/out"
	fi
}
sum() { sqlite3 "$tmp/$1.db" "SELECT SUM(messages) FROM tally"; }

# ---- the file alone ----
mkdir "$tmp/keys"
conf
run "no ledger yet" 69 'does not exist' store info
run "nothing to copy" 66 'No such file' store copy --to "$pg_url"
fill a one.example $day 30
fill a two.example $(date -u -d "$day - 1 day" +%F 2>/dev/null || date -u -v-3d +%F) 20
fill a old.example 2020-01-01 10
run "info" 0 '^  rows      60, of 60 messages and 3 domains' store info
run "its size" 0 '^  size      [0-9.]+ MiB' store info
run "as JSON" 0 '"ships": ?false' --json store info
run "check" 0 'all is well' store check
run "migrate" 0 'schema [0-9]+$' store migrate
run "expire" 0 '10 rows were older than store.keep' store expire
is "what is older is gone" "$(sum a)" 50
run "again" 0 ' 0 rows' store expire
run "a word too many" 64 'unexpected argument "x"' store info x

# ---- a backup while others write ----
"$build/t/bin/ledgerfill" "$tmp/a.db" wait busy.example $day 200000 8 >/dev/null 2>&1 &
writer=$!
sleep 0.3
before=$(sum a)
run "backup while the ledger is written" 0 'has all of' store backup "$tmp/copy.db"
after=$(sum a)
kill $writer
wait $writer 2>/dev/null
writer=
ok "is whole" test "$(sqlite3 "$tmp/copy.db" 'PRAGMA integrity_check')" = ok
ok "and of one moment ($before <= $(sum copy) <= $after)" test "$(sum copy)" -ge "$before" -a "$(sum copy)" -le "$after"
is "one file" "$(echo "$tmp"/copy.db*)" "$tmp/copy.db"
is "for the owner and the group" "$(stat -c %a "$tmp/copy.db" 2>/dev/null || stat -f %Lp "$tmp/copy.db")" 640
run "not onto itself" 73 'the ledger itself' store backup "$tmp/a.db"
run "not where nothing can be made" 73 'No such file' store backup "$tmp/no/where"
run "one argument" 64 '' store backup

# ---- what a check finds ----
cp "$tmp/copy.db" "$tmp/a2.db"
sqlite3 "$tmp/a2.db" "DELETE FROM policy WHERE domain = 'one.example'; UPDATE tally SET shipped = 9 WHERE domain = 'two.example'"
sed "s/a\.db/a2.db/" "$tmp/conf" >"$tmp/conf2"
"$build/admin/countersign" -c "$tmp/conf2" store check >"$tmp/out" 2>&1
is "findings are an answer" $? 1
like "orphans" "$(cat "$tmp/out")" 'ledger: 30 rows without a policy'
like "sums" "$(cat "$tmp/out")" 'ledger: 20 rows of which more was shipped than counted'

# ---- to a shared store ----
mkdir "$tmp/sink"
perl "$src/t/tools/smtp_sink.pl" "$tmp/sink" &
sink=$!
eventually test -s "$tmp/sink/port"
port=$(cat "$tmp/sink/port")
conf
run "reports from before" 1 '3 built, 2 sent, 0 deferred, 1 failed' report send
before=$(sum a)
run "a password has no place on a command line" 64 'everybody on this host can read' store copy --to "postgresql://u:secret@h/d"
is "and is not repeated" "$(grep -c secret "$tmp/out")" 0
run "nor is one that is not there" 69 'the shared store: ' store copy --to "postgresql://countersign@/countersign?host=$tmp/none"
run "copy" 0 'all that was counted is there' store copy --to "$pg_url"
is "each message" "$(pg_ask "SELECT SUM(messages) FROM tally")" "$before"
run "again" 0 '"complete": ?true' --json store copy --to "$pg_url"
is "changes nothing" "$(pg_ask "SELECT SUM(messages) FROM tally")" "$before"
conf "shared = \"$pg_url\";"
run "info of both" 0 '^  HOST +SEEN' store info
run "what it ships" 0 '^  to ship   0 rows, 0 messages' store info
run "one host, as JSON" 0 '"complete_through": ?"20' --json store info
run "without the shared store" 0 '"shared": ?null' --json store info --local
run "check of both" 0 'all is well' store check
run "migrate both" 0 'the shared store: schema' store migrate
run "what was sent stays sent" 0 'one.example .* sent: 250' report list --since 3d
run "and is not sent again" 0 'nothing is to be sent' report send
is "two mails" "$(ls "$tmp/sink" | grep -c mail)" 2
fill a one.example $day 5
run "what comes later" 0 'complete|there' store copy
run "gets a report of its own" 0 '1 built, 1 sent' report send
fill a new.example $day 5
run "ships" 0 '' store copy
run "a new domain is reported" 0 '1 built, 1 sent' report send new.example
pg_ask "DELETE FROM policy WHERE domain = 'new.example'; UPDATE report SET messages = 1 WHERE domain = 'new.example'"
run "check finds in the shared store" 1 'shared store: 5 rows without a policy' store check
run "other sums" 1 'shared store: reports with other sums' store check
# ---- a ledger that was moved away ----
mv "$tmp/a.db" "$tmp/moved.db"
rm -f "$tmp"/a.db-*
fill a fresh.example $day 4
run "a new ledger is another host's" 0 'there' store copy
is "and is shipped" "$(pg_ask "SELECT SUM(messages) FROM tally WHERE domain = 'fresh.example'")" 4
pg_stop fast
run "info when the shared store is away" 69 '^ledger ' store info
run "the file by itself" 0 '^  rows ' store info --local
fill a old.example 2020-01-01 10
run "expire does what it can" 69 'the shared store' store expire
is "rows that are not shipped stay" "$(sqlite3 "$tmp/a.db" "SELECT COUNT(*) FROM tally WHERE domain = 'old.example'")" 10
done_testing
