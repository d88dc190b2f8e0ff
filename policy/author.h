/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The author of a message, for DMARC (RFC 9989 section 5.3.1): the From fields are read as they
 * arrive (policy/from.h), and the lookups of a domain's policy start as soon as the domain is
 * known.
 */
#ifndef POLICY_AUTHOR_H
#define POLICY_AUTHOR_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/dmarc/dmarc.h"

struct author;

/* Lives in ARENA. RULES and SCOPE are borrowed. */
struct author *author_new(const struct dmarc_rules *rules, struct dns_scope *scope,
			  struct arena *arena);

/* Each header field, in order; NAME and VALUE as in policy/from.h. */
void author_header(struct author *author, struct span name, struct span value);

/* The first From domain, or NULL. */
const char *author_domain(const struct author *author);

/* After the header: DOMAIN is authenticated, perhaps. Starts the lookups that show whether it is
 * aligned with an author's domain, where it could be (RFC 9989 section 4.10.2). */
void author_start_alignment(struct author *author, const char *domain);

/* After the header: what the policy is judged by. OUT borrows from AUTHOR. */
void author_finish(const struct author *author, struct dmarc_author *out);

#endif
