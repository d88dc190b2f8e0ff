/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policyd-spf and pyspf-milter: policyd-spf.conf(5) of version 3.0.4.
 *
 * They refuse by SPF alone. Here SPF counts for DMARC, and dmarc.actions can refuse mail that fails
 * DMARC for its SPF result; what they exempt from SPF is not exempted from DMARC by that.
 */
#include <string.h>

#include "admin/migrate/table.h"

static int note_observes(struct migrate *m, const struct migrate_option *option, struct span value,
			 struct why *why)
{
	(void)option;
	if (span_empty(value))
		return why_set(why, "neither 0 nor 1");
	m->spf.observes = span_eq(value, "0");
	return 0;
}

static int note_no_mail(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	(void)option;
	(void)why;
	m->spf.no_mail = span_eq(value, "True");
	return 0;
}

static int note_permerror(struct migrate *m, const struct migrate_option *option, struct span value,
			  struct why *why)
{
	(void)option;
	(void)why;
	m->spf.permerror = span_eq(value, "True");
	return 0;
}

static int note_header_type(struct migrate *m, const struct migrate_option *option,
			    struct span value, struct why *why)
{
	(void)option;
	(void)why;
	m->spf.writes_authres = span_eq(value, "AR");
	return 0;
}

static bool is_loopback(struct span item)
{
	return span_istarts(item, "127.") || span_istarts(item, "::ffff:127.") ||
	       span_eq(item, "::1");
}

static int note_exempt(struct migrate *m, const struct migrate_option *option, struct span value,
		       struct why *why)
{
	struct span item;

	(void)option;
	(void)why;
	m->spf.exempt.at = m->at;
	while (migrate_next_item(&value, &item)) {
		if (is_loopback(item))
			continue;
		if (hostset_add(&m->spf.exempt.set, m->arena, item, NULL) == -1)
			m->spf.other_exempt = m->at;
	}
	return 0;
}

/* An exemption that no set of addresses can say. */
static int note_other_exempt(struct migrate *m, const struct migrate_option *option,
			     struct span value, struct why *why)
{
	(void)why;
	if (span_empty(value))
		return 0;
	m->spf.other_exempt = m->at;
	return why_set(why, "%s", option->reason);
}

/* ---- the table ---- */

#define ALONE "SPF alone rejects nothing here, so nobody is exempted from it; DMARC still applies"

#define SKIP "with client = skip, if DMARC did not reject their mail: neither checked nor signed"

/* clang-format off */
const struct migrate_option migrate_spf_options[] = {
	NOTE("Authserv_Id", "the name in Authentication-Results", spf.authserv, "authserv_id", "where Header_Type is AR"),
	TAKE("Domain_Whitelist", "domains whose senders are exempt from SPF", note_other_exempt, NULL, ALONE),
	TAKE("Domain_Whitelist_PTR", "client names that are exempt from SPF", note_other_exempt, NULL, ALONE),
	TAKE("HELO_Whitelist", "HELO names that are exempt from SPF", note_other_exempt, NULL, ALONE),
	TAKE("HELO_pass_restriction", "a Postfix restriction after a pass", note_other_exempt, NULL, "restrictions are Postfix's"),
	NOTE("HELO_reject", "reject by the result for HELO", spf.helo, "spf.helo_reject", "for fail, if the author's domain has no DMARC record"),
	TAKE("Header_Type", "the field with the result", note_header_type, NULL, "one Authentication-Results field has all results"),
	SAME("Hide_Receiver", "leave the recipient's host out of the field", "there is no Received-SPF"),
	TAKE("InternalHosts", "pyspf-milter: clients that are exempt from SPF", note_exempt, "relays", SKIP),
	SAME("Lookup_Time", "how long SPF may take", "dns.timeout, 8 s, is for all lookups of a message together"),
	TAKE("MacroList", "pyspf-milter: macros of mail that is exempt from SPF", note_other_exempt, NULL, ALONE),
	TAKE("Mail_From_pass_restriction", "a Postfix restriction after a pass", note_other_exempt, NULL, "restrictions are Postfix's"),
	NOTE("Mail_From_reject", "reject by the result for MAIL FROM", spf.mail_from, "spf.reject", "for fail without a DMARC record; dmarc.actions for mail that fails DMARC"),
	SAME("Mock", "write a second field for milters that miss the first", "one process has all results"),
	TAKE("No_Mail", "reject only domains that send no mail", note_no_mail, "spf.reject", "nomail, if the author's domain has no DMARC record"),
	TAKE("PermError_reject", "reject after a permanent error", note_permerror, "dmarc.actions", "for mail that fails DMARC"),
	TAKE("Per_User", "other settings for some recipients", note_other_exempt, NULL, "dmarc.actions can name recipients"),
	SAME("PidFile", "pyspf-milter: file with the process id", UNIT),
	LOST("Prospective", "what others would say about outbound mail", "outbound mail is not checked"),
	SAME("QueueID", "the queue id in the log", "each log line has it"),
	LOST("Reason_Message", "text of the rejection", "the text names the domain and contains its exp= (550 5.7.23); for DMARC see dmarc.reject_text"),
	LOST("Reject_Not_Pass_Domains", "domains rejected without a pass", "list author domains in dmarc.actions with spf = \"softfail\" and spf = \"neutral\", and again with policy = \"absent\" for those without a DMARC record"),
	SAME("SPF_Enhanced_Status_Codes", "codes of RFC 7372", "a rejection by DMARC is 5.7.1 (RFC 9989 section 7.2)"),
	SAME("Socket", "pyspf-milter: where the MTA connects", "countersignd has its own socket: countersign setup"),
	UNLESS("TempError_Defer", "defer after a DNS error", "False", "dmarc.temperror defers mail whose DMARC result depends on it"),
	TAKE("TestOnly", "0: refuse nothing", note_observes, "dmarc.actions", NULL),
	SAME("UMask", "pyspf-milter: permissions of the socket", "socket_mode is 0660: countersign setup gives the MTA's group access, others get none"),
	SAME("UserID", "pyspf-milter: user to run as", UNIT),
	UNLESS("Void_Limit", "lookups without an answer", "2", "it is 2 (RFC 7208 section 4.6.4)"),
	TAKE("Whitelist", "clients that are exempt from SPF", note_exempt, "relays", SKIP),
	SAME("Whitelist_Lookup_Time", "how long the white lists may take", "dns.timeout, 8 s, is for all lookups of a message together"),
	SAME("debugLevel", "how much is logged", "log.level = \"debug\" shows more"),
	TAKE("defaultSeedOnly", "the old name of TestOnly", note_observes, "dmarc.actions", NULL),
	TAKE("skip_addresses", "clients that are exempt from SPF", note_exempt, "relays", SKIP),
	END,
};
/* clang-format on */
