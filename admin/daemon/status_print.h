/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon's status for people, and as JSON.
 */
#ifndef ADMIN_DAEMON_STATUS_PRINT_H
#define ADMIN_DAEMON_STATUS_PRINT_H

#include "admin/admin.h"
#include "metrics/read.h"

/* RATE: messages each second since the last look; below 0: not known. */
void status_print(const struct admin *admin, const struct metrics_read *status, struct arena *arena,
		  double rate);
struct jsonout *status_json(const struct metrics_read *status, struct arena *arena);

/* Counters that are shown by the value of a label; ends with a NULL title. */
struct status_family {
	const char *title, *family, *label;
	struct metrics_read_label only; /* the samples that have it; without a name: all */
};
extern const struct status_family status_families[];
bool status_is_family(const struct metrics_read_sample *sample, const struct status_family *family);
double status_family_sum(const struct metrics_read *status, const struct status_family *family,
			 const char *value);

/* Whether an administrator should look: settings refused, the ledger failing, no worker ready. */
bool status_is_well(const struct metrics_read *status);

#endif
