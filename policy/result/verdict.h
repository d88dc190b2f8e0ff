/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was found out about one message: the results of every mechanism, in the terms of RFC 8601,
 * each with its explanation. Plain data in the message's arena; no mechanism writes another's part.
 */
#ifndef POLICY_RESULT_VERDICT_H
#define POLICY_RESULT_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "dns/dns.h"
#include "lib/ip.h"
#include "lib/name.h"
#include "lib/span.h"

/* RFC 8601 section 2.7: one set of result names serves iprev, SPF, DKIM and DMARC. */
enum auth_result {
	AUTH_NONE,
	AUTH_PASS,
	AUTH_FAIL,
	AUTH_SOFTFAIL,
	AUTH_NEUTRAL,
	AUTH_POLICY,
	AUTH_TEMPERROR,
	AUTH_PERMERROR
};
extern const struct name_code auth_result_names[]; /* "none", "pass", ... */
const char *auth_text(enum auth_result result);

/* iprev, RFC 8601 section 3. */
struct iprev_verdict {
	enum auth_result result;
	const char
	    *name; /* the verified name of the client (pass), or the first one tried, or NULL */
	const char *why; /* for people; never NULL */
};

enum spf_scope { SPF_SCOPE_MFROM, SPF_SCOPE_HELO };
const char *spf_scope_text(enum spf_scope scope); /* "mfrom", "helo" */

struct spf_verdict {
	enum auth_result result;
	enum spf_scope scope; /* which identity was checked */
	const char *domain;   /* of that identity, A-labels; "" when it has none */
	const char
	    *mechanism; /* text of the term that matched ("ip4:192.0.2.0/24"), "default", or NULL */
	const char *record;      /* text of the first record, or NULL */
	const char *explanation; /* the domain owner's text for a fail (exp=), sanitised; or NULL */
	const char *why;         /* for people; never NULL */
	unsigned terms;          /* terms that cost a lookup: of 10 (RFC 7208 section 4.6.4) */
	unsigned voids;          /* void lookups: of 2 */
	const char *const *steps; /* the evaluation, a line each, when it was asked for */
	unsigned step_count;
};

struct dkim_verdict {
	enum auth_result result;
	const char *domain;       /* d=, lower case; "" when it could not be read */
	const char *selector;     /* s=; "" likewise */
	const char *identity;     /* i= as in the field, or NULL */
	const char *algorithm;    /* a=: "rsa-sha256"; "" likewise */
	const char *signature;    /* first 8 or more characters of b= (RFC 6008); "" likewise */
	struct span headers;      /* h= as in the field; empty likewise */
	unsigned key_bits;        /* 0 when not known; 256 for ed25519 */
	bool testing;             /* the key says t=y */
	bool partial;             /* l= leaves a part of the body unsigned */
	const char *why;          /* for people; never NULL */
	const char *const *steps; /* how it was judged, a line each, when it was asked for */
	unsigned step_count;
};

/* One ARC set (RFC 8617): who sealed it, and what its ARC-Authentication-Results say. */
struct arc_set_verdict {
	const char *domain, *selector; /* of the seal; "" when they could not be read */
	struct span results;           /* RFC 8601's authres-payload */
};

struct arc_verdict {
	enum auth_result result; /* none pass fail */
	bool temporary;          /* it fails only because DNS did not answer */
	const char *added;       /* a field that was added above what the newest message signature
				    signs (policy/dkim/addition.h), and is not accepted; or NULL */
	const struct arc_set_verdict *sets; /* from the first on */
	unsigned count;
	const char *why; /* for people; never NULL */
};

enum dmarc_policy { DMARC_POLICY_NONE, DMARC_POLICY_QUARANTINE, DMARC_POLICY_REJECT };
extern const struct name_code dmarc_policy_names[];
const char *dmarc_policy_text(enum dmarc_policy policy);

enum dmarc_discovery { DMARC_TREEWALK, DMARC_PSL };

/* The policy that applies, as the report will show it: values as published, defaults filled in. */
struct dmarc_published {
	const char *domain; /* where the record was found (the DMARC Policy Domain) */
	const char *record; /* its text */
	enum dmarc_policy p, sp, np;
	bool has_sp, has_np;
	bool adkim_strict, aspf_strict;
	const char *fo; /* "0", "1:d:s" ... as published and valid; "0" by default */
	bool testing;   /* t=y */
	enum dmarc_discovery discovery;
	const char *rua;    /* the tag's text, or NULL */
	const char *ruf;    /* likewise */
	bool psd;           /* psd=y: a public suffix domain's record */
	const char *faults; /* what is wrong with the records on the way to it, or NULL */
};

/* RFC 9990 section 3.1.6 ("reason"): why the applied policy is not the published one. */
enum override_type {
	OVERRIDE_LOCAL_POLICY,
	OVERRIDE_MAILING_LIST,
	OVERRIDE_OTHER,
	OVERRIDE_POLICY_TEST_MODE,
	OVERRIDE_TRUSTED_FORWARDER
};
extern const struct name_code override_names[];

