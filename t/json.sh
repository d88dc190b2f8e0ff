#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --json: every command, taken from the program itself, prints one object on standard output and nothing else, when it
# succeeds, when it fails and when its command line is wrong; and doc/json.md names every member.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need python3 perl openssl
clear_of_midnight 60
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-json.XXXXXX") || exit 99
chmod 755 "$dir"
root= pids=
[ "$(id -u)" = 0 ] && root=--allow-root
trap 'for p in $pids; do kill $p; wait $p; done 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C
cd "$dir" || exit 99
mkdir keys sink postfix runs
printf 'myhostname = mail.example.com\nqueue_directory = %s/spool\n' "$dir" >postfix/main.cf
printf 'smtp inet n - y - - smtpd\n' >postfix/master.cf
printf 'Domain example.net\nSelector old\nKeyFile %s/old.pem\nSocket inet:8891@localhost\n' "$dir" >opendkim.conf
openssl req -x509 -newkey rsa:2048 -nodes -keyout roots.key -out roots.pem -days 2 -subj /CN=root 2>/dev/null
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out old.pem 2>/dev/null
chmod 600 old.pem
printf 'From: bob@example.com\nSubject: x\n\nhello\n' >message.eml
python3 "$COUNTERSIGN_SRC/t/tools/reports.py" make spf-twice report.xml
printf '<svg xmlns="http://www.w3.org/2000/svg"><title>x</title></svg>' >logo.svg
yesterday=$(date -u -d yesterday +%F)
cat >zone <<'Z'
example.com 60 TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.example.com 60 TXT "v=DMARC1; p=reject; rua=mailto:d@reports.test"
example.com._report._dmarc.reports.test 60 TXT "v=DMARC1"
_dmarc.one.example 60 TXT "v=DMARC1; p=none"
Z
"$build/t/bin/dnsd" --port-file port zone >/dev/null 2>&1 &
pids="$pids $!"
perl "$COUNTERSIGN_SRC/t/tools/smtp_sink.pl" "$dir/sink" &
pids="$pids $!"
for _ in {1..200}; do [ -s port ] && [ -s sink/port ] && break; sleep 0.05; done
# of a zone that nobody asks for: the policy service wants one, and dnsd does not sign
echo "anchor.test. IN DS 31406 13 2 $(printf '%064d' 7)" >anchor
cat >conf <<C
listen = [ "local:$dir/a.sock" ];
authserv_id = "mx.example.com";
dns: { servers = [ "127.0.0.1@$(cat port)" ]; timeout = "3s"; trust_anchor = "$dir/anchor"; };
tls: { listen = [ "unix:$dir/tls.sock" ]; };
sign: { keys = "$dir/keys"; };
control: { socket = "$dir/control.sock"; };
log: { target = "stderr"; };
store: { url = "sqlite:$dir/ledger.db"; };
reports: { org = "Example"; from = "noreply@reports.example.net"; via = "smtp://127.0.0.1:$(cat sink/port)"; };
C
sed 's/^tls: {/& reports = true;/; s/^reports: {/& send = true;/' conf >sessions.conf
"$build/daemon/countersignd" $root -f -c conf 2>log &
pids="$pids $!"
for _ in {1..200}; do grep -q ready: log && break; sleep 0.05; done
"$build/t/bin/ledgerfill" "$dir/ledger.db" asked one.example "$yesterday" 3 'mailto:dmarc@one.example' >/dev/null 2>&1
printf 'connect\thost.test\t192.0.2.1\nhelo\thost.test\nmacro\tM\ti\tQ1\nmail\t<bob@example.com>\nrcpt\t<you@mx.example>\nheader\tFrom\t bob@example.com\neoh\nbody\thello%%0D%%0A\neom\n' |
	"$build/t/bin/milterc" "$dir/a.sock" >answer 2>&1

for _ in {1..100}; do # the log of messages is written behind the answer
	"$build/admin/countersign" -c conf -q message find >/dev/null && break
	sleep 0.05
done

