/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two summaries, key by key and subject by subject. What only grew better is a change like any
 * other: it is told, as a hint.
 */
#include <stdlib.h>
#include <string.h>

#include "audit/judge.h"
#include "audit/watch/summary.h"

/* Items of one key and subject; they are neighbours. */
struct group {
	const struct summary_item *items;
	unsigned count;
};

struct difference {
	struct judge *judge;
	const char *key, *subject;
	struct group before, after;
};

/* ---- kinds of keys ---- */

static void find_pair(const struct difference *d, enum audit_rule rule, const char *what)
{
	judge_find(d->judge, rule, d->subject, "%s of %s: %s before, %s now", what, d->subject,
		   d->before.count > 0 ? d->before.items[0].value : "none",
		   d->after.count > 0 ? d->after.items[0].value : "none");
}

static const char *list_values(const struct difference *d, const struct group *group)
{
	const char *all = "";

	for (unsigned i = 0; i < group->count; i++)
		all = arena_printf(d->judge->arena, "%s%s%s", all, i == 0 ? "" : ", ",
				   group->items[i].value);
	return all;
}

static const char *upper_key(const struct difference *d)
{
	static const struct {
		const char *key, *text;
	} names[] = {{"mx", "MX"},        {"ns", "NS"},          {"ds", "DS"},
		     {"spf", "SPF"},      {"dmarc", "DMARC"},    {"sts", "MTA-STS"},
		     {"bimi", "BIMI"},    {"tlsrpt", "TLS-RPT"}, {"tlsa", "TLSA"},
		     {"dkim", "DKIM key"}};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i].key, d->key) == 0)
			return names[i].text;
	}
	return d->key;
}

static void compare_records(const struct difference *d)
{
	const char *what = upper_key(d);

	if (d->after.count == 0) {
		judge_find(d->judge, AUDIT_WATCH_GONE, d->subject, "%s of %s is gone: %s", what,
			   d->subject, list_values(d, &d->before));
		return;
	}
	judge_find(d->judge, AUDIT_WATCH_CHANGED, d->subject, "%s of %s: %s%s%s%s", what,
		   d->subject, d->before.count == 0 ? "new: " : "",
		   d->before.count == 0 ? "" : list_values(d, &d->before),
		   d->before.count == 0 ? "" : " before, now ", list_values(d, &d->after));
}

static void compare_servers(const struct difference *d)
{
	if (d->after.count == 0 || d->before.count == 0)
		compare_records(d);
	else
		judge_find(d->judge, AUDIT_WATCH_NS, d->subject,
			   "name servers of %s: %s before, now %s", d->subject,
			   list_values(d, &d->before), list_values(d, &d->after));
}

/* The place of the group's value in WORDS; one that is not there is the weakest. */
static int rank_value(const struct group *group, const char *const *words)
{
	int rank = 0;

	for (int i = 0; group->count > 0 && words[i] != NULL; i++) {
		if (strcmp(words[i], group->items[0].value) == 0)
			rank = i;
	}
	return rank;
}

static void compare_ranks(const struct difference *d, const char *const *words,
			  enum audit_rule rule, const char *what)
{
	if (rank_value(&d->after, words) < rank_value(&d->before, words))
		find_pair(d, rule, what);
}

static void compare_p(const struct difference *d)
{
	static const char *const words[] = {"none", "quarantine", "reject", NULL};

	compare_ranks(d, words, AUDIT_WATCH_WEAKER, d->key + strlen("policy."));
}

static void compare_testing(const struct difference *d)
{
	static const char *const words[] = {"y", "n", NULL};

	if (d->after.count > 0 && d->before.count > 0)
		compare_ranks(d, words, AUDIT_WATCH_WEAKER, "t");
}

static void compare_mode(const struct difference *d)
{
	static const char *const words[] = {"none", "testing", "enforce", NULL};

	compare_ranks(d, words, AUDIT_WATCH_WEAKER, "the mode of the MTA-STS policy");
}

static void compare_all(const struct difference *d)
{
	static const char *const words[] = {"+", "?", "~", "-", NULL};

	if (d->after.count > 0)
		compare_ranks(d, words, AUDIT_WATCH_WIDER, "\"all\" of SPF");
}

