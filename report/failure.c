/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything in a failed message was chosen by a stranger: it is reported as printable ASCII in
 * lines of limited length, with local parts of addresses hashed and URLs made unclickable. Which
 * fields there are is RFC 9991 section 4; their grammar is RFC 6591's.
 */
#include "report/failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "mail/domain.h"
#include "report/mail.h"

enum { LINE_MAX_BYTES = 900, RECORD_MAX = 700, HASH_LENGTH = 12 };

/* ---- whether a report is wanted ---- */

static bool signature_failed(const struct dkim_verdict *dkim)
{
	return dkim->result == AUTH_FAIL || dkim->result == AUTH_PERMERROR ||
	       dkim->result == AUTH_POLICY;
}

static bool any_signature_failed(const struct verdict *v)
{
	for (unsigned i = 0; i < v->dkim_count; i++)
		if (signature_failed(&v->dkim[i]))
			return true;
	return false;
}

static bool spf_failed(const struct verdict *v)
{
	return v->spf.result == AUTH_FAIL || v->spf.result == AUTH_SOFTFAIL ||
	       v->spf.result == AUTH_PERMERROR;
}

/* RFC 9989 section 4.7: 0 all mechanisms, 1 any of them failed to give an aligned pass; d, s: a
 * signature or SPF failed, aligned or not. */
static bool option_holds(const struct verdict *v, char option)
{
	bool dkim = v->dmarc.dkim_aligned, spf = v->dmarc.spf_aligned;

	switch (option) {
	case '0':
		return !dkim && !spf;
	case '1':
		return !dkim || !spf;
	case 'd':
		return any_signature_failed(v);
	case 's':
		return spf_failed(v);
	default:
		return false;
	}
}

bool failure_wanted(const struct verdict *v)
{
	const struct dmarc_published *published = v->dmarc.published;

	if (published == NULL || published->ruf == NULL || published->psd ||
	    v->dmarc.result == AUTH_TEMPERROR || v->mail_from == NULL || v->mail_from[0] == '\0')
		return false;
	for (const char *fo = published->fo == NULL ? "0" : published->fo; *fo != '\0'; fo++)
		if (option_holds(v, *fo))
			return true;
	return false;
}

/* ---- redaction: RFC 6590 ---- */

