/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/evidence with lib/crypto/certificate and lib/crypto/revocation, and bimi/logotype: the bytes
 * as a PEM file, which are their own roots, after a form feed as their revocation list; and all of
 * them as the DER of a logotype extension. */
#include <assert.h>
#include <string.h>

#include "bimi/evidence.h"
#include "bimi/logotype.h"
#include "t/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct bimi_findings *found = arena_make(arena, struct bimi_findings);
	struct span bytes = span_make(data, size), logo;
	struct bimi_evidence evidence = {.pem = bytes,
					 .roots = bytes,
					 .logs = bytes,
					 .domain = "example.com",
					 .selector = "default",
					 .logo = span_of("<svg/>"),
					 .now = 1700000000};
	const char *feed = memchr(data, '\f', size);
	struct why why = {""};

	if (feed != NULL) {
		evidence.pem.end = evidence.roots.end = feed;
		evidence.lists[evidence.list_count++] = (struct span){feed + 1, bytes.end};
	}
	bimi_findings_init(found, arena);
	bimi_evidence_check(found, &evidence);
	assert(bimi_count(found, BIMI_FAULT) > 0); /* none has this logo and is valid */
	bimi_evidence_check_revoked(found, &evidence);
	if (logotype_read(arena, bytes, &logo, &why) == -1)
		assert(why.text[0] != '\0');
	arena_free(arena);
	return 0;
}
