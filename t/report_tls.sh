#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Reports given to a server that wants TLS or a login: what is sent, what is refused and with which
# words, and that the password is told to nobody else.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
fill=$build/t/bin/ledgerfill
export LC_ALL=C
. "$src/t/lib/tap.sh"
need openssl /usr/bin/python3
clear_of_midnight 60
tmp=$(mktemp -d) || exit 99
pids=
trap 'for p in $pids; do kill $p; done 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
wait_for() { # file
	eventually test -s "$1"
}
server() { # flags: a new one, in place of the last
	[ -z "$server" ] || kill "$server"
	rm -f "$tmp/tls.port"
	/usr/bin/python3 "$src/t/tools/smtp_tls.py" "$tmp" "$tmp/cert.pem" "$tmp/key.pem" "$@" &
	server=$!
	pids="$pids $server"
	wait_for "$tmp/tls.port"
}
conf() { # host, settings of reports
	local host=$1
	shift
	cat >"$tmp/conf" <<-END
		dns: { servers = [ "127.0.0.1@$dns" ]; timeout = "2s"; };
		store: { url = "sqlite:$tmp/l.db"; };
		sign: { enabled = false; };
		reports: { org = "Example"; from = "noreply@reports.example.net"; via = "smtp://$host:$(cat "$tmp/tls.port")"; $* };
	END
}
send() { # name, exit code, pattern
	rm -f "$tmp"/*.tls
	"$build/admin/countersign" -c "$tmp/conf" report send --to me@here.test one.example >"$tmp/out" 2>&1
	local status=$?
	if [ $status = "$2" ] && grep -qE -- "$3" "$tmp/out"; then
		pass "$1"
	else
		fail "$1"
		echo "# exit $status, wanted $2 and /$3/"
		sed 's/^/# /' "$tmp/out"
	fi
}
got() { head -2 "$tmp"/*.tls 2>/dev/null | tr '\n' ' '; }

openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
	-keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
"$build/t/bin/dnsd" --port-file "$tmp/dns" /dev/null >/dev/null 2>&1 &
pids="$pids $!"
wait_for "$tmp/dns" || { echo "Bail out! dnsd"; exit 1; }
dns=$(cat "$tmp/dns")
day=$(date -u -d yesterday +%F 2>/dev/null || date -u -v-1d +%F)
"$fill" "$tmp/l.db" asked one.example "$day" 1 'mailto:dmarc@one.example' >/dev/null 2>&1

# ---- TLS ----
server
conf 127.0.0.1
send "without TLS, where it is not offered" 0 'sent +me@here.test'
is "came so" "$(got)" "TLS: no USER:  "
conf 127.0.0.1 'tls = "required";'
send "required, not offered" 75 'deferred .* the server does not offer STARTTLS, and reports.tls asks for it'
is "then nothing is sent" "$(got)" ""
server starttls
conf 127.0.0.1
send "offered" 0 'sent +me@here.test'
is "is used" "$(got)" "TLS: yes USER:  "
conf localhost 'tls = "verified";'
send "verified: a certificate nobody knows" 75 "certificate is not valid for reports.via"
is "then nothing is sent " "$(got)" ""
conf localhost "tls = \"verified\"; tls_ca = \"$tmp/cert.pem\";"
send "verified: one that is known" 0 'sent +me@here.test'
is "is used " "$(got)" "TLS: yes USER:  "
conf 127.0.0.1 "tls = \"verified\"; tls_ca = \"$tmp/cert.pem\";"
send "verified: the name of another" 75 "certificate is not valid for reports.via"

# ---- AUTH ----
server starttls auth
printf 's3cret\n' >"$tmp/password"
chmod 0600 "$tmp/password"
conf 127.0.0.1 "user = \"rep\"; password_file = \"$tmp/password\"; tls = \"required\";"
send "with a login" 0 'sent +me@here.test'
is "it is used" "$(got)" "TLS: yes USER: rep "
ok "the password is not in the settings that are shown" test -z "$("$build/admin/countersign" -c "$tmp/conf" config show | grep s3cret)"
printf 'other\n' >"$tmp/password"
send "a wrong password" 75 'deferred .* the server refused reports.user or the password: 535 5.7.8 wrong'
ok "is not printed" test -z "$(grep other "$tmp/out")"
chmod 0644 "$tmp/password"
send "a password that all can read" 78 'everybody can read this password: chmod 0640'
: >"$tmp/password"
chmod 0600 "$tmp/password"
send "an empty one" 78 'there is no password in its first line'
rm "$tmp/password"
send "none" 78 'reports.password_file: .*No such file'
conf 127.0.0.1
send "no login where one is wanted" 75 '530 5.7.0 log in first'
server starttls
printf 's3cret\n' >"$tmp/password"
chmod 0600 "$tmp/password"
conf 127.0.0.1 "user = \"rep\"; password_file = \"$tmp/password\";"
send "a login where none is offered is not tried" 0 'sent +me@here.test'
conf mail.example.net "user = \"rep\"; password_file = \"$tmp/password\";"
send "never unencrypted to elsewhere" 78 'the password would cross the network unencrypted'

done_testing
