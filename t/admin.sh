#!/bin/bash
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
run "a DNS server that is none" 64 'is no DNS server' --resolver localhost version
run "a port that is none" 64 'is no port' --resolver 192.0.2.53@0 version

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
