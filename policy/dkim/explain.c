/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The field and the records are shown as they are, unfolded, because a tag that nobody expected is
 * what one looks for; only what is read from them is put in words. Which fields the signature
 * covers is looked up again here: it is asked for by people, not by mail.
 */
#include "policy/dkim/explain.h"

#include "lib/buf.h"
#include "policy/dkim/canon.h"

enum {
	SHOWN = 2000,
	RECORDS_SHOWN = 3,
	FIELDS_SEARCHED = 500, /* each is compared with each and with all of h= */
	NAMES_SEARCHED = 500
};

static struct span cut_text(struct span text)
{
	if (span_len(text) > SHOWN)
		text.end = text.p + SHOWN;
	return text;
}

static void field_text(struct steps *steps, const struct dkimengine_field *field)
{
	struct span shown;
	struct buf text;

	buf_init(&text, steps->arena, 0);
	canon_header(&text, DKIMSIG_RELAXED, field->name, field->value);
	shown = cut_text(span_make(text.data, text.len - 2));
	steps_add(steps, "%.*s", (int)span_len(shown), shown.p);
}

/* Section 5.4.2: h= names fields from the last to the first. */
static bool is_signed(const struct dkimengine_field *field, const struct dkimsig *sig)
{
	struct span rest = sig->headers, name;
	unsigned below = 0, named = 0;
	bool more = true;

	for (const struct dkimengine_field *next = field->next; next != NULL; next = next->next)
		below += span_isame(next->name, field->name);
	while (dkimsig_next_name(&rest, &more, &name))
		named += span_isame(name, field->name);
	return named > below;
}

static unsigned count_fields(const struct dkimengine_field *first)
{
	unsigned count = 0;

	for (; first != NULL; first = first->next)
		count++;
	return count;
}

static void unsigned_fields(struct steps *steps, const struct dkimengine_field *first,
			    const struct dkimengine_field *own)
{
	struct buf names;

	if (own->sig->header_names > NAMES_SEARCHED || count_fields(first) > FIELDS_SEARCHED) {
		steps_add(steps, "too many fields to say which it covers (RFC 6376 section 5.4.2)");
		return;
	}
	buf_init(&names, steps->arena, SHOWN);
	for (; first != NULL; first = first->next) {
		if (first == own || is_signed(first, own->sig))
			continue;
		buf_string(&names, names.len > 0 ? ", " : "");
		buf_span(&names, first->name);
	}
	steps_add(steps, "fields that it does not cover: %s (RFC 6376 section 5.4.2)",
		  names.len > 0 ? buf_text(&names) : "none");
}

static void key_record(struct steps *steps, const char *name, const struct dns_answer *answer)
{
	if (answer == NULL) {
		if (name != NULL)
			steps_add(steps, "TXT %s: not awaited; it cannot change the result", name);
		return;
	}
	if (answer->status != DNS_DATA)
		steps_add(steps, "TXT %s: %s%s%s (RFC 6376 section 3.6.2)", name,
			  dns_status_text(answer->status), answer->reason == NULL ? "" : ", ",
			  answer->reason == NULL ? "" : answer->reason);
	for (unsigned i = 0; i < answer->count && i < RECORDS_SHOWN; i++) {
		struct span text =
		    cut_text(span_make(answer->records[i].text, answer->records[i].length));

		steps_add(steps, "TXT %s: %.*s", name, (int)span_len(text), text.p);
	}
	if (answer->count > RECORDS_SHOWN)
		steps_add(steps, "TXT %s: %u more records", name, answer->count - RECORDS_SHOWN);
}

static void key_facts(struct steps *steps, const struct dkimkey *key)
{
	steps_add(steps, "the key: %s, %u bits%s%s (RFC 6376 section 3.6.1)",
		  key->type == DKIMKEY_RSA ? "RSA" : "Ed25519", key->bits,
		  key->testing ? ", t=y: test mode" : "",
		  key->strict ? ", t=s: the domain of i= must be d=" : "");
}

void dkimexplain(struct steps *steps, const struct dkimengine_field *header,
		 const struct dkimengine_field *field, const char *key_name,
		 const struct dns_answer *answer, const struct dkimkey *key)
{
	field_text(steps, field);
	if (field->sig != NULL)
		unsigned_fields(steps, header, field);
	key_record(steps, key_name, answer);
	if (key != NULL)
		key_facts(steps, key);
}
