# SPDX-License-Identifier: BSD-2-Clause
# A private Mailman 3 core in the lab (contrib/lab.sh), with the lists mm@lists.example.org and mmfrom@lists.example.org, which
# puts its own address in From; to both everybody may post, and there is one reader. To be sourced by bash.

# mailman_begin SMTP LMTP: hands in its mail at the port SMTP and takes it at LMTP. False: it is not installed.
mailman_begin() {
	MAILMAN=/usr/lib/mailman3/bin/mailman
	[ -x "$MAILMAN" ] || return 1
	mkdir -p "$LAB/mailman"
	chown "$LAB_USER" "$LAB/mailman"
	{
		cat <<-C
			[mailman]
			layout: lab
			site_owner: postmaster@lists.example.org
			[paths.lab]
			var_dir: $LAB/mailman
			bin_dir: /usr/lib/mailman3/bin
			[mta]
			incoming: mailman.mta.null.NullMTA
			smtp_host: 127.0.0.1
			smtp_port: $1
			lmtp_host: 127.0.0.1
			lmtp_port: $2
			[webservice]
			port: $(lab_ports 1)
			[dmarc]
			org_domain_data_url: file://$LAB/etc/suffixes
			resolver_timeout: 1s
			resolver_lifetime: 1s
		C
		# what a list needs to send on a message, and no more
		for runner in archive bad bounces command digest nntp rest retry shunt task virgin; do
			printf '[runner.%s]\nstart: no\n' "$runner"
		done
	} >"$LAB/etc/mailman.cfg"
	echo reader@reader.test >"$LAB/etc/readers"
	printf 'test\norg\n' >"$LAB/etc/suffixes"
	for name in mm mmfrom; do
		mailman_do create -d $name@lists.example.org &&
			mailman_do addmembers --no-welcome-msg "$LAB/etc/readers" $name.lists.example.org || return 1
	done
	cat >"$LAB/etc/open.py" <<-P
		from mailman.interfaces.action import Action
		from mailman.interfaces.mailinglist import DMARCMitigateAction
		def munge(mlist):
		    open(mlist)
		    mlist.dmarc_mitigate_action = DMARCMitigateAction.munge_from
		    mlist.dmarc_mitigate_unconditionally = True
		def open(mlist):
		    mlist.default_nonmember_action = Action.accept
		    mlist.require_explicit_destination = False
	P
	(cd "$LAB/etc" && export PYTHONPATH=$LAB/etc && mailman_do withlist -r open.open -l mm@lists.example.org &&
		mailman_do withlist -r open.munge -l mmfrom@lists.example.org) || return 1
	setpriv --reuid "$LAB_USER" --regid "$(id -g "$LAB_USER")" --clear-groups \
		/usr/lib/mailman3/bin/master -C "$LAB/etc/mailman.cfg" >>"$LAB/log/mailman" 2>&1 &
	MAILMAN_PID=$!
	eventually -t 120 lab_answers "$2"
}

mailman_do() {
	HOME=$LAB/mailman setpriv --reuid "$LAB_USER" --regid "$(id -g "$LAB_USER")" --clear-groups \
		"$MAILMAN" -C "$LAB/etc/mailman.cfg" "$@" >>"$LAB/log/mailman" 2>&1
}

mailman_end() {
	kill "$MAILMAN_PID" 2>/dev/null
	wait "$MAILMAN_PID" 2>/dev/null
}

# t/tools/list.py as a transport of the lab's Postfix, "list", which hands in its mail at a port of its own. Standard input: a line
# "LIST MODE" for each list whose mail it changes in that way.
list_manager() { # port
	cat >"$LAB/etc/lists"
	install -m 644 "$COUNTERSIGN_SRC/t/tools/list.py" "$LAB/etc/" # whatever the mode of the clone
	cat >"$LAB/etc/list" <<-L
		#!/bin/sh
		mode=\$(sed -n "s/^\$1 //p" $LAB/etc/lists)
		exec /usr/bin/python3 $LAB/etc/list.py $1 "\$1@lists.example.org" reader@reader.test \$mode
	L
	chmod 755 "$LAB/etc/list"
	cat >>"$LAB/etc/master.cf" <<-M
		list unix - n n - - pipe
		  flags=R user=$LAB_USER argv=$LAB/etc/list \${user}
		lmtp unix - - n - - lmtp
		127.0.0.1:$1 inet n - n - - smtpd
		  -o mynetworks=127.0.0.0/8
		  -o smtpd_relay_restrictions=permit_mynetworks,reject
	M
}
