/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Judging: what audit/judge_*.c share. A rule that could not be decided is a finding of level skip.
 */
#ifndef AUDIT_JUDGE_H
#define AUDIT_JUDGE_H

#include "audit/rules.h"
#include "lib/crypto/certificate.h"

struct judge {
	const struct audit_settings *settings;
	const struct audit_facts *facts;
	struct arena *arena;
	struct audit_findings findings;
	bool sends; /* the domain is used to send mail, as far as is known */
};

void judge_find(struct judge *judge, enum audit_rule rule, const char *subject, const char *format,
		...) __attribute__((format(printf, 4, 5)));
void judge_find_as(struct judge *judge, enum audit_rule rule, enum audit_level level,
		   const char *subject, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The record that would settle the last finding: NAME IN TYPE DATA. */
void judge_remedy(struct judge *judge, const char *name, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The TLSA record at NAME that CHAIN would have in place of RECORD, with its usage, selector and
 * matching type; none when these are not known. */
void judge_remedy_tlsa(struct judge *judge, const char *name, const struct certificates *chain,
		       const struct dns_record *record);

/* True when ANSWER is a temporary failure: RULE is then skipped. */
bool judge_skips(struct judge *judge, enum audit_rule rule, const struct audit_answer *answer);

void judge_parked(struct judge *judge);
void judge_mail(struct judge *judge);
void judge_spf(struct judge *judge);
void judge_dkim(struct judge *judge);
void judge_dmarc(struct judge *judge);
void judge_tls(struct judge *judge);
void judge_zone(struct judge *judge);

#endif
