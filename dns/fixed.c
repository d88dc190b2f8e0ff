/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end that knows TXT records from a table of its caller's and nothing else: for judging a
 * message against records before they are published.
 */
#include <stdlib.h>
#include <string.h>

#include "dns/backend.h"
#include "dns/wire.h"

#include "lib/heap.h"

enum { TTL = 300, STRING_MAX = 255 };

struct fixed {
	struct backend backend;
	const struct dns_fixed *records;
	unsigned count;
};

/* TEXT as the wire has it: strings of at most 255 octets (RFC 1035 section 3.3.14). The caller
 * frees the result. */
static uint8_t *make_strings(const char *text, size_t *size)
{
	size_t length = strlen(text);
	uint8_t *out = heap_alloc(length + length / STRING_MAX + 1), *end = out;

	do {
		size_t part = length < STRING_MAX ? length : STRING_MAX;

		*end++ = (uint8_t)part;
		memcpy(end, text, part);
		end += part;
		text += part;
		length -= part;
	} while (length > 0);
	*size = (size_t)(end - out);
	return out;
}

static struct answer *answer_from_table(const struct fixed *fixed, const char *name)
{
	for (unsigned i = 0; i < fixed->count; i++) {
		struct rdata rdata;
		struct answer *answer;
		uint8_t *data;

		if (strcmp(fixed->records[i].name, name) != 0)
			continue;
		data = make_strings(fixed->records[i].text, &rdata.length);
		rdata.data = data;
		answer = answer_data(DNS_TYPE_TXT, &rdata, 1, TTL, false);
		free(data);
		return answer;
	}
	return answer_negative(DNS_NXDOMAIN, TTL, false);
}

static void start_question(struct backend *backend, struct question *question)
{
	const struct key *key = resolver_question(question);

	resolver_answered(question, key->type == DNS_TYPE_TXT
					? answer_from_table((struct fixed *)backend, key->name)
					: answer_negative(DNS_NODATA, TTL, false));
}

static void free_backend(struct backend *backend)
{
	free(backend);
}

struct dns *dns_new_fixed(const struct dns_fixed *records, unsigned count)
{
	static const struct backend_calls calls = {start_question, free_backend};
	struct fixed *fixed = heap_zero(sizeof *fixed);

	fixed->backend.calls = &calls;
	fixed->backend.servers = "a fixed table";
	fixed->records = records;
	fixed->count = count;
	return resolver_new(NULL, &fixed->backend);
}
