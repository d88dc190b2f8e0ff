/*
 * SPF, RFC 7208: does the domain of an identity let this client send?
 *
 * spf_start() asks for the records as early as the identity is known and follows what they name,
 * so that spf_check() at the end of the message finds its answers there. Both walk the same
 * record with the same rules; spf_check() decides.
 */
#ifndef POLICY_SPF_H
#define POLICY_SPF_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/verdict.h"

struct spf_request {
	struct ip client;
	enum spf_scope scope;
	const char *helo;       /* as given */
	const char *mail_from;  /* as given, without <>; "" for the null sender */
	const char *receiver;   /* our own host name, for %{r} */
	int64_t now;            /* wall seconds, for %{t} */
};

/* Starts the lookups. REQUEST and what it points to stay unchanged as long as SCOPE lives. */
void spf_start(struct dns_scope *scope, const struct spf_request *request);

/* Evaluates check_host() (section 4); waits for what it needs. OUT's texts live in ARENA. */
void spf_check(struct dns_scope *scope, const struct spf_request *request, struct arena *arena,
	       struct spf_verdict *out);

#endif