# The exit status, then a command with its arguments; in this order, for some need what others did. Each command of the
# program has a line: one that is missing fails below.
: >default.conf # setup makes nothing below /tmp, where others could put a link: its places are the default ones
cat >table <<T
0 version
0 help
0 help key gen
0 completion bash
0,73 -c $dir/default.conf setup --print --postfix=$dir/postfix --domain=example.com
0,1 migrate --opendkim=$dir/opendkim.conf
0 migrate --list
0,1 doctor --only=settings
0 config check
0 config show
0 config show --changed
0 config defaults
0 config explain dmarc
0 key gen example.com --selector=s1
0 key gen example.com --type=ed25519 --format=json --selector=e1
0 key list
0 key show example.com
1 key check
0 key activate example.com --force
0 key rotate example.com
0,1 key rotate --auto
0 key retire example.com e1
0 key revoke example.com e1 --force
0 key import --from-opendkim=$dir/opendkim.conf
0 key sync /dev/null
78 key seal
1 dns example.com --check
0 dns example.com
0 verify --ip=192.0.2.1 message.eml
0 spf 192.0.2.1 --from=bob@example.com --helo=mail.example.com
0 dmarc example.com
0,1,2 audit example.com
0 audit --facts example.com
0 audit --rules
0 dkim sign message.eml
1 dkim verify message.eml
0,1 verify --ip=192.0.2.1 signed.eml
0,1 dkim verify signed.eml
0 status
0 reload
0 log-level info
0 cache flush dns
0 message find
0 stats
0 report list
0 report show one.example --day=$yesterday
0 report build
0 inbox read --store $dir/report.xml
78 inbox fetch
0 inbox list
0 inbox show 6
0 inbox tls
0 store sent
0 inbox sources
0,1 inbox findings
0 inbox decide lists.example forwarder
1 inbox advice example.com
0 inbox failures
0 inbox complaints
0 inbox why
0 inbox why $dir/report.xml
0 inbox expire
0,75 tls policy example.com
0 tls list
0 -c $dir/sessions.conf tls report list
0 -c $dir/sessions.conf tls report send --dry-run
0 page
1 bimi check $dir/logo.svg
0 bimi record example.com --decline
0 bimi roots $dir/roots.pem
0 tls refresh example.com
0 tls sts make example.com --no-connect
1,2 tls sts check example.com
0 report failures
0,1,75 report send
0,1 report retry
0 report suppress one.example
0 report suppress
0 report unsuppress one.example
0 store info
0 store check
0 store check --reconcile
0 store backup $dir/copy.db
0 store expire
0 store migrate
64 store copy
T

cat >look.py <<'P'
import json, re, sys

document, table, runs = sys.argv[1:]
text = open(document).read()
common = {"schema", "version", "generated", "warning_texts", "notes", "error", "more_errors", "hint", "exit"}
# Members whose names are data: settings and labels.
DATA = {("config.show", "value"), ("config.show", "default"), ("config.explain", "value"), ("config.explain", "default"),
        ("config.defaults", "default"), ("config.defaults", "value"), ("status", "labels")}

def sections():
    found = {}
    for names, body in re.findall(r"^### ((?:`countersign\.[a-z.-]+/1`(?:, )?)+)\n(.*?)(?=^##|\Z)", text, re.M | re.S):
        for name in re.findall(r"`countersign\.([a-z.-]+)/1`", names):
            found[name] = set(re.findall(r"`([a-z_0-9]+)`", body))
    return found

def members(value, schema, key=None):
    if isinstance(value, dict):
        for name, one in value.items():
            if (schema, key) not in DATA or (key is None and name in common):
                yield name
                yield from members(one, schema, name)
    elif isinstance(value, list):
        for one in value:
            yield from members(one, schema, key)

def faults(number, wanted, documented, seen):
    out, err, status = (open("%s/%d.%s" % (runs, number, end)).read() for end in ("out", "err", "status"))
    try:
        found = json.loads(out)
    except ValueError as fault:
        yield "not one JSON object: %s: %.200s" % (fault, out)
        return
    schema = re.fullmatch(r"countersign\.([a-z.-]+)/1", found.get("schema", ""))
    if schema is None:
        yield "no schema"
        return
    if err:
        yield "on standard error: %.200s" % err
    if found.get("exit") != int(status) or (wanted and status.strip() not in wanted.split(",")):
        yield "exit status %s, in the object %s, wanted %s: %s" % (status.strip(), found.get("exit"), wanted, found.get("error"))
    if ("error" in found) != ("hint" in found) or found.get("error") == "":
        yield "error and hint go together"
    if int(status) > 2 and int(status) != 75 and "error" not in found:
        yield "a failure without an error"
    name = schema.group(1)
    if name not in documented and set(found) - common:
        yield "doc/json.md has no section for %s: %s" % (name, " ".join(dict.fromkeys(members(found, name))))
    unknown = sorted(set(members(found, name)) - common - documented.get(name, set()))
    if unknown and name in documented:
        yield "doc/json.md does not name, under %s: %s" % (name, " ".join(unknown))
    seen.setdefault(name, set()).update(members(found, name))

