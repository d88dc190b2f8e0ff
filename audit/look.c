/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One scope for a domain. An answer is copied with its records sorted: the DNS gives a set in any
 * order, and facts must not depend on it.
 */
#include "audit/look.h"

#include <stdlib.h>
#include <string.h>

#include "audit/change/change.h"
#include "audit/probe/visit.h"
#include "lib/buf.h"
#include "lib/clock.h"

enum { TEXT_SHOWN = 4000 };

/* ---- answers ---- */

static int compare_bytes(const struct dns_record *a, const struct dns_record *b)
{
	size_t length = a->length < b->length ? a->length : b->length;
	int order = length == 0 ? 0 : memcmp(a->text, b->text, length);

	if (order == 0 && a->length != b->length)
		order = a->length < b->length ? -1 : 1;
	return order != 0 ? order : memcmp(a->address, b->address, sizeof a->address);
}

static int compare_records(const void *a, const void *b)
{
	const struct dns_record *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (memcmp(x->numbers, y->numbers, sizeof x->numbers) != 0)
		return memcmp(x->numbers, y->numbers, sizeof x->numbers);
	if (x->ends != y->ends)
		return x->ends < y->ends ? -1 : 1;
	return compare_bytes(x, y);
}

static const struct dns_record *copy_records(struct arena *arena, const struct dns_answer *answer)
{
	struct dns_record *records = arena_array(arena, answer->count, sizeof *records);

	memcpy(records, answer->records, answer->count * sizeof *records);
	for (unsigned i = 0; i < answer->count; i++)
		records[i].text = arena_copy(arena, records[i].text, records[i].length);
	qsort(records, answer->count, sizeof *records, compare_records);
	return records;
}

void look_start(const struct look *look, const char *name, enum dns_type type)
{
	dns_start(look->scope, name, type);
}

struct audit_answer look_ask(const struct look *look, const char *name, enum dns_type type)
{
	const struct dns_answer *answer = dns_wait(dns_start(look->scope, name, type));
	struct audit_answer out = {.name = arena_string(look->arena, name),
				   .type = type,
				   .status = answer->status,
				   .reason = arena_string(look->arena, answer->reason),
				   .secure = answer->secure,
				   .ttl = answer->ttl,
				   .count = answer->count};

	if (answer->count > 0)
		out.records = copy_records(look->arena, answer);
	if (answer->bogus) {
		look->facts->zone.bogus = true;
		out.reason = "it does not pass DNSSEC validation"; /* the rest varies */
	}
	if (answer->unproven) {
		look->facts->zone.unproven = true;
		out.reason = "a key to validate it was not had";
	}
	return out;
}

const char *look_name(const struct look *look, const char *prefix)
{
	return arena_printf(look->arena, "%s.%s", prefix, look->domain);
}

struct span look_text(const struct dns_record *record)
{
	return span_make(record->text, record->length);
}

/* ---- hosts ---- */

void look_start_host(const struct look *look, const char *name)
{
	look_start(look, name, DNS_TYPE_CNAME);
	look_start(look, name, DNS_TYPE_A);
	look_start(look, name, DNS_TYPE_AAAA);
}

void look_host(const struct look *look, const char *name, struct audit_host *host)
{
	host->name = name;
	host->cname = look_ask(look, name, DNS_TYPE_CNAME);
	host->a = look_ask(look, name, DNS_TYPE_A);
	host->aaaa = look_ask(look, name, DNS_TYPE_AAAA);
}

enum look_answer look_takes_mail(const struct look *look, const char *host)
{
	struct audit_answer mx, a, aaaa;

	look_start(look, host, DNS_TYPE_MX);
	look_start(look, host, DNS_TYPE_A);
	look_start(look, host, DNS_TYPE_AAAA);
	mx = look_ask(look, host, DNS_TYPE_MX);
	if (mx.status == DNS_DATA)
		return mx.count == 1 && strcmp(mx.records[0].text, ".") == 0 ? LOOK_NO : LOOK_YES;
	a = look_ask(look, host, DNS_TYPE_A);
	aaaa = look_ask(look, host, DNS_TYPE_AAAA);
	if (a.status == DNS_DATA || aaaa.status == DNS_DATA)
		return LOOK_YES;
	if (mx.status == DNS_TEMPFAIL || a.status == DNS_TEMPFAIL || aaaa.status == DNS_TEMPFAIL)
		return LOOK_UNKNOWN;
	return LOOK_NO;
}

/* ---- records as text ---- */

/* RFC 1035 section 5.1 */
static const char *quote_text(struct arena *arena, const struct dns_record *record)
{
	size_t length = record->length < TEXT_SHOWN ? record->length : TEXT_SHOWN;
	struct buf out;

	buf_init(&out, arena, 0);
	buf_char(&out, '"');
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)record->text[i];

		if (c == '"' || c == '\\')
			buf_char(&out, '\\');
		if (c < ' ' || c > '~')
			buf_printf(&out, "\\%u%u%u", c / 100, c / 10 % 10, c % 10);
		else
			buf_char(&out, (char)c);
	}
	buf_char(&out, '"');
	return buf_text(&out);
}

