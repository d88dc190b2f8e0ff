/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields as they are found, not as RFC 7208 section 9.1 has them: key=value pairs are separated by
 * ";" or blanks, comments stand anywhere, and hosts that hide their name write
 * "receiver=<UNKNOWN>", which names nobody.
 */
#include "mail/received_spf.h"

#include <assert.h>

#include "lib/buf.h"
#include "mail/authres_read.h"
#include "mail/cfws.h"

struct reader {
	struct span rest;
	const char *const *names;
	unsigned count;
	bool named; /* some host is named */
	bool ours;  /* and it is one of NAMES */
};

static void note_host(struct reader *r, struct span host)
{
	host = span_trim(host);
	if (!span_empty(host) && host.end[-1] == '.')
		host.end--;
	if (!authres_is_token(host))
		return;
	r->named = true;
	for (unsigned i = 0; i < r->count; i++) {
		struct span name = span_of(r->names[i]);

		if (!span_empty(name) && name.end[-1] == '.')
			name.end--;
		r->ours = r->ours || span_isame(host, name);
	}
}

/* "(mybox.example.org: domain of a@example.com designates ...)" */
static bool read_comment(struct reader *r)
{
	struct buf text;
	struct span rest, host;
	bool more = true, readable;

	buf_init(&text, NULL, 0);
	readable = cfws_take_enclosed(&r->rest, ')', &text);
	rest = buf_view(&text);
	if (readable && span_split(&rest, &more, ':', &host) && more)
		note_host(r, host);
	buf_free(&text);
	return readable;
}

/* [CFWS], whose comments may name the host. */
static bool read_cfws(struct reader *r)
{
	while (cfws_skip_fws(&r->rest)) {
		if (r->rest.p == r->rest.end || *r->rest.p != '(')
			return true;
		if (!read_comment(r))
			return false;
	}
	return false;
}

/* A word, up to a blank, a comment, "=" or ";": a key, a value, or the result. */
static bool take_word(struct reader *r, struct span *word)
{
	word->p = r->rest.p;
	while (r->rest.p < r->rest.end) {
		unsigned char c = (unsigned char)*r->rest.p;

		if (char_is_space(c) || c == '(' || c == ';' || c == '=')
			break;
		if (cfws_is_control(c) || c > 127 || c == '"')
			return false;
		r->rest.p++;
	}
	word->end = r->rest.p;
	return true;
}

/* The value of KEY: dot-atom / quoted-string, and more widely any word. */
static bool read_value(struct reader *r, struct span key)
{
	bool readable, is_receiver = span_ieq(key, "receiver");
	struct span word;
	struct buf text;

	if (r->rest.p == r->rest.end || *r->rest.p != '"') {
		readable = take_word(r, &word);
		if (readable && is_receiver)
			note_host(r, word);
		return readable;
	}
	buf_init(&text, NULL, 0);
	readable = cfws_take_enclosed(&r->rest, '"', &text);
	if (readable && is_receiver)
		note_host(r, buf_view(&text));
	buf_free(&text);
	return readable;
}

/* [ key [CFWS] "=" ] value, or a ";" */
static bool read_part(struct reader *r)
{
	struct span word;

	if (*r->rest.p == ';') {
		r->rest.p++;
		return true;
	}
	if (!take_word(r, &word) || !read_cfws(r))
		return false;
	if (r->rest.p == r->rest.end || *r->rest.p != '=')
		return !span_empty(word);
	r->rest.p++;
	return read_cfws(r) && read_value(r, word);
}

/* header-field = "Received-SPF:" [CFWS] result FWS [comment FWS] [ key-value-list ] */
bool received_spf_is_ours(struct span value, const char *const *names, unsigned count)
{
	struct reader r = {.rest = value, .names = names, .count = count};

	assert(names != NULL && count > 0);
	if (span_len(value) >= 2 && value.end[-2] == '\r' && value.end[-1] == '\n')
		r.rest.end -= 2;
	while (read_cfws(&r)) {
		if (r.rest.p == r.rest.end)
			return r.ours || !r.named;
		if (!read_part(&r))
			break;
	}
	return true;
}
