/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign inbox`: the reports that others send about mail in our domains' names.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/inbox/fetch.h"
#include "admin/inbox/findings.h"
#include "admin/inbox/personal.h"
#include "admin/inbox/print.h"
#include "admin/inbox/sent.h"
#include "admin/inbox/sources.h"
#include "admin/inbox/stored.h"
#include "admin/progress.h"
#include "lib/clock.h"
#include "report/intake.h"
#include "report/inbox/source.h"

/* ---- inbox read ---- */

enum { OPTION_STORE = 256, OPTION_NO_STORE };

static const struct admin_option read_options[] = {
    {"store", OPTION_STORE, NULL,
     "exit with 0 if all were stored, readable or not, and with 75 if not: for an MTA"},
    {"no-store", OPTION_NO_STORE, NULL, "print them only"},
    {NULL, 0, NULL, NULL}};

struct reading {
	struct admin *admin;
	struct progress progress;
	uint64_t read, unreadable, absent;
	struct intake intake;
	bool stores;   /* INTAKE is open */
	bool delivers; /* --store: an MTA gave the mail to this command */
	bool printed;  /* JSON: an object whose last brace is missing */
	struct why why;
};

/* NULL: it is not to be stored; else what became of it. */
static const char *store_report(struct reading *reading, const struct reader_result *result,
				unsigned i, const struct intake_mail *mail, int *status)
{
	if (!reading->stores)
		return NULL;
	switch (intake_store(&reading->intake, result, i, mail, &reading->why)) {
	case INTAKE_STORED:
		return "stored";
	case INTAKE_DUPLICATE:
		return "duplicate";
	case INTAKE_CONFIRMED:
		return "confirmed";
	case INTAKE_NOT_KEPT:
		return "not kept";
	case INTAKE_FAILED:
		break;
	}
	*status = -1;
	return NULL;
}

static void print_report(struct reading *reading, const struct reader_result *result, unsigned i,
			 struct inbox_place *place, int *status)
{
	if (reading->admin->json) {
		if (reading->printed)
			fputs("}\n", stdout);
		else
			admin_streams_json(reading->admin);
		reading->printed = true;
		*status = inbox_print_json(result, i, place, &reading->why);
	} else {
		*status = inbox_print_text(reading->admin, result, i, place, &reading->why);
	}
}

static int read_item(void *arg, const struct source_item *item)
{
	struct reading *reading = arg;
	struct inbox_place place = {item->path, item->number, NULL};
	const char *slash = strrchr(item->path, '/');
	const struct intake_mail mail = {.name = slash == NULL ? item->path : slash + 1,
					 .received = clock_wall(),
					 .fd = item->fd,
					 .begin = item->from,
					 .end = item->to};
	struct reader_result *result =
	    reader_read(item->fd, item->from, item->to, mail.name, mail.received, &reading->why);
	int status = result == NULL ? -1 : 0;

	for (unsigned i = 0; status == 0 && i < reader_count(result); i++) {
		if (reader_report(result, i)->end.kind == INBOX_NOTHING)
			reading->unreadable++;
		else
			reading->read++;
		place.ledger = store_report(reading, result, i, &mail, &status);
		if (status == 0)
			print_report(reading, result, i, &place, &status);
	}
	reader_free(result);
	if (!progress_show(&reading->progress, (int64_t)item->file, (int64_t)item->files))
		status = why_set(&reading->why, "interrupted");
	return status;
}

static void tell_absent(void *arg, const char *path, const char *reason)
{
	struct reading *reading = arg;

	reading->absent++;
	admin_error(reading->admin, "%s: %s", path, reason);
}

/* 0 when all was read; 2 when a part was; 65 when nothing was; 66: a file could not be opened. With
 * --store 0 when all was stored, and 75 when not. */
static int conclude_reading(struct reading *reading, int failed)
{
	struct admin *admin = reading->admin;
	uint64_t all = reading->read + reading->unreadable;

	if (failed != 0) {
		admin_error(admin, "%s", reading->why.text);
		return reading->delivers ? ADMIN_TEMPORARY : ADMIN_NO_INPUT;
	}
	if (reading->unreadable > 0)
		admin_error(admin, "%" PRIu64 " of %" PRIu64 " reports could not be read",
			    reading->unreadable, all);
	if (reading->absent > 0)
		return ADMIN_NO_INPUT;
	if (reading->unreadable > 0 && !reading->delivers)
		return reading->read > 0 ? ADMIN_PARTLY : ADMIN_BAD_INPUT;
	if (all == 0)
		admin_note(admin, "there are no files to read");
	return ADMIN_DONE;
}

/* Reports are stored where there is a ledger; STORE: there must be one. */
static int open_intake(struct reading *reading, bool store)
{
	struct admin *admin = reading->admin;
	struct ledger_settings settings;
	struct why why = {""};
	int status = ADMIN_DONE;

	if (!store) {
		status = inbox_settings(admin, &settings, &why);
		if (status == ADMIN_CONFIG && admin_conf(admin) != NULL)
			return ADMIN_DONE; /* the settings want no ledger */
		if (status != ADMIN_DONE || access(settings.path, F_OK) != 0)
			return status;
	}
	status = inbox_open_intake(admin, &reading->intake, &why);
	reading->stores = status == ADMIN_DONE;
	if (status == ADMIN_TEMPORARY && !store) {
		admin_note(admin, "the reports are not stored: %s", why.text);
		return ADMIN_DONE;
	}
	if (why.text[0] != '\0')
		admin_error(admin, "%s", why.text);
	return status;
}

static int inbox_read(struct admin *admin, int argc, char **argv)
{
	struct reading reading = {.admin = admin};
	bool store = false, no_store = false;
	int c, status = ADMIN_DONE, failed = 0;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		store = store || c == OPTION_STORE;
		no_store = no_store || c == OPTION_NO_STORE;
	}
	if (optind == argc)
		return admin_usage(admin, "missing argument: FILE, DIR or -");
	if (store && no_store)
		return admin_usage(admin, "--store and --no-store exclude each other");
	reading.delivers = store;
	reading.intake.imports = true;
	for (int i = optind; i < argc; i++)
		if (strcmp(argv[i], "-") == 0)
			reading.intake.imports = false;
	if (!no_store)
		status = open_intake(&reading, store);
	if (status != ADMIN_DONE)
		return status;
	progress_begin(&reading.progress, admin, "files");
	for (int i = optind; i < argc && failed == 0; i++)
		failed = source_each(argv[i], read_item, tell_absent, &reading, &reading.why);
	progress_end(&reading.progress);
	if (reading.stores) {
		if (failed == 0 && !intake_sync(&reading.intake))
			failed = why_set(&reading.why, "the ledger cannot be synchronized");
		intake_close(&reading.intake);
	}
	return conclude_reading(&reading, failed);
}

const struct admin_verb cmd_inbox[] = {
    {"inbox", "read", "FILE|DIR|-...", "Read reports that others sent, and print what they say",
     inbox_read, read_options, false},
    {"inbox", "fetch", "", "Read the reports in a mailbox on an IMAP server, and store them",
     inbox_fetch, inbox_fetch_options, false},
    {"inbox", "list", "[DOMAIN]", "List the received reports that are stored, the newest first",
     inbox_list, inbox_list_options, false},
    {"inbox", "show", "ID", "Show a received report with its rows", inbox_show, NULL, false},
    {"inbox", "tls", "[DOMAIN]", "Show which TLS connections to a domain failed, by MX", inbox_tls,
     inbox_list_options, false},
    {"inbox", "sources", "[DOMAIN]",
     "Show where mail in the name of a domain came from, by received reports", inbox_sources,
     inbox_sources_options, false},
    {"inbox", "findings", "[DOMAIN]", "Show what received reports say that needs action",
     inbox_findings, inbox_findings_options, false},
    {"inbox", "decide", "SOURCE ours|partner|forwarder|ignore|nothing",
     "Say what a source is, for old reports and new ones", inbox_decide, inbox_decide_options,
     false},
    {"inbox", "advice", "DOMAIN",
     "Say whether a stricter policy would lose mail, by authenticated reports", inbox_advice,
     inbox_advice_options, false},
    {"inbox", "failures", "[DOMAIN]", "List the failure reports that are stored, the newest first",
     inbox_failures, inbox_personal_options, false},
    {"inbox", "complaints", "[DOMAIN]", "List the complaints that are stored, the newest first",
     inbox_complaints, inbox_personal_options, false},
    {"inbox", "why", "[FILE|ID]",
     "Say why a mail could not be read as a report, or list those that could not", inbox_why,
     inbox_why_options, false},
    {"inbox", "expire", "", "Delete received reports that are older than inbox.keep", inbox_expire,
     NULL, false},
    {"store", "sent", "[DOMAIN]",
     "Show how much mail of your own was sent, by domain, signature and recipient", store_sent,
     store_sent_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
