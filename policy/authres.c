/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One field, one line for each result where that fits. A sender chooses many of the bytes
 * (domains, selectors, reasons), so a value is a token or a quoted-string, a comment is reduced to
 * harmless characters, both have a largest size, and their number is bounded: the field is too.
 */
#include "policy/authres.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "mail/authres_read.h"

enum {
	VALUE_MAX = 253,   /* the longest domain name; no honest value is longer */
	COMMENT_MAX = 100, /* characters of a reason */
	LINE_MAX_LEN = 78, /* RFC 5322 section 2.1.1 */
	FIELD_NAME = sizeof "Authentication-Results: " - 1
};

/* ---- writing ---- */

struct writer {
	struct buf buf;
	size_t begin; /* of the last line */
	size_t name;  /* what stands in front of it: the field's name, then nothing */
};

static size_t current_column(const struct writer *w)
{
	assert(w->begin <= w->buf.len);
	return w->name + w->buf.len - w->begin;
}

static void fold_line(struct writer *w)
{
	buf_char(&w->buf, '\n');
	w->begin = w->buf.len;
	w->name = 0;
	buf_char(&w->buf, '\t');
}

/* One word, on the next line where it does not fit on this one. */
static void put_word(struct writer *w, struct span word)
{
	if (current_column(w) + 1 + span_len(word) + 1 > LINE_MAX_LEN)
		fold_line(w);
	else
		buf_char(&w->buf, ' ');
	buf_span(&w->buf, word);
}

static void put_method(struct writer *w, const char *method, const char *result)
{
	buf_char(&w->buf, ';');
	fold_line(w);
	buf_printf(&w->buf, "%s=%s", method, result);
}

static void put_result(struct writer *w, const char *method, enum auth_result result)
{
	put_method(w, method, auth_text(result));
}

/* pvalue, as a token or a quoted-string. */
static void add_value(struct buf *buf, struct span value)
{
	if (authres_is_token(value)) {
		buf_span(buf, value);
		return;
	}
	buf_char(buf, '"');
	for (const char *p = value.p; p < value.end; p++) {
		if (*p == '"' || *p == '\\')
			buf_char(buf, '\\');
		buf_char(buf, *p < ' ' || *p > '~' ? '?' : *p);
	}
	buf_char(buf, '"');
}

/* propspec; none for an empty value, nor for one too long to be true. */
static void put_property(struct writer *w, const char *property, const char *value)
{
	struct buf text;

	if (value == NULL || value[0] == '\0' || strlen(value) > VALUE_MAX)
		return;
	buf_init(&text, w->buf.arena, 0);
	buf_printf(&text, "%s=", property);
	add_value(&text, span_of(value));
	put_word(w, buf_view(&text));
}

/* What may be in a comment: nothing that ends it, and nothing that a careless reader of the field
 * could take for a result. */
static char comment_char(char c)
{
	if (c == '=')
		return ':';
	if (c == ';')
		return ',';
	if (c == '(' || c == ')')
		return c == '(' ? '[' : ']';
	return c < ' ' || c > '~' || c == '\\' || c == '"' ? '?' : c;
}

static void put_words(struct writer *w, struct span text)
{
	struct span word;
	bool more = true;

	while (span_split(&text, &more, ' ', &word))
		if (!span_empty(word))
			put_word(w, word);
}

/* A comment of at most COMMENT_MAX characters, folded between its words. */
static void put_comment(struct writer *w, const char *text)
{
	char clean[COMMENT_MAX + 2];
	size_t length = 0;

	if (text == NULL || text[0] == '\0')
		return;
	clean[length++] = '(';
	for (; *text != '\0' && length <= COMMENT_MAX; text++)
		clean[length++] = comment_char(*text);
	clean[length++] = ')';
	put_words(w, span_make(clean, length));
}

/* Section 2.7.3. */
static void write_iprev(struct writer *w, const struct verdict *verdict)
{
	char text[IP_TEXT_MAX];

	if (verdict->client.family == 0)
		return;
	put_result(w, "iprev", verdict->iprev.result);
	put_comment(w,
		    verdict->iprev.result == AUTH_PASS ? verdict->iprev.name : verdict->iprev.why);
	put_property(w, "policy.iprev", ip_text(&verdict->client, text));
}

static void write_spf_result(struct writer *w, const struct spf_verdict *spf, const char *property)
{
	put_result(w, "spf", spf->result);
	put_comment(w, spf->why);
	put_property(w, property, spf->domain);
}

/* Section 2.7.2: "only the parameter that yielded the result is included". For the null sender that
 * is HELO, so the HELO check has nothing to add. */
static void write_spf(struct writer *w, const struct verdict *verdict)
{
	bool null_sender = verdict->mail_from == NULL || verdict->mail_from[0] == '\0';

	write_spf_result(w, &verdict->spf, null_sender ? "smtp.helo" : "smtp.mailfrom");
	if (!null_sender && verdict->spf_helo.result != AUTH_NONE)
		write_spf_result(w, &verdict->spf_helo, "smtp.helo");
}

