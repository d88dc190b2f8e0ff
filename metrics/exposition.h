/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The counters as text that Prometheus reads: its text format 0.0.4, or OpenMetrics 1.0.
 */
#ifndef METRICS_EXPOSITION_H
#define METRICS_EXPOSITION_H

#include <stdbool.h>

#include "lib/buf.h"
#include "metrics/counters.h"

/* What is shown beside the table of counters: the build, and our keys. Their labels have any
 * values. */
enum exposition_extra {
	EXTRA_BUILD,
	EXTRA_KEY_INFO,
	EXTRA_KEY_PUBLISHED,
	EXTRA_KEY_CREATED,
	EXTRAS
};
extern const struct metric_family exposition_extras[EXTRAS];

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

/* All metrics, also those that are 0. OUT is on the heap or in an arena, as the caller likes. */
void exposition_write(struct buf *out, enum exposition_format format);

/* What an HTTP Accept field asks for: OpenMetrics only when it says so (NULL: it does not). */
enum exposition_format exposition_wanted(const char *accept);
const char *exposition_media_type(enum exposition_format format);

#endif
