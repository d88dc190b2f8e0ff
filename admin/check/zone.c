/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/check/zone.h"

/* Quotes and backslashes are escaped, what is not printable ASCII is \DDD (section 5.1). */
static void print_byte(FILE *stream, unsigned char c)
{
	if (c == '"' || c == '\\')
		fprintf(stream, "\\%c", c);
	else if (c < ' ' || c > '~')
		fprintf(stream, "\\%03u", c);
	else
		fputc(c, stream);
}

void zone_print_strings(FILE *stream, struct span value, const char *between)
{
	do {
		const char *end =
		    value.end - value.p > ZONE_STRING_MAX ? value.p + ZONE_STRING_MAX : value.end;

		fputc('"', stream);
		while (value.p < end)
			print_byte(stream, (unsigned char)*value.p++);
		fprintf(stream, "\"%s", value.p < value.end ? between : "");
	} while (!span_empty(value));
}

void zone_print_txt(FILE *stream, const char *indent, const char *name, struct span value)
{
	fprintf(stream, "%s%s. %d IN TXT ( ", indent, name, ZONE_TTL);
	zone_print_strings(stream, value, *indent == '\0' ? "\n\t" : "\n            ");
	fputs(" )\n", stream);
}
