/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MTA-STS of a domain that is ours: what DNS announces, what its web server serves, and whether
 * its MX hosts keep what a policy promises (RFC 8461 section 4).
 */
#ifndef ADMIN_TLS_OWN_H
#define ADMIN_TLS_OWN_H

#include "admin/admin.h"
#include "tls/discover.h"
#include "tls/route.h"
#include "tls/sts.h"

enum own_result {
	OWN_OK,
	OWN_WARNING,
	OWN_FAILED, /* senders that apply the policy do not deliver, or see no policy */
	OWN_UNKNOWN /* it could not be found out */
};
extern const struct name_code own_result_names[]; /* "ok" "warning" "failed" "unknown" */

struct own_finding {
	enum own_result result;
	const char *check; /* "record" "policy" "mode" "mx" "pattern" "certificate" "tlsa" */
	const char *text;  /* a sentence without a full stop */
	struct own_finding *next;
};

struct own {
	struct admin *admin;
	const char *domain;
	const char *ca_file;
	struct dns *dns;
	struct dns_scope *scope;
	struct sts_discovery discovery; /* after own_read_record() */
	struct route route;             /* after own_find_hosts() */
	struct own_finding *first, **last;
	unsigned counts[OWN_UNKNOWN + 1]; /* of findings, by result */
};

/* DOMAIN in the form of level_domain(). 0, or a status after the error was printed. Everything
 * lives in ADMIN's arena. */
int own_open(struct own *own, struct admin *admin, const char *domain);
void own_close(struct own *own);

/* The record at _mta-sts.DOMAIN, as a finding too. */
void own_read_record(struct own *own);

/* The policy as the web server serves it to anybody, as a finding too. NULL: there is none. */
const char *own_fetch(struct own *own);

/* The MX hosts. -1 after a finding: none are known. */
int own_find_hosts(struct own *own);

/* What POLICY says, and whether the MX hosts keep it; CONNECT: their certificates,
 * too. */
void own_judge(struct own *own, const struct sts_policy *policy, bool connect);

#endif
