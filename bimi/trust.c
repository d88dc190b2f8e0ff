/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/trust.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/crypto/hash.h"
#include "lib/system/readfile.h"
#include "lib/system/readfile.h"

static int read_trusted(struct arena *arena, const char *path, struct span *text, struct why *why)
{
	*text = span_of("");
	if (*path == '\0')
		return 0;
	if (readfile(arena, path, BIMI_TRUST_BYTES, text, why) == -1)
		return -1;
	return span_empty(*text) ? why_set(why, "%s: it is empty", path) : 0;
}

/* Each file with its length, so that no two lots of files are one text. */
static const char *digest_files(struct arena *arena, const struct span *files, unsigned count)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf all, text;

	buf_init(&all, arena, 0);
	for (unsigned i = 0; i < count; i++) {
		buf_printf(&all, "%zu ", span_len(files[i]));
		buf_span(&all, files[i]);
	}
	crypt_sha256(all.data, all.len, digest);
	buf_init(&text, arena, 0);
	for (unsigned i = 0; i < sizeof digest; i++)
		buf_printf(&text, "%02x", digest[i]);
	return buf_text(&text);
}

int bimi_trust_read(struct arena *arena, const char *roots, const char *logs,
		    struct bimi_trust *trust, struct why *why)
{
	int result = read_trusted(arena, roots, &trust->roots, why);

	if (read_trusted(arena, logs, &trust->logs, why) == -1)
		result = -1;
	trust->basis = digest_files(arena, (const struct span[]){trust->roots, trust->logs}, 2);
	return result;
}
