/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys/sealing.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/keyfile.h"
#include "lib/codec/base64.h"
#include "lib/crypto/aead.h"
#include "lib/crypto/hash.h"
#include "lib/heap.h"

enum { KEYS_MAX = 8, MAGIC_LEN = 4, ID_LEN = 8, HEADER_LEN = MAGIC_LEN + ID_LEN };

static const char magic[MAGIC_LEN + 1] = "CSK1";

struct host_key {
	uint8_t key[AEAD_KEY_LEN];
	uint8_t id[ID_LEN];
};

struct sealing {
	struct host_key keys[KEYS_MAX];
	unsigned count;
};

/* ---- the file ---- */

static int take_key(struct sealing *sealing, struct span line, struct arena *arena)
{
	struct host_key *key = &sealing->keys[sealing->count];
	uint8_t digest[CRYPT_DIGEST_LEN];
	const uint8_t *data;
	size_t len;

	if (!base64_decode(arena, line, &data, &len) || len != AEAD_KEY_LEN)
		return -1;
	memcpy(key->key, data, len);
	crypt_wipe((void *)(uintptr_t)data, len);
	crypt_sha256(key->key, sizeof key->key, digest);
	memcpy(key->id, digest, sizeof key->id);
	sealing->count++;
	return 0;
}

static int take_lines(struct sealing *sealing, struct span text, struct arena *arena,
		      struct why *why)
{
	struct span line;
	bool more = true;

	for (unsigned n = 1; span_split(&text, &more, '\n', &line); n++) {
		line = span_trim(line);
		if (span_empty(line) || *line.p == '#')
			continue;
		if (sealing->count == KEYS_MAX)
			return why_set(why, "it has more than %d keys", KEYS_MAX);
		if (take_key(sealing, line, arena) != 0)
			return why_set(why, "line %u is not a key: 32 bytes in base 64", n);
	}
	return sealing->count > 0 ? 0 : why_set(why, "it has no key");
}

struct sealing *sealing_parse(struct span text, struct why *why)
{
	struct sealing *sealing = heap_zero(sizeof *sealing);
	struct arena *arena = arena_new(0);

	if (take_lines(sealing, text, arena, why) != 0) {
		sealing_free(sealing);
		sealing = NULL;
	}
	arena_free(arena);
	return sealing;
}

void sealing_free(struct sealing *sealing)
{
	if (sealing == NULL)
		return;
	crypt_wipe(sealing, sizeof *sealing);
	free(sealing);
}

static const char *file_path(struct arena *arena, const char *path)
{
	return arena_printf(arena, "%s/" SEALING_FILE, path);
}

struct sealing *sealing_load(const char *path, enum keyring_access access, struct why *why)
{
	struct keyfile_trust trust = {.readable = access == KEYRING_READABLE};
	struct arena *arena = arena_new(0);
	const char *whole = file_path(arena, path);
	struct sealing *sealing = NULL;
	char buffer[KEYFILE_MAX];
	struct span text;
	int top = keyfile_open_top(path, &trust, why);

	if (top != -1 && keyfile_read(top, SEALING_FILE, whole, &trust, buffer, &text, why) == 0) {
		sealing = sealing_parse(text, why);
		if (sealing == NULL)
			why_prefix(why, "%s: ", whole);
	}
	if (top != -1)
		close(top);
	crypt_wipe(buffer, sizeof buffer);
	arena_free(arena);
	return sealing;
}

int sealing_make(const char *path, struct why *why)
{
	uint8_t key[AEAD_KEY_LEN];
	struct buf text;
	int result = aead_make_key(key, why);

	buf_init(&text, NULL, 0);
	buf_string(&text,
		   "# Opens the private keys in the shared store. Every host has the same.\n");
	base64_encode(&text, key, sizeof key);
	buf_char(&text, '\n');
	if (result == 0)
		result = keyfile_create(path, SEALING_FILE, buf_view(&text), why);
	crypt_wipe(key, sizeof key);
	crypt_wipe(text.data, text.len);
	buf_free(&text);
	return result;
}

