/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/name.h"

#include <string.h>

int name_code(const struct name_code *table, struct span name, int otherwise)
{
	for (; table->name != NULL; table++) {
		if (span_ieq(name, table->name))
			return table->code;
	}
	return otherwise;
}

const char *name_text(const struct name_code *table, int code)
{
	for (; table->name != NULL; table++) {
		if (table->code == code)
			return table->name;
	}
	return "?";
}

static unsigned least_of(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Whether A and B end, at these lengths, in the same two letters the other way round. */
static bool ends_swapped(struct span a, size_t i, struct span b, size_t j)
{
	return i > 1 && j > 1 &&
	       char_lower((unsigned char)a.p[i - 1]) == char_lower((unsigned char)b.p[j - 2]) &&
	       char_lower((unsigned char)a.p[i - 2]) == char_lower((unsigned char)b.p[j - 1]);
}

/* How many letters must be put in, left out or replaced, or neighbours swapped, to make one short
 * text of the other (optimal string alignment); cut off at LIMIT. */
static unsigned edit_distance(struct span a, struct span b, unsigned limit)
{
	enum { LENGTH_MAX = 64 };
	unsigned rows[3][LENGTH_MAX + 1]; /* used in turn: of I - 2, I - 1 and I */
	size_t i, j, n = span_len(a), m = span_len(b);

	if (n > LENGTH_MAX || m > LENGTH_MAX)
		return limit;
	for (j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i - 1) % 3];

		row[0] = (unsigned)i;
		for (j = 1; j <= m; j++) {
			unsigned cost = char_lower((unsigned char)a.p[i - 1]) !=
					char_lower((unsigned char)b.p[j - 1]);

			row[j] = least_of(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
			if (ends_swapped(a, i, b, j) && rows[(i - 2) % 3][j - 2] + 1 < row[j])
				row[j] = rows[(i - 2) % 3][j - 2] + 1;
		}
	}
	return rows[n % 3][m] < limit ? rows[n % 3][m] : limit;
}

const char *name_nearest(const struct name_code *table, struct span name)
{
	size_t half = span_len(name) / 2 + 1, third = span_len(name) / 3 + 2;
	unsigned best = (unsigned)(half < third ? half : third);
	const char *nearest = NULL;

	for (; table->name != NULL; table++) {
		unsigned distance = edit_distance(name, span_of(table->name), best);

		if (distance < best) {
			best = distance;
			nearest = table->name;
		}
	}
	return nearest;
}
