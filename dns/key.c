/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/key.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/span.h"

enum { LABEL_MAX = 63 };

void key_seed_init(struct key_seed *seed)
{
	if (getentropy(seed->words, sizeof seed->words) == -1)
		abort();
}

static uint64_t rotate_left(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[3];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[2] = rotate_left(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

/* SipHash-1-3; the type is mixed into the last word, which holds up to 7 bytes and the length. */
static uint64_t hash_name(const struct key_seed *seed, const char *name, size_t length,
			  unsigned type)
{
	uint64_t v[4] = {seed->words[0] ^ UINT64_C(0x736f6d6570736575),
			 seed->words[1] ^ UINT64_C(0x646f72616e646f6d),
			 seed->words[0] ^ UINT64_C(0x6c7967656e657261),
			 seed->words[1] ^ UINT64_C(0x7465646279746573)};
	size_t rest = length;
	uint64_t word;

	for (; rest >= sizeof word; rest -= sizeof word, name += sizeof word) {
		memcpy(&word, name, sizeof word);
		sip_word(v, word);
	}
	word = 0;
	memcpy(&word, name, rest);
	sip_word(v, word);
	sip_word(v, (uint64_t)length << 32 | type);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* RFC 1035 section 2.3.4: labels of 1 to 63 octets, a name of 255 (253 as text). */
bool key_init(struct key *key, const struct key_seed *seed, const char *name, enum dns_type type,
	      char copy[DNS_NAME_MAX + 1])
{
	size_t length = strnlen(name, DNS_NAME_MAX + 2), label = 0;

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length == 0 || length > DNS_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		copy[i] = (char)char_lower((unsigned char)name[i]);
		if (name[i] != '.') {
			if (++label > LABEL_MAX)
				return false;
			continue;
		}
		if (label == 0)
			return false;
		label = 0;
	}
	copy[length] = '\0';
	key->name = copy;
	key->length = length;
	key->type = type;
	key->hash = hash_name(seed, copy, length, (unsigned)type);
	return label > 0;
}

bool key_same(const struct key *a, const struct key *b)
{
	return a->hash == b->hash && a->type == b->type && a->length == b->length &&
	       memcmp(a->name, b->name, a->length) == 0;
}
