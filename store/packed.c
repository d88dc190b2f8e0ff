/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers first, then each text as 0x01 text 0x00, NULL as 0x00, in the order of the columns
 * (store/sql/schema.c): no two rows have the same bytes. What makes a key lies together, so that a
 * key is one hash over it.
 *
 * Keys are made here, so that every driver stores the same ones and increments of several hosts
 * can meet in one store.
 */
#include "store/packed.h"

#include <assert.h>
#include <string.h>

#include "lib/crypto/hash.h"
#include "store/sql/schema.h"

struct numbers {
	int64_t day, count, quiet;
};

/* Where the texts of each role begin. */
struct parts {
	const char *begin[SCHEMA_ROLES];
};

static bool may_lack(const struct schema_column *column)
{
	return column->role == SCHEMA_POLICY_KEY || column->role == SCHEMA_POLICY_NOTE;
}

static const char *find_text(const struct ledger_row *row, const struct schema_column *column)
{
	const char *text = schema_text(row, column);

	return text == NULL && !may_lack(column) ? "" : text;
}

static void note_part(struct parts *parts, const struct schema_column *column, const char *at)
{
	if (parts->begin[column->role] == NULL)
		parts->begin[column->role] = at;
}

static void make_key(const char *begin, const char *end, unsigned char key[DRIVER_KEY_LEN])
{
	uint8_t digest[CRYPT_DIGEST_LEN];

	crypt_sha256(begin, (size_t)(end - begin), digest);
	memcpy(key, digest, DRIVER_KEY_LEN);
}

static void make_keys(const struct parts *parts, struct driver_row *at)
{
	assert(parts->begin[SCHEMA_POLICY_KEY] < parts->begin[SCHEMA_POLICY_NOTE]);
	assert(parts->begin[SCHEMA_ROW_KEY] < parts->begin[SCHEMA_ROW_NOTE]);
	make_key(parts->begin[SCHEMA_POLICY_KEY], parts->begin[SCHEMA_POLICY_NOTE], at->config);
	make_key(parts->begin[SCHEMA_ROW_KEY], parts->begin[SCHEMA_ROW_NOTE], at->key);
}

size_t packed_size(const struct ledger_row *row)
{
	const struct schema_column *column = NULL;
	size_t size = sizeof(struct numbers);

	while ((column = schema_next_text(column)) != NULL) {
		const char *text = find_text(row, column);

		size += text == NULL ? 1 : strlen(text) + 2;
	}
	return size;
}

void packed_write(const struct ledger_row *row, char *bytes, struct driver_row *at)
{
	const struct numbers numbers = {row->day, row->count, row->quiet};
	const struct schema_column *column = NULL;
	struct parts parts = {{NULL}};
	char *to = bytes + sizeof numbers;

	memcpy(bytes, &numbers, sizeof numbers);
	at->row = *row;
	while ((column = schema_next_text(column)) != NULL) {
		const char *text = find_text(row, column);
		size_t len = text == NULL ? 0 : strlen(text);

		note_part(&parts, column, to);
		if (text != NULL) {
			*to++ = '\1';
			memcpy(to, text, len);
		}
		schema_set_text(&at->row, column, text == NULL ? NULL : to);
		to += len;
		*to++ = '\0';
	}
	make_keys(&parts, at);
}

/* field = %x00 / %x01 *OCTET %x00; only a policy may lack a text */
static bool read_text(struct span *rest, bool optional, const char **text)
{
	const char *end;

	*text = NULL;
	if (span_empty(*rest) || (*rest->p != '\0' && *rest->p != '\1'))
		return false;
	if (*rest->p++ == '\0')
		return optional;
	end = span_empty(*rest) ? NULL : memchr(rest->p, '\0', span_len(*rest));
	if (end == NULL)
		return false;
	*text = rest->p;
	rest->p = end + 1;
	return true;
}

static bool read_texts(struct span rest, struct driver_row *at)
{
	const struct schema_column *column = NULL;
	struct parts parts = {{NULL}};

	while ((column = schema_next_text(column)) != NULL) {
		const char *text;

		note_part(&parts, column, rest.p);
		if (!read_text(&rest, may_lack(column), &text))
			return false;
		schema_set_text(&at->row, column, text);
	}
	if (!span_empty(rest) || at->row.policy.domain[0] == '\0')
		return false;
	make_keys(&parts, at);
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
	    (numbers.quiet < 0 && numbers.quiet != LEDGER_SENT) || numbers.quiet > numbers.count)
		return false;
	at->row.day = (int32_t)numbers.day;
	at->row.count = numbers.count;
	at->row.quiet = numbers.quiet;
	bytes.p += sizeof numbers;
	return read_texts(bytes, at);
}
