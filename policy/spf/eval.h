/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an evaluation of SPF is made of, whichever engine runs it: the identity, the record of a
 * domain, the names that terms ask for, the limits, the explanation. Internal to policy/spf/spf*.
 *
 * Every function that can end the evaluation sets the verdict's `why` when it does.
 */
#ifndef POLICY_SPF_EVAL_H
#define POLICY_SPF_EVAL_H

#include "policy/spf/macro.h"
#include "policy/spf/record.h"
#include "policy/spf/spf.h"

struct spf_eval {
	struct dns_scope *scope;
	const struct spf_request *request;
	struct arena *arena;
	struct spf_verdict *out;
	struct spf_macro_values values; /* .domain: the one whose record is evaluated */
	unsigned depth;                 /* includes around it */
	bool void_counted;              /* the term under evaluation has made a void lookup */
	bool looped;                    /* survey: the term includes a record around it */
	const char *around[SPF_SURVEY_TERMS + 2]; /* survey: the domains at each depth */
	const char *exp_domain;                   /* of the record whose exp= is used, or NULL */
	struct span exp;
};

/* Fills in the macro values from REQUEST (section 4.1, 4.3). NULL, or why there is no domain to
 * check (result none); VALUES->domain is then the identity's domain as far as it has one. */
const char *spf_eval_identity(struct arena *arena, const struct spf_request *request,
			      struct spf_macro_values *values);

/* Begins an evaluation. False: OUT is complete (none). */
bool spf_eval_begin(struct spf_eval *eval, struct dns_scope *scope,
		    const struct spf_request *request, struct arena *arena,
		    struct spf_verdict *out);

/* How many records of a TXT answer are SPF records (section 4.5); TEXT is the last of them. */
unsigned spf_eval_select(const struct dns_answer *answer, struct span *text);

/* Sections 4.3 to 4.6: the record of DOMAIN. AUTH_PASS: RECORD is filled in; else the result. */
enum auth_result spf_eval_record(struct spf_eval *eval, const char *domain,
				 struct spf_record *record);

/* What a term comes to; in spf_eval_lookup YES stands for "there are records". */
enum spf_match { SPF_MATCH_NO, SPF_MATCH_YES, SPF_MATCH_TEMPERROR, SPF_MATCH_PERMERROR };

/* Counts a term that needs DNS, with domain-spec SPEC. False: one too many, permerror. */
bool spf_eval_charge(struct spf_eval *eval, struct span spec);

/* The name a domain-spec stands for (section 4.8); an empty SPEC: the current domain. */
enum spf_name spf_eval_name(struct spf_eval *eval, struct span spec, const char **name);

/* Asks and waits; counts void lookups, once for each term. */
enum spf_match spf_eval_lookup(struct spf_eval *eval, const char *name, enum dns_type type,
			       const struct dns_answer **answer);

/* Section 5.5: is a validated name of the client DOMAIN or below it? */
enum spf_match spf_eval_ptr(struct spf_eval *eval, const char *domain);

/* Section 6.2: sets the verdict's explanation from the record's exp=, if that gives one. */
void spf_eval_explain(struct spf_eval *eval);

/* One line: both results with their reasons, and all that the evaluation was given. */
const char *spf_eval_disagreement(struct arena *arena, struct dns_scope *scope,
				  const struct spf_request *request, const struct spf_verdict *ours,
				  const struct spf_verdict *other);

enum dns_type spf_address_type(const struct ip *client); /* A or AAAA */
struct ip spf_address(const struct dns_record *record, enum dns_type type);

/* The last line of the trace: the result. */
void spf_eval_end(const struct spf_eval *eval);

void spf_eval_why(struct spf_eval *eval, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void spf_eval_trace(const struct spf_eval *eval, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
