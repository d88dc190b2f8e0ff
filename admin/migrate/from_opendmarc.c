/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenDMARC: opendmarc.conf(5) of version 1.4.2, and two options that are newer.
 */
#include <string.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/migrate/table.h"
#include "mail/domain.h"

static int note_truth(struct span value, bool *fact, struct why *why)
{
	int yes = migrate_truth(value);

	if (yes == -1)
		return why_set(why, "neither yes nor no");
	*fact = yes == 1;
	return 0;
}

static int note_rejects(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	(void)option;
	return note_truth(value, &m->opendmarc.rejects, why);
}

static int note_holds(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	(void)option;
	return note_truth(value, &m->opendmarc.holds, why);
}

static int note_logins(struct migrate *m, const struct migrate_option *option, struct span value,
		       struct why *why)
{
	(void)option;
	return note_truth(value, &m->opendmarc.ignores_logins, why);
}

/* "%s" stands for the author's domain. */
static int take_reject_text(struct migrate *m, const struct migrate_option *option,
			    struct span value, struct why *why)
{
	struct buf text;

	buf_init(&text, m->arena, 0);
	for (const char *p = value.p; p < value.end; p++) {
		if (*p == '%' && p + 1 < value.end && p[1] == 's') {
			buf_string(&text, "%{domain}");
			p++;
		} else {
			buf_char(&text, *p);
		}
	}
	return migrate_set(m, option->ours, migrate_quote(m, buf_text(&text)), why);
}

/* The value is always the path of a file. */
static int note_ignored_hosts(struct migrate *m, const struct migrate_option *option,
			      struct span value, struct why *why)
{
	struct span text, item, rest;
	unsigned line = 0;

	(void)option;
	m->opendmarc.ignored = (struct migrate_hosts){.at = m->at};
	if (m->read(m->arg, arena_span(m->arena, value), &text, why) == -1)
		return -1;
	while (opendkim_line(&text, &line, &item, &rest))
		migrate_add_host(m, &m->opendmarc.ignored, item);
	return 0;
}

/* It matches exactly these domains, and none below them. */
static int note_ignored_authors(struct migrate *m, const struct migrate_option *option,
				struct span value, struct why *why)
{
	struct span item;

	(void)option;
	(void)why;
	buf_clear(&m->opendmarc.ignored_authors);
	while (migrate_next_item(&value, &item)) {
		const char *domain = domain_to_ascii(m->arena, item);

		if (domain == NULL)
			migrate_leave(m, NULL, "%s is left out: it is not a domain",
				      arena_span(m->arena, item));
		else
			buf_printf(&m->opendmarc.ignored_authors, "%s ", domain);
	}
	return 0;
}

static int take_quiet(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	struct span item;
	struct buf out;

	buf_init(&out, m->arena, 0);
	while (migrate_next_item(&value, &item)) {
		if (domain_of_address(m->arena, arena_span(m->arena, item)) != NULL &&
		    memchr(item.p, '"', span_len(item)) == NULL)
			buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ",
				   migrate_quote(m, arena_span(m->arena, item)));
		else
			migrate_leave(m, NULL, "%s is left out: it is not a mail address",
				      arena_span(m->arena, item));
	}
	return migrate_set(m, option->ours, arena_printf(m->arena, "[ %s ]", buf_text(&out)), why);
}

/* The organizational domain as before; the list is the one that the system keeps current. */
static int take_suffixes(struct migrate *m, const struct migrate_option *option, struct span value,
			 struct why *why)
{
	(void)value;
	return migrate_set(m, option->ours, "\"psl\"", why);
}

/* ---- authserv_id ---- */

static const char *find_authserv(struct migrate *m, const struct migrate_fact *fact)
{
	if (fact->at == NULL)
		return NULL;
	return span_ieq(fact->value, "HOSTNAME") ? m->hostname : arena_span(m->arena, fact->value);
}

/* Results of a filter on this host were believed, which is no longer needed; others are lost. */
static void tell_of_trusted(struct migrate *m, const char *const *own, size_t count)
{
	struct span rest = m->opendmarc.trusted.value, item;

	while (m->opendmarc.trusted.at != NULL && migrate_next_item(&rest, &item)) {
		bool known = span_ieq(item, "HOSTNAME");

		for (size_t i = 0; i < count; i++)
			known = known || (own[i] != NULL && span_ieq(item, own[i]));
		if (!known)
			migrate_leave(
			    m, m->opendmarc.trusted.at,
			    "results of %s are not used: if it is a gateway before this host, name "
			    "its address in relays, with results_of for its SPF result",
			    arena_span(m->arena, item));
	}
}

/* OpenDMARC's is taken first: its field has the verdict that others read. */
void migrate_finish_authserv(struct migrate *m)
{
	static const struct migrate_fact none = {NULL, {NULL, NULL}};
	const struct migrate_fact *facts[] = {&m->opendmarc.authserv, &m->signer.authserv,
					      m->spf.writes_authres ? &m->spf.authserv : &none,
					      &m->arc.authserv};
	const char *taken = NULL, *names[sizeof facts / sizeof *facts];
	struct why why;

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		const char *name = names[i] = find_authserv(m, facts[i]);

		if (name == NULL)
			continue;
		if (taken != NULL && strcasecmp(taken, name) != 0)
			migrate_leave(m, facts[i]->at,
				      "results are written as %s only: change what looks for %s",
				      taken, name);
		else if (taken == NULL &&
			 migrate_set(m, "authserv_id", migrate_quote(m, name), &why) == -1)
			migrate_leave(m, facts[i]->at, "%s", why.text);
		else
			taken = name;
	}
	tell_of_trusted(m, names, sizeof facts / sizeof *facts);
}

