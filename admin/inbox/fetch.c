/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mail is moved after the transaction that stored its reports, never before: a command that is
 * killed in between reads it again, and finds that its reports are there already.
 */
#include "admin/inbox/fetch.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/inbox/stored.h"
#include "lib/jsonout.h"
#include "admin/progress.h"
#include "lib/clock.h"
#include "lib/net/transfer.h"
#include "lib/span.h"
#include "report/inbox/imap.h"
#include "report/intake.h"
#include "report/send.h"

enum { OPTION_MAX = 256, MAILS = 10000, MAILS_MAX = 1000000 };

const struct admin_option inbox_fetch_options[] = {
    {"max", OPTION_MAX, "N", "read N mails at most (10000); the next run goes on"},
    {NULL, 0, NULL, NULL}};

struct fetching {
	struct admin *admin;
	struct imap_account account;
	struct intake intake;
	int64_t max_message;
	struct imap *imap;
	FILE *file;
	uint64_t outcomes[INTAKE_FAILED]; /* of reports that could be read */
	uint64_t mails, unreadable, too_large;
	uint32_t finished[IMAP_BATCH]; /* stored, and still in the folder */
	unsigned finished_count;
	struct why why;
};

/* ---- the account ---- */

static const char *or_null(const char *text)
{
	return text[0] == '\0' ? NULL : text;
}

static const char *password_path(struct admin *admin, const struct conf *conf)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY"); /* systemd.exec(5) */

	if (conf->inbox.imap_password_file[0] != '\0' || credentials == NULL)
		return or_null(conf->inbox.imap_password_file);
	return arena_printf(admin->arena, "%s/imap-password", credentials);
}

static int read_account(struct fetching *fetching)
{
	struct admin *admin = fetching->admin;
	const struct conf *conf = admin_conf(admin);
	const char *path;

	if (conf == NULL)
		return ADMIN_CONFIG;
	if (conf->inbox.imap[0] == '\0') {
		admin_error(admin, "inbox.imap is not set: no mailbox to read");
		return ADMIN_CONFIG;
	}
	path = password_path(admin, conf);
	if (path == NULL) {
		admin_error(admin, "inbox.imap_password_file is not set, and systemd has given no"
				   " credential imap-password");
		return ADMIN_CONFIG;
	}
	fetching->account =
	    (struct imap_account){.url = conf->inbox.imap,
				  .user = conf->inbox.imap_user,
				  .password = send_password(admin->arena, path, &fetching->why),
				  .ca_file = or_null(conf->inbox.imap_ca),
				  .folder = conf->inbox.imap_folder,
				  .done = or_null(conf->inbox.imap_done)};
	fetching->max_message = conf->inbox.max_message;
	return fetching->account.password != NULL ? ADMIN_DONE : ADMIN_CONFIG;
}

/* ---- one mail ---- */

static int store_reports(struct fetching *fetching, const struct reader_result *result,
			 const struct intake_mail *mail)
{
	for (unsigned i = 0; i < reader_count(result); i++) {
		enum intake_outcome outcome =
		    intake_store(&fetching->intake, result, i, mail, &fetching->why);

		if (outcome == INTAKE_FAILED)
			return -1;
		if (reader_report(result, i)->end.kind == INBOX_NOTHING)
			fetching->unreadable++;
		else
			fetching->outcomes[outcome]++;
	}
	return 0;
}

static int store_mail(struct fetching *fetching, uint32_t uid)
{
	struct intake_mail mail = {.name = arena_printf(fetching->admin->arena, "%s/%" PRIu32,
							fetching->account.folder, uid),
				   .received = clock_wall(),
				   .fd = fileno(fetching->file),
				   .end = ftell(fetching->file)};
	struct reader_result *result =
	    reader_read(mail.fd, 0, mail.end, NULL, mail.received, &fetching->why);
	int status = result == NULL ? -1 : store_reports(fetching, result, &mail);

	reader_free(result);
	return status;
}

/* What is stored leaves the folder. */
static int finish_mails(struct fetching *fetching)
{
	unsigned count = fetching->finished_count;

	fetching->finished_count = 0;
	return count == 0 ? 0
			  : imap_finish(fetching->imap, fetching->finished, count, &fetching->why);
}

static int fetch_mail(struct fetching *fetching, const struct imap_message *message)
{
	int status;

	if (message->size > fetching->max_message) {
		fetching->too_large++;
		return 0;
	}
	status = imap_fetch(fetching->imap, message->uid, fetching->max_message, fetching->file,
			    &fetching->why);
	if (status != 0)
		return status < 0 ? -1 : 0;
	if (store_mail(fetching, message->uid) != 0)
		return -1;
	fetching->mails++;
	fetching->finished[fetching->finished_count++] = message->uid;
	return fetching->finished_count == IMAP_BATCH ? finish_mails(fetching) : 0;
}

