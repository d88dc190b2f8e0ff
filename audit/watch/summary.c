/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys, and what they are made of, are in make_*(); the form of the file is "key TAB subject TAB
 * value" in lines, after one with the version.
 */
#include "audit/watch/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto/hash.h"

enum { DAY = 86400, CERTIFICATE_DAYS = 21, MARK_DAYS = 30, DAY_LENGTH = 10 };

static const char version[] = "countersign audit 1";

/* ---- items ---- */

static const char *clean_value(struct arena *arena, const char *value)
{
	char *copy = arena_copy(arena, value, strnlen(value, SUMMARY_VALUE_MAX));

	for (char *p = copy; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			*p = '?';
	}
	return copy;
}

static void add_item(struct summary *summary, const char *key, const char *subject,
		     const char *value)
{
	if (summary->count == SUMMARY_ITEMS_MAX)
		return;
	summary->items[summary->count++] = (struct summary_item){
	    key, clean_value(summary->arena, subject), clean_value(summary->arena, value)};
}

static bool is_unknown(const struct summary *summary, const char *key)
{
	for (unsigned i = 0; i < summary->unknown_count; i++) {
		if (strcmp(summary->unknown[i], key) == 0)
			return true;
	}
	return false;
}

static void mark_unknown(struct summary *summary, const char *key)
{
	if (!is_unknown(summary, key) &&
	    summary->unknown_count < sizeof summary->unknown / sizeof *summary->unknown)
		summary->unknown[summary->unknown_count++] = key;
}

/* Those that IS takes for its own; NULL: all. */
static void add_answer(struct summary *summary, const char *key, const struct audit_answer *answer,
		       bool (*is)(struct span text))
{
	if (answer->name != NULL && answer->status == DNS_TEMPFAIL)
		mark_unknown(summary, key);
	for (unsigned i = 0; i < answer->count; i++) {
		const struct dns_record *record = &answer->records[i];

		if (is == NULL || is(span_make(record->text, record->length)))
			add_item(summary, key, answer->name,
				 audit_record_text(summary->arena, answer->type, record));
	}
}

/* ---- parts ---- */

static void make_records(struct summary *summary, const struct audit_facts *facts)
{
	add_answer(summary, "mx", &facts->mail.mx, NULL);
	add_answer(summary, "ns", &facts->zone.ns, NULL);
	add_answer(summary, "ds", &facts->zone.ds, NULL);
	if (facts->zone.apex == NULL) {
		mark_unknown(summary, "ns");
		mark_unknown(summary, "ds");
	}
	add_answer(summary, "sts", &facts->tls.sts, sts_record_is);
	add_answer(summary, "tlsrpt", &facts->tls.rpt, NULL);
	add_answer(summary, "bimi", &facts->tls.bimi, bimi_record_is);
	for (unsigned i = 0; i < facts->mail.host_count; i++)
		add_answer(summary, "tlsa", &facts->mail.hosts[i].tlsa, NULL);
	if (facts->mail.mx.status == DNS_TEMPFAIL)
		mark_unknown(summary, "tlsa");
	for (unsigned i = 0; i < facts->dkim.count; i++)
		add_answer(summary, "dkim", &facts->dkim.keys[i].txt, NULL);
}

static void make_spf(struct summary *summary, const struct audit_facts *facts)
{
	const struct audit_spf *spf = &facts->spf;

	if (spf->txt.status == DNS_TEMPFAIL) {
		mark_unknown(summary, "spf");
		mark_unknown(summary, "spf.all");
	}
	if (spf->txt.status == DNS_TEMPFAIL || spf->unknown)
		mark_unknown(summary, "spf.addresses");
	if (spf->record == NULL)
		return;
	add_item(summary, "spf", facts->domain, spf->record);
	if (spf->all != '\0')
		add_item(summary, "spf.all", facts->domain,
			 arena_printf(summary->arena, "%c", spf->all));
	if (!spf->unknown)
		add_item(summary, "spf.addresses", facts->domain,
			 arena_printf(summary->arena, "%" PRIu64, spf->own + spf->included));
}

