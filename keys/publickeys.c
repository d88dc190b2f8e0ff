/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys/publickeys.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "keys/ring.h"

enum { KEY_FIELDS = 11, FAULT_FIELDS = 4 };

/* ---- writing ---- */

static void put_field(struct buf *out, const char *text)
{
	buf_char(out, '\t');
	for (; text != NULL && *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == '\\' || c == 127)
			buf_printf(out, "\\x%02x", c);
		else
			buf_char(out, (char)c);
	}
}

static void put_key(struct buf *out, const struct signing_key *key)
{
	buf_printf(out, "key\t%" PRIu64 "\t%d\t%u\t%d\t%" PRId64 "\t%" PRId64, key->number,
		   (int)key->type, key->bits, (int)key->status.state, key->status.since,
		   key->created);
	put_field(out, key->domain);
	put_field(out, key->selector);
	put_field(out, key->record);
	put_field(out, key->path);
	buf_char(out, '\n');
}

void publickeys_write(const struct keyring *keyring, struct buf *out)
{
	for (unsigned i = 0; i < keyring->count; i++)
		put_key(out, keyring->keys[i]);
	for (unsigned i = 0; i < keyring->fault_count; i++) {
		buf_string(out, "fault");
		put_field(out, keyring->faults[i].domain);
		put_field(out, keyring->faults[i].selector);
		put_field(out, keyring->faults[i].text);
		buf_char(out, '\n');
	}
}

/* ---- reading ---- */

/* NULL for an empty field. */
static const char *take_text(struct arena *arena, struct span field)
{
	char *text = arena_span(arena, field), *out = text;

	for (const char *in = text; *in != '\0'; in++) {
		if (in[0] == '\\' && in[1] == 'x' && char_hex(in[2]) >= 0 && char_hex(in[3]) >= 0) {
			*out++ = (char)(char_hex(in[2]) * 16 + char_hex(in[3]));
			in += 3;
		} else {
			*out++ = *in;
		}
	}
	*out = '\0';
	return *text == '\0' ? NULL : text;
}

static bool take_key(struct arena *arena, const struct span *fields, struct signing_key *key)
{
	uint64_t type, bits, state, since, created;

	if (!span_number(fields[1], UINT64_MAX, &key->number) ||
	    !span_number(fields[2], CRYPT_ED25519, &type) ||
	    !span_number(fields[3], CRYPT_RSA_MAX_BITS, &bits) ||
	    !span_number(fields[4], KEYSTATE_REVOKED, &state) ||
	    !span_number(fields[5], INT64_MAX, &since) ||
	    !span_number(fields[6], INT64_MAX, &created))
		return false;
	key->type = (enum crypt_type)type;
	key->bits = (unsigned)bits;
	key->status = (struct keystatus){(enum keystate)state, (int64_t)since};
	key->created = (int64_t)created;
	key->domain = take_text(arena, fields[7]);
	key->selector = take_text(arena, fields[8]);
	key->record = take_text(arena, fields[9]);
	key->path = take_text(arena, fields[10]);
	key->seen = arena_make(arena, struct seen);
	atomic_init(&key->seen->published, -1);
	return key->domain != NULL && key->selector != NULL;
}

static unsigned split_line(struct span line, struct span fields[KEY_FIELDS])
{
	bool more = true;
	unsigned count = 0;

	while (count < KEY_FIELDS && span_split(&line, &more, '\t', &fields[count]))
		count++;
	return more ? 0 : count;
}

static bool take_line(struct arena *arena, struct span line, const struct key_signer *signer,
		      struct ring_parts *parts)
{
	struct span fields[KEY_FIELDS];
	unsigned count = split_line(line, fields);
	struct signing_key *key;

	if (count == KEY_FIELDS && span_eq(fields[0], "key")) {
		key = arena_make(arena, struct signing_key);
		key->signer = signer;
		ring_add_key(parts, key);
		return take_key(arena, fields, key);
	}
	if (count != FAULT_FIELDS || !span_eq(fields[0], "fault"))
		return false;
	ring_add_fault(parts, (struct keyring_fault){
				  .domain = take_text(arena, fields[1]),
				  .selector = take_text(arena, fields[2]),
				  .text = take_text(arena, fields[3]),
			      });
	return parts->faults[parts->fault_count - 1].text != NULL;
}

struct keyring *publickeys_read(struct span text, const struct key_signer *signer, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct key_signer *own = arena_make(arena, struct key_signer);
	struct ring_parts parts = {0};
	struct keyring *keyring;
	struct span line;
	bool more = true, good = true;

	if (signer != NULL)
		*own = *signer;
	while (good && span_split(&text, &more, '\n', &line))
		good = span_empty(line) || take_line(arena, line, own, &parts);
	if (good) {
		keyring = ring_new(arena, &parts);
		keyring->signer = *own;
		return keyring;
	}
	why_set(why, "the key process sent a list of keys that cannot be read");
	if (own->release != NULL)
		own->release(own->arg);
	ring_free_parts(&parts);
	arena_free(arena);
	return NULL;
}