static const char *hex_text(struct arena *arena, const struct dns_record *record)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (size_t i = 0; i < record->length && i < TEXT_SHOWN; i++) {
		buf_char(&out, "0123456789abcdef"[(unsigned char)record->text[i] >> 4]);
		buf_char(&out, "0123456789abcdef"[(unsigned char)record->text[i] & 15]);
	}
	return buf_text(&out);
}

static const char *address_text(struct arena *arena, enum dns_type type,
				const struct dns_record *record)
{
	struct ip ip = ip_from_bytes(record->address, type == DNS_TYPE_A ? 4 : 16);
	char text[IP_TEXT_MAX];

	return arena_string(arena, ip_text(&ip, text));
}

const char *audit_record_text(struct arena *arena, enum dns_type type,
			      const struct dns_record *record)
{
	const char *dot = strcmp(record->text, ".") == 0 ? "" : ".";

	switch (type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		return address_text(arena, type, record);
	case DNS_TYPE_TXT:
	case DNS_TYPE_SPF:
		return quote_text(arena, record);
	case DNS_TYPE_MX:
		return arena_printf(arena, "%u %s%s", record->preference, record->text, dot);
	case DNS_TYPE_SRV:
		return arena_printf(arena, "%u %u %u %s%s", record->preference, record->weight,
				    record->port, record->text, dot);
	case DNS_TYPE_TLSA:
		return arena_printf(arena, "%u %u %u %s", record->numbers[0], record->numbers[1],
				    record->numbers[2], hex_text(arena, record));
	case DNS_TYPE_DS:
		return arena_printf(arena, "%u %u %u %s", record->preference, record->numbers[0],
				    record->numbers[1], hex_text(arena, record));
	case DNS_TYPE_DNSKEY:
		return arena_printf(arena, "%u %u %u %s", record->preference, record->numbers[0],
				    record->numbers[1], hex_text(arena, record));
	case DNS_TYPE_RRSIG: /* what is read of it */
		return arena_printf(arena, "TYPE%u %u %u %s%s", record->preference, record->ends,
				    record->begins, record->text, dot);
	case DNS_TYPE_NS:
	case DNS_TYPE_CNAME:
	case DNS_TYPE_SOA:
	case DNS_TYPE_PTR:
		break;
	}
	return arena_printf(arena, "%s%s", record->text, dot);
}

/* ---- a domain ---- */

static void ask_block_lists(const struct look *look, bool wait)
{
	struct audit_facts *facts = look->facts;

	for (unsigned i = 0; i < look->settings->block_list_count && i < AUDIT_LISTS_MAX; i++) {
		const char *zone = look->settings->block_lists[i];
		const char *must = arena_printf(look->arena, "2.0.0.127.%s", zone);
		const char *must_not = arena_printf(look->arena, "1.0.0.127.%s", zone);

		look_start(look, must, DNS_TYPE_A);
		look_start(look, must_not, DNS_TYPE_A);
		if (!wait)
			continue;
		facts->lists[i].zone = zone;
		facts->lists[i].must = look_ask(look, must, DNS_TYPE_A);
		facts->lists[i].must_not = look_ask(look, must_not, DNS_TYPE_A);
		facts->list_count = i + 1;
	}
}

static void start_all(const struct look *look)
{
	look_start_mail(look);
	look_start_dkim(look);
	look_start_dmarc(look);
	look_start_tls(look);
	look_start_services(look);
	ask_block_lists(look, false);
}

const struct audit_facts *audit_look(const struct audit_settings *settings, struct dns *dns,
				     struct arena *arena, const char *domain)
{
	struct look look = {.settings = settings,
			    .scope = dns_scope_new(dns, settings->budget, settings->timeout),
			    .arena = arena,
			    .domain = domain,
			    .facts = arena_make(arena, struct audit_facts)};
	int64_t deadline = clock_mono() + settings->timeout;

	look.facts->domain = domain;
	dns_scope_deadline(look.scope, deadline);
	start_all(&look);
	ask_block_lists(&look, true);
	look_spf(&look, domain, &look.facts->spf);
	look.facts->spf.type99 = look_ask(&look, domain, DNS_TYPE_SPF);
	look_mail(&look);
	look_dkim(&look);
	look_dmarc(&look);
	look_tls(&look);
	look_zone(&look);
	look_services(&look);
	look_chain(&look);
	look_name_servers(&look);
	look.facts->probed = settings->probe;
	if (settings->probe || settings->policy)
		visit_look(&look);
	if (settings->change != NULL)
		change_look(&look);
	look.facts->lookups += dns_scope_lookups(look.scope);
	dns_scope_free(look.scope);
	return look.facts;
}
