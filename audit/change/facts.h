/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is known of a change before it is made: of a certificate, a mark certificate or a DKIM key
 * that is to be used.
 */
#ifndef AUDIT_CHANGE_FACTS_H
#define AUDIT_CHANGE_FACTS_H

#include "bimi/finding.h"
#include "policy/dkim/published.h"

enum { CHANGE_HOSTS_MAX = 16 };

struct change_facts {
	uint32_t
	    ttl[CHANGE_HOSTS_MAX];  /* of each MX host's TLSA records as published; 0: unknown */
	struct bimi_findings *mark; /* NULL: the certificate is not of a mark */
	const char *mark_fault;     /* why it could not be examined, or NULL */
	const char *key_name;       /* NULL: no key is to be used */
	const char *key_fault;      /* why it cannot sign, or NULL */
	const char *key_record, *key_detail;
	enum published published;
	const char *key_reason; /* PUBLISHED_UNKNOWN */
	uint32_t key_ttl; /* of what is there, or of that nothing is; as far as a cache goes */
};

#endif
