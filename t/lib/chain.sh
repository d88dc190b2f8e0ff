# SPDX-License-Identifier: BSD-2-Clause
# The filters of before, Debian's OpenDKIM and OpenDMARC, in a lab (contrib/lab.sh) whose namespace is its own, and what they
# or countersignd made of a message. Their settings are in $LAB/old. To be sourced by bash.
CHAIN_MILTERS='inet:127.0.0.1:8891, inet:127.0.0.1:8893'

chain_start() {
	opendkim -f -x "$LAB/old/opendkim.conf" >"$LAB/log/opendkim" 2>&1 &
	chain_pids=($!)
	opendmarc -f -c "$LAB/old/opendmarc.conf" >"$LAB/log/opendmarc" 2>&1 &
	chain_pids+=($!)
	eventually lab_answers 8891 && eventually lab_answers 8893
}

chain_stop() {
	kill "${chain_pids[@]}" 2>/dev/null
	wait "${chain_pids[@]}" 2>/dev/null
}

# Postfix asks these from now on: milters, and a policy service or none.
chain_ask() {
	postconf -c "$LAB/etc" -e "smtpd_milters = $1" \
		"smtpd_recipient_restrictions = permit_mynetworks${2:+, check_policy_service $2}"
	postfix -c "$LAB/etc" reload >/dev/null 2>&1
	sleep 1
}

# What a reply of the server means.
chain_word() {
	case $1 in
	250*) echo accepted ;;
	5*) echo refused ;;
	*) echo deferred ;;
	esac
}

# The domains that signed the message in FILE with the selector "own".
chain_signers() {
	lab_field "$1" DKIM-Signature | tr -d ' \t' | grep ';s=own;' | grep -oE '[;:]d=[^;]*' | cut -d= -f2 | sort -u |
		tr '\n' ' ' | sed 's/^$/unsigned/; s/\(.*[^ ]\) $/signed by \1/' | grep . || echo unsigned
}

# The decisions of before and of now, a line "ID DECISION" for each message, against the list of differences with their
# causes: site, message, before -> now, why. Uses tap.sh.
chain_judge() { # site, messages, before, now, list
	is "$1: $2 messages, each with a decision" "$(grep -cE '^[0-9]+ (refused|accepted, (un)?(sign|seal)ed)' "$3") $(grep -cE '^[0-9]+ (refused|deferred|accepted, (un)?(sign|seal)ed)' "$4")" "$2 $2"
	join -j 1 -t ' ' <(sed 's/ /\t/' "$3" | tr '\t ' ' _') <(sed 's/ /\t/' "$4" | tr '\t ' ' _') |
		awk -v site="$1" '$2 != $3 { gsub(/_/, " ", $2); gsub(/_/, " ", $3); print site "\t" $1 "\t" $2 " -> " $3 }' >"$LAB/differences"
	is "$1: each difference is listed" "$(grep -vxFf <(cut -f1-3 "$5") "$LAB/differences")" ''
	is "$1: what is listed is seen" "$(cut -f1-3 "$5" | grep "^$1"$'\t' | grep -vxFf "$LAB/differences")" ''
}
