/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A verdict and the steps that led to it, for people and as JSON: one form for every command that
 * judges. The steps are shown with -v; the JSON always has them.
 */
#ifndef ADMIN_CHECK_EXPLAIN_H
#define ADMIN_CHECK_EXPLAIN_H

#include "admin/admin.h"
#include "dns/dns.h"
#include "policy/result/verdict.h"

/* "spf     pass      example.com  matched ip4:192.0.2.0/24": DETAIL NULL or "" is left out. */
void explain_line(const struct admin *admin, const char *what, enum auth_result result,
		  const char *detail, const char *why);
void explain_fact(const char *what, const char *text); /* below it; TEXT NULL: nothing */

void explain_spf(const struct admin *admin, const char *what, const struct spf_verdict *spf);
void explain_dkim(const struct admin *admin, const struct verdict *verdict);
void explain_arc(const struct admin *admin, const struct arc_verdict *arc);
void explain_dmarc(const struct admin *admin, const struct dmarc_verdict *dmarc);
void explain_bimi(const struct admin *admin, const struct bimi_verdict *bimi); /* if evaluated */

/* Lines of engines that disagree. */
void explain_disagreements(const char *const *lines, unsigned count);

/* A dns_visit: prints one lookup, or adds it to JSON, the open array. Times count from START. */
struct explain_lookups {
	const struct admin *admin;
	int64_t start;
	struct jsonout *json; /* NULL: print */
};
dns_visit explain_lookup;

/* All lookups of SCOPE: printed with -v, or the array "lookups" of JSON. */
void explain_scope(const struct admin *admin, struct dns_scope *scope, int64_t start,
		   struct jsonout *json);

/* ---- members of the open object ---- */
void explain_json_spf(struct jsonout *out, const char *key, const struct spf_verdict *spf);
void explain_json_dkim(struct jsonout *out, const struct verdict *verdict);
void explain_json_arc(struct jsonout *out, struct arena *arena, const struct arc_verdict *arc);
void explain_json_dmarc(struct jsonout *out, const struct dmarc_verdict *dmarc);
void explain_json_bimi(struct jsonout *out, const struct bimi_verdict *bimi); /* likewise */
void explain_json_disagreements(struct jsonout *out, const char *const *lines, unsigned count);

#endif
