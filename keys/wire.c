/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys/wire.h"

#include <assert.h>
#include <string.h>

#include "keys/sign.h"

const struct name_code keywire_outcome_names[] = {
    {"signed", KEYWIRE_SIGNED},   {"unknown", KEYWIRE_UNKNOWN}, {"idle", KEYWIRE_IDLE},
    {"purpose", KEYWIRE_PURPOSE}, {"limited", KEYWIRE_LIMITED}, {"failed", KEYWIRE_FAILED},
    {"foreign", KEYWIRE_FOREIGN}, {"bad", KEYWIRE_BAD},         {NULL, 0},
};

/* ---- bytes ---- */

static uint8_t *put_bytes(uint8_t *out, const void *data, size_t len)
{
	if (len > 0)
		memcpy(out, data, len);
	return out + len;
}

/* Takes SIZE bytes off *P; false: there are fewer. */
static int take_bytes(const uint8_t **p, const uint8_t *end, void *data, size_t size)
{
	if ((size_t)(end - *p) < size)
		return 0;
	memcpy(data, *p, size);
	*p += size;
	return 1;
}

static uint8_t *put_head(uint8_t *out, uint32_t count)
{
	assert(count > 0 && count <= KEYWIRE_TASKS);
	return put_bytes(out, &count, sizeof count);
}

static int take_head(const uint8_t **p, const uint8_t *end, unsigned *count)
{
	uint32_t items;

	if (!take_bytes(p, end, &items, sizeof items) || items == 0 || items > KEYWIRE_TASKS)
		return 0;
	*count = items;
	return 1;
}

static int take_lane(const uint8_t **p, const uint8_t *end, unsigned *lane)
{
	uint32_t number;

	if (!take_bytes(p, end, &number, sizeof number) || number >= KEYWIRE_LANES)
		return 0;
	*lane = number;
	return 1;
}

/* ---- requests ---- */

size_t keywire_put_request(const struct keywire_request *request, uint8_t *out)
{
	uint32_t lane = request->lane;
	uint8_t *end;

	assert(lane < KEYWIRE_LANES);
	end = put_head(put_bytes(out, &lane, sizeof lane), request->count);
	for (unsigned i = 0; i < request->count; i++) {
		const struct keywire_item *item = &request->items[i];

		end = put_bytes(end, &item->number, sizeof item->number);
		end = put_bytes(end, &item->type, 1);
		end = put_bytes(end, &item->purpose, 1);
		end = put_bytes(end, item->digest, sizeof item->digest);
	}
	assert(span_empty(request->sealed) ||
	       (request->count == 1 && span_len(request->sealed) <= SEALED_MAX));
	end = put_bytes(end, request->sealed.p, span_len(request->sealed));
	return (size_t)(end - out);
}

static int take_item(const uint8_t **p, const uint8_t *end, struct keywire_item *item)
{
	return take_bytes(p, end, &item->number, sizeof item->number) &&
	       take_bytes(p, end, &item->type, 1) && take_bytes(p, end, &item->purpose, 1) &&
	       take_bytes(p, end, item->digest, sizeof item->digest) &&
	       item->type <= CRYPT_ED25519 && item->purpose <= KEY_FOR_ARC;
}

int keywire_parse_request(const uint8_t *p, const uint8_t *end, struct keywire_request *request)
{
	if (!take_lane(&p, end, &request->lane) || !take_head(&p, end, &request->count))
		return -1;
	for (unsigned i = 0; i < request->count; i++) {
		if (!take_item(&p, end, &request->items[i]))
			return -1;
	}
	request->sealed = span_make(p, (size_t)(end - p));
	return p == end || (request->count == 1 && end - p <= SEALED_MAX) ? 0 : -1;
}

/* ---- replies ---- */

size_t keywire_put_reply(const struct keywire_reply *reply, uint8_t *out)
{
	uint8_t *end = put_head(out, reply->count);

	for (unsigned i = 0; i < reply->count; i++) {
		const struct keywire_answer *answer = &reply->answers[i];
		uint8_t outcome = (uint8_t)answer->outcome;

		assert(answer->length <= KEYWIRE_SIGNATURE_MAX);
		end = put_bytes(end, &outcome, 1);
		end = put_bytes(end, &answer->length, sizeof answer->length);
		end = put_bytes(end, answer->signature, answer->length);
	}
	return (size_t)(end - out);
}

static int take_answer(const uint8_t **p, const uint8_t *end, struct keywire_answer *answer)
{
	uint8_t outcome;

	if (!take_bytes(p, end, &outcome, 1) || outcome >= KEYWIRE_OUTCOMES ||
	    !take_bytes(p, end, &answer->length, sizeof answer->length) ||
	    answer->length > KEYWIRE_SIGNATURE_MAX || (size_t)(end - *p) < answer->length ||
	    (outcome == KEYWIRE_SIGNED) != (answer->length > 0))
		return 0;
	answer->outcome = (enum keywire_outcome)outcome;
	answer->signature = *p;
	*p += answer->length;
	return 1;
}

int keywire_parse_reply(const uint8_t *p, const uint8_t *end, struct keywire_reply *reply)
{
	if (!take_head(&p, end, &reply->count))
		return -1;
	for (unsigned i = 0; i < reply->count; i++) {
		if (!take_answer(&p, end, &reply->answers[i]))
			return -1;
	}
	return p == end ? 0 : -1;
}