static bool is_local_char(char c)
{
	return char_is_alnum((unsigned char)c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

/* RFC 6590 section 2: equal strings have equal hashes, which do not reveal the string. */
static void add_hash(struct buf *out, const char *key, struct span local)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf text;

	buf_init(&text, NULL, 0);
	buf_string(&text, key);
	buf_char(&text, '\0');
	buf_span(&text, local);
	crypt_sha256(text.data, text.len, digest);
	buf_free(&text);
	for (unsigned i = 0; i < HASH_LENGTH; i++)
		buf_char(out, "abcdefghijklmnopqrstuvwxyz234567"[digest[i] & 31]);
}

/* Where the local part before AT begins, not before START. */
static const char *local_begin(const char *start, const char *at)
{
	const char *p = at;

	if (p > start && p[-1] == '"') {
		for (p--; p > start && p[-1] != '"'; p--)
			;
		return p > start ? p - 1 : p;
	}
	while (p > start && is_local_char(p[-1]))
		p--;
	return p;
}

/* Writes TEXT with the local part of each address hashed; KEY NULL: unchanged. */
static void add_redacted(struct buf *out, const char *key, struct span text)
{
	const char *at;

	while (key != NULL && (at = memchr(text.p, '@', span_len(text))) != NULL) {
		const char *begin = local_begin(text.p, at);

		buf_span(out, (struct span){text.p, begin});
		if (begin < at)
			add_hash(out, key, (struct span){begin, at});
		buf_char(out, '@');
		text.p = at + 1;
	}
	buf_span(out, text);
}

/* ---- what was received ---- */

/* Message identifiers look like addresses, but are kept: the sender looks for them in logs. */
static bool is_identifier(struct span line)
{
	return span_istarts(line, "Message-ID:") || span_istarts(line, "References:") ||
	       span_istarts(line, "In-Reply-To:");
}

/* RFC 9991 section 7.3: hxxp for http. */
static void add_harmless(struct buf *out, struct span line)
{
	size_t column = 0;

	for (; line.p < line.end; line.p++, column++) {
		if (column == LINE_MAX_BYTES) {
			buf_string(out, "\r\n ");
			column = 1;
		}
		if (span_istarts(line, "http:") || span_istarts(line, "https:")) {
			buf_string(out, "hxxp");
			line.p += 3;
		} else {
			buf_char(out, (*line.p >= ' ' && *line.p <= '~') || *line.p == '\t'
					  ? *line.p
					  : '?');
		}
	}
}

static bool next_line(struct span *rest, struct span *line)
{
	const char *end;

	if (span_empty(*rest))
		return false;
	end = memchr(rest->p, '\n', span_len(*rest));
	*line = (struct span){rest->p, end == NULL ? rest->end : end};
	rest->p = end == NULL ? rest->end : end + 1;
	if (span_len(*line) > 0 && line->end[-1] == '\r')
		line->end--;
	return true;
}

static void add_lines(struct buf *out, struct span text, const char *key, bool header)
{
	bool keep = false; /* the field is not redacted */
	struct span line;
	struct buf redacted;

	buf_init(&redacted, NULL, 0);
	while (next_line(&text, &line)) {
		if (header && !span_empty(line) && !char_is_wsp(*line.p))
			keep = is_identifier(line);
		buf_clear(&redacted);
		add_redacted(&redacted, keep ? NULL : key, line);
		add_harmless(out, buf_view(&redacted));
		buf_string(out, "\r\n");
	}
	buf_free(&redacted);
}

/* Writes a stranger's text on one line. */
static void add_value(struct buf *out, const char *key, const char *text)
{
	struct buf redacted;

	buf_init(&redacted, NULL, 0);
	add_redacted(&redacted, key, span_of(text));
	if (redacted.len > RECORD_MAX)
		redacted.len = RECORD_MAX;
	add_harmless(out, buf_view(&redacted));
	buf_free(&redacted);
}

/* ---- the fields: RFC 9991 section 4, RFC 6591 section 3 ---- */

static void add_alignment(struct buf *out, const struct dmarc_verdict *dmarc)
{
	bool dkim = !dmarc->dkim_aligned, spf = !dmarc->spf_aligned;

	buf_printf(out, "Identity-Alignment: %s%s%s\r\n", dkim ? "dkim" : "",
		   dkim && spf ? "," : "",
		   spf    ? "spf"
		   : dkim ? ""
			  : "none");
}

static bool is_aligned(const struct dmarc_verdict *dmarc, const char *domain)
{
	return domain_equal(domain, dmarc->author_domain) ||
	       (dmarc->org_domain != NULL && domain_within(domain, dmarc->org_domain));
}

/* The signature that is reported: the first that did not pass, one of the author's domain if there
 * is one. */
static const struct dkim_verdict *failed_signature(const struct verdict *v)
{
	const struct dkim_verdict *found = NULL;

	for (unsigned i = 0; i < v->dkim_count; i++) {
		const struct dkim_verdict *dkim = &v->dkim[i];

		if (dkim->result == AUTH_PASS || dkim->domain[0] == '\0')
			continue;
		if (is_aligned(&v->dmarc, dkim->domain))
			return dkim;
		if (found == NULL)
			found = dkim;
	}
	return found;
}

static void add_signature(struct buf *out, const struct failure *failure)
{
	const struct dkim_verdict *dkim = failed_signature(failure->verdict);

	if (dkim == NULL)
		return;
	buf_string(out, "DKIM-Domain: ");
	add_value(out, NULL, dkim->domain);
	buf_string(out, "\r\nDKIM-Identity: ");
	if (dkim->identity == NULL)
		buf_char(out, '@');
	add_value(out, failure->key, dkim->identity != NULL ? dkim->identity : dkim->domain);
	buf_string(out, "\r\nDKIM-Selector: ");
	add_value(out, NULL, dkim->selector);
	buf_string(out, "\r\n");
}

/* spf-dns = "SPF-DNS:" ( "txt" / "spf" ) ":" domain-name ":" quoted-string */
static void add_spf(struct buf *out, const struct spf_verdict *spf)
{
	const char *record = spf->record == NULL ? "" : spf->record;
	struct buf quoted;

	if (spf->result == AUTH_PASS || spf->domain == NULL || spf->domain[0] == '\0')
		return;
	buf_init(&quoted, NULL, 0);
	for (; *record != '\0' && quoted.len < RECORD_MAX; record++) {
		if (*record == '"' || *record == '\\')
			buf_char(&quoted, '\\');
		buf_char(&quoted, *record);
	}
	buf_string(out, "SPF-DNS: txt : ");
	add_value(out, NULL, spf->domain);
	buf_string(out, " : \"");
	add_harmless(out, buf_view(&quoted));
	buf_string(out, "\"\r\n");
	buf_free(&quoted);
}

/* RFC 6591 section 3.2.2 */
static const char *delivery_result(enum action action)
{
	return action == ACTION_ACCEPT   ? "delivered"
	       : action == ACTION_REJECT ? "reject"
					 : "policy";
}

static void add_fields(struct buf *out, const struct failure *failure)
{
	const struct verdict *v = failure->verdict;
	char source[IP_TEXT_MAX];

	buf_printf(out, "Feedback-Type: auth-failure\r\nVersion: 1\r\n"
			"User-Agent: countersign/" VERSION "\r\nAuth-Failure: dmarc\r\n");
	buf_printf(out, "Authentication-Results: %s\r\n", failure->authres);
	add_alignment(out, &v->dmarc);
	buf_printf(out, "Delivery-Result: %s\r\n", delivery_result(v->decision.action));
	add_signature(out, failure);
	add_spf(out, &v->spf);
	if (failure->queue_id != NULL) {
		buf_string(out, "Original-Envelope-Id: ");
		add_value(out, NULL, failure->queue_id);
		buf_string(out, "\r\n");
	}
	buf_string(out, "Original-Mail-From: <");
	add_value(out, failure->key, v->mail_from);
	buf_string(out, ">\r\nArrival-Date: ");
	mail_date(failure->arrived, out);
	buf_printf(out, "\r\nSource-IP: %s\r\n", ip_text(&v->client, source));
	buf_string(out, "Reported-Domain: ");
	add_value(out, NULL, v->dmarc.author_domain);
	buf_string(out, "\r\n");
}

/* ---- the parts: RFC 6522, RFC 5965 section 2 ---- */

void failure_id(const struct failure *failure, int64_t unique, char id[FAILURE_ID_MAX])
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf text;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "%" PRId64 " %" PRId64 " %s\n", unique, failure->arrived,
		   failure->queue_id == NULL ? "" : failure->queue_id);
	buf_span(&text, failure->header);
	crypt_sha256(text.data, text.len, digest);
	buf_free(&text);
	for (unsigned i = 0; i < 16; i++)
		snprintf(id + 2 * i, 3, "%02x", digest[i]);
}

