#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign inbox fetch: reports in a mailbox of a real Dovecot. Only over TLS with a valid certificate; a mail leaves the
# folder once its reports are stored, and counts once whenever the command is killed.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need python3 sqlite3 openssl
[ "$(id -u)" = 0 ] || skip_all "Dovecot needs root"
[ -x /usr/lib/dovecot/imap ] || skip_all "there is no Dovecot with IMAP"
build=$COUNTERSIGN_BUILD
dir=$(mktemp -d) || exit 99
cleanup() {
	doveadm -c "$dir/dovecot.conf" stop 2>/dev/null
	eventually eval '! [ -e "$dir/run/master.pid" ]'
	rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir" || exit 99
chmod 755 .
sql() { sqlite3 -cmd ".timeout 10000" "${2:-$dir/ledger.db}" "$1"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# ---- a server, whose CA is the test's own ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Test CA" -keyout ca.key -out ca.pem 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout key.pem -out request 2>/dev/null
printf 'subjectAltName=DNS:localhost\n' >extension
openssl x509 -req -in request -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extension -out cert.pem 2>/dev/null
imap=$(free_port) imaps=$(free_port)
mkdir home
chown dovecot: home
cat >dovecot.conf <<C
base_dir = $dir/run
log_path = $dir/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <$dir/cert.pem
ssl_key = <$dir/key.pem
mail_location = maildir:$dir/home/mail
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = user=reports password=secret
}
userdb {
  driver = static
  args = uid=dovecot gid=dovecot home=$dir/home
}
service imap-login {
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
    ssl = yes
  }
}
C
dovecot -c "$dir/dovecot.conf" 2>err || { cat err; exit 99; }
printf 'secret\n' >password
chmod 600 password

settings() { # URL, more settings of inbox
	cat >conf <<-C
		listen = [ "local:$dir/a.sock" ];
		authserv_id = "mx.example.com";
		store: { url = "sqlite:$dir/ledger.db"; };
		inbox: { imap = "$1"; imap_user = "reports"; imap_password_file = "$dir/password"; imap_ca = "$dir/ca.pem"; ${2:-} };
	C
}
cs() { "$build/admin/countersign" -c conf "$@"; }
fetch() { # the exit status and what was printed
	cs inbox fetch "$@" >out 2>&1
	echo "$? $(cat out)"
}
put() { # FOLDER: the mail on standard input
	doveadm -c "$dir/dovecot.conf" save -u reports -m "$1"
}
mails() { doveadm -c "$dir/dovecot.conf" search -u reports mailbox "$1" all 2>/dev/null | wc -l; }
distinct() { doveadm -c "$dir/dovecot.conf" fetch -u reports hdr.message-id mailbox "$1" all 2>/dev/null | grep -o '<[^>]*>' | sort -u | wc -l; }
report() { # NUMBER: a mail with a report of as many messages
	cat <<-M
		Authentication-Results: mx.provider.example; dmarc=pass header.from=receiver.example
		From: dmarc@receiver.example
		Subject: Report
		Message-ID: <$1@receiver.example>
		Content-Type: text/xml

		<feedback><report_metadata><org_name>receiver.example</org_name><report_id>$1</report_id><date_range><begin>1764201600</begin><end>1764287999</end></date_range></report_metadata><policy_published><domain>example.com</domain><p>none</p></policy_published><record><row><source_ip>192.0.2.$(($1 % 250))</source_ip><count>$1</count><policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers></record></feedback>
	M
}
stored() { sql "SELECT COALESCE(SUM(messages), 0) FROM rx_day"; }

# ---- the account ----
settings "imaps://localhost:$imaps"
like "without a ledger nothing is fetched" "$(fetch)" '^75 .*does not exist'
cs store migrate >/dev/null 2>&1
is "nothing in the folder, nothing read" "$(fetch)" "0 0 mails read: 0 reports stored, 0 were there already, 0 of them authenticated now, 0 not kept, 0 mails unreadable"
report 1 | put INBOX
is "a report is read over IMAPS" "$(fetch)" "0 1 mails read: 1 reports stored, 0 were there already, 0 of them authenticated now, 0 not kept, 0 mails unreadable"
is "and stored" "$(stored)" 1
is "its mail is moved to another folder, which is made" "$(mails INBOX) $(mails Reports-read)" "0 1"
is "Authentication-Results of others are not believed" "$(sql "SELECT trust FROM rx_report")" unverified
settings "imap://localhost:$imap" 'imap_authserv_id = "mx.provider.example";'
report 2 | put INBOX
like "the same by STARTTLS" "$(fetch --json | tr -d ' \n')" '"mails":1,"stored":1,"duplicates":0'
is "the results of the mailbox's provider are believed if the settings say so" "$(sql "SELECT trust FROM rx_report WHERE messages = 2")" pass

# ---- what is refused ----
report 3 | put INBOX
settings "imap://localhost:$imap" "imap_ca = \"\";"
sed -i 's/imap_ca = "[^"]\+"; //' conf
like "a certificate of an unknown CA is refused" "$(fetch)" "^75 .*certificate is not valid"
if unshare --mount true 2>/dev/null; then # what of the system's certificates has this CA
	mkdir system && cp ca.pem "system/$(openssl x509 -hash -noout -in ca.pem).0"
	cp ca.pem system/ca-certificates.crt
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Other CA" -keyout other.key -out other.pem 2>/dev/null
	doveadm -c dovecot.conf mailbox create -u reports Empty
	settings "imaps://localhost:$imaps" 'imap_folder = "Empty";'
	sed -i 's/ca\.pem/other.pem/' conf
	fetch_there() {
		unshare --mount bash -c 'mount --bind system /etc/ssl/certs && exec "$@"' there "$build/admin/countersign" -c conf inbox fetch >out 2>&1
		echo "$? $(cat out)"
	}
	like "one that only the system trusts is refused when a CA is named" "$(fetch_there)" "^75 .*certificate is not valid"
	sed -i 's/imap_ca = "[^"]*"/imap_ca = ""/' conf
	like "and accepted when none is" "$(fetch_there)" "^0 0 mails read"
