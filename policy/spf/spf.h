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
#include "policy/spf/record.h"

enum {
	SPF_TERMS_MAX = 10, /* section 4.6.4 */
	SPF_VOIDS_MAX = 2,
	SPF_MX_MAX = 10,
	SPF_EXPLANATION_MAX = 500, /* characters of an explanation that are kept */
	SPF_SURVEY_TERMS = 60      /* lookups of a survey */
};

/* A term as a survey finds it. Texts live as long as the evaluation's arena and scope. */
struct spf_survey_term {
	const char *domain; /* whose record has it */
	struct spf_term term;
	unsigned depth;    /* includes around it */
	unsigned lookups;  /* charged up to and with this term, without those inside an include */
	unsigned voids;    /* void lookups so far, as above */
	bool is_void;      /* it made one */
	bool varies;       /* what it asks for depends on the message */
	bool loops;        /* an include of a record that is being evaluated; not followed */
	const char *fault; /* why it is an error, temporary or permanent; or NULL */
	bool temporary;
};

/*
 * Has the whole record looked at, whatever matches and whatever the limits say, with the code and
 * the counting of an evaluation: for the owner of the record. An include is told after its terms.
 */
struct spf_survey {
	void (*term)(void *arg, const struct spf_survey_term *term);
	void *arg;
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

	const struct spf_survey *survey; /* NULL: the evaluation ends as RFC 7208 says */
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
