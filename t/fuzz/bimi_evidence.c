/* SPDX-License-Identifier: BSD-2-Clause */
/* bimi/evidence with lib/crypto/certificate, and bimi/logotype: the bytes as a PEM file, and as the
 * DER of a logotype extension. */
#include <assert.h>

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
					 .domain = "example.com",
					 .selector = "default",
					 .logo = span_of("<svg/>"),
					 .now = 1700000000};
	struct why why = {""};

	bimi_findings_init(found, arena);
	bimi_evidence_check(found, &evidence);
	assert(bimi_count(found, BIMI_FAULT) > 0); /* none has this logo and is valid */
	if (logotype_read(arena, bytes, &logo, &why) == -1)
		assert(why.text[0] != '\0');
	arena_free(arena);
	return 0;
}
