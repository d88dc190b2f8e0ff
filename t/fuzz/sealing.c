/* SPDX-License-Identifier: BSD-2-Clause */
/* keys/sealing: the file with the sealing key, sealed keys from a database, and what was sealed
 * with the right key but is something else. */
#include <assert.h>

#include "keys/sealing.h"
#include "t/lib/fuzz.h"

static struct sealing *host;

static void try_open(struct span sealed)
{
	struct arena *arena = arena_new(0);
	enum sealing_outcome outcome;
	const struct signing_key *key = sealing_open(host, sealed, arena, &outcome, NULL);

	assert((key != NULL) == (outcome == SEALING_OPENED));
	arena_free(arena);
}

/* What is inside is a stranger's only where the host's key is known; it is read with care anyway.
 */
static void try_inside(struct span text)
{
	struct buf sealed;

	buf_init(&sealed, NULL, 0);
	if (sealing_seal(host, "example.com", "s1", text, &sealed, NULL) == 0)
		try_open(buf_view(&sealed));
	buf_free(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);

	if (host == NULL)
		host = sealing_parse(span_of("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="), NULL);
	sealing_free(sealing_parse(text, NULL));
	try_open(text);
	if (size <= 4096)
		try_inside(text);
	return 0;
}
