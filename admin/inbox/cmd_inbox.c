/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign inbox`: the reports that others send about mail in our domains' names.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "admin/admin.h"
#include "admin/inbox/print.h"
#include "admin/inbox/stored.h"
#include "admin/progress.h"
#include "lib/clock.h"
#include "report/intake.h"
#include "report/inbox/source.h"

/* ---- inbox read ---- */

enum { OPTION_STORE = 256 };

static const struct admin_option read_options[] = {
    {"store", OPTION_STORE, NULL, "put them into the ledger, too; one that is there counts once"},
    {NULL, 0, NULL, NULL}};

struct reading {
	struct admin *admin;
	struct progress progress;
	uint64_t read, unreadable, absent;
	struct sql *sql;         /* NULL: they are not stored */
	const char *authserv_id; /* whose results are believed */
	bool printed;            /* JSON: an object whose last brace is missing */
	struct why why;
};

/* NULL: it is not to be stored; else what became of it. */
static const char *store_report(struct reading *reading, const struct reader_result *result,
				unsigned i, int *status)
{
	if (reading->sql == NULL || reader_report(result, i)->end.kind == INBOX_NOTHING)
		return NULL;
	switch (intake_store(reading->sql, result, i, reading->authserv_id, clock_wall(),
			     &reading->why)) {
	case INTAKE_STORED:
		return "stored";
	case INTAKE_DUPLICATE:
		return "duplicate";
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
	place->ledger = store_report(reading, result, i, status);
	if (*status != 0)
		return;
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
	const char *name = strrchr(item->path, '/');
	struct reader_result *result =
	    reader_read(item->fd, item->from, item->to, name == NULL ? item->path : name + 1,
			clock_wall(), &reading->why);
	int status = result == NULL ? -1 : 0;

	for (unsigned i = 0; status == 0 && i < reader_count(result); i++) {
		if (reader_report(result, i)->end.kind == INBOX_NOTHING)
			reading->unreadable++;
		else
			reading->read++;
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

/* 0 when all was read; 2 when a part was; 65 when nothing was; 66: a file could not be opened. */
static int conclude_reading(struct reading *reading, int failed)
{
	struct admin *admin = reading->admin;
	uint64_t all = reading->read + reading->unreadable;

	if (failed != 0) {
		admin_error(admin, "%s", reading->why.text);
		return ADMIN_NO_INPUT;
	}
	if (reading->unreadable > 0)
		admin_error(admin, "%" PRIu64 " of %" PRIu64 " reports could not be read",
			    reading->unreadable, all);
	if (reading->absent > 0)
		return ADMIN_NO_INPUT;
	if (reading->unreadable > 0)
		return reading->read > 0 ? ADMIN_PARTLY : ADMIN_BAD_INPUT;
	if (all == 0)
		admin_note(admin, "there are no files to read");
	return ADMIN_DONE;
}

static int inbox_read(struct admin *admin, int argc, char **argv)
{
	struct reading reading = {.admin = admin};
	bool store = false;
	int c, status = ADMIN_DONE, failed = 0;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		store = true;
	}
	if (optind == argc)
		return admin_usage(admin, "missing argument: FILE, DIR or -");
	if (store)
		reading.sql = inbox_ledger(admin, false, &status);
	if (status != ADMIN_DONE)
		return status;
	if (store)
		reading.authserv_id = inbox_authserv_id(admin);
	progress_begin(&reading.progress, admin, "files");
	for (int i = optind; i < argc && failed == 0; i++)
		failed = source_each(argv[i], read_item, tell_absent, &reading, &reading.why);
	progress_end(&reading.progress);
	sql_close(reading.sql);
	return conclude_reading(&reading, failed);
}

const struct admin_verb cmd_inbox[] = {
    {"inbox", "read", "FILE|DIR|-...", "Read reports that others sent, and print what they say",
     inbox_read, read_options, false},
    {"inbox", "list", "[DOMAIN]", "List the received reports that are stored, the newest first",
     inbox_list, inbox_list_options, false},
    {"inbox", "show", "ID", "Show a received report with its rows", inbox_show, NULL, false},
    {"inbox", "tls", "[DOMAIN]", "Show which TLS connections to a domain failed, by MX", inbox_tls,
     inbox_list_options, false},
    {"inbox", "expire", "", "Delete received reports that are older than inbox.keep", inbox_expire,
     NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