/* ---- sealing ---- */

int sealing_seal(const struct sealing *sealing, const char *domain, const char *selector,
		 struct span pem, struct buf *out, struct why *why)
{
	const struct host_key *key = &sealing->keys[0];
	char header[HEADER_LEN];
	struct buf plain;
	int result;

	assert(sealing->count > 0 && span_len(pem) <= KEYFILE_MAX);
	memcpy(header, magic, MAGIC_LEN);
	memcpy(header + MAGIC_LEN, key->id, ID_LEN);
	buf_init(&plain, NULL, 0);
	if (!buf_grow(&plain, strlen(domain) + strlen(selector) + span_len(pem) + 2))
		abort(); /* it has no largest size, and is not moved in memory from here on */
	buf_add(&plain, domain, strlen(domain) + 1);
	buf_add(&plain, selector, strlen(selector) + 1);
	buf_span(&plain, pem);
	buf_add(out, header, sizeof header);
	result = aead_seal(key->key, span_make(header, sizeof header), buf_view(&plain), out, why);
	crypt_wipe(plain.data, plain.len);
	buf_free(&plain);
	if (result == 0 && out->len > SEALED_MAX)
		return why_set(why, "the key is too long to be kept in the shared store");
	return result;
}

/* ---- opening ---- */

static const struct host_key *find_key(const struct sealing *sealing, struct span sealed)
{
	if (span_len(sealed) < HEADER_LEN || memcmp(sealed.p, magic, MAGIC_LEN) != 0)
		return NULL;
	for (unsigned i = 0; i < sealing->count; i++)
		if (memcmp(sealed.p + MAGIC_LEN, sealing->keys[i].id, ID_LEN) == 0)
			return &sealing->keys[i];
	return NULL;
}

/* A text that ends with NUL, taken off REST; NULL: there is none. */
static const char *take_name(struct span *rest)
{
	const char *name = rest->p;
	const char *end = memchr(rest->p, '\0', span_len(*rest));

	if (end == NULL)
		return NULL;
	rest->p = end + 1;
	return name;
}

static const struct signing_key *make_key(struct span plain, struct arena *arena, struct why *why)
{
	const char *domain = take_name(&plain);
	const char *selector = domain == NULL ? NULL : take_name(&plain);

	if (selector == NULL) {
		why_set(why, "what is sealed is not a key");
		return NULL;
	}
	return signing_key_make(arena, domain, selector, plain, why);
}

const struct signing_key *sealing_open(const struct sealing *sealing, struct span sealed,
				       struct arena *arena, enum sealing_outcome *outcome,
				       struct why *why)
{
	const struct host_key *key = find_key(sealing, sealed);
	const struct signing_key *opened = NULL;
	struct buf plain;

	*outcome = span_len(sealed) >= HEADER_LEN && memcmp(sealed.p, magic, MAGIC_LEN) == 0
		       ? SEALING_FOREIGN
		       : SEALING_BAD;
	if (key == NULL) {
		why_set(why, *outcome == SEALING_BAD
				 ? "it is not a sealed key"
				 : "it was sealed with a key that this host does not have: copy "
				   "the key directory's " SEALING_FILE " from the host that did");
		return NULL;
	}
	*outcome = SEALING_BAD;
	buf_init(&plain, NULL, SEALED_MAX);
	if (aead_open(key->key, span_make(sealed.p, HEADER_LEN),
		      span_make(sealed.p + HEADER_LEN, span_len(sealed) - HEADER_LEN), &plain,
		      why) == 0)
		opened = make_key(buf_view(&plain), arena, why);
	if (plain.data != NULL)
		crypt_wipe(plain.data, plain.len);
	buf_free(&plain);
	if (opened != NULL)
		*outcome = SEALING_OPENED;
	return opened;
}
