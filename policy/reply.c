/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/reply.h"

#include <assert.h>
#include <string.h>

/* Printable ASCII only, whatever DOMAIN is. */
static const char *printable_domain(struct arena *arena, const char *domain)
{
	char *copy = arena_string(arena, domain);

	for (char *p = copy; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
	return copy;
}

/* "a DNS answer was bogus (DNSSEC): TXT _dmarc.example.com". The name is cut so that the reply fits
 * into a line (RFC 5321 section 4.5.3.1.5). */
static const char *fault_text(const struct verdict *verdict, struct arena *arena)
{
	enum { NAME_SHOWN = 128 };
	const struct dns_fault *fault = &verdict->dns_fault;
	const char *name = fault->name == NULL ? "" : printable_domain(arena, fault->name);

	if (fault->name == NULL)
		return verdict_fault(verdict);
	return arena_printf(arena, "%s: %s %.*s%s", verdict_fault(verdict),
			    dns_type_text(fault->type), NAME_SHOWN, name,
			    strlen(name) > NAME_SHOWN ? "..." : "");
}

enum { EXPLANATION_SHOWN = 200 /* characters, in a reply */ };

/* RFC 7208 sections 6.2 and 8.4: a text of the sender's domain is shown as such. */
static const char *spf_reply(const struct spf_verdict *spf, struct arena *arena)
{
	const char *domain = printable_domain(arena, spf->domain);
	const char *text =
	    arena_printf(arena, "SPF check of %s failed for %s",
			 spf->scope == SPF_SCOPE_HELO ? "HELO" : "MAIL FROM", domain);

	if (spf->explanation == NULL)
		return text;
	return arena_printf(arena, "%s; %s explains: %.*s", text, domain, EXPLANATION_SHOWN,
			    spf->explanation);
}

static const char *refusal_text(const struct decision *decision, const char *domain,
				struct arena *arena)
{
	if (decision->spf != NULL)
		return spf_reply(decision->spf, arena);
	if (strcmp(decision->status, "5.7.22") == 0)
		return arena_printf(
		    arena, "Email rejected: no valid DKIM signature for %s (author domain)",
		    domain);
	return arena_printf(
	    arena, "Email rejected: no authentication for %s, which has no DMARC policy", domain);
}

static void reply_without_policy(const struct decision *decision, const char *domain,
				 struct arena *arena, struct smtp_reply *reply)
{
	*reply =
	    (struct smtp_reply){"550", decision->status, refusal_text(decision, domain, arena)};
}

void reply_write(const char *reject_text, const struct verdict *verdict, struct arena *arena,
		 struct smtp_reply *reply)
{
	const char *author = verdict->dmarc.author_domain;
	const char *domain = *author == '\0' ? "this message" : printable_domain(arena, author);

	if (verdict->decision.action == ACTION_TEMPFAIL) {
		*reply = (struct smtp_reply){
		    "451", "4.7.1",
		    arena_printf(arena, "DMARC for %s could not be evaluated: %s; try again later",
				 domain, fault_text(verdict, arena))};
	} else if (verdict->decision.bad_from) {
		*reply = (struct smtp_reply){
		    "550", "5.7.1",
		    "Message rejected: it needs exactly one valid From header field (RFC 5322 "
		    "section 3.6)"};
	} else if (verdict->decision.status != NULL) {
		reply_without_policy(&verdict->decision, domain, arena, reply);
	} else {
		*reply = (struct smtp_reply){
		    "550", "5.7.1",
		    smtp_reply_expand(arena, reject_text, domain, &verdict->client)};
	}
}
