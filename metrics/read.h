/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads what the daemon reports about itself (daemon/status.h).
 */
#ifndef METRICS_READ_H
#define METRICS_READ_H

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

/* One line of facts: NAME, the text that follows it, and the words of that text. */
enum { METRICS_READ_WORDS_MAX = 10, METRICS_READ_LABELS_MAX = 8 };
struct metrics_read_fact {
	const char *name, *text;
	const char *words[METRICS_READ_WORDS_MAX];
	unsigned word_count;
};

struct metrics_read_label {
	const char *name, *value;
};
struct metrics_read_sample {
	const char *name; /* with its prefix and suffix */
	struct metrics_read_label labels[METRICS_READ_LABELS_MAX];
	unsigned label_count;
	double value;
};

struct metrics_read {
	const struct metrics_read_fact *facts;
	unsigned fact_count;
	const struct metrics_read_sample *samples; /* in the order in which they came */
	unsigned sample_count;
};

/* The result lives in ARENA. -1 with the reason: a malformed line. Facts with unknown names are
 * kept: a newer daemon may send more. */
int metrics_read_parse(struct span text, struct arena *arena, struct metrics_read *status,
		       struct why *why);

/* The I-th fact of that name, or NULL. */
const struct metrics_read_fact *metrics_read_fact(const struct metrics_read *status,
						  const char *name, unsigned i);
const char *metrics_read_text(const struct metrics_read *status,
			      const char *name); /* of the first; or "" */
const char *metrics_read_word(const struct metrics_read_fact *fact,
			      unsigned i); /* "" where there is none */

/* The value of a label; "" where the sample has none such. */
const char *metrics_read_label(const struct metrics_read_sample *sample, const char *name);

/* Adds up the samples of the name ("messages_total", without "countersign_") whose LABEL is VALUE;
 * LABEL NULL: all. */
double metrics_read_sum(const struct metrics_read *status, const char *name, const char *label,
			const char *value);

/* The same, of those that have all COUNT labels. */
double metrics_read_sum_of(const struct metrics_read *status, const char *name,
			   const struct metrics_read_label *labels, unsigned count);

#endif
