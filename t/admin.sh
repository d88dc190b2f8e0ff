#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The frame of the command: options, commands and their mistakes, exit codes.
cs=${COUNTERSIGN_BUILD:?}/admin/countersign
export LC_ALL=C
n=0 failed=0

# name, exit code, pattern of what is printed, arguments
run() {
	local name=$1 code=$2 pattern=$3 out status
	shift 3
	out=$("$cs" "$@" 2>&1)
	status=$?
	n=$((n + 1))
	if [ $status = "$code" ] && grep -qE -- "$pattern" <<<"$out"; then
		echo "ok $n - $name"
	else
		failed=1
		echo "not ok $n - $name"
		printf '# exit %s, wanted %s and /%s/\n' "$status" "$code" "$pattern"
		sed 's/^/# /' <<<"$out"
	fi
}

run "version" 0 '^countersign [0-9]' version
run "-V" 0 '^countersign [0-9]' -V
run "help" 0 '^  version +Print the version' --help
run "help of one command" 0 '^usage: countersign version' help version
run "--help behind a command" 0 '^usage: countersign version' version --help
run "nothing" 64 'no command given'
run "a command that is not there" 64 'unknown command "frobnicate"$' frobnicate
run "a misspelt command" 64 'unknown command "verison"; did you mean "version"\?' verison
run "two letters swapped" 64 'did you mean "key"\?' kye
run "a verb in place of its noun" 64 'did you mean "key list" or "report list" or "inbox list" or "tls list"\?' list
run "a verb that only one has" 64 'did you mean "key gen"\?' gen
run "a word of another program" 64 'did you mean "key gen"\?' genkey
run "the groups" 0 '^Keys and DNS records:$' --help
run "examples" 0 '^  countersign key gen example.com$' key gen --help
run "help of a misspelt command" 64 'did you mean "version"' help verison
run "an argument too many" 64 'unexpected argument "x"' version x
run "a global option behind the command" 0 '^countersign' version -q --color=never
run "behind an argument" 0 '^usage' help version -v
run "a misspelt option" 64 'unknown option --verboes; did you mean --verbose\?' version --verboes
run "a shortened option" 64 'unknown option --verb; did you mean --verbose' version --verb
run "a shortened option with its value" 64 'unknown option --resolv=' --resolv=192.0.2.1 version
run "a shortened option, the value apart" 64 'unknown option --resolv; did' --resolv 192.0.2.1 version
run "an unknown letter in a cluster" 64 'unknown option -x' --json -qx version
run "a value too many" 64 '--json takes no value' --json=yes version
run "a value missing" 64 '--config needs a value' version --config
run "the short option's" 64 '--config needs a value' version -c
run "after --, no options" 64 'unexpected argument "-q"' version -- -q
run "a colour that is none" 64 'auto, always or never' --color=red version
run "a DNS server" 0 '^countersign' --resolver 192.0.2.53@5353 --resolver ::1 version
run "a time" 0 '^countersign' --timeout 3s version
run "a time that is none" 64 '--timeout: .*(duration|timeout)' --timeout soon version
run "a time out of bounds" 64 '--timeout: .*timeout' --timeout=3600s version
run "a DNS server that is none" 64 'is not a valid DNS server' --resolver localhost version
run "a port that is none" 64 'is not a valid port' --resolver 192.0.2.53@0 version

# Nothing but printable ASCII, in the help of every command.
odd=$("$cs" --help | sed -n '/^Options of every/q; s/^  \([a-z]\)/\1/p' | while read -r noun verb _; do
	[[ $verb =~ ^[a-z]+$ ]] || verb=
	"$cs" $noun $verb --help | grep -n '[^ -~]' | sed "s/^/$noun $verb: /"
done)
n=$((n + 1))
if [ -z "$odd" ]; then echo "ok $n - every help is printable text"; else
	failed=1
	printf 'not ok %s - every help is printable text\n%s\n' "$n" "$odd"
fi

