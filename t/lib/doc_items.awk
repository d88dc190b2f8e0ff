# SPDX-License-Identifier: BSD-2-Clause
# The parts of a document that a test can try, one after the other: a line "KIND LINE", the part's lines each behind a
# HTAB, an empty line. Kinds: sh, "sh check", conf, main.cf, dns (fenced blocks of Markdown, ```KIND; in manuals, behind
# .\" ), test (<!-- test: COMMAND -->, which a reader does not see). Indented commands of Markdown are "sh check". In a
# plain text, indented lines that begin with a command are "sh", and where the reader is told to publish a record, it is
# published.
function text(line) {
	if (manual) {
		gsub(/\\\(dq/, "\"", line)
		gsub(/\\e/, "\\", line)
		sub(/^\\&/, "", line)
	}
	return line
}

FNR == 1 {
	manual = FILENAME ~ /\.[1-8]$/
	plain = FILENAME !~ /\.[1-8]$|\.md$/
}
{
	line = $0
	fence = 0
	if (manual && sub(/^\.\\" ```/, "```", line))
		fence = 1
	else if (!manual && line ~ /^```/)
		fence = 1
}
fence && !inside {
	kind = substr(line, 4)
	inside = 1
	if (kind ~ /^(sh|sh check|conf|main\.cf|dns)$/)
		print kind, FNR
	else
		kind = ""
	next
}
fence {
	inside = 0
	if (kind != "")
		print ""
	next
}
inside && kind != "" && !(manual && /^\.(Bd|Ed)/) { print "\t" text($0) }
!inside && /^<!-- test: .* -->$/ {
	sub(/^<!-- test: /, "")
	sub(/ -->$/, "")
	print "test", FNR "\n\t" $0 "\n"
}
!inside && manual && /^\.\\" test: / { print "test", FNR "\n\t" substr($0, 11) "\n" }
!inside && !manual && !plain && /^    +(countersign|systemctl|postfix|createuser|createdb|chown|chmod|echo) [-a-z\047]/ {
	sub(/^ +/, "")
	print "sh check", FNR "\n\t" $0 "\n"
}
plain && /[Pp]ublish the TXT record/ { print "test", FNR "\n\tpublish example.com\n" }
plain && /^  +((countersign|systemctl|postfix|apt-get|apt|make|dpkg-buildpackage) [-a-z]|\.\/autogen\.sh|contrib\/[a-z]+( |$))/ {
	sub(/^ +/, "")
	sub(/  +# .*/, "")
	continued = /\\$/
	print (/^(countersign|systemctl|postfix)/ ? "sh" : "sh check"), FNR "\n\t" $0
	while (continued && (getline > 0)) {
		continued = /\\$/
		print "\t" $0
	}
	print ""
}
