/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From verdict to action: the operator's side of DMARC. A pure function of verdict and rules.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "lib/arena.h"
#include "mail/domain.h"
#include "policy/dmarc/dmarc.h"
#include "policy/result/verdict.h"
#include "policy/trust.h"

/*
 * What is done with mail that fails. Observe: nothing, whatever the rest of the rules says. RFC: as
 * the domain owner asks, but p=reject alone is handled as quarantine (RFC 9989 sections 7.4 and 8).
 * Strict: as the domain owner asks. All but observe honour t=y, and accept what comes through a
 * trusted forwarder or mailing list.
 */
enum enforce { ENFORCE_OBSERVE, ENFORCE_RFC, ENFORCE_STRICT };

/* What a line of the action matrix says to do with failing mail of a domain. Published: as strict
 * would. The others hold whatever the domain owner asks for, t=y too. */
enum rule_action { RULE_PUBLISHED, RULE_ACCEPT, RULE_QUARANTINE, RULE_REJECT };

/* For mail whose author's domain has no DMARC record, whatever it proves. */
enum { RULE_ABSENT = DMARC_POLICY_REJECT + 1 };

/* What passed for a domain that is aligned with the author's. A line that asks for SPF alone is for
 * mail that passes DMARC, too, if its policy fits. */
enum rule_aligned { RULE_ALIGNED_ANY, RULE_ALIGNED_NONE, RULE_ALIGNED_SPF };

struct decide_rule {
	const char *text;                /* what it is called in reasons: "example.com" */
	struct domain_pattern domain;    /* author domain */
	struct domain_pattern recipient; /* "*", or all recipients' domains must fit */
	int published;                   /* enum dmarc_policy this line is for, RULE_ABSENT, or -1:
					    any policy */
	int spf;                         /* the result for MAIL FROM, or -1: any */
	int dkim;                        /* AUTH_PASS: a signature passes; AUTH_FAIL: none of them
					    does; AUTH_NONE: there is none; -1: any */
	enum rule_aligned aligned;
	enum rule_action action;
};

/* Mail that SPF fails, of an author whose domain has no DMARC record, without a signature that
 * passes, and not through a trusted forwarder (RFC 7208 section 8.4). */
enum spf_reject {
	SPF_REJECT_NEVER,
	SPF_REJECT_NOMAIL, /* only where the record says that the domain sends no mail */
	SPF_REJECT_NO_DMARC
};

struct decide_rules {
	enum enforce enforce;
	enum spf_reject spf_reject, helo_reject; /* by the result for MAIL FROM, for HELO */
	const struct decide_rule *matrix;        /* first match wins; no match: as ENFORCE says */
	unsigned matrix_count;
	bool requires_dkim;         /* a line asks for SPF alone */
	bool by_recipient;          /* a line of the matrix asks for recipients */
	struct trust_rules trust;   /* goes before the matrix */
	bool tempfail_on_temperror; /* 451 where the message would otherwise suffer */
	bool reject_bad_from; /* 550 for no or several From fields, for one that names nobody or in
				 which two readers can see two domains, and for more author
				 domains than are evaluated; but not for what comes through a
				 trusted forwarder or list, nor for a bounce (null sender) */
};

/* What the operator's rules ask of a message beside its verdict. */
struct decide_facts {
	const struct dmarc_author *author;
	const char *const *recipients; /* their distinct domains */
	unsigned recipient_count;
	bool recipients_unknown;     /* there are more, or one has no domain */
	const char *const *list_ids; /* of List-Id fields: trust_list_id */
	unsigned list_id_count;
};

/*
 * Fills VERDICT->decision from the rest of VERDICT. Each reason for which what is done is not what
 * the domain owner asked for is an override (RFC 9990 section 3.1.6). A temperror is never a reason
 * to quarantine or reject: it is one to tempfail if any answer to what is missing would have led to
 * that; or, for a message that fails, if an answer that is missing could have shown that it comes
 * through a trusted forwarder or list, or that a line of the matrix is for it. Where no tempfail is
 * wanted, it does not and the line is not.
 */
void decide(const struct decide_rules *rules, const struct decide_facts *facts, struct arena *arena,
	    struct verdict *verdict);

/* What is kept of a message's DMARC evaluation once it is counted. */
struct decide_counted {
	bool passed;
	bool below;                   /* the author's domain is one below that of the policy */
	const char *p, *sp, *testing; /* of the record; NULL: it has no such tag */
	const char *reasons;          /* the overrides, as they are reported */
};

/* What ENFORCE_STRICT would have come to, without a matrix. Trusted forwarders and lists count
 * where they were found: each mode but observe asks. */
enum dmarc_policy decide_strict(const struct decide_counted *counted);

#endif
