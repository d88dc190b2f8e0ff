#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Settings that are well-formed and still cannot be used: `config check`, `countersignd -t`, a start and a reload refuse the
# same ones, with the same file, line and words. And a start that fails says why on standard error, with and without syslog.
. "$(dirname "$0")/lib/tap.sh"
build=${COUNTERSIGN_BUILD:-$PWD}
cs=$build/admin/countersign
program=$build/daemon/countersignd
top=$(mktemp -d "${TMPDIR:-/tmp}/countersign-refusal.XXXXXX") || exit 99
daemon='' other=''
finish() {
	kill $daemon $other 2>/dev/null
	wait $daemon $other 2>/dev/null
	rm -rf "$top"
}
trap finish EXIT
root=
[ "$(id -u)" = 0 ] && root=--allow-root

settings() { # file's name; more settings on standard input: from line 5 on
	{
		cat <<-C
			listen = [ "local:$top/$1.sock" ];
			control: { socket = "$top/$1.control"; };
			${log_target:+log: { target = \"$log_target\"; \};}
			store: { url = "${ledger-}"; };
		C
		cat
	} >"$top/$1.conf"
}
try() { # sets $code and $said
	said=$(timeout 20 "$@" 2>&1 >/dev/null </dev/null)
	code=$?
}

mkdir -m 750 "$top/keys"
echo "not a list" >"$top/file"
: >"$top/empty"

# A daemon whose settings are right, to be told of wrong ones.
settings well <<<"sign: { enabled = false; };"
"$program" $root -f -c "$top/well.conf" 2>"$top/well.log" </dev/null &
daemon=$!
ok "a daemon runs" eventually "$cs" -q -c "$top/well.conf" status
cp "$top/well.conf" "$top/well.saved"

refuse() { # name, line, what is said; settings on standard input, from line 5 on
	local name=$1 line=$2 text=$3
	cat >"$top/more"
	settings bad <"$top/more"
	try "$cs" -c "$top/bad.conf" config check
	is "$name: config check exits 78" $code 78
	like "$name: and says why" "$said" "bad.conf:$line: .*$text"
	try "$program" -t -c "$top/bad.conf"
	is "$name: -t exits 78" $code 78
	like "$name: and says the same" "$said" "bad.conf:$line: .*$text"
	try "$program" $root -f -c "$top/bad.conf"
	is "$name: a start exits 78" $code 78
	like "$name: and says the same" "$said" "bad.conf:$line: .*$text"
	settings well <"$top/more"
	try "$cs" -c "$top/well.conf" reload --socket "$top/well.control"
	is "$name: a reload exits 78" $code 78
	like "$name: and says the same" "$said" "well.conf:$line: .*$text"
	ok "$name: the daemon goes on" kill -0 $daemon
	cp "$top/well.saved" "$top/well.conf"
}
refuse "no trust anchor" 6 "dns.trust_anchor: trust anchor $top/none: No such file" <<-C
	sign: { enabled = false; };
	dns: { trust_anchor = "$top/none"; };
C
refuse "a trust anchor that is none" 5 "dns.trust_anchor: .*trust anchor $top/file" <<-C
	dns: { trust_anchor = "$top/file"; }; sign: { enabled = false; };
C
refuse "no psl_file" 6 "dmarc.psl_file: $top/none: No such file" <<-C
	dmarc: { discovery = "psl";
	  psl_file = "$top/none"; }; sign: { enabled = false; };
C
refuse "a psl_file that is none" 5 "dmarc.psl_file: $top/empty: not a public suffix list" <<-C
	dmarc: { discovery = "psl"; psl_file = "$top/empty"; }; sign: { enabled = false; };
C
mkdir "$top/ledger"
ledger=sqlite:$top/ledger/ledger.db
refuse "a list without a key" 6 "lists: there is no key of lists.example.org below $top/keys" <<-C
	sign: { keys = "$top/keys"; };
	lists = ( { id = "lists.example.org"; from = [ "127.0.0.1" ]; sign = "lists.example.org"; } );
C
refuse "no mark roots" 6 "bimi.roots: $top/none: No such file" <<-C
	sign: { enabled = false; };
	bimi: { mode = "on"; roots = "$top/none"; };
C
refuse "mark roots that are none" 6 "bimi.roots: no certificate found" <<-C
	sign: { enabled = false; };
	bimi: { mode = "on"; roots = "$top/file"; };
C
refuse "certificate logs that are none" 6 "bimi.logs: no public key found" <<-C
	sign: { enabled = false; };
	bimi: { mode = "on"; logs = "$top/file"; };
C
ledger=
refuse "a BIMI selector that is none" 6 'bimi.selectors: "a..b" is not a valid selector' <<-C
	sign: { enabled = false; };
	bimi: { selectors = ( { domains = [ "example.com" ]; selector = "a..b"; } ); };
C
refuse "a seal without a key" 6 "arc.seal: there is no key of example.com below $top/keys" <<-C
	sign: { enabled = false; keys = "$top/keys"; };
	arc: { seal = "example.com"; };
C
refuse "a forwarder that is not a name" 5 "dmarc.trusted_forwarders: .*xn--" <<-C
	dmarc: { trusted_forwarders = [ "xn--\xff.example" ]; }; sign: { enabled = false; };
C
refuse "no key directory" 5 "sign.keys: $top/none: No such file" <<-C
	sign: { keys = "$top/none"; };
C
ledger=sqlite:$top/none/ledger.db
refuse "no ledger directory" 4 "store.url: $top/none: No such file" <<-C
	sign: { enabled = false; };
C
ledger=sqlite:$top/file/ledger.db
refuse "a ledger directory that is a file" 4 "store.url: $top/file: (not a|Not a) directory" <<-C
	sign: { enabled = false; };
C
ledger=
refuse "everybody is ours" 5 "trusted_networks: 0.0.0.0/0 matches everybody.*trust_everybody = true" <<-C
	trusted_networks = [ "127.0.0.0/8", "0.0.0.0/0" ]; sign: { enabled = false; };
C
refuse "half of everybody, twice" 5 "trusted_networks: 128.0.0.0/1 matches everybody" <<-C
	trusted_networks = [ "0.0.0.0/1", "128.0.0.0/1" ]; sign: { enabled = false; };
C
refuse "everybody with IPv6" 5 "trusted_networks: ::/0 matches everybody" <<-C
	trusted_networks = [ "::/0" ]; sign: { enabled = false; };
C

# What is meant is accepted by all of them.
settings good <<-C
	trusted_networks = [ "0.0.0.0/0", "::/0" ]; trust_everybody = true;
	sign: { keys = "$top/keys"; };
C
try "$cs" -c "$top/good.conf" config check
is "trust_everybody: config check takes it" $code 0
try "$program" -t -c "$top/good.conf"
is "and so does -t" "$code $said" "0 "
cp "$top/well.saved" "$top/well.conf"
ok "the daemon that ran all the time reloads" "$cs" -c "$top/well.conf" reload

# ---- a start that fails, where standard error is a file ----
fails() { # name, exit status, what is said; settings in bad.conf
	try "$program" $root -f -c "$top/bad.conf"
	is "$1: exit status" $code "$2"
	like "$1: standard error has it" "$said" "$3"
	try "$program" $root -c "$top/bad.conf"
	is "$1, in the background: exit status" $code "$2"
	like "$1, in the background: standard error has it" "$said" "$3"
}
for log_target in '' syslog stderr; do
	settings bad <<<"sign: { enabled = false; };"
	as=${log_target:-auto}
	sed -i "s|local:$top/bad.sock|local:$top/well.sock|" "$top/bad.conf"
	fails "$as, a second daemon" 69 "another daemon answers on $top/well.sock"
	sed -i "s|local:$top/well.sock|local:$top/none/sock|" "$top/bad.conf"
	fails "$as, no directory for the socket" 69 "directory $top/none: No such file"
done
log_target=
if command -v python3 >/dev/null; then
	python3 -c 'import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], file=open(sys.argv[1], "w"), flush=True); time.sleep(600)' "$top/port" &
	other=$!
	eventually [ -s "$top/port" ]
	settings bad <<<"sign: { enabled = false; };"
	sed -i "s|local:$top/bad.sock|inet:$(cat "$top/port")@127.0.0.1|" "$top/bad.conf"
	fails "a port that is taken" 69 "inet:[0-9]+@127.0.0.1: another daemon listens there"
fi
if [ "$(id -u)" = 0 ]; then
	try "$program" -f -c "$top/well.conf"
	is "as root without --user: exit status" $code 77
	like "and it says so" "$said" "root"
	mkdir -m 700 "$top/locked"
	chmod 755 "$top"
	cp "$top/well.conf" "$top/bad.conf"
	sed -i "s|local:$top/well.sock|local:$top/locked/sock|" "$top/bad.conf"
	try "$program" -f -u nobody -c "$top/bad.conf"
	is "no right to the socket's directory: exit status" $code 77
	like "and it says whose" "$said" "may not write in directory $top/locked"
fi

# ---- what the unit and the manual say of exit statuses ----
src=${COUNTERSIGN_SRC:-.}
is "the unit does not start again after 77 and 78" \
	"$(sed -n 's/^RestartPreventExitStatus=//p' "$src/contrib/systemd/countersignd.service")" "77 78"
for code in 64 67 69 71 73 77 78; do
	ok "the manual explains $code" grep -q "^\.It $code$" "$src/doc/countersignd.8"
done
done_testing
