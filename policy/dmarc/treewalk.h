/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DNS tree walk of RFC 9989 section 4.10: the DMARC records at a name and above it, and the
 * organizational domain that they give it.
 *
 * A name whose lookup failed is unknown, and stays so: an organizational domain is given only when
 * the answers that are missing cannot change it.
 */
#ifndef POLICY_DMARC_TREEWALK_H
#define POLICY_DMARC_TREEWALK_H

#include "dns/dns.h"
#include "lib/arena.h"
#include "policy/dmarc/record.h"
#include "policy/result/steps.h"

enum { TREEWALK_MAX = 8 }; /* names, and queries, of one walk */

/* What a name means for the organizational domain (section 4.10.2). */
enum treewalk_mark {
	TREEWALK_NOTHING,
	TREEWALK_RECORD,  /* a record; psd=u */
	TREEWALK_PSD,     /* psd=y, or the operator says so */
	TREEWALK_NOT_PSD, /* psd=n */
	TREEWALK_UNKNOWN  /* the lookup failed */
};

/* What is published at one name. */
struct treewalk_name {
	const char *name;                  /* without "_dmarc." */
	enum dns_status status;            /* of the query for _dmarc.NAME */
	const struct dmarc_record *record; /* the one record there, or NULL */
	enum treewalk_mark mark;
	const char *fault; /* why there is no record although something was found, or the lookup
			      failed; else NULL */
	const struct treewalk_name *next;
};

/* One evaluation: remembers each name it looked at. Set the first five; the rest starts as zero. */
struct treewalk {
	struct dns_scope *scope;
	struct arena *arena;
	struct steps *steps;            /* what was found is noted here; or NULL */
	const char *const *psd_domains; /* names to treat as if their record said psd=y */
	unsigned psd_count;
	const struct treewalk_name *seen;
};

/* The names seen from one domain, longest first, up to the one that ends the walk. */
struct treewalk_path {
	const char *domain;
	const struct treewalk_name *names[TREEWALK_MAX];
	unsigned count;
	unsigned unknown; /* of them */
};

/* Starts the queries for all names of a walk at once; or the one for NAME alone, with FOLLOW (or
 * NULL) as for dns_start_follow(). */
void treewalk_start(struct dns_scope *scope, const char *domain);
void treewalk_start_name(struct dns_scope *scope, const char *name, dns_follow *follow,
			 const void *arg);

/* Waits. The result lives in the arena, NAME must too. */
const struct treewalk_name *treewalk_look(struct treewalk *walk, const char *name);
void treewalk_run(struct treewalk *walk, const char *domain, struct treewalk_path *path);

/* As treewalk_run without waiting; false when an answer is not there yet. */
bool treewalk_peek(struct treewalk *walk, const char *domain, struct treewalk_path *path);

/* The organizational domain, a pointer into PATH->domain; NULL when it is not known. */
const char *treewalk_org(const struct treewalk_path *path);

/* Have both domains the same organizational domain, whatever the missing answers are? */
enum treewalk_same { TREEWALK_DIFFERENT, TREEWALK_UNDECIDED, TREEWALK_SAME };
enum treewalk_same treewalk_compare(const struct treewalk_path *a, const struct treewalk_path *b);

#endif