else
	skip "one that only the system trusts is refused when a CA is named" "no mount namespace can be made here"
fi
settings "imaps://127.0.0.1:$imaps"
like "and one of another name" "$(fetch)" "^75 .*certificate is not valid"
sed 's/^ssl = required/ssl = no/; /inet_listener imaps/,/}/d' dovecot.conf >plain.conf
settings "imap://localhost:$imap"
doveadm -c dovecot.conf stop
eventually eval '! doveadm -c dovecot.conf who >/dev/null 2>&1'
dovecot -c "$dir/plain.conf"
like "a server without TLS gets no password" "$(fetch)" '^75 .*(STARTTLS|TLS)'
is "not even in its log" "$(grep -c 'user=<reports>.*Login' dovecot.log)" "$(grep -c 'user=<reports>.*Login.*TLS' dovecot.log)"
doveadm -c plain.conf stop
dovecot -c "$dir/dovecot.conf"
settings "imaps://localhost:$imaps"
printf 'wrong\n' >password
like "a wrong password is named" "$(fetch)" '^75 .*refused the user or the password'
ok "and not printed" eval '! grep -q wrong out'
printf 'secret\n' >password
chmod 644 password
like "a password that everybody can read is refused" "$(fetch)" '^78 .*everybody can read'
chmod 600 password
settings "imaps://localhost:$imaps" 'imap_folder = "Absent";'
like "a folder that is absent is named" "$(fetch)" '^75 .*(exist|Absent)'
settings "http://localhost"
like "another kind of server is an error of the settings" "$(fetch)" '^78 .*is not a valid IMAP server'
settings "imaps://localhost:$imaps" 'imap_done = "inbox";'
like "as is the folder itself for what was read" "$(fetch)" '^78 .*same folder'
mkdir credentials
mv password credentials/imap-password
settings "imaps://localhost:$imaps"
sed -i 's/imap_password_file = "[^"]*"; //' conf
like "without a password there is an error" "$(fetch)" '^78 .*imap_password_file'
like "a credential of systemd is one" "$(CREDENTIALS_DIRECTORY=$dir/credentials fetch)" '^0 1 mails read: 1 reports'
mv credentials/imap-password password

# ---- limits ----
settings "imaps://localhost:$imaps" 'max_message = "64KiB";'
{
	report 4
	head -c 100000 /dev/zero | tr '\0' x | fold -w 70
} | put INBOX
for n in 5 6 7; do report $n | put INBOX; done
like "--max limits the number" "$(fetch --max=2 | xargs)" '^2 .*larger than inbox.max_message.*1 mails read'
like "the next run goes on" "$(fetch)" '2 mails read: 2 reports stored'
is "what is too large stays" "$(mails INBOX)" 1
doveadm -c dovecot.conf expunge -u reports mailbox INBOX all
printf 'From: x@y.example\n\nunused\n' | put INBOX
settings "imaps://localhost:$imaps" 'imap_done = "";'
like "what cannot be read is kept with its reason" "$(fetch)" '^0 1 mails read: 0 reports stored.* 1 mails unreadable'
is "and deleted from the mailbox if the settings say so" "$(mails INBOX)" 0
like "inbox why lists it" "$(cs inbox why)" 'begins "unused"'

# ---- between the commit and the move ----
before=$(stored)
settings "imaps://localhost:$imaps" 'imap_done = "a/../b";'
for n in 11 12; do report $n | put INBOX; done
like "a mail that cannot be moved is told" "$(fetch)" '^75 .*imaps://localhost'
is "its report is stored" "$(stored)" $((before + 23))
is "and it stays" "$(mails INBOX)" 2
settings "imaps://localhost:$imaps" 'imap_done = "Done \"here\"";'
is "the next run counts nothing twice" "$(fetch)" "0 2 mails read: 0 reports stored, 2 were there already, 0 of them authenticated now, 0 not kept, 0 mails unreadable"
is "and moves it" "$(stored) $(mails INBOX) $(mails 'Done "here"')" "$((before + 23)) 0 2"

# ---- killed at any moment ----
before=$(stored)
for n in {101..180}; do report $n; done | python3 -c '
import sys, pathlib
for i, mail in enumerate(sys.stdin.read().split("Authentication-Results:")[1:]):
    pathlib.Path(f"home/mail/new/{1764000000 + i}.M{i}.test").write_text("Authentication-Results:" + mail)'
chown -R dovecot: home/mail/new
killed=0
for delay in 05 08 12 15 20 25 30 35 40; do
	"$build/admin/countersign" -c conf -q inbox fetch >/dev/null 2>&1 &
	pid=$!
	sleep 0.$delay
	kill -KILL $pid 2>/dev/null && killed=$((killed + 1))
	wait $pid 2>/dev/null
done
ok "kill -9 met it at work" test "$killed" -ge 3
is "the last run has no error" "$(cs -q inbox fetch 2>&1)" ""
# A mail that two sessions move at once, the server's for a killed fetch and the next one's, may be there twice.
is "all is read, and moved" "$(mails INBOX) $(distinct 'Done "here"')" "0 82"
is "each report counts once" "$(stored)" $((before + (101 + 180) * 80 / 2))
is "in the rows as well" "$(sql "SELECT SUM(messages) FROM rx_row")" "$(stored)"
done_testing
