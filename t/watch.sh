#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# countersign status --watch on a terminal: what a person reads, the keys, and a terminal that is as it was, however it ends.
. "${COUNTERSIGN_SRC:?}/t/lib/tap.sh"
need python3
build=${COUNTERSIGN_BUILD:?}
dir=$(mktemp -d "${TMPDIR:-/tmp}/countersign-watch.XXXXXX") || exit 99
chmod 755 "$dir"
root= pid=
[ "$(id -u)" = 0 ] && root=--allow-root
trap '[ -z "$pid" ] || { kill $pid; wait $pid; } 2>/dev/null; rm -rf "$dir"' EXIT
export LC_ALL=C TERM=xterm NO_COLOR=1
cat >"$dir/conf" <<C
listen = [ "local:$dir/a.sock" ];
dns: { servers = [ "127.0.0.1@1" ]; };
sign: { keys = "$dir/keys"; };
control: { socket = "$dir/control.sock"; };
log: { target = "stderr"; };
store: { url = ""; };
C
mkdir "$dir/keys"
"$build/daemon/countersignd" $root -f -c "$dir/conf" 2>"$dir/log" &
pid=$!
for _ in {1..200}; do grep -q ready: "$dir/log" && break; sleep 0.05; done
echo | "$build/t/bin/poke" hold "$dir/a.sock" >/dev/null

cat >"$dir/watch.py" <<'P'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

command = sys.argv[1:]

class Watch:
    def __init__(self, rows, columns, command):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # the size is set before the program looks at it
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execv(command[0], command)
        self.before = termios.tcgetattr(self.fd)
    def until(self, pattern, seconds=20):
        end = time.time() + seconds
        while not re.search(pattern, self.seen, re.S) and time.time() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    got = os.read(self.fd, 65536)
                except OSError:
                    break
                if not got:
                    break
                self.seen += got.decode("latin-1")
        return bool(re.search(pattern, self.seen, re.S))
    def press(self, key):
        self.seen = ""
        os.write(self.fd, key)
    def same(self):
        try:
            return termios.tcgetattr(self.fd)[:4] == self.before[:4]
        except termios.error:
            return None
    def end(self):
        end = time.time() + 20
        while time.time() < end:
            self.until("\0", 0.1) # read what it says
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        return None

def tell(name, good, more=""):
    print("%s\t%s\t%r" % ("ok" if good else "not ok", name, more))

w = Watch(24, 80, command)
tell("the page comes, on a screen of its own", w.until(r"\x1b\[\?1049h.*countersignd .*process \d+.*messages 1,.*sorted by rate.*WHAT"), w.seen)
tell("a result is in it", w.until(r"not signed +no_keys +1 "), w.seen)
tell("no line is wider than the terminal", all(len(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line)) <= 80 for line in w.seen.split("\r\n")), w.seen)
w.press(b"t")
tell("t sorts by total", w.until("sorted by total", 2), w.seen)
w.press(b"n")
tell("n by name", w.until("sorted by name", 2), w.seen)
w.press(b"p")
tell("p pauses", w.until("PAUSED", 2), w.seen)
w.press(b"p")
tell("and goes on", w.until("sorted by name", 2) and "PAUSED" not in w.seen, w.seen)
w.seen = ""
tell("it looks again by itself, and has rates", w.until(r" 0\.0", 10), w.seen)
tell("keys are not echoed", not w.same())
w.press(b"q")
code = w.end()
tell("q ends it", code == 0, code)
tell("the cursor and the other screen are back", w.seen.endswith("\x1b[?25h\x1b[?1049l"), w.seen)

for name, number in (("SIGTERM", signal.SIGTERM), ("SIGINT", signal.SIGINT), ("SIGHUP", signal.SIGHUP)):
    w = Watch(10, 40, command)
    w.until("WHAT")
    tell("a small terminal gets no more lines than it has", w.seen.count("\r\n") <= 10, w.seen)
    os.kill(w.pid, number)
    w.end()
    tell("%s gives the terminal back" % name, w.seen.endswith("\x1b[?25h\x1b[?1049l"), w.seen)

# What the terminal's settings are afterwards: a shell that lives on sees it.
w = Watch(24, 80, ["/bin/sh", "-c", "stty -g; trap '' TERM; \"$@\"; stty -g; sleep 1", "sh"] + command)
w.until("WHAT")
w.press(b"q")
first = None
w.until(r"1049l\S*[0-9a-f]+:[0-9a-f:]+\r\n", 10)
tell("its settings are those from before", w.same() is True, w.seen)
w.end()

w = Watch(24, 80, command[:-1] + ["--watch", "--socket=/nonexistent"])
code = w.end()
tell("without a daemon: the error, and no screen left behind", code == 69 and "/nonexistent" in w.seen.split("\x1b[?1049l")[-1], w.seen)
P
while IFS=$'\t' read -r result name more; do
	case $result in
	ok) pass "$name" ;;
	*) fail "$name"; echo "# $result $more" ;;
	esac
done < <(python3 "$dir/watch.py" "$build/admin/countersign" -c "$dir/conf" status --watch 2>&1)
ok "not on a terminal: the page again and again" test "$(timeout 5 "$build/admin/countersign" -c "$dir/conf" status --watch | grep -c "^daemon ")" -ge 2
done_testing
