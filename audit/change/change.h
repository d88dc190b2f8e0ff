/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before a change: would a new certificate or a new DKIM key break what the DNS and the policies of
 * a domain promise, what is to be published first, and for how long (RFC 7671 section 8.1).
 */
#ifndef AUDIT_CHANGE_CHANGE_H
#define AUDIT_CHANGE_CHANGE_H

#include "audit/change/facts.h"
#include "audit/judge.h"
#include "audit/look.h"
#include "lib/crypto/certificate.h"

struct audit_change {
	struct span pem;                  /* of a certificate and what is above it; empty: none */
	const struct certificates *chain; /* read from it; or NULL */
	const char *const *hosts;         /* that will have it */
	unsigned host_count;              /* 0: those whose names it has */
	struct span key;                  /* PEM of a private key that is to sign; empty: none */
	const char *selector;
	/* When a record, as judge_remedy() writes it, was first seen: wall seconds; 0: never. */
	int64_t (*since)(const void *memory, const char *record);
	const void *memory;
	bool waited; /* the user says that what is published has been there for long enough */
};

void change_look(const struct look *look); /* after the facts of the DNS */
void change_judge(struct judge *judge);    /* the rules change.* */

/* The TLSA records of the MX hosts as lines, for a memory of when they were first seen. */
typedef void change_visit(void *arg, const char *record);
void change_each_tlsa(const struct audit_facts *facts, struct arena *arena, change_visit *visit,
		      void *arg);

#endif
