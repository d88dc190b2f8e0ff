/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stranger chooses the host: no connection is made to an address of a site's own network.
 */
#include "tls/fetch.h"

#include <string.h>

#include "lib/buf.h"
#include "tls/sts.h"

const struct name_code fetch_outcome_names[] = {{"done", FETCH_DONE},
						{"sts-policy-fetch-error", FETCH_ERROR},
						{"sts-webpki-invalid", FETCH_CERTIFICATE},
						{"sts-policy-invalid", FETCH_INVALID},
						{NULL, 0}};

enum { HEADER_MAX = 65536, PORT = 443, HTTP_PORT = 80 };

static bool take_body(void *arg, struct span data)
{
	struct buf *body = arg;

	buf_span(body, data);
	return !body->failed;
}

/* ---- the answer ---- */

static enum fetch_outcome explain_failure(enum transfer_end end, const struct transfer *transfer,
					  const struct fetch_document *document, struct why *why)
{
	if (end == TRANSFER_TOO_LONG)
		why_set(why, "it is longer than %zu bytes", document->limit);
	else if (end == TRANSFER_HEADER_TOO_LONG)
		why_set(why, "the header of the answer is longer than %d bytes", HEADER_MAX);
	else if (transfer_has_refused(transfer))
		why_set(why, "%s has an address that the Internet cannot reach", document->host);
	else
		why_set(why, "%s", transfer_reason(transfer));
	if (end == TRANSFER_TOO_LONG)
		return FETCH_INVALID;
	return end == TRANSFER_CERTIFICATE ? FETCH_CERTIFICATE : FETCH_ERROR;
}

static enum fetch_outcome read_answer(const struct transfer *transfer, const struct buf *body,
				      struct arena *arena, struct fetch_document *document,
				      struct why *why)
{
	long status = transfer_status(transfer);

	document->status = status;
	if (status != 200) {
		why_set(why, "HTTP status %ld%s", status,
			status >= 300 && status < 400 ? ", and redirects must not be followed"
						      : "");
		return FETCH_ERROR;
	}
	document->type = arena_string(arena, transfer_type(transfer));
	document->body = span_of(arena_span(arena, buf_view(body)));
	document->body.end = document->body.p + body->len;
	return FETCH_DONE;
}

/* ---- the request ---- */

static struct transfer *open_transfer(const struct fetch_document *document, struct buf *body)
{
	const struct dial_target target = {document->host,      document->http ? HTTP_PORT : PORT,
					   document->addresses, document->count,
					   document->ca_file,   document->timeout};
	const struct transfer_calls calls = {.body = take_body, .arg = body};
	struct transfer_rules rules = dial_rules(&target);
	struct transfer *transfer;

	rules.protocols = document->http ? "http" : "https";
	rules.public_only = true;
	rules.header_max = HEADER_MAX;
	if (document->trust_any)
		rules.proof = TRANSFER_PROOF_NONE;
	transfer = transfer_new(&rules, &calls);
	if (document->post != NULL)
		transfer_set_post(transfer, document->post, document->media_type);
	return transfer;
}

enum fetch_outcome fetch_document(struct fetch_document *document, struct arena *arena,
				  struct why *why)
{
	struct transfer *transfer;
	struct buf body;
	enum fetch_outcome outcome;
	enum transfer_end end;

	if (document->count == 0) {
		why_set(why, "%s has no address", document->host);
		return FETCH_ERROR;
	}
	buf_init(&body, NULL, document->limit);
	transfer = open_transfer(document, &body);
	end = transfer_run(transfer, document->url, NULL, document->limit);
	document->reached = transfer_has_reached(transfer);
	outcome = end == TRANSFER_DONE ? read_answer(transfer, &body, arena, document, why)
				       : explain_failure(end, transfer, document, why);
	if (outcome != FETCH_DONE)
		transfer_clean(why);
	transfer_free(transfer);
	buf_free(&body);
	return outcome;
}

/* ---- a policy ---- */

/* text/plain, with or without parameters. */
static bool is_plain(const char *type)
{
	struct span rest = span_of(type), media;
	bool more = true;

	return span_split(&rest, &more, ';', &media) && span_ieq(span_trim(media), "text/plain");
}

enum fetch_outcome fetch_check_policy(const struct fetch_document *document, struct arena *arena,
				      const char **text, struct why *why)
{
	struct sts_policy policy;

	if (document->type == NULL || !is_plain(document->type)) {
		why_set(why, "the media type is not text/plain but %.80s",
			document->type == NULL ? "missing" : document->type);
		transfer_clean(why);
		return FETCH_INVALID;
	}
	if (sts_policy_parse(arena, document->body, &policy, why) == -1) {
		why_prefix(why, "the policy is not valid: ");
		transfer_clean(why);
		return FETCH_INVALID;
	}
	*text = document->body.p;
	return FETCH_DONE;
}

const char *fetch_policy_host(struct arena *arena, const char *domain)
{
	return arena_printf(arena, "mta-sts.%s", domain);
}

const char *fetch_policy_url(struct arena *arena, const char *domain)
{
	return arena_printf(arena, "https://mta-sts.%s/.well-known/mta-sts.txt", domain);
}

enum fetch_outcome fetch_policy(const struct fetch_request *request, struct arena *arena,
				const char **text, struct why *why)
{
	struct fetch_document document = {.url = fetch_policy_url(arena, request->domain),
					  .host = fetch_policy_host(arena, request->domain),
					  .addresses = request->addresses,
					  .count = request->count,
					  .ca_file = request->ca_file,
					  .timeout = request->timeout,
					  .limit = STS_POLICY_MAX};
	enum fetch_outcome outcome = fetch_document(&document, arena, why);

	return outcome == FETCH_DONE ? fetch_check_policy(&document, arena, text, why) : outcome;
}
