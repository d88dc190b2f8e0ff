/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counted while the header comes in; only a header in which something is repeated costs a look at
 * h=. A signature takes fields from the bottom up, so what it does not cover stands above.
 */
#include "policy/dkim/addition.h"

#include <stddef.h>

/* RFC 5322 section 3.6: "max number 1" (but for Bcc, which nobody is shown); RFC 2045 sections 4, 5
 * and 6, RFC 2183 section 2. */
static const char *const names[ADDITION_NAMES] = {"From",
						  "Sender",
						  "Reply-To",
						  "To",
						  "Cc",
						  "Subject",
						  "Date",
						  "Message-ID",
						  "In-Reply-To",
						  "References",
						  "MIME-Version",
						  "Content-Type",
						  "Content-Transfer-Encoding",
						  "Content-Disposition"};

static unsigned find_name(struct span name)
{
	unsigned i = 0;

	while (i < ADDITION_NAMES && !span_ieq(name, names[i]))
		i++;
	return i;
}

void addition_note(struct addition_counts *counts, struct span name)
{
	unsigned i = find_name(name);

	if (i < ADDITION_NAMES && ++counts->counts[i] > 1)
		counts->repeated = true;
}

const char *addition_find(const struct addition_counts *counts, const struct dkimsig *sig)
{
	unsigned named[ADDITION_NAMES] = {0};
	struct span rest = sig->headers, name;
	bool more = true;

	if (!counts->repeated)
		return NULL;
	while (dkimsig_next_name(&rest, &more, &name)) {
		unsigned i = find_name(name);

		if (i < ADDITION_NAMES)
			named[i]++;
	}
	for (unsigned i = 0; i < ADDITION_NAMES; i++)
		if (counts->counts[i] > 1 && named[i] < counts->counts[i])
			return names[i];
	return NULL;
}