struct override {
	enum override_type type;
	const char *comment; /* or NULL */
};
enum { OVERRIDES_MAX = 4 };

struct dmarc_verdict {
	enum auth_result result;   /* none pass fail temperror permerror */
	const char *author_domain; /* RFC5322.From domain, A-labels; "" when there is none */
	const char *org_domain;    /* its organizational domain, or NULL when not known */
	const struct dmarc_published *published; /* NULL when no record applies */
	enum dmarc_policy policy; /* requested for this message: p, sp or np; t= not yet applied */
	const char *policy_tag;   /* which of them: "p", "sp", "np"; NULL without a record */
	bool dkim_aligned;        /* an aligned DKIM signature passed */
	bool spf_aligned;         /* SPF passed for an aligned MAIL FROM domain */
	bool dkim_unsure, spf_unsure; /* it could be so, but DNS did not answer */
	enum dmarc_policy worst;      /* temperror: the strictest policy that the missing answers
					 could have led to; else none */
	bool incomplete;              /* From has more author domains than are evaluated */
	const char *why;              /* for people, with the RFC section; never NULL */
	const char *const *steps;     /* the evaluation, a line each, when it was asked for */
	unsigned step_count;
};

/* The results of BIMI (draft-brand-indicators-for-message-identification). */
enum bimi_result {
	BIMI_NONE,
	BIMI_DECLINED,
	BIMI_SKIPPED,
	BIMI_FAIL,
	BIMI_TEMPERROR,
	BIMI_PASS,
	BIMI_RESULTS
};
extern const struct name_code bimi_result_names[];
const char *bimi_text(enum bimi_result result);

struct bimi_verdict {
	bool evaluated; /* false: BIMI is off, and the rest is not set */
	enum bimi_result result;
	const char *domain;    /* where the record was looked for last; "": nowhere */
	const char *selector;  /* which record; "" likewise */
	const char *location;  /* of the logo, as the record has it; "": none */
	const char *authority; /* of its certificate, likewise */
	const char *why;       /* for people; never NULL */
	bool refused;          /* BIMI_FAIL: the mark certificate is not valid */
	/* BIMI_PASS; else "" and false: */
	bool certified;         /* by a mark certificate */
	const char *preference; /* avp= of the record, "brand" or "personal"; "": not valid */
	const char *mark_type;  /* as it says, or "" */
	const char *digest;     /* SHA-256 of the SVG, in hexadecimal digits */
	const char *indicator;  /* the SVG in base 64; "": it is not to be added to the message */
};

enum action { ACTION_ACCEPT, ACTION_QUARANTINE, ACTION_REJECT, ACTION_TEMPFAIL };
extern const struct name_code action_names[]; /* "accept" "quarantine" "reject" "tempfail" */

struct decision {
	enum action action;
	enum dmarc_policy disposition; /* what is reported as applied (none also for pass) */
	struct override overrides[OVERRIDES_MAX];
	unsigned override_count;
	bool bad_from;      /* rejected because From is none that DMARC can judge */
	const char *status; /* enhanced status code (RFC 7372) of a rejection without a DMARC
			       policy, or NULL */
	const struct spf_verdict *spf; /* whose fail it is rejected for, or NULL */
	const char *why;               /* for people; never NULL */
};

enum { DKIM_VERDICTS_MAX = 100, DISAGREEMENTS_MAX = 4 };

/* A question that was not answered: the one to name where a result is temperror. */
struct dns_fault {
	const char *name; /* NULL: all were answered */
	enum dns_type type;
	const char *reason; /* as in struct dns_answer */
	bool bogus;         /* likewise */
};

struct verdict {
	struct ip client;
	const char *helo;      /* as given */
	const char *mail_from; /* as given, without <>; "" for the null sender */
	struct iprev_verdict iprev;
	struct spf_verdict spf_helo;
	struct spf_verdict spf; /* MAIL FROM (postmaster@HELO for the null sender) */
	struct dkim_verdict *dkim;
	unsigned dkim_count;
	unsigned dkim_ignored; /* signatures beyond the limit, not looked at */
	struct arc_verdict arc;
	struct dmarc_verdict dmarc;
	struct bimi_verdict bimi;
	struct dns_fault dns_fault;
	struct decision decision;
	const char *disagreements[DISAGREEMENTS_MAX]; /* where a second engine differs, and how */
	unsigned disagreement_count;
	bool spf_disagrees, dkim_disagrees; /* in which mechanism that was */
};

/* Why there is a temperror, for reports to the domain owner, who can do something about it. */
const char *verdict_fault(const struct verdict *verdict);

/* Adds TEXT (NULL: nothing) to the disagreements; those beyond the bound are left out. */
void verdict_disagree(struct verdict *verdict, const char *text);

#endif