/* ---- the table ---- */

#define FAILURE                                                                                    \
	"failure reports have settings of their own: countersign config explain failures.send"
#define OWNSPF "SPF is always evaluated here; header fields are not trusted"
#define FROM   "dmarc.reject_bad_from is true: mail without exactly one readable From is rejected"

/* clang-format off */
const struct migrate_option migrate_opendmarc_options[] = {
	NOTE("AuthservID", "the name in Authentication-Results", opendmarc.authserv, "authserv_id", NULL),
	UNLESS("AuthservIDWithJobID", "the queue id after that name", "no", "no job id is written: the log line has the queue id"),
	SAME("AutoRestart", "restart after a crash", RESTART),
	SAME("AutoRestartCount", "the maximum number of restarts", RESTART),
	SAME("AutoRestartRate", "the maximum rate of restarts", RESTART),
	SAME("Background", "run as a daemon", UNIT),
	SAME("BaseDirectory", "working directory", UNIT),
	SAME("ChangeRootDirectory", "chroot", UNIT),
	LOST("CopyFailuresTo", "another recipient of mail that fails", "recipients are never changed"),
	SAME("DNSTimeout", "how long one lookup may take", "dns.timeout, 8 s, is for all lookups of a message together"),
	TAKE("DomainWhitelist", "sealers whose ARC chain is trusted", migrate_take_list, "arc.trusted_sealers", NULL),
	LOST("DomainWhitelistFile", "more of them in a file", "list its domains in arc.trusted_sealers"),
	SAME("DomainWhitelistSize", "maximum size of the list", "the list has no such limit"),
	SAME("EnableCoredumps", "dump core", "core files are off: they could contain private keys"),
	UNLESS("FailureReports", "send failure reports", "no", FAILURE),
	LOST("FailureReportsBcc", "copies of them", FAILURE),
	UNLESS("FailureReportsOnNone", "also for p=none", "no", "fo= of the domain's record decides (RFC 9991)"),
	SAME("FailureReportsSentBy", "their sender", "reports.from"),
	SAME("HistoryFile", "what reports are made from", "the ledger is made at the first start; a history is not imported"),
	TAKE("HoldQuarantinedMessages", "hold mail if p=quarantine requests it", note_holds, "dmarc.quarantine", "together with RejectFailures"),
	TAKE("IgnoreAuthenticatedClients", "do not check mail of clients that logged in", note_logins, NULL, "mail of a client that logged in is signed, not checked"),
	TAKE("IgnoreHosts", "clients whose mail is not checked", note_ignored_hosts, "relays", "with client = skip: neither checked nor signed"),
	TAKE("IgnoreMailFrom", "authors whose mail is not checked", note_ignored_authors, "dmarc.actions", "it is accepted, and counted: countersign report suppress DOMAIN stops reports"),
	TAKE("IgnoreMailTo", "recipients whose mail is not reported", take_quiet, "reports.quiet", NULL),
	SAME("MilterDebug", "log the milter protocol", "log.level = \"debug\" shows more"),
	LOST("NoReportsList", "addresses that get no reports", "for each of its lines: countersign report suppress"),
	SAME("PidFile", "file with the process id", UNIT),
	TAKE("PublicSuffixList", "how organizational domains are found", take_suffixes, "dmarc.discovery", "with libpsl's list; without this line by the tree walk of RFC 9989"),
	UNLESS("RecordAllMessages", "also record mail without a DMARC record", "no", "what can be reported is counted; the log has every message"),
	TAKE("RejectFailures", "reject mail if p=reject requests it", note_rejects, "dmarc.enforce", "together with HoldQuarantinedMessages"),
	SAME("RejectMultiValueFrom", "reject several authors", FROM),
	TAKE("RejectString", "text of the rejection", take_reject_text, "dmarc.reject_text", NULL),
	SAME("ReportCommand", "the program that sends reports", "reports are sent by SMTP: reports.via"),
	SAME("RequiredFrom", "reject mail without a readable From", FROM),
	UNLESS("RequiredHeaders", "reject mail whose fields RFC 5322 forbids", "no", FROM "; other fields may occur any number of times"),
	SAME("SPFIgnoreResults", "do not trust Received-SPF", OWNSPF),
	SAME("SPFSelfValidate", "evaluate SPF where there is no result", OWNSPF),
	SAME("Socket", "where the MTA connects", "countersignd has its own socket: countersign setup"),
	UNLESS("SoftwareHeader", "write DMARC-Filter", "no", "no field names the software"),
	SAME("Syslog", "log", LOGGED),
	SAME("SyslogFacility", "facility of the log", "it is mail"),
	NOTE("TrustedAuthservIDs", "whose results are trusted", opendmarc.trusted, NULL, "no result is taken from a header but the SPF result of a relay (relays, results_of)"),
	SAME("UMask", "permissions of the socket", "socket_mode is 0660: countersign setup gives the MTA's group access, others get none"),
	SAME("UserID", "user to run as", UNIT),
	END,
};
/* clang-format on */
