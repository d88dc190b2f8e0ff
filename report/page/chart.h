/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Charts as SVG inside a page, made on the server: no script. Each chart has its numbers as a table
 * beside it, and its series differ by hatching as well as by colour.
 */
#ifndef REPORT_PAGE_CHART_H
#define REPORT_PAGE_CHART_H

#include <stdint.h>

#include "lib/buf.h"

enum { CHART_SERIES_MAX = 4 };

struct chart_series {
	const char *name;
	const char *look;      /* class of its colour and hatching: "good" "doubt" "bad" "held" */
	const int64_t *values; /* one for each day */
};

struct chart {
	const char *title; /* plain text */
	const char *id;    /* unique in the page */
	int32_t first_day;
	unsigned days;
	struct chart_series series[CHART_SERIES_MAX];
	unsigned count;
};

/* Stacked bars, one for each day, and the table. */
void chart_bars(struct buf *to, const struct chart *chart);

/* What the looks refer to; once, at the beginning of the page. */
void chart_patterns(struct buf *to);

#endif
