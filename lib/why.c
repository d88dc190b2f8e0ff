/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/why.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/format.h"

#undef why_set
#undef why_prefix

int why_set(struct why *why, const char *format, ...)
{
	va_list ap;

	if (why != NULL) {
		va_start(ap, format);
		format_text(why->text, sizeof why->text, format, ap);
		va_end(ap);
	}
	return -1;
}

int why_prefix(struct why *why, const char *format, ...)
{
	char reason[sizeof why->text];
	va_list ap;
	size_t used;

	if (why == NULL)
		return -1;
	memcpy(reason, why->text, sizeof reason);
	va_start(ap, format);
	vsnprintf(why->text, sizeof why->text, format, ap);
	va_end(ap);
	used = strlen(why->text);
	assert(used < sizeof why->text);
	snprintf(why->text + used, sizeof why->text - used, "%s", reason);
	return -1;
}