static unsigned long long number_of(const struct group *group)
{
	return group->count > 0 ? strtoull(group->items[0].value, NULL, 10) : 0;
}

static void compare_addresses(const struct difference *d)
{
	if (d->before.count > 0 && number_of(&d->after) > number_of(&d->before))
		judge_find(d->judge, AUDIT_WATCH_WIDER, d->subject,
			   "SPF of %s: %llu IPv4 addresses before, %llu now", d->subject,
			   number_of(&d->before), number_of(&d->after));
}

/* "ID DIGEST": senders fetch the policy again only when the id is another one. */
static void compare_policy(const struct difference *d)
{
	size_t id;

	if (d->after.count == 0 || d->before.count == 0)
		return;
	id = strcspn(d->after.items[0].value, " ") + 1;
	if (strncmp(d->after.items[0].value, d->before.items[0].value, id) == 0)
		judge_find(d->judge, AUDIT_STS_ID_SAME, d->subject,
			   "the policy has changed, but the id is still %.*s", (int)id - 1,
			   d->after.items[0].value);
}

static void compare_lists(const struct difference *d)
{
	if (d->after.count > d->before.count)
		judge_find(d->judge, AUDIT_WATCH_LISTED, d->subject, "%s is in %s", d->subject,
			   list_values(d, &d->after));
}

static void compare_ends(const struct difference *d)
{
	if (d->before.count == 0)
		judge_find(d->judge, AUDIT_WATCH_ENDS, d->subject, "%s: the certificate ends on %s",
			   d->subject, d->after.items[0].value);
}

static void compare_old(const struct difference *d)
{
	if (d->before.count == 0)
		judge_find(d->judge, AUDIT_WATCH_ENDS, d->subject,
			   "the DKIM key %s has signed for long: countersign key rotate",
			   d->subject);
}

static const struct {
	const char *key;
	void (*compare)(const struct difference *d);
} kinds[] = {
    {"ns", compare_servers},
    {"policy.p", compare_p},
    {"policy.sp", compare_p},
    {"policy.np", compare_p},
    {"policy.t", compare_testing},
    {"sts.mode", compare_mode},
    {"sts.policy", compare_policy},
    {"spf.all", compare_all},
    {"spf.addresses", compare_addresses},
    {"listed", compare_lists},
    {"ends", compare_ends},
    {"old", compare_old},
};

/* ---- both ---- */

static bool is_same(const struct group *a, const struct group *b)
{
	if (a->count != b->count)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		if (strcmp(a->items[i].value, b->items[i].value) != 0)
			return false;
	}
	return true;
}

static void judge_difference(const struct difference *d)
{
	if (is_same(&d->before, &d->after))
		return;
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].key, d->key) == 0) {
			kinds[i].compare(d);
			return;
		}
	}
	compare_records(d);
}

static int compare_heads(const struct summary_item *a, const struct summary_item *b)
{
	int order = strcmp(a->key, b->key);

	return order != 0 ? order : strcmp(a->subject, b->subject);
}

/* The items from *AT on with the key and subject of HEAD; *AT is then behind them. */
static struct group take_group(const struct summary *summary, unsigned *at,
			       const struct summary_item *head)
{
	struct group group = {summary->items + *at, 0};

	while (*at < summary->count && compare_heads(&summary->items[*at], head) == 0) {
		(*at)++;
		group.count++;
	}
	return group;
}

struct audit_findings summary_compare(const struct audit_settings *settings,
				      const struct summary *before, const struct summary *after,
				      struct arena *arena)
{
	struct judge judge = {.settings = settings, .arena = arena};
	unsigned b = 0, a = 0;

	while (b < before->count || a < after->count) {
		const struct summary_item *head =
		    a == after->count || (b < before->count &&
					  compare_heads(&before->items[b], &after->items[a]) < 0)
			? &before->items[b]
			: &after->items[a];
		struct difference d = {.judge = &judge, .key = head->key, .subject = head->subject};

		d.before = take_group(before, &b, head);
		d.after = take_group(after, &a, head);
		judge_difference(&d);
	}
	return judge.findings;
}