# ---- settings ----
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
mkdir "$work/conf.d"
printf 'spf: {\n  engine = "both";\n};\ndns: { timeout = "8s"; };\n' >"$work/good.conf"
printf 'log: { level = "debug"; };\n' >"$work/conf.d/log.conf"
run "config without a verb" 64 'One of: check, show, defaults, explain$' config
run "a misspelt verb" 64 'unknown command "config chekc"; did you mean "config check"' config chekc
run "help of a noun" 0 'config explain NAME' config --help
run "settings that are right" 0 "^$work/good.conf: ok$" config check "$work/good.conf"
run "the files beside them" 0 "^$work/conf.d/log.conf: ok$" -c "$work/good.conf" config check
run "settings from a pipe" 0 'ok$' config check <(cat "$work/good.conf")
run "nothing to say" 0 '^$' -q -c "$work/good.conf" config check
run "show says where" 0 "engine = \"both\";  # $work/good.conf:2$" -c "$work/good.conf" config show
run "show knows a default" 0 "timeout = \"8s\";  # .*:4, the default$" -c "$work/good.conf" config show
run "show --changed" 0 '^	level = "debug";$' -c "$work/good.conf" config show --changed
run "explain" 0 "set in $work/good.conf:2 to: \"both\"" -c "$work/good.conf" config explain spf
run "explain what is not there" 64 'did you mean dmarc.enforce' -c "$work/good.conf" config explain dmarc.enforec
run "the other server" 0 'servers = \[ "192.0.2.53@5353" \]' --resolver 192.0.2.53@5353 \
	-c "$work/good.conf" config show
run "a file that is not there" 78 "^/nonexistent: error: cannot be opened" -c /nonexistent config show
printf 'spf: { engine = "x"; };\nfoo = 1;\nbar = 4294967296;\n' >"$work/bad.conf"
mkdir -m 750 "$work/nokeys"
cat >"$work/sends.conf" <<-C
	sign: { keys = "$work/nokeys"; };
	reports: { send = true; org = "Example"; from = "noreply@reports.example.com"; };
	store: { url = "sqlite:$work/sends.db"; };
C
run "reports that nobody signs" 0 'warning: no key of reports\.example\.com is active here.*countersign key gen reports\.example\.com' config check "$work/sends.conf"
run "as JSON, too" 0 '^ *"no key of reports\.example\.com' config check --json "$work/sends.conf"
sed -i 's/send = true/send = false/' "$work/sends.conf"
run "not when none are sent" 0 "^$work/sends.conf: ok$" config check "$work/sends.conf"
run "settings that are wrong" 78 "^$work/bad.conf:1: error: spf.engine" config check "$work/bad.conf"
run "the second mistake" 78 "^$work/bad.conf:2: error: unknown key foo" config check "$work/bad.conf"
run "the third" 78 "^$work/bad.conf:3: error: 4294967296 is too large" config check "$work/bad.conf"
run "their number" 78 "^countersign: 4 errors" config check "$work/bad.conf"
run "config check as JSON" 78 '"ok": false' config check --json "$work/bad.conf"
run "its errors" 78 '"text": "unknown key foo"' config check --json "$work/bad.conf"
run "config show as JSON" 0 '"value": "both"' config show --json -c "$work/good.conf"
run "config defaults as JSON" 0 '"default": 100' config defaults --json

# The sample, its comments taken off, changes nothing.
"$cs" config defaults | sed 's/^\(	*\)#\([^ ]\|  \)/\1\2/' >"$work/sample.conf"
run "the sample is right" 0 'ok$' config check "$work/sample.conf"
rm -r "$work/conf.d"
run "the sample has only defaults" 0 '^$' -c "$work/sample.conf" config show --changed
if command -v python3 >/dev/null; then
	for command in "config show" "config defaults" "config check" "config explain dns"; do
		n=$((n + 1))
		if "$cs" --json -c "$work/good.conf" $command | python3 -m json.tool >"$work/out" 2>&1; then
			echo "ok $n - $command --json is JSON"
		else
			failed=1
			echo "not ok $n - $command --json is JSON"
		fi
	done
else
	n=$((n + 1))
	echo "ok $n - --json is JSON # SKIP python3 is not installed"
fi

n=$((n + 1))
if [ -e /dev/full ]; then
	"$cs" version 2>/dev/null >/dev/full
	if [ $? = 74 ]; then echo "ok $n - output that cannot be written"; else
		failed=1
		echo "not ok $n - output that cannot be written"
	fi
else
	echo "ok $n # SKIP no /dev/full"
fi

echo "1..$n"
exit $failed
