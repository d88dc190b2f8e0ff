/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parsedmarc.ini of parsedmarc 9 (the documentation's "Configuration file"): where reports are read
 * from. Options are named SECTION.OPTION here. Where the reports go is not taken over: they are in
 * the ledger, for `countersign inbox`. A password is never written into the result.
 */
#include <string.h>

#include "admin/migrate/table.h"

static int note_user(struct migrate *m, const struct migrate_option *option, struct span value,
		     struct why *why)
{
	char *text = arena_span(m->arena, value);
	int result = migrate_set(m, option->ours, migrate_quote(m, text), why);
	struct why no_address;

	if (result == 0 && memchr(value.p, '@', span_len(value)) != NULL)
		(void)migrate_set(m, "inbox.addresses",
				  arena_printf(m->arena, "[ %s ]", migrate_quote(m, text)),
				  &no_address);
	return result;
}

/* Also that of Gmail's and Graph's sections, which are not taken over. */
static int leave_password(struct migrate *m, const struct migrate_option *option, struct span value,
			  struct why *why)
{
	(void)m, (void)value;
	return why_set(why, "%s", option->reason);
}

static int take_archive(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	if (m->parsedmarc.deletes)
		return 0; /* what is read is deleted there, too */
	return migrate_set(m, option->ours, migrate_quote(m, arena_span(m->arena, value)), why);
}

static int take_delete(struct migrate *m, const struct migrate_option *option, struct span value,
		       struct why *why)
{
	m->parsedmarc.deletes = migrate_truth(value) == 1;
	return m->parsedmarc.deletes ? migrate_set(m, option->ours, "\"\"", why) : 0;
}

/* ---- the table ---- */

#define ELSEWHERE                                                                                  \
	"reports are in the ledger; countersign inbox --json and countersign page print them for " \
	"other programs"
#define NO_ACCOUNT                                                                                 \
	"only IMAP is read; let the provider forward the mail, or enable IMAP with a password "    \
	"for applications"
#define HELD    "inbox.keep and inbox.keep_personal say how long"
#define SOURCES "countersign inbox sources names a source by your keys, hosts and DNS"

/* clang-format off */
const struct migrate_option migrate_parsedmarc_options[] = {
	SAME("general.always_use_local_files", "do not fetch lists of names", SOURCES),
	SAME("general.chunk_size", "files for each process", "a process reads one mail"),
	SAME("general.debug", "log more", "log.level = \"debug\" shows more"),
	SAME("general.dns_timeout", "how long DNS may take", "reading asks no DNS"),
	SAME("general.fail_on_output_error", "end with an error if an output fails", ELSEWHERE),
	SAME("general.index_prefix_domain_map", "names of indexes", ELSEWHERE),
	SAME("general.ip_db_path", "file with countries of addresses", SOURCES),
	SAME("general.local_psl_overrides_path", "file with public suffixes", SOURCES),
	SAME("general.local_reverse_dns_map_path", "file with names of sources", SOURCES),
	SAME("general.log_file", "where to log", "the log is that of countersign (log.target)"),
	SAME("general.n_procs", "how many processes", "one reads 100,000 reports in minutes"),
	SAME("general.nameservers", "DNS servers", "reading asks no DNS"),
	SAME("general.offline", "ask no DNS", "reading asks no DNS"),
	SAME("general.output", "directory for files", ELSEWHERE),
	SAME("general.aggregate_json_filename", "name of a file", ELSEWHERE),
	SAME("general.forensic_json_filename", "name of a file", ELSEWHERE),
	SAME("general.failure_json_filename", "name of a file", ELSEWHERE),
	SAME("general.smtp_tls_json_filename", "name of a file", ELSEWHERE),
	SAME("general.aggregate_csv_filename", "name of a file", ELSEWHERE),
	SAME("general.forensic_csv_filename", "name of a file", ELSEWHERE),
	SAME("general.failure_csv_filename", "name of a file", ELSEWHERE),
	SAME("general.smtp_tls_csv_filename", "name of a file", ELSEWHERE),
	SAME("general.prettify_json", "how JSON is written", ELSEWHERE),
	SAME("general.reverse_dns_map_path", "file with names of sources", SOURCES),
	SAME("general.reverse_dns_map_url", "list of names of sources", SOURCES),
	UNLESS("general.save_aggregate", "store aggregate reports", "yes", "all kinds are stored"),
	UNLESS("general.save_forensic", "store failure reports", "yes", HELD),
	UNLESS("general.save_failure", "store failure reports", "yes", HELD),
	UNLESS("general.save_smtp_tls", "store TLS reports", "yes", "all kinds are stored"),
	SAME("general.silent", "print nothing", "-q"),
	UNLESS("general.strip_attachment_payloads", "drop attachments of failure reports", "yes", "messages are not stored at all"),
	SAME("general.warnings", "log warnings", "log.level"),
	TAKE("mailbox.delete", "delete what was read", take_delete, "inbox.imap_done", "only after it is stored"),
	TAKE("mailbox.archive_folder", "where mail goes when it was read", take_archive, "inbox.imap_done", "one folder for all kinds"),
	SAME("mailbox.batch_size", "mails of a batch", "each mail is moved when it is stored"),
	SAME("mailbox.check_timeout", "time between looks", "countersign-fetch.timer runs it every hour"),
	SAME("mailbox.max_unsaved_retries", "tries of a mail that cannot be stored", "it stays until it is stored"),
	TAKE("mailbox.reports_folder", "folder to read", migrate_take_text, "inbox.imap_folder", NULL),
	LOST("mailbox.since", "how old mail may be", "all mail of the folder is read; old reports are deleted after inbox.keep"),
	UNLESS("mailbox.test", "leave mail where it is", "no", "countersign inbox fetch moves or deletes mail when it is stored; inbox read --no-store only prints"),
	SAME("mailbox.watch", "wait for mail", "countersign-fetch.timer runs it every hour"),
	NOTE("imap.host", "IMAP server", parsedmarc.host, "inbox.imap", NULL),
	SAME("imap.max_retries", "tries after a timeout", "the next run tries again"),
	TAKE("imap.password", "password", leave_password, NULL, "put it into a file that only root can read, and set inbox.imap_password_file, or see inbox fetch in the guide"),
	NOTE("imap.port", "its port", parsedmarc.port, "inbox.imap", NULL),
	UNLESS("imap.skip_certificate_verification", "accept any certificate", "no", "the certificate must be valid; inbox.imap_ca names a CA of your own"),
	NOTE("imap.ssl", "TLS from the start", parsedmarc.ssl, "inbox.imap", "without it STARTTLS is required"),
	SAME("imap.timeout", "how long the server may take", "there is a limit of its own"),
	TAKE("imap.user", "user name", note_user, "inbox.imap_user", "an address is also taken where its mail passes the milter, and delivered as usual"),
	LOST("maildir", "a Maildir to read", "countersign inbox read --store DIR, from cron"),
	LOST("gmail_api", "an account of Gmail", NO_ACCOUNT),
	LOST("msgraph", "an account of Microsoft 365", NO_ACCOUNT),
	LOST("smtp", "mail with a summary", "countersign page prints one file that can be mailed"),
	LOST("elasticsearch", "an output", ELSEWHERE),
	LOST("opensearch", "an output", ELSEWHERE),
	LOST("splunk_hec", "an output", ELSEWHERE),
	LOST("kafka", "an output", ELSEWHERE),
	LOST("s3", "an output", ELSEWHERE),
	LOST("syslog", "an output", ELSEWHERE),
	LOST("gelf", "an output", ELSEWHERE),
	LOST("webhook", "an output", ELSEWHERE),
	LOST("log_analytics", "an output", ELSEWHERE),
	LOST("postgresql", "an output", ELSEWHERE),
	END,
};
/* clang-format on */

/* ---- lines: [section], NAME = VALUE or NAME: VALUE ---- */

/* Sections of which one row of the table stands for all options. */
static bool is_whole_section(struct span section)
{
	for (const struct migrate_option *o = migrate_parsedmarc_options; o->name != NULL; o++)
		if (strchr(o->name, '.') == NULL && span_ieq(section, o->name))
			return true;
	return false;
}

static struct span take_line(struct span *text)
{
	const char *end = memchr(text->p, '\n', span_len(*text));
	struct span line = {text->p, end == NULL ? text->end : end};

	text->p = end == NULL ? text->end : end + 1;
	return span_trim(line);
}

static const char *find_divider(struct span line)
{
	for (const char *p = line.p; p < line.end; p++)
		if (*p == '=' || *p == ':')
			return p;
	return line.end;
}

bool migrate_ini_line(struct migrate *m, struct span *text, unsigned *number, struct span *section,
		      struct span *name, struct span *value)
{
	while (!span_empty(*text)) {
		struct span line = take_line(text);
		const char *divider = find_divider(line);

		++*number;
		if (span_empty(line) || *line.p == '#' || *line.p == ';')
			continue;
		*value = (struct span){line.end, line.end};
		if (*line.p == '[') {
			*section = span_trim((struct span){line.p + 1, line.end - 1});
			if (!is_whole_section(*section))
				continue;
			*name = *section;
			return true;
		}
		if (is_whole_section(*section))
			continue;
		if (divider < line.end)
			*value = span_trim((struct span){divider + 1, line.end});
		*name = span_of(
		    arena_printf(m->arena, "%s.%s", arena_span(m->arena, *section),
				 arena_span(m->arena, span_trim((struct span){line.p, divider}))));
		return true;
	}
	return false;
}

/* ---- the account ---- */

void migrate_finish_account(struct migrate *m)
{
	bool plain = m->parsedmarc.ssl.at != NULL && migrate_truth(m->parsedmarc.ssl.value) == 0;
	const char *url, *port = "";
	struct why why;

	if (m->parsedmarc.host.at == NULL)
		return;
	if (migrate_find(m, "inbox.imap_user") == NULL) {
		migrate_leave(m, m->parsedmarc.host.at,
			      "imap.user is not set, so the account is not known");
		return;
	}
	if (m->parsedmarc.port.at != NULL)
		port =
		    arena_printf(m->arena, ":%s", arena_span(m->arena, m->parsedmarc.port.value));
	url = arena_printf(m->arena, "%s://%s%s", plain ? "imap" : "imaps",
			   arena_span(m->arena, m->parsedmarc.host.value), port);
	if (migrate_set(m, "inbox.imap", migrate_quote(m, url), &why) != 0)
		migrate_leave(m, m->parsedmarc.host.at, "%s", why.text);
}
