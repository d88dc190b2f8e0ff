# SPDX-License-Identifier: BSD-2-Clause
# Makes the manual of one noun, countersign-NOUN(1), of countersign.1: its .Ss sections, and the .Sh sections to which
# they point by .Sx.  awk -v noun=key -v what="make and rotate keys" -f noun.awk countersign.1 countersign.1
# The file is read twice: first for what is pointed to.
function heading(line) {
	sub(/^\.S[hs] /, "", line)
	return line
}

/^\.Sh / { section = heading($0); inside = 0 }
/^\.Ss / { inside = $2 == noun }

FNR == NR {
	if (inside && /^\.Sx /) {
		sub(/^\.Sx /, "")
		sub(/ [.,;:)]$/, "")
		wanted[$0] = 1
	}
	if (inside && /^\.Ss /)
		verbs[++count] = heading($0)
	if (/^\.Dd /)
		date = $0
	next
}

FNR == 1 {
	print ".\\\" Made of countersign.1 by noun.awk."
	print date
	print ".Dt COUNTERSIGN-" toupper(noun) " 1\n.Os\n.Sh NAME\n.Nm countersign-" noun "\n.Nd " what "\n.Sh SYNOPSIS"
	for (i = 1; i <= count; i++)
		print ".Nm countersign\n.Op Ar options\n.Cm " verbs[i]
	print ".Sh DESCRIPTION\nThe options of every command, and the exit status, are explained in\n.Xr countersign 1 ."
}

inside || (section in wanted) {
	print $0 == ".Nm" ? ".Nm countersign" : $0
}

END {
	print ".Sh SEE ALSO\n.Xr countersign 1 ,\n.Xr countersign.conf 5 ,\n.Xr countersignd 8"
}
