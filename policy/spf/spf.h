/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SPF, RFC 7208: does the domain of an identity let this client send?
 *
 * spf_start() asks for the records as early as the identity is known and follows what they name,
 * so that spf_check() at the end of the message finds its answers there. Both walk the same
 * record with the same rules; spf_check() decides.
 */
#ifndef POLICY_SPF_SPF_H
#define POLICY_SPF_SPF_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/result/verdict.h"

enum {
	SPF_TERMS_MAX = 10, /* section 4.6.4 */
	SPF_VOIDS_MAX = 2,
	SPF_MX_MAX = 10,
	SPF_EXPLANATION_MAX = 500 /* characters of an explanation that are kept */
};

struct spf_request {
	struct ip client;
	enum spf_scope scope;
	const char *helo;      /* as given; never NULL */
	const char *mail_from; /* as given, without <>; "" for the null sender */
	const char *receiver;  /* our own host name, for %{r}; or NULL */
	int64_t now;           /* wall seconds, for %{t} */

	/* Called by spf_check() for each step with one line that explains it; NULL: no trace. */
	void (*trace)(void *arg, const char *line);
	void *trace_arg;
};

/* Starts the lookups. REQUEST and what it points to stay unchanged, and ARENA stays, as long as
 * SCOPE lives: the scope is freed before the arena. */
void spf_start(struct dns_scope *scope, const struct spf_request *request, struct arena *arena);

/* Evaluates check_host() (section 4); waits for what it needs. OUT's texts live in ARENA. */
void spf_check(struct dns_scope *scope, const struct spf_request *request, struct arena *arena,
	       struct spf_verdict *out);

enum spf_engine { SPF_ENGINE_NATIVE, SPF_ENGINE_LIBSPF2, SPF_ENGINE_BOTH };

/* The same with the engine of choice. BOTH gives our verdict; when libspf2's result is another,
 * *DISAGREEMENT is one line with what it takes to look into it, else NULL. */
void spf_check_with(enum spf_engine engine, struct dns_scope *scope,
		    const struct spf_request *request, struct arena *arena, struct spf_verdict *out,
		    const char **disagreement);

#endif
