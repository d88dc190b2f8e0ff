/*
 * From verdict to action: the operator's side of DMARC. A pure function of verdict and rules.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "lib/arena.h"
#include "policy/dmarc.h"
#include "policy/verdict.h"

enum enforce { ENFORCE_OBSERVE, ENFORCE_RFC, ENFORCE_STRICT };

/* What a line of the action matrix says to do with failing mail of a domain. */
enum rule_action { RULE_PUBLISHED, RULE_ACCEPT, RULE_QUARANTINE, RULE_REJECT };

struct decide_rule {
	const char *domain;   /* author domain; "*.example.com" also means what is below; "*" all */
	int published;        /* enum dmarc_policy this line is for, or -1: any */
	enum rule_action action;
};

struct decide_rules {
	enum enforce enforce;
	const struct decide_rule *matrix; /* first match wins; no match: as ENFORCE says */
	unsigned matrix_count;
	bool tempfail_on_temperror;  /* 451 where the message would otherwise suffer */
	bool reject_bad_from;        /* 550 for no, several or malformed From */
};

/* Fills VERDICT->decision from the rest of VERDICT. */
void decide(const struct decide_rules *rules, const struct dmarc_author *author,
	    struct arena *arena, struct verdict *verdict);

/* The SMTP reply that tells the sender: code "550", enhanced "5.7.1", text without CR, LF and
 * with "%" single. Only for ACTION_REJECT and ACTION_TEMPFAIL. */
struct smtp_reply {
	const char *code, *enhanced, *text;
};
void decide_reply(const struct verdict *verdict, struct arena *arena, struct smtp_reply *reply);

#endif