static void write_signature(struct writer *w, const struct dkim_verdict *dkim)
{
	struct buf text;

	put_result(w, "dkim", dkim->result);
	if (dkim->result == AUTH_PASS) {
		buf_init(&text, w->buf.arena, 0);
		if (dkim->key_bits > 0)
			buf_printf(&text, "%u bit key", dkim->key_bits);
		if (dkim->testing)
			buf_printf(&text, "%stesting", text.len > 0 ? ", " : "");
		if (dkim->partial)
			buf_printf(&text, "%sbody signed in part", text.len > 0 ? ", " : "");
		put_comment(w, buf_text(&text));
	} else {
		put_comment(w, dkim->why);
	}
	put_property(w, "header.d", dkim->domain);
	put_property(w, "header.s", dkim->selector);
	put_property(w, "header.a", dkim->algorithm);
	put_property(w, "header.b", dkim->signature); /* RFC 6008 */
}

/* Section 2.7.1. */
static void write_dkim(struct writer *w, const struct verdict *verdict)
{
	unsigned written = 0, rest;
	char text[64];

	for (int passes = 1; passes >= 0; passes--) {
		for (unsigned i = 0; i < verdict->dkim_count && written < AUTHRES_DKIM_MAX; i++) {
			if ((verdict->dkim[i].result == AUTH_PASS) != passes)
				continue;
			write_signature(w, &verdict->dkim[i]);
			written++;
		}
	}
	rest = verdict->dkim_count - written + verdict->dkim_ignored;
	if (rest > 0) {
		put_result(w, "dkim", AUTH_NEUTRAL);
		snprintf(text, sizeof text, "%u more signatures", rest);
		put_comment(w, text);
	} else if (written == 0) {
		put_result(w, "dkim", AUTH_NONE);
	}
}

/* RFC 8617 sections 5.2 (none is a result) and 6 (the client's address is what the next hop cannot
 * see). */
static void write_arc(struct writer *w, const struct verdict *verdict)
{
	char text[IP_TEXT_MAX];

	put_result(w, "arc", verdict->arc.result);
	if (verdict->arc.result != AUTH_NONE)
		put_comment(w, verdict->arc.why);
	if (verdict->client.family != 0)
		put_property(w, "smtp.remote-ip", ip_text(&verdict->client, text));
}

/* RFC 9989 sections 4.7 (t=y) and 9.1 (policy.dmarc: after the policy's options). */
static enum dmarc_policy after_options(const struct dmarc_verdict *dmarc)
{
	if (!dmarc->published->testing)
		return dmarc->policy;
	return dmarc->policy == DMARC_POLICY_REJECT ? DMARC_POLICY_QUARANTINE : DMARC_POLICY_NONE;
}

/* What the domain asks for and what it came to; without a record, why. */
static void write_policy(struct writer *w, const struct verdict *verdict)
{
	const struct dmarc_verdict *dmarc = &verdict->dmarc;
	struct buf text;

	if (dmarc->published == NULL || dmarc->policy_tag == NULL) {
		put_comment(w, dmarc->why);
		return;
	}
	buf_init(&text, w->buf.arena, 0);
	buf_printf(&text, "(%s=%s%s dis=%s", dmarc->policy_tag, dmarc_policy_text(dmarc->policy),
		   dmarc->published->testing ? " t=y" : "",
		   dmarc_policy_text(verdict->decision.disposition));
	for (unsigned i = 0; i < verdict->decision.override_count; i++)
		buf_printf(&text, " override=%s",
			   name_text(override_names, (int)verdict->decision.overrides[i].type));
	buf_char(&text, ')');
	put_words(w, buf_view(&text));
}

static void write_dmarc(struct writer *w, const struct verdict *verdict)
{
	const struct dmarc_verdict *dmarc = &verdict->dmarc;

	put_result(w, "dmarc", dmarc->result);
	write_policy(w, verdict);
	put_property(w, "header.from", dmarc->author_domain);
	if (dmarc->published != NULL)
		put_property(w, "policy.dmarc", dmarc_policy_text(after_options(dmarc)));
}

/* draft-brand-indicators-for-message-identification, the results for Authentication-Results. */
enum { HASH_SHOWN = 16 }; /* digits at the end */

static void write_bimi(struct writer *w, const struct bimi_verdict *bimi)
{
	if (!bimi->evaluated)
		return;
	put_method(w, "bimi", bimi_text(bimi->result));
	put_comment(w, bimi->why);
	put_property(w, "header.d", bimi->domain);
	put_property(w, "header.selector", bimi->selector);
	if (bimi->refused)
		put_property(w, "policy.authority", "fail");
	if (bimi->refused)
		put_property(w, "policy.authority-uri", bimi->authority);
	if (bimi->result != BIMI_PASS)
		return;
	put_property(w, "policy.authority", bimi->certified ? "pass" : "none");
	if (bimi->certified) {
		put_property(w, "policy.authority-uri", bimi->authority);
		put_property(w, "policy.mark-type", bimi->mark_type);
	}
	put_property(w, "policy.indicator-uri", bimi->location);
	if (*bimi->indicator != '\0') /* only with the field BIMI-Indicator */
		put_property(w, "policy.indicator-hash",
			     bimi->digest + strlen(bimi->digest) - HASH_SHOWN);
	if (*bimi->preference != '\0')
		put_property(w, "policy.logo-preference", bimi->preference);
}

const char *authres_write(struct arena *arena, const char *authserv_id,
			  const struct verdict *verdict)
{
	struct writer w = {.name = FIELD_NAME};

	buf_init(&w.buf, arena, 0);
	add_value(&w.buf, span_of(authserv_id));
	write_iprev(&w, verdict);
	write_spf(&w, verdict);
	write_dkim(&w, verdict);
	write_arc(&w, verdict);
	write_dmarc(&w, verdict);
	write_bimi(&w, &verdict->bimi);
	return buf_text(&w.buf);
}
