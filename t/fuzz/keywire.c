/* SPDX-License-Identifier: BSD-2-Clause */
/* keys/wire and keys/publickeys: what is accepted is written so that it reads the same again. */
#include <assert.h>
#include <string.h>

#include "keys/publickeys.h"
#include "keys/wire.h"
#include "t/lib/fuzz.h"

static void try_request(const uint8_t *data, size_t size)
{
	uint8_t again[KEYWIRE_REQUEST_MAX];
	struct keywire_request request;

	if (keywire_parse_request(data, data + size, &request) != 0)
		return;
	assert(keywire_put_request(&request, again) == size && memcmp(again, data, size) == 0);
}

static void try_reply(const uint8_t *data, size_t size)
{
	uint8_t again[KEYWIRE_REPLY_MAX];
	struct keywire_reply reply;

	if (keywire_parse_reply(data, data + size, &reply) != 0)
		return;
	assert(keywire_put_reply(&reply, again) == size && memcmp(again, data, size) == 0);
}

static void try_keys(struct span text)
{
	struct keyring *keyring = publickeys_read(text, NULL, NULL), *again;
	struct buf out;

	if (keyring == NULL)
		return;
	buf_init(&out, NULL, 0);
	publickeys_write(keyring, &out);
	again = publickeys_read(buf_view(&out), NULL, NULL);
	assert(again != NULL && keyring_count(again) == keyring_count(keyring));
	keyring_free(again);
	keyring_free(keyring);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_request(data, size);
	try_reply(data, size);
	try_keys(span_make(data, size));
	return 0;
}
