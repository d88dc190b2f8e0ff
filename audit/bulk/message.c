/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RFC 8058: "List-Unsubscribe: <https://...>" and "List-Unsubscribe-Post: List-Unsubscribe=One-
 * Click", both in h= of a signature of the domain (section 4). Whether the signature verifies is
 * for `countersign verify`.
 */
#include <string.h>

#include "audit/bulk/bulk.h"
#include "mail/domain.h"
#include "mail/taglist.h"

struct header {
	const char *domain;
	bool link, post; /* the fields are there as they have to be */
	bool link_signed, post_signed;
};

/* The field at the beginning of *TEXT with its continuation lines; false: the header ends. */
static bool next_field(struct span *text, struct span *field)
{
	const char *p = text->p, *end;

	if (span_empty(*text) || *p == '\r' || *p == '\n')
		return false;
	do {
		end = memchr(p, '\n', (size_t)(text->end - p));
		p = end == NULL ? text->end : end + 1;
	} while (p < text->end && (*p == ' ' || *p == '\t'));
	*field = span_make(text->p, (size_t)(p - text->p));
	text->p = p;
	return true;
}

static bool contains_text(struct span text, const char *wanted)
{
	size_t length = strlen(wanted);

	for (const char *p = text.p; (size_t)(text.end - p) >= length; p++) {
		if (span_istarts(span_make(p, (size_t)(text.end - p)), wanted))
			return true;
	}
	return false;
}

static bool lists_name(struct span names, const char *wanted)
{
	struct span name;
	bool more = true;

	while (span_split(&names, &more, ':', &name)) {
		if (span_ieq(span_trim(name), wanted))
			return true;
	}
	return false;
}

/* Relaxed alignment (RFC 9989 section 4.4.1), as far as no parent is asked. */
static bool is_of_domain(struct arena *arena, struct span value, const char *domain)
{
	const char *signer = arena_lower(arena, span_trim(value));

	return domain_equal(signer, domain) || domain_within(signer, domain) ||
	       domain_within(domain, signer);
}

static void read_signature(struct header *header, struct span value, struct arena *arena)
{
	const struct tag *d, *h;
	struct taglist list;
	struct why why;

	if (taglist_parse(&list, value, &why) == -1)
		return;
	d = taglist_find(&list, "d");
	h = taglist_find(&list, "h");
	if (d == NULL || h == NULL || !is_of_domain(arena, d->value, header->domain))
		return;
	header->link_signed |= lists_name(h->value, "list-unsubscribe");
	header->post_signed |= lists_name(h->value, "list-unsubscribe-post");
}

static void read_field(struct header *header, struct span field, struct arena *arena)
{
	struct span name = field, value = field;
	const char *colon = memchr(field.p, ':', span_len(field));

	if (colon == NULL)
		return;
	name.end = colon;
	value.p = colon + 1;
	name = span_trim(name);
	if (span_ieq(name, "list-unsubscribe"))
		header->link |= contains_text(value, "<https://");
	else if (span_ieq(name, "list-unsubscribe-post"))
		header->post |= span_ieq(span_trim(value), "List-Unsubscribe=One-Click");
	else if (span_ieq(name, "dkim-signature"))
		read_signature(header, value, arena);
}

struct bulk_message bulk_read_message(struct span text, const char *domain, struct arena *arena)
{
	struct header header = {.domain = domain};
	struct bulk_message message = {.given = true};
	struct span field;

	while (next_field(&text, &field))
		read_field(&header, field, arena);
	if (!header.link)
		message.fault = "the message has no List-Unsubscribe with an https link";
	else if (!header.post)
		message.fault =
		    "the message has no \"List-Unsubscribe-Post: List-Unsubscribe=One-Click\"";
	else if (!header.link_signed || !header.post_signed)
		message.fault = "List-Unsubscribe and List-Unsubscribe-Post are not signed by the "
				"domain";
	return message;
}
