/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received reports as JSON, one form for the command (`inbox list`, `inbox show`) and the daemon's
 * pages.
 */
#ifndef REPORT_PAGE_REPORTJSON_H
#define REPORT_PAGE_REPORTJSON_H

#include "lib/jsonout.h"
#include "store/received.h"

/* The first digits of KEY, enough to name it. */
const char *reportjson_id(struct arena *arena, const unsigned char key[DRIVER_KEY_LEN]);

/* Each adds members to the object that is open. */
void reportjson_head(struct jsonout *json, struct arena *arena, const struct received_report *r);
void reportjson_remarks(struct jsonout *json, struct arena *arena, const struct received_report *r);
void reportjson_tls(struct jsonout *json, const struct received_tls *tls,
		    const struct received_tls_failure *failure);

/* An object in the array that is open. */
void reportjson_row(struct jsonout *json, struct arena *arena, const struct received_row *row);

#endif
