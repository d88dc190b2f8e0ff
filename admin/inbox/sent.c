/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/inbox/sent.h"

#include <inttypes.h>

#include "admin/inbox/stored.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "report/sent.h"

const struct admin_option store_sent_options[] = {
    {"since", INBOX_SINCE, "WHEN", "sent on this day, UTC, or later (30d): 2026-11-22, today, 7d"},
    {NULL, 0, NULL, NULL}};

struct listing {
	struct out_table *table;
	struct jsonout *json;
	uint64_t count;
};

static int list_sent(void *arg, const struct sent *sent)
{
	struct listing *listing = arg;
	char day[CLOCK_TEXT_MAX];

	listing->count++;
	clock_day_text(sent->day, day);
	if (listing->json != NULL) {
		jsonout_object(listing->json, NULL);
		jsonout_text(listing->json, "header_from", sent->header_from);
		jsonout_text(listing->json, "domain", sent->domain);
		jsonout_text(listing->json, "selector", sent->selector);
		jsonout_text(listing->json, "mail_from", sent->mail_from);
		jsonout_text(listing->json, "rcpt_domain", sent->rcpt_domain);
		jsonout_int(listing->json, "messages", sent->messages);
		jsonout_int(listing->json, "signatures", sent->signatures);
		jsonout_text(listing->json, "last_day", day);
		jsonout_end(listing->json);
		return 0;
	}
	out_cell(listing->table, OUT_PLAIN, "%s", sent->header_from);
	out_cell(listing->table, sent->domain[0] == '\0' ? OUT_WARN : OUT_PLAIN, "%s%s%s",
		 inbox_or_dash(sent->domain), sent->domain[0] == '\0' ? "" : "/", sent->selector);
	out_cell(listing->table, OUT_PLAIN, "%s", inbox_or_dash(sent->mail_from));
	out_cell(listing->table, OUT_PLAIN, "%s", inbox_or_dash(sent->rcpt_domain));
	out_cell(listing->table, OUT_PLAIN, "%" PRId64, sent->messages);
	out_cell(listing->table, OUT_PLAIN, "%" PRId64, sent->signatures);
	out_cell(listing->table, OUT_DIM, "%s", day);
	return 0;
}

int store_sent(struct admin *admin, int argc, char **argv)
{
	static const char *const headings[] = {"FROM",      "SIGNATURE",   "ENVELOPE", "TO",
					       ">MESSAGES", ">SIGNATURES", "LAST"};
	struct listing listing = {.count = 0};
	struct inbox_choice choice;
	int status = inbox_choice_read(admin, argc, argv, &choice), result;
	struct sql *sql = status == ADMIN_DONE ? inbox_ledger(admin, &status) : NULL;
	struct sent_query query = {choice.domain, clock_day(choice.since), INT32_MAX};
	struct why why = {""};

	if (sql == NULL)
		return status;
	if (admin->json) {
		listing.json = jsonout_new(admin->arena, "store.sent");
		jsonout_array(listing.json, "sent");
	} else {
		listing.table = out_table_new(admin->arena, headings, 7);
	}
	result = sent_sum(sql, &query, list_sent, &listing, &why);
	sql_close(sql);
	if (result != 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	if (admin->json)
		admin_print_json(admin, listing.json);
	else
		out_table_print(listing.table, stdout, admin_color(admin, stdout));
	if (!admin->json && listing.count == 0)
		admin_note(admin, "no mail of your own was counted");
	return ADMIN_DONE;
}
