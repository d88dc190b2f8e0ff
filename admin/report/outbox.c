/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The verbs of `countersign report` that only look at the outbox or change what the next sending
 * finds there: failure reports listed, what is to be tried again, what gets nothing.
 */
#include "admin/report/send.h"

#include <getopt.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "context/context.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "policy/dmarc/destination.h"

enum { RETRY_DAYS = 30, FAILURE_DAYS = 10 };

/* ---- the outbox of the settings ---- */

struct outbox *report_outbox(struct admin *admin, enum outbox_mode mode, bool local, int *status)
{
	const struct conf *conf = admin_conf(admin);
	struct ledger_settings settings;
	struct ledger *ledger = NULL;
	struct outbox *outbox = NULL;
	struct why why = {""};
	bool busy;

	*status = ADMIN_CONFIG;
	if (conf == NULL)
		return NULL;
	if (context_store(conf, local, &settings, &why) != 0) {
		admin_error(admin, "%s", why.text);
		return NULL;
	}
	*status = ADMIN_UNAVAILABLE;
	ledger = ledger_open(&settings, &why); /* it is the daemon that makes one */
	if (ledger != NULL)
		outbox = outbox_open(&settings, mode, &busy, &why);
	ledger_close(ledger);
	if (outbox == NULL)
		admin_error(admin, "%s", why.text);
	return outbox;
}

/* ---- report retry ---- */

static bool is_over(const struct outbox_delivery *delivery)
{
	return delivery->state == OUTBOX_FAILED || delivery->state == OUTBOX_DEFERRED ||
	       delivery->state == OUTBOX_SUPPRESSED;
}

static int retry_all(const struct report_choice *choice, struct outbox *outbox, struct why *why)
{
	struct outbox_delivery *list;
	int64_t now = clock_wall();
	int again = 0, count = outbox_range(outbox, choice->domain, choice->from, choice->to,
					    choice->admin->arena, &list, why);

	for (int i = 0; i < count; i++) {
		if (!is_over(&list[i]))
			continue;
		list[i].state = OUTBOX_DEFERRED;
		list[i].tries = 0;
		list[i].next = now;
		if (outbox_mark(outbox, &list[i], why) != 0)
			return -1;
		again++;
	}
	return count < 0 ? -1 : again;
}

