# SPDX-License-Identifier: BSD-2-Clause
# A Postfix below $dir whose TLS an audit looks at; it throws mail away. To be sourced by bash behind tap.sh.

# audit_postfix HOST CERTIFICATE [LINE OF main.cf...]: begins, or begins again, with the smtpd lines of master.cf on standard
# input. certs/CERTIFICATE.key and .pem are its key and chain.
audit_postfix() {
	local host=$1 certificate=$2
	shift 2
	mkdir -p postfix/etc postfix/spool postfix/data
	chmod 755 "$dir" postfix
	chown postfix postfix/data
	cat >postfix/etc/main.cf <<-P
		compatibility_level = 3.6
		queue_directory = $dir/postfix/spool
		data_directory = $dir/postfix/data
		myhostname = $host
		inet_interfaces = all
		mydestination =
		alias_maps =
		alias_database =
		relay_domains = static:all
		relay_transport = discard
		smtpd_tls_chain_files = $dir/certs/$certificate.key, $dir/certs/$certificate.pem
		smtpd_tls_security_level = may
		smtpd_forbid_bare_newline = yes
		smtpd_forbid_bare_newline_exclusions =
		smtpd_peername_lookup = no
		maillog_file = $dir/postfix.log
		maillog_file_prefixes = $dir
	P
	printf '%s\n' "$@" >>postfix/etc/main.cf
	{
		cat
		cat <<-P
			cleanup unix n - n - 0 cleanup
			qmgr unix - - n 300 1 qmgr
			rewrite unix - - n - - trivial-rewrite
			bounce unix - - n - 0 bounce
			defer unix - - n - 0 bounce
			discard unix - - n - - discard
			proxymap unix - - n - - proxymap
			anvil unix - - n - 1 anvil
			tlsmgr unix - - n 1000? 1 tlsmgr
			postlog unix-dgram n - n - 1 postlogd
		P
	} >postfix/etc/master.cf
	postfix -c "$dir/postfix/etc" stop >/dev/null 2>&1
	postfix -c "$dir/postfix/etc" start >postfix.out 2>&1 || { echo 'Bail out! Postfix does not start'; cat postfix.out postfix.log; exit 1; }
}
