#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The Sieve rules in the documents, run by Dovecot's sieve-test over messages as the daemon leaves them: what it marks is
# sorted, what passes is not, nor what a stranger marked.
. "$COUNTERSIGN_SRC/t/lib/tap.sh"
need sieve-test
. "$COUNTERSIGN_SRC/t/lib/lone_daemon.sh"

cat >"$top/zone" <<Z
sender.test 60 TXT "v=spf1 ip4:198.51.100.25 -all"
_dmarc.sender.test 60 TXT "v=DMARC1; p=reject"
Z
start_lone_daemon ""

# The message as it is delivered: FILE, with what the daemon adds on top, and without what it removes.
deliver() { # file, client's address, more fields, as steps of milterc
	printf 'connect\tunknown\t%s\nhelo\tclient.test\nmail\t<bob@sender.test>\nrcpt\t<a@example.com>\n%bheader\tFrom\t bob@sender.test\nheader\tSubject\t x\neoh\nbody\thello%%0D%%0A\neom\n' \
		"$2" "$3" | timeout 30 "$BUILD/t/bin/milterc" "$top/sock" >"$top/changes" 2>&1
	python3 - "$top/changes" "$3" >"$1" <<-'P'
		import sys, urllib.parse
		given = [line.split("\t")[1:] for line in sys.argv[2].replace("\\t", "\t").split("\\n") if line]
		fields = given + [["From", " bob@sender.test"], ["Subject", " x"]]
		for line in open(sys.argv[1]):
		    part = [urllib.parse.unquote(p) for p in line.rstrip("\n").split("\t")]
		    if part[0] == "insert":
		        fields.insert(0, part[2:4])
		    elif part[0] == "change": # an empty value removes it
		        fields.remove([f for f in fields if f[0].lower() == part[2].lower()][int(part[1]) - 1])
		sys.stdout.write("".join(f"{name}:{value}\n" for name, value in fields) + "\nhello\n")
	P
}
deliver "$top/spoof" 203.0.113.66 ''
deliver "$top/genuine" 198.51.100.25 ''
deliver "$top/forged" 198.51.100.25 'header\tX-Countersign-Quarantine\t yes\n'
like "the spoof is marked" "$(cat "$top/spoof")" '^X-Countersign-Quarantine: yes$'
is "the message with a stranger's mark is not" "$(grep -c Quarantine "$top/forged")" 0

# each rule: ```sieve
cd "$COUNTERSIGN_SRC" || exit 99
awk -v top="$top" '/^```sieve$/ { n++; file = top "/" n ".sieve"; next } /^```/ { file = "" } file { print > file }
	END { print n + 0 > (top "/rules") }' README doc/*.md
like "there are rules in the documents" "$(cat "$top/rules")" '^[1-9]'
user=$(id -un)
if [ "$user" = root ]; then # Dovecot reads no mail as root
	user=nobody
	chown -R nobody "$top"
	chmod 755 "$top"
fi
printf 'mail_location = mbox:%s/mail:INBOX=%s/inbox\nlog_path = /dev/stderr\nssl = no\nfirst_valid_uid = 1\nfirst_valid_gid = 1\nmail_uid = %s\nmail_gid = %s\nmail_home = %s\nplugin {\n  sieve = %s/none.sieve\n}\n' \
	"$top" "$top" "$(id -u $user)" "$(id -g $user)" "$top" "$top" >"$top/dovecot.conf"
sorts() { # rule, message: prints the folder
	sieve-test -c "$top/dovecot.conf" "$1" "$2" 2>"$top/err" | sed -n 's/.*store message in folder: *//p'
}
for rule in "$top"/*.sieve; do
	name=$(basename "$rule")
	is "rule $name: a spoof is sorted" "$(sorts "$rule" "$top/spoof")" Junk
	is "rule $name: a genuine message is not" "$(sorts "$rule" "$top/genuine")" INBOX
	is "rule $name: nor one that a stranger marked" "$(sorts "$rule" "$top/forged")" INBOX
done
done_testing