static void add_text(struct buf *out, const struct failure *failure)
{
	const struct verdict *v = failure->verdict;
	char source[IP_TEXT_MAX];

	buf_string(
	    out, "This is a DMARC failure report (RFC 9991) about a message received from IP\r\n");
	buf_printf(out, "%s on ", ip_text(&v->client, source));
	mail_date(failure->arrived, out);
	buf_string(out, ",\r\nwhose From field names ");
	add_value(out, NULL, v->dmarc.author_domain);
	buf_printf(out, ". It was asked for by the tag \"ruf\"\r\nin the DMARC record of ");
	add_value(out, NULL, v->dmarc.published->domain);
	buf_string(out, ".\r\n");
}

void failure_write(const struct failure *failure, const char *id, struct buf *out)
{
	bool whole = !span_empty(failure->body);

	buf_printf(out, "--=_%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", id);
	add_text(out, failure);
	buf_printf(out, "\r\n--=_%s\r\nContent-Type: message/feedback-report\r\n\r\n", id);
	add_fields(out, failure);
	buf_printf(out, "\r\n--=_%s\r\nContent-Type: %s\r\n\r\n", id,
		   whole ? "message/rfc822" : "text/rfc822-headers");
	add_lines(out, failure->header, failure->key, true);
	if (whole) {
		buf_string(out, "\r\n");
		add_lines(out, failure->body, failure->key, false);
	}
	buf_printf(out, "\r\n--=_%s--\r\n", id);
}
