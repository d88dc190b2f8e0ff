/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the daemon says of itself (daemon/status.h), read.
 */
#ifndef METRICS_READ_H
#define METRICS_READ_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* One line of facts: NAME, the text behind it, and its words. */
enum { STATUS_WORDS_MAX = 10, STATUS_LABELS_MAX = 8 };
struct status_fact {
	const char *name, *text;
	const char *words[STATUS_WORDS_MAX];
	unsigned word_count;
};

struct status_label {
	const char *name, *value;
};
struct status_sample {
	const char *name; /* with its prefix and suffix */
	struct status_label labels[STATUS_LABELS_MAX];
	unsigned label_count;
	double value;
};

struct status {
	const struct status_fact *facts;
	unsigned fact_count;
	const struct status_sample *samples; /* in the order in which they came */
	unsigned sample_count;
};

/* All of it lives in ARENA. -1 with the reason: a line that is none. Facts of unknown names are
 * kept: a later daemon may say more. */
int status_parse(struct span text, struct arena *arena, struct status *status, struct why *why);

/* The I-th fact of that name, or NULL. */
const struct status_fact *status_fact(const struct status *status, const char *name, unsigned i);
const char *status_text(const struct status *status, const char *name); /* of the first; or "" */
const char *status_word(const struct status_fact *fact, unsigned i);    /* "" where there is none */

/* The value of a label; "" where the sample has none such. */
const char *status_label(const struct status_sample *sample, const char *name);

/* Adds up the samples of the name ("messages_total", without "countersign_") whose LABEL is VALUE;
 * LABEL NULL: all. */
double status_sum(const struct status *status, const char *name, const char *label,
		  const char *value);

#endif
