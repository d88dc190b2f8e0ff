/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers first, then each text as 0x01 text 0x00, NULL as 0x00, in the order of one table: no two
 * rows have the same bytes. What makes a key lies together, so that a key is one hash over it.
 *
 * Keys are made here, so that every driver stores the same ones and increments of several hosts
 * can meet in one store.
 */
#include "store/packed.h"

#include "lib/crypto/hash.h"

#include <string.h>

enum part { POLICY_DOMAIN, POLICY_KEY, POLICY_NOTE, ROW_KEY, ROW_NOTE, PARTS };

#define AT(member) offsetof(struct ledger_row, member)
/* The order is that of the hashed text: changing it changes every key. Parts lie together. */
static const struct {
	size_t at;
	enum part part;
} fields[] = {
    {AT(policy.domain), POLICY_DOMAIN},
    {AT(policy.p), POLICY_KEY},
    {AT(policy.sp), POLICY_KEY},
    {AT(policy.np), POLICY_KEY},
    {AT(policy.adkim), POLICY_KEY},
    {AT(policy.aspf), POLICY_KEY},
    {AT(policy.fo), POLICY_KEY},
    {AT(policy.testing), POLICY_KEY},
    {AT(policy.discovery), POLICY_KEY},
    {AT(policy.rua), POLICY_NOTE},
    {AT(policy.ruf), POLICY_NOTE},
    {AT(policy.error), POLICY_NOTE},
    {AT(source_ip), ROW_KEY},
    {AT(disposition), ROW_KEY},
    {AT(dkim_aligned), ROW_KEY},
    {AT(spf_aligned), ROW_KEY},
    {AT(reasons), ROW_KEY},
    {AT(header_from), ROW_KEY},
    {AT(envelope_from), ROW_KEY},
    {AT(envelope_to), ROW_KEY},
    {AT(dkim), ROW_KEY},
    {AT(spf_domain), ROW_KEY},
    {AT(spf_result), ROW_KEY},
    {AT(dkim_notes), ROW_NOTE},
    {AT(spf_note), ROW_NOTE},
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

struct numbers {
	int64_t day, count, quiet;
};

static const char *text_of(const struct ledger_row *row, unsigned i)
{
	const char *text = *(const char *const *)((const char *)row + fields[i].at);

	return text == NULL && fields[i].part >= ROW_KEY ? "" : text;
}

static void set_text(struct ledger_row *row, unsigned i, const char *text)
{
	*(const char **)((char *)row + fields[i].at) = text;
}

static void make_key(const char *begin, const char *end, unsigned char key[DRIVER_KEY_LEN])
{
	uint8_t digest[CRYPT_DIGEST_LEN];

	crypt_sha256(begin, (size_t)(end - begin), digest);
	memcpy(key, digest, DRIVER_KEY_LEN);
}

/* PARTS[X]: where part X begins. */
static void make_keys(const char *const parts[PARTS], struct driver_row *at)
{
	make_key(parts[POLICY_KEY], parts[POLICY_NOTE], at->config);
	make_key(parts[ROW_KEY], parts[ROW_NOTE], at->key);
}

size_t packed_size(const struct ledger_row *row)
{
	size_t size = sizeof(struct numbers);

	for (unsigned i = 0; i < FIELDS; i++) {
		const char *text = text_of(row, i);

		size += text == NULL ? 1 : strlen(text) + 2;
	}
	return size;
}

void packed_write(const struct ledger_row *row, char *bytes, struct driver_row *at)
{
	const struct numbers numbers = {row->day, row->count, row->quiet};
	const char *parts[PARTS] = {NULL};
	char *to = bytes + sizeof numbers;

	memcpy(bytes, &numbers, sizeof numbers);
	at->row = *row;
	for (unsigned i = 0; i < FIELDS; i++) {
		const char *text = text_of(row, i);
		size_t len = text == NULL ? 0 : strlen(text);

		if (parts[fields[i].part] == NULL)
			parts[fields[i].part] = to;
		if (text != NULL) {
			*to++ = '\1';
			memcpy(to, text, len);
		}
		set_text(&at->row, i, text == NULL ? NULL : to);
		to += len;
		*to++ = '\0';
	}
	make_keys(parts, at);
}

/* field = %x00 / %x01 *OCTET %x00; only a policy may lack a text */
static bool read_text(struct span *rest, bool may_lack, const char **text)
{
	const char *end;

	*text = NULL;
	if (span_empty(*rest) || (*rest->p != '\0' && *rest->p != '\1'))
		return false;
	if (*rest->p++ == '\0')
		return may_lack;
	end = span_empty(*rest) ? NULL : memchr(rest->p, '\0', span_len(*rest));
	if (end == NULL)
		return false;
	*text = rest->p;
	rest->p = end + 1;
	return true;
}

static bool read_texts(struct span rest, struct driver_row *at)
{
	const char *parts[PARTS] = {NULL};

	for (unsigned i = 0; i < FIELDS; i++) {
		enum part part = fields[i].part;
		const char *text;

		if (parts[part] == NULL)
			parts[part] = rest.p;
		if (!read_text(&rest, part == POLICY_KEY || part == POLICY_NOTE, &text))
			return false;
		set_text(&at->row, i, text);
	}
	if (!span_empty(rest) || at->row.policy.domain[0] == '\0')
		return false;
	make_keys(parts, at);
	return true;
}

bool packed_read(struct span bytes, struct driver_row *at)
{
	struct numbers numbers;

	memset(at, 0, sizeof *at);
	if (span_len(bytes) < sizeof numbers)
		return false;
	memcpy(&numbers, bytes.p, sizeof numbers);
	if (numbers.day < INT32_MIN || numbers.day > INT32_MAX || numbers.count < 1 ||
	    numbers.quiet < 0 || numbers.quiet > numbers.count)
		return false;
	at->row.day = (int32_t)numbers.day;
	at->row.count = numbers.count;
	at->row.quiet = numbers.quiet;
	bytes.p += sizeof numbers;
	return read_texts(bytes, at);
}
