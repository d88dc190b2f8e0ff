/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/page_mail.h"

#include "context/context.h"
#include "context/page.h"
#include "keys/publickeys.h"
#include "lib/clock.h"
#include "report/page/page.h"
#include "report/page/summary.h"

enum { DAYS = 30, WEEK = 7, MONDAY = 3 }; /* day 0 was a Thursday */

static const int64_t dns_patience = 60 * CLOCK_SECOND;

/* The day on which the period of TODAY began, by which its mail is known. */
static int32_t begin_of_period(const struct conf *conf, int32_t today)
{
	return conf->page.mail_every == CONF_EVERY_DAY ? today : today - (today + MONDAY) % WEEK;
}

void page_mail_make(const struct page_facts *facts, struct arena *arena, struct notice *notice)
{
	const char *of = facts->only == NULL ? facts->host : facts->only;
	struct buf page, text;
	char day[CLOCK_TEXT_MAX];

	buf_init(&page, arena, 0);
	buf_init(&text, arena, 0);
	page_write(&page, facts, arena);
	summary_text(&text, facts, arena);
	clock_day_text(facts->first_day + (int32_t)facts->days - 1, day);
	*notice = (struct notice){.subject = arena_printf(arena, "Mail of %s, %s", of, day),
				  .text = buf_view(&text),
				  .file_name = arena_printf(arena, "countersign-%s.html", day),
				  .html = buf_view(&page)};
}

/* NULL: keys are not known here, which the page shows. */
static struct keyring *read_keyring(const struct conf *conf, const char *keys)
{
	struct why why;

	if (!context_uses_keys(conf))
		return NULL;
	return keys != NULL ? publickeys_read(span_of(keys), NULL, &why)
			    : keyring_load(conf->sign.keys, context_key_access(conf), &why);
}

static int make_mail(const struct sending *sending, const struct conf *conf,
		     const struct notice_name *name, page_mail_daemon *daemon, void *arg,
		     struct why *why)
{
	struct arena *arena = arena_new(0);
	const struct page_inputs inputs = {
	    .conf = conf,
	    .site = site_new(conf, sending->sender.dns, read_keyring(conf, sending->keys)),
	    .deadline = clock_mono() + dns_patience};
	struct page_facts facts = {.only = NULL};
	struct notice notice;
	int result;

	page_set_days(&facts, DAYS);
	facts.changed_day =
	    facts.first_day + DAYS - 1 - (conf->page.mail_every == CONF_EVERY_DAY ? 1 : WEEK);
	facts.since_last_page = true;
	result = page_collect(&facts, &inputs, arena, why);
	if (result == 0) {
		daemon(arg, &facts);
		page_mail_make(&facts, arena, &notice);
		result = notice_put(sending->sender.outbox, name, &notice, conf->page.mail.items,
				    conf->page.mail.count, why);
	}
	site_free(inputs.site);
	arena_free(arena);
	return result < 0 ? -1 : 0;
}

int page_mail_put(const struct sending *sending, const struct conf *conf, page_mail_daemon *daemon,
		  void *arg, struct why *why)
{
	const struct notice_name name = {sending->settings.reporter.receiver,
					 begin_of_period(conf, clock_day(clock_wall())), "page"};
	int found;

	if (conf->page.mail.count == 0 || sending->sender.dry_run)
		return 0;
	found = notice_find(sending->sender.outbox, &name, why);
	if (found != 0)
		return found < 0 ? -1 : 0;
	return make_mail(sending, conf, &name, daemon, arg, why);
}
