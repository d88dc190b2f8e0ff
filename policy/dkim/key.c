/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A table says which tags a key record has and who reads each; unknown ones are ignored (n= and
 * the old g= among them). The size of a key is known before any cryptography has seen it.
 */
#include "policy/dkim/key.h"

#include <string.h>

#include "lib/codec/base64.h"
#include "lib/crypto/public.h"
#include "mail/taglist.h"

enum { ED25519_BITS = 256 };

/* ---- the record's tags ---- */

struct reader {
	struct arena *arena;
	struct dkimkey *key;
	struct why *why;
};

typedef int read_tag(struct reader *reader, struct span value);

/* key-v-tag = %x76 [FWS] "=" [FWS] %x44.4B.49.4D.31 */
static int read_version(struct reader *r, struct span value)
{
	if (!span_eq(value, "DKIM1"))
		return why_set(r->why, "v= is not DKIM1");
	return 0;
}

/* key-k-tag-type = "rsa" / x-key-k-tag-type; RFC 8463: "ed25519" */
static int read_type(struct reader *r, struct span value)
{
	if (span_ieq(value, "rsa"))
		r->key->type = DKIMKEY_RSA;
	else if (span_ieq(value, "ed25519"))
		r->key->type = DKIMKEY_ED25519;
	else
		return why_set(r->why, "k= names an unknown type of key");
	return 0;
}

static bool next_item(struct span *rest, bool *more, struct span *item)
{
	if (!span_split(rest, more, ':', item))
		return false;
	*item = span_trim(*item);
	return true;
}

/* key-h-tag-alg *( [FWS] ":" [FWS] key-h-tag-alg ); unknown ones must be ignored */
static int read_hashes(struct reader *r, struct span value)
{
	struct span item;
	bool more = true;

	r->key->sha1 = r->key->sha256 = false;
	while (next_item(&value, &more, &item)) {
		r->key->sha1 = r->key->sha1 || span_ieq(item, "sha1");
		r->key->sha256 = r->key->sha256 || span_ieq(item, "sha256");
	}
	return 0;
}

/* key-s-tag-type = "email" / "*" / x-key-s-tag-type */
static int read_services(struct reader *r, struct span value)
{
	struct span item;
	bool more = true;

	r->key->email = false;
	while (next_item(&value, &more, &item))
		r->key->email = r->key->email || span_eq(item, "*") || span_ieq(item, "email");
	return 0;
}

/* key-t-tag-flag = "y" / "s" / x-key-t-tag-flag */
static int read_flags(struct reader *r, struct span value)
{
	struct span item;
	bool more = true;

	while (next_item(&value, &more, &item)) {
		r->key->testing = r->key->testing || span_ieq(item, "y");
		r->key->strict = r->key->strict || span_ieq(item, "s");
	}
	return 0;
}

/* key-p-tag = %x70 [FWS] "=" [ [FWS] base64string ]; nothing means revoked */
static int read_data(struct reader *r, struct span value)
{
	if (!base64_decode(r->arena, value, &r->key->data, &r->key->length))
		return why_set(r->why, "p= is not base64");
	return 0;
}

static const struct rule {
	const char *tag;
	read_tag *read;
} rules[] = {
    {"v", read_version},  {"k", read_type},  {"h", read_hashes},
    {"s", read_services}, {"t", read_flags}, {"p", read_data},
};

static int read_key(struct reader *r)
{
	struct dkimkey *key = r->key;

	if (key->length == 0)
		return 0;
	if (key->type == DKIMKEY_ED25519) {
		key->bits = ED25519_BITS;
		if (key->length != CRYPT_ED25519_LEN)
			return why_set(r->why, "p= is not an ed25519 key (RFC 8463 section 4.2)");
		return 0;
	}
	key->bits = crypt_public_rsa_bits(span_make(key->data, key->length));
	if (key->bits == 0)
		return why_set(r->why, "p= is not an RSA key");
	return 0;
}

static int read_list(struct reader *r, const struct taglist *list)
{
	const struct tag *version = taglist_find(list, "v");

	if (version != NULL && version != &list->tags[0])
		return why_set(r->why, "v= is not the first tag");
	for (unsigned i = 0; i < list->count; i++)
		if (!taglist_value_ok(list->tags[i].value, true))
			return why_set(r->why, "a value contains a control character");
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
		const struct tag *tag = taglist_find(list, rules[i].tag);

		if (tag != NULL && rules[i].read(r, tag->value) != 0)
			return -1;
	}
	if (taglist_find(list, "p") == NULL)
		return why_set(r->why, "p= is missing");
	return read_key(r);
}

int dkimkey_parse(struct arena *arena, struct span text, struct dkimkey *key, struct why *why)
{
	struct reader reader = {.arena = arena, .key = key, .why = why};
	struct taglist list;

	*key = (struct dkimkey){.type = DKIMKEY_RSA, .sha1 = true, .sha256 = true, .email = true};
	if (taglist_parse(&list, text, why) != 0)
		return -1;
	return read_list(&reader, &list);
}