int report_retry(struct admin *admin, int argc, char **argv)
{
	struct report_choice choice = {.admin = admin};
	struct outbox *outbox;
	struct why why = {""};
	int status, again;

	choice.to = clock_day(clock_wall());
	choice.from = choice.to - RETRY_DAYS;
	if (report_choice_read(&choice, argc, argv) != 0)
		return ADMIN_USAGE;
	outbox = report_outbox(admin, OUTBOX_CHANGE, false, &status);
	if (outbox == NULL)
		return status;
	again = retry_all(&choice, outbox, &why);
	outbox_close(outbox);
	if (again < 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	admin_note(admin,
		   "%d will be tried again; the daemon does it within half an hour, or:"
		   " countersign report send",
		   again);
	return again > 0 ? ADMIN_DONE : ADMIN_NO;
}

/* ---- report suppress, unsuppress ---- */

static const char *until_text(const struct outbox_suppression *s, char text[CLOCK_TEXT_MAX])
{
	return s->until == OUTBOX_FOR_EVER ? "for ever" : clock_day_text(clock_day(s->until), text);
}

static void suppressions_json(struct admin *admin, const struct outbox_suppression *list, int count)
{
	struct jsonout *json = jsonout_new(admin->arena, "report.suppress");
	char text[CLOCK_TEXT_MAX];

	jsonout_array(json, "suppressed");
	for (int i = 0; i < count; i++) {
		bool for_ever = list[i].until == OUTBOX_FOR_EVER;

		if (list[i].until <= clock_wall())
			continue;
		jsonout_object(json, NULL);
		jsonout_text(json, "name", list[i].address);
		jsonout_text(json, "until", for_ever ? NULL : clock_utc_text(list[i].until, text));
		jsonout_int(json, "failures", list[i].failures);
		jsonout_text(json, "reason", list[i].reason);
		jsonout_end(json);
	}
	admin_print_json(admin, json);
}

static void suppressions_text(struct admin *admin, const struct outbox_suppression *list, int count)
{
	static const char *const headings[] = {"NAME", "UNTIL", "REASON"};
	struct out_table *table = out_table_new(admin->arena, headings, 3);
	char text[CLOCK_TEXT_MAX];
	unsigned shown = 0;

	for (int i = 0; i < count; i++) {
		if (list[i].until <= clock_wall())
			continue;
		out_cell(table, OUT_PLAIN, "%s", list[i].address);
		out_cell(table, OUT_PLAIN, "%s", until_text(&list[i], text));
		out_cell(table, OUT_PLAIN, "%s", list[i].reason == NULL ? "" : list[i].reason);
		shown++;
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
	if (shown == 0)
		admin_note(admin, "nothing is suppressed");
}

static int list_suppressions(struct admin *admin, struct outbox *outbox, struct why *why)
{
	struct outbox_suppression *list;
	int count = outbox_suppressions(outbox, admin->arena, &list, why);

	if (count >= 0)
		(admin->json ? suppressions_json : suppressions_text)(admin, list, count);
	return count < 0 ? -1 : 0;
}

/* An address or a domain as the sender looks it up; NULL: neither. */
static const char *normal_name(struct admin *admin, const char *text)
{
	struct destination list[DESTINATION_MAX];

	if (strchr(text, '@') == NULL)
		return domain_to_ascii(admin->arena, span_of(text));
	text = arena_printf(admin->arena, "mailto:%s", text);
	return destination_parse(admin->arena, span_of(text), list) == 1 ? list[0].address : NULL;
}

static int change_suppression(struct admin *admin, struct outbox *outbox, const char *text,
			      bool suppress)
{
	struct outbox_suppression s = {.until = suppress ? OUTBOX_FOR_EVER : 0,
				       .reason = "by hand"};
	struct why why = {""};
	int result;

	s.address = normal_name(admin, text);
	if (s.address == NULL)
		return admin_usage(admin, "\"%s\" is neither an address nor a domain", text);
	result = outbox_suppress(outbox, &s, &why);
	if (result < 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	if (suppress || result == 1)
		return ADMIN_DONE;
	admin_error(admin, "%s was not suppressed", s.address);
	return ADMIN_NO;
}

int report_suppress(struct admin *admin, int argc, char **argv)
{
	struct outbox *outbox;
	struct why why = {""};
	int status = admin_args(admin, argc, argv, 0, -1);
	bool listing;

	if (status != 0)
		return status;
	listing = optind == argc;
	outbox = report_outbox(admin, listing ? OUTBOX_READ : OUTBOX_CHANGE, false, &status);
	if (outbox == NULL)
		return status;
	status = ADMIN_DONE;
	if (listing && list_suppressions(admin, outbox, &why) != 0) {
		admin_error(admin, "%s", why.text);
		status = ADMIN_UNAVAILABLE;
	}
	for (int i = optind; i < argc && status == ADMIN_DONE; i++)
		status = change_suppression(admin, outbox, argv[i], true);
	outbox_close(outbox);
	return status;
}

int report_unsuppress(struct admin *admin, int argc, char **argv)
{
	struct outbox *outbox;
	int status = admin_args(admin, argc, argv, 1, -1);

	if (status != 0)
		return status;
	outbox = report_outbox(admin, OUTBOX_CHANGE, false, &status);
	if (outbox == NULL)
		return status;
	status = ADMIN_DONE;
	for (int i = optind; i < argc && status == ADMIN_DONE; i++)
		status = change_suppression(admin, outbox, argv[i], false);
	outbox_close(outbox);
	return status;
}

/* ---- report failures ---- */

static void failures_json(struct admin *admin, const struct outbox_delivery *list, int count)
{
	struct jsonout *json = jsonout_new(admin->arena, "report.failures");
	char text[CLOCK_TEXT_MAX];

	jsonout_array(json, "deliveries");
	for (int i = 0; i < count; i++) {
		const struct outbox_delivery *d = &list[i];

		if (d->kind != OUTBOX_FAILURE)
			continue;
		jsonout_object(json, NULL);
		jsonout_text(json, "day", clock_day_text(d->day, text));
		jsonout_text(json, "domain", d->domain);
		jsonout_text(json, "id", d->config);
		jsonout_text(json, "address", d->address);
		jsonout_text(json, "sent_to", d->sent_to == NULL ? d->address : d->sent_to);
		jsonout_text(json, "state", outbox_state_text(d->state));
		jsonout_int(json, "tries", d->tries);
		jsonout_text(json, "next", d->next == 0 ? NULL : clock_utc_text(d->next, text));
		jsonout_text(json, "reply", d->reply);
		jsonout_end(json);
	}
	admin_print_json(admin, json);
}

static void failures_text(struct admin *admin, const struct outbox_delivery *list, int count)
{
	static const char *const headings[] = {"DAY", "DOMAIN", "TO", "STATE", "REPLY"};
	struct out_table *table = out_table_new(admin->arena, headings, 5);
	char text[CLOCK_TEXT_MAX];
	unsigned shown = 0;

	for (int i = 0; i < count; i++) {
		const struct outbox_delivery *d = &list[i];

		if (d->kind != OUTBOX_FAILURE)
			continue;
		out_cell(table, OUT_PLAIN, "%s", clock_day_text(d->day, text));
		out_cell(table, OUT_PLAIN, "%s", d->domain);
		out_cell(table, OUT_PLAIN, "%s", d->sent_to == NULL ? d->address : d->sent_to);
		out_cell(table, OUT_PLAIN, "%s", outbox_state_text(d->state));
		out_cell(table, OUT_PLAIN, "%s", d->reply == NULL ? "" : d->reply);
		shown++;
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
	if (shown == 0)
		admin_note(admin, "there is none of these days; see failures.send");
}

int report_failures(struct admin *admin, int argc, char **argv)
{
	struct report_choice choice = {.admin = admin};
	struct outbox_delivery *list;
	struct outbox *outbox;
	struct why why = {""};
	int status, count;

	choice.to = clock_day(clock_wall());
	choice.from = choice.to - FAILURE_DAYS;
	if (report_choice_read(&choice, argc, argv) != 0)
		return ADMIN_USAGE;
	outbox = report_outbox(admin, OUTBOX_READ, true, &status);
	if (outbox == NULL)
		return status;
	count =
	    outbox_range(outbox, choice.domain, choice.from, choice.to, admin->arena, &list, &why);
	outbox_close(outbox);
	if (count < 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	(admin->json ? failures_json : failures_text)(admin, list, count);
	return ADMIN_DONE;
}