documented, seen, number = sections(), {}, 0
for number, line in enumerate(open(table), 1):
    wanted, command = line.rstrip("\n").split(" ", 1)
    wrong = list(faults(number, "" if wanted == "-" else wanted, documented, seen))
    print("%s\t%s" % ("not ok" if wrong else "ok", command))
    for fault in wrong:
        print("#\t%s" % fault)
for name in sorted(set(documented) - set(seen) - {"store.copy", "setup", "inbox.fetch", "key.seal"}): # t/shared_ship.sh, t/setup.sh, t/inbox_fetch.sh and t/shared_keys.sh have what they need
    print("not ok\tdoc/json.md describes %s, which was not seen" % name)
for name in sorted(set(seen) & set(documented)):
    gone = sorted(documented[name] - seen[name])
    print("#\t%s: described and not seen here: %s" % (name, " ".join(gone)) if gone else "#\t%s: all seen" % name)
P

all=$("$build/admin/countersign" --json help | python3 -c 'import json, sys; print(*(c["command"] for c in json.load(sys.stdin)["commands"]), sep="\n")')
ok "the program names its commands" test "$(wc -l <<<"$all")" -gt 40
is "each command has a line here" "$(while read -r command; do grep -qE "^[0-9,]+ (-c [^ ]+ )?$command( |\$)" table || echo "$command"; done <<<"$all")" ""
# And each with mistakes: an option that is not there, arguments that nobody wants, settings that are wrong.
while read -r command; do
	echo "64 $command --no-such-option"
	echo "0 $command --help"
done <<<"$all" >>table
cat >>table <<T
64 kye
64 --no-such-option
64 key
78 -c /nonexistent config show
78 -c $dir/bad.conf stats
78 -c $dir/bad.conf config check
69 status --socket=$dir/none.sock
69 reload --socket=$dir/none.sock
66 verify $dir/none.eml
66 inbox read $dir/none.eml
65 inbox read $dir/message.eml
1 report show nobody.example
64 report show one.example --xml
64 status --prometheus
1 dkim sign $dir/nobody.eml
64 config mdoc
T
printf 'spf: { engine = "x"; };\nfoo = 1;\n' >bad.conf
printf 'From: bob@nobody.test\n\nhello\n' >nobody.eml
number=0
while read -r _ command; do
	[ -s signed.eml ] || "$build/admin/countersign" -c conf dkim sign message.eml >signed.eml 2>/dev/null
	number=$((number + 1))
	set -- -c conf
	[[ $command == -c* ]] && set --
	# shellcheck disable=SC2086
	"$build/admin/countersign" "$@" $command --json >runs/$number.out 2>runs/$number.err </dev/null
	echo $? >runs/$number.status
done <table
while IFS=$'\t' read -r result name; do
	case $result in
	ok) pass "$name --json" ;;
	"not ok") fail "$name --json" ;;
	*) echo "# $name" ;;
	esac
done < <(python3 look.py "$COUNTERSIGN_SRC/doc/json.md" table runs 2>&1 || echo "not ok	look.py")
sed "s/^/# /" answer | tail -5
is "status --watch prints an object a look" "$(timeout 5 "$build/admin/countersign" -c conf status --watch --json |
	python3 -c '
import json, sys
text, decoder, count = sys.stdin.read(), json.JSONDecoder(), 0
while text.strip():
    found, end = decoder.raw_decode(text.lstrip())
    assert found["schema"] == "countersign.status/1"
    text, count = text.lstrip()[end:], count + 1
print(count > 1)')" True
done_testing
