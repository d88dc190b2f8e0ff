#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What long work says of itself: contrib/test (n of m, the tests under way; what it says of a test that does not exist,
# and when its log is taken away), `doctor` before servers that do not answer, `report send` while it builds.
src=${COUNTERSIGN_SRC:-$(cd "$(dirname "$0")/.." && pwd)}
build=${COUNTERSIGN_BUILD:?}
export LC_ALL=C
. "$src/t/lib/tap.sh"
need python3
clear_of_midnight 60
tmp=$(mktemp -d) || exit 99
silent=
trap 'kill $silent 2>/dev/null; rm -rf "$tmp"' EXIT

# Runs a command on a terminal of its own, and prints what it wrote there; the last line is its exit status. With SLOW it
# is held for a moment when it has said something: no line comes in the first half second.
cat >"$tmp/terminal.py" <<'END'
import os, pty, signal, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
seen = b""
while True:
    try:
        got = os.read(fd, 65536)
    except OSError:
        break
    if not got:
        break
    if os.environ.get("SLOW") and not seen:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.7)
        os.kill(pid, signal.SIGCONT)
    seen += got
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(seen.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n").replace("\x1b[K", ""))
print("exit", status)
END
terminal() { TERM=dumb COLUMNS=200 timeout 60 python3 "$tmp/terminal.py" "$@" >"$tmp/out" 2>&1; }
said() { grep -qE -- "$1" "$tmp/out"; }
ok_said() { # name, pattern
	ok "$1" said "$2"
	said "$2" || sed 's/^/# /' "$tmp/out"
}

# ---- contrib/test, in a tree with two tests of some seconds ----
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL # of the make that runs this test
clone=$tmp/clone
mkdir -p "$clone/contrib" "$clone/t/lib" "$clone/build"
cp "$src"/contrib/{test,build.sh,packages.sh,tmpdir.sh} "$clone/contrib/"
cp "$src"/t/lib/watch.sh "$clone/t/lib/"
for script in autogen.sh configure; do printf '#!/bin/sh\n' >"$clone/$script"; chmod 755 "$clone/$script"; done
touch -d '1 hour ago' "$clone/configure.ac"
printf 'TESTS = t/alpha.sh t/beta.sh t/e2e/gamma.sh t/bin/delta.test\n' >"$clone/Makefile.am"
printf 'abs_top_srcdir = %s\nTESTS = t/alpha.sh t/beta.sh\ncheck:\n' "$clone" >"$clone/build/Makefile"
cat >>"$clone/build/Makefile" <<'END'
list-tests:
	@echo $(TESTS)
check-TESTS: $(TESTS)
$(TESTS):
	@COUNTERSIGN_SRC=$(abs_top_srcdir) bash $(abs_top_srcdir)/t/lib/watch.sh bash $(abs_top_srcdir)/$@
	@echo "PASS: $@ 1 - it has run"
	@echo "# PASS: 2" # the count of both
.PHONY: $(TESTS)
END
for test in alpha beta; do printf 'sleep 2\n' >"$clone/t/$test.sh"; done
terminal "$clone/contrib/test"
ok_said "on a terminal: how many of how many, and what is under way" '^0 of 2 tests, 0 checks, 0 failed; now .*t/alpha.sh \([0-9]+ s\)'
ok_said "the last line is the count" '^2 passed, 0 failed, 0 skipped$'
ok_said "and it has succeeded" '^exit 0$'
begun=$SECONDS
SECONDS=28 "$clone/contrib/test" >"$tmp/out" 2>&1 # a shell counts on from there
ok_said "in a log: a line of its own when half a minute is over" '^[01] of 2 tests, [01] checks, 0 failed; now '
ok "one for each half minute" test "$(grep -c ' of 2 tests' "$tmp/out")" -le $(((SECONDS - begun + 29) / 30))

printf 'rm -f "%s"\n' "$clone/build/check.log" >"$clone/t/beta.sh"
"$clone/contrib/test" >"$tmp/out" 2>&1
is "its log is gone: it has failed" $? 1
ok_said "and says why" 'check.log was removed while the tests ran'
ok_said "with a count" '^0 passed, 1 failed, 0 skipped$'

for name in "alpa t/alpha.sh" "t/e2e/gama.sh t/e2e/gamma.sh" "t/unit/delta.c t/bin/delta.test"; do
	"$clone/contrib/test" ${name% *} >"$tmp/out" 2>&1
	is "no such test: ${name% *}" $? 64
	ok_said "the nearest one is named" "there is no test \"${name% *}\" .did you mean ${name#* }\\?"
done
"$clone/contrib/test" t/something_else.sh >"$tmp/out" 2>&1
is "none is near" "$? $(cat "$tmp/out")" '64 contrib/test: there is no test "t/something_else.sh"; see contrib/test --help'

# ---- doctor, where no DNS server answers ----
python3 -c 'import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0))
print(s.getsockname()[1], file=open(sys.argv[1], "w"), flush=True); time.sleep(600)' "$tmp/port" &
silent=$!
eventually test -s "$tmp/port"
mkdir "$tmp/keys"
cat >"$tmp/conf" <<END
listen = [ "local:$tmp/m.sock" ];
dns: { servers = [ "127.0.0.1@$(cat "$tmp/port")" ]; timeout = "1s"; };
sign: { keys = "$tmp/keys"; };
store: { url = "sqlite:$tmp/l.db"; };
reports: { org = "Example"; from = "noreply@reports.example.net"; };
END
cs() { terminal "$build/admin/countersign" --color=never -c "$tmp/conf" "$@"; }
cs doctor --only=dns
ok_said "doctor: which check of how many is under way" '^checks: 0 of 4'
ok_said "the findings come after it" '^  dns.answers '
"$build/admin/countersign" -c "$tmp/conf" doctor --only=settings >"$tmp/out" 2>&1
ok "not on a terminal: nothing of it" eval '! said "checks:"'

# ---- report send, while it builds ----
day=$(date -u -d yesterday +%F 2>/dev/null || date -u -v-1d +%F)
for n in {1..12}; do
	"$build/t/bin/ledgerfill" "$tmp/l.db" asked "d$n.example" "$day" 8000 "mailto:d@d$n.example" >/dev/null 2>&1
done
SLOW=1 cs report build
ok_said "report build: the days' policies, with the total and what is left" \
	'^policies of the days looked through: [0-9]+ of 12, [0-9]+ %, [0-9]+ s left'
ok_said "each report is told" '^exit 0$'
is "all twelve" "$(grep -c ' built  ' "$tmp/out")" 12
done_testing
