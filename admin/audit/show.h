/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an audit found, as text and as JSON.
 */
#ifndef ADMIN_AUDIT_SHOW_H
#define ADMIN_AUDIT_SHOW_H

#include "admin/audit/run.h"
#include "lib/jsonout.h"

/* How many findings of each level there are; silent ones apart. */
struct audit_counts {
	unsigned levels[AUDIT_ERROR + 1];
	unsigned silent;
};

/* Whether the settings silence FINDING about DOMAIN today. */
bool show_is_silent(const struct conf *conf, const char *domain,
		    const struct audit_finding *finding, int32_t today);

struct audit_counts show_counts(const struct conf *conf, const struct audit_result *result,
				int32_t today);

void show_result(struct admin *admin, const struct conf *conf, const struct audit_result *result,
		 int32_t today);
void show_result_json(struct jsonout *out, const struct conf *conf,
		      const struct audit_result *result, int32_t today);

/* A line for each finding, as a log has it. */
void show_changes(const struct audit_result *result);

/* The four records of a domain without mail, as lines of a zone file. */
void show_parked(const char *domain);

void show_rules(const struct admin *admin);

#endif
