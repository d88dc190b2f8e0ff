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

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned name_distance(struct span a, struct span b, unsigned limit)
{
	unsigned row[65];
	size_t i, j, n = span_len(a), m = span_len(b);

	if (n > 64 || m > 64)
		return limit;
	for (j = 0; j <= m; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= n; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (j = 1; j <= m; j++) {
			unsigned above = row[j];
			unsigned cost = char_lower((unsigned char)a.p[i - 1]) !=
					char_lower((unsigned char)b.p[j - 1]);

			row[j] = least(above + 1, row[j - 1] + 1, diagonal + cost);
			diagonal = above;
		}
	}
	return row[m] < limit ? row[m] : limit;
}

const char *name_nearest(const struct name_code *table, struct span name)
{
	size_t half = span_len(name) / 2 + 1, third = span_len(name) / 3 + 2;
	unsigned best = (unsigned)(half < third ? half : third);
	const char *nearest = NULL;

	for (; table->name != NULL; table++) {
		unsigned distance = name_distance(name, span_of(table->name), best);

		if (distance < best) {
			best = distance;
			nearest = table->name;
		}
	}
	return nearest;
}