static void make_dmarc(struct summary *summary, const struct audit_facts *facts)
{
	static const char *const keys[] = {"dmarc", "policy.p", "policy.sp", "policy.np",
					   "policy.t"};
	const struct dmarc_record *record = facts->dmarc.record;

	for (unsigned i = 0; facts->dmarc.unknown && i < sizeof keys / sizeof *keys; i++)
		mark_unknown(summary, keys[i]);
	if (record == NULL)
		return;
	add_item(summary, "dmarc", facts->dmarc.found_at, record->text);
	add_item(summary, "policy.p", facts->domain, name_text(dmarc_policy_names, (int)record->p));
	add_item(summary, "policy.sp", facts->domain,
		 name_text(dmarc_policy_names, (int)record->sp));
	add_item(summary, "policy.np", facts->domain,
		 name_text(dmarc_policy_names, (int)record->np));
	add_item(summary, "policy.t", facts->domain, record->testing ? "y" : "n");
}

static void make_policy(struct summary *summary, const struct audit_facts *facts)
{
	const struct probe_policy *found = &facts->probe.policy;
	uint8_t digest[CRYPT_DIGEST_LEN];
	char hex[2 * CRYPT_DIGEST_LEN + 1];

	if (found->text == NULL) {
		mark_unknown(summary, "sts.mode");
		mark_unknown(summary, "sts.policy");
		return;
	}
	crypt_sha256(found->text, strlen(found->text), digest);
	for (unsigned i = 0; i < CRYPT_DIGEST_LEN; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	add_item(summary, "sts.mode", facts->domain,
		 name_text(sts_mode_names, (int)found->policy.mode));
	if (facts->tls.sts_id != NULL)
		add_item(summary, "sts.policy", facts->domain,
			 arena_printf(summary->arena, "%s %s", facts->tls.sts_id, hex));
}

static void make_lists(struct summary *summary, const struct audit_facts *facts)
{
	for (unsigned i = 0; i < facts->mail.address_count; i++) {
		const struct audit_address *address = &facts->mail.addresses[i];
		char text[IP_TEXT_MAX];

		for (unsigned n = 0; n < address->listing_count; n++) {
			const struct audit_listing *listing = &address->listings[n];

			if (listing->answer.status == DNS_TEMPFAIL)
				mark_unknown(summary, "listed");
			else if (listing->answer.count > 0)
				add_item(summary, "listed", ip_text(&address->ip, text),
					 listing->list);
		}
	}
}

/* ---- what ends soon ---- */

static void add_end(struct summary *summary, const struct audit_settings *settings,
		    const char *subject, int64_t end, unsigned days)
{
	char text[CLOCK_TEXT_MAX];

	if (end != 0 && end - settings->now < (int64_t)days * DAY)
		add_item(summary, "ends", subject, clock_day_text(clock_day(end), text));
}

static void make_mark(struct summary *summary, const struct audit_settings *settings,
		      const struct audit_facts *facts)
{
	const struct bimi_findings *findings = facts->probe.certificate.findings;

	for (unsigned i = 0; findings != NULL && i < findings->fact_count; i++) {
		struct span day = span_of(findings->facts[i].text);
		int32_t end;

		if (span_len(day) > DAY_LENGTH)
			day.end = day.p + DAY_LENGTH;
		if (strcmp(findings->facts[i].name, "not_after") == 0 &&
		    clock_day_parse(day, &end)) {
			add_end(summary, settings, "mark certificate", clock_day_begin(end),
				MARK_DAYS);
			return;
		}
	}
}

/* Certificates of servers that were connected to, the mark's, and keys that have signed long. */
static void make_ends(struct summary *summary, const struct audit_settings *settings,
		      const struct audit_facts *facts)
{
	if (!facts->probed)
		mark_unknown(summary, "ends");
	for (unsigned i = 0; i < facts->probe.smtp_count; i++)
		add_end(summary, settings, facts->probe.smtp[i].host,
			facts->probe.smtp[i].tls.not_after, CERTIFICATE_DAYS);
	for (unsigned i = 0; i < facts->probe.client_count; i++)
		add_end(summary, settings, facts->probe.clients[i].host,
			facts->probe.clients[i].tls.not_after, CERTIFICATE_DAYS);
	make_mark(summary, settings, facts);
	for (unsigned i = 0; i < facts->dkim.count && settings->key_days > 0; i++) {
		const struct audit_key *key = &facts->dkim.keys[i];

		if (key->status.state == KEYSTATE_ACTIVE && key->status.since != 0 &&
		    settings->now - key->status.since > (int64_t)settings->key_days * DAY)
			add_item(summary, "old", key->selector, key->type);
	}
}

/* ---- all of it ---- */

static int compare_items(const void *a, const void *b)
{
	const struct summary_item *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	if (order == 0)
		order = strcmp(x->subject, y->subject);
	return order != 0 ? order : strcmp(x->value, y->value);
}

static struct summary *new_summary(struct arena *arena)
{
	struct summary *summary = arena_make(arena, struct summary);

	summary->arena = arena;
	summary->items = arena_array(arena, SUMMARY_ITEMS_MAX, sizeof *summary->items);
	return summary;
}

/* Sorted, and each once. */
static void sort_items(struct summary *summary)
{
	unsigned kept = 0;

	qsort(summary->items, summary->count, sizeof *summary->items, compare_items);
	for (unsigned i = 0; i < summary->count; i++) {
		if (kept == 0 || compare_items(&summary->items[kept - 1], &summary->items[i]) != 0)
			summary->items[kept++] = summary->items[i];
	}
	summary->count = kept;
}

struct summary *summary_make(const struct audit_settings *settings, const struct audit_facts *facts,
			     const struct summary *old, struct arena *arena)
{
	struct summary *summary = new_summary(arena);
	unsigned kept = 0;

	make_records(summary, facts);
	make_spf(summary, facts);
	make_dmarc(summary, facts);
	make_policy(summary, facts);
	make_lists(summary, facts);
	make_ends(summary, settings, facts);
	for (unsigned i = 0; i < summary->count; i++) {
		if (!is_unknown(summary, summary->items[i].key))
			summary->items[kept++] = summary->items[i];
	}
	summary->count = kept;
	for (unsigned i = 0; old != NULL && i < old->count; i++) {
		if (is_unknown(summary, old->items[i].key))
			add_item(summary, old->items[i].key, old->items[i].subject,
				 old->items[i].value);
	}
	sort_items(summary);
	return summary;
}

/* ---- the file ---- */

void summary_write(const struct summary *summary, struct buf *out)
{
	buf_printf(out, "%s\n", version);
	for (unsigned i = 0; i < summary->count; i++)
		buf_printf(out, "%s\t%s\t%s\n", summary->items[i].key, summary->items[i].subject,
			   summary->items[i].value);
}

static bool read_item(struct summary *summary, struct span line)
{
	struct span key, subject;
	bool more = true;

	if (!span_split(&line, &more, '\t', &key) || !more ||
	    !span_split(&line, &more, '\t', &subject) || !more || span_empty(key) ||
	    summary->count == SUMMARY_ITEMS_MAX || span_len(line) > SUMMARY_VALUE_MAX)
		return false;
	add_item(summary, arena_copy(summary->arena, key.p, span_len(key)),
		 arena_copy(summary->arena, subject.p, span_len(subject)),
		 arena_copy(summary->arena, line.p, span_len(line)));
	return true;
}

struct summary *summary_read(struct arena *arena, struct span text, struct why *why)
{
	struct summary *summary = new_summary(arena);
	struct span line;
	bool more = true;
	unsigned number = 1;

	if (!span_split(&text, &more, '\n', &line) || !span_eq(line, version)) {
		why_set(why, "it does not begin with \"%s\"", version);
		return NULL;
	}
	while (more && span_split(&text, &more, '\n', &line)) {
		number++;
		if (memchr(line.p, '\0', span_len(line)) != NULL ||
		    (!span_empty(line) && !read_item(summary, line))) {
			why_set(why, "line %u is not valid", number);
			return NULL;
		}
	}
	sort_items(summary);
	return summary;
}