/* ---- all of them ---- */

static int fetch_mails(struct fetching *fetching)
{
	unsigned count = imap_count(fetching->imap);
	struct progress progress;
	int status = 0;

	progress_begin(&progress, fetching->admin, "mails");
	for (unsigned i = 0; i < count && status == 0; i++) {
		status = fetch_mail(fetching, imap_message(fetching->imap, i));
		progress_show(&progress, (int64_t)i + 1, (int64_t)count);
	}
	progress_end(&progress);
	return status == 0 ? finish_mails(fetching) : -1;
}

static void print_outcome(const struct fetching *f, uint64_t more)
{
	struct admin *admin = f->admin;
	struct jsonout *json;

	if (!admin->json) {
		if (!admin->quiet)
			printf("%" PRIu64 " mails read: %" PRIu64 " reports stored, %" PRIu64
			       " were there already, %" PRIu64
			       " of them authenticated now, %" PRIu64 " not kept, %" PRIu64
			       " mails unreadable\n",
			       f->mails, f->outcomes[INTAKE_STORED],
			       f->outcomes[INTAKE_DUPLICATE] + f->outcomes[INTAKE_CONFIRMED],
			       f->outcomes[INTAKE_CONFIRMED], f->outcomes[INTAKE_NOT_KEPT],
			       f->unreadable);
		return;
	}
	json = jsonout_new(admin->arena, "inbox.fetch");
	jsonout_int(json, "mails", (int64_t)f->mails);
	jsonout_int(json, "stored", (int64_t)f->outcomes[INTAKE_STORED]);
	jsonout_int(json, "duplicates", (int64_t)f->outcomes[INTAKE_DUPLICATE]);
	jsonout_int(json, "confirmed", (int64_t)f->outcomes[INTAKE_CONFIRMED]);
	jsonout_int(json, "not_kept", (int64_t)f->outcomes[INTAKE_NOT_KEPT]);
	jsonout_int(json, "unreadable", (int64_t)f->unreadable);
	jsonout_int(json, "too_large", (int64_t)f->too_large);
	jsonout_int(json, "left", (int64_t)more);
	admin_print_json(admin, json);
}

static int conclude_fetching(struct fetching *fetching, int failed, uint64_t more)
{
	struct admin *admin = fetching->admin;

	if (failed != 0)
		admin_error(admin, "%s", fetching->why.text);
	if (fetching->too_large > 0)
		admin_error(admin,
			    "%" PRIu64 " mails are larger than inbox.max_message and stay in"
			    " the folder",
			    fetching->too_large);
	if (more > 0)
		admin_note(admin, "%" PRIu64 " mails are left for the next run", more);
	print_outcome(fetching, more);
	if (failed != 0)
		return ADMIN_TEMPORARY;
	return fetching->too_large > 0 ? ADMIN_PARTLY : ADMIN_DONE;
}

static int run_fetching(struct fetching *fetching, unsigned max)
{
	uint64_t more = 0;
	int failed = -1;

	if (transfer_init(&fetching->why) == 0)
		fetching->imap = imap_open(&fetching->account, max, &fetching->why);
	if (fetching->imap != NULL) {
		more = imap_more(fetching->imap);
		failed = fetch_mails(fetching);
	}
	imap_close(fetching->imap);
	return conclude_fetching(fetching, failed, more);
}

static int read_max(struct admin *admin, int argc, char **argv, unsigned *max)
{
	uint64_t number = MAILS;
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (!span_number(span_of(optarg), MAILS_MAX, &number) || number == 0)
			return admin_usage(admin, "--max: \"%s\" is not a number from 1 to %d",
					   optarg, MAILS_MAX);
	}
	*max = (unsigned)number;
	return optind == argc ? ADMIN_DONE
			      : admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
}

int inbox_fetch(struct admin *admin, int argc, char **argv)
{
	struct fetching fetching = {.admin = admin};
	unsigned max = MAILS;
	int status = read_max(admin, argc, argv, &max);

	if (status == ADMIN_DONE)
		status = read_account(&fetching);
	if (status == ADMIN_DONE)
		status = inbox_open_intake(admin, &fetching.intake, &fetching.why);
	if (status != ADMIN_DONE) {
		if (fetching.why.text[0] != '\0')
			admin_error(admin, "%s", fetching.why.text);
		return status;
	}
	if (admin_conf(admin)->inbox.imap_authserv_id[0] != '\0')
		fetching.intake.authserv_id = admin_conf(admin)->inbox.imap_authserv_id;
	fetching.file = tmpfile();
	if (fetching.file != NULL) {
		status = run_fetching(&fetching, max);
		fclose(fetching.file);
	} else {
		admin_error(admin, "no temporary file can be made");
		status = ADMIN_TEMPORARY;
	}
	intake_close(&fetching.intake);
	return status;
}
