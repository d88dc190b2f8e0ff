/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/codec/base64: the vectors of RFC 4648 section 10, folds, faults, and there and back. */
#include <stdlib.h>
#include <string.h>

#include "lib/codec/base64.h"
#include "t/lib/tap.h"

static const struct {
	const char *plain, *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static const struct {
	const char *text, *plain; /* NULL: refused */
} folds[] = {
    {"Zm 9v\r\n\tYm Fy", "foobar"},
    {" \r\n Zm8 \r\n = ", "fo"},
    {"Zg=\r\n =", "f"},
    {" ", ""},
    {"Zh==", "f"},
    {"Z", NULL},
    {"Zg", NULL},
    {"Zg=", NULL},
    {"Zg===", NULL},
    {"Zm9v=", NULL},
    {"=", NULL},
    {"====", NULL},
    {"Zg==Zg==", NULL},
    {"Zm9-", NULL},
    {"Zm9_", NULL},
    {"Zm9v.", NULL},
    {"Zm9\x0bv", NULL},
    {"Zm\xe9v", NULL},
    {"Zm=v", NULL},
    {"Z===", NULL},
};

static void check_decode(struct arena *arena, size_t i, const char *text, const char *plain)
{
	const uint8_t *data = NULL;
	size_t length = 99;
	bool good = base64_decode(arena, span_of(text), &data, &length);

	if (plain == NULL)
		ok(!good, "case %zu is refused", i);
	else
		ok(good && length == strlen(plain) && memcmp(data, plain, length) == 0, "\"%s\"",
		   text);
}

static void test_round_trip(struct arena *arena)
{
	uint8_t bytes[200];
	unsigned wrong = 0;

	srandom(4648);
	for (size_t n = 0; n < sizeof bytes; n++) {
		const uint8_t *back;
		size_t length;
		struct buf text;

		for (size_t i = 0; i < n; i++)
			bytes[i] = (uint8_t)random();
		buf_init(&text, arena, 0);
		base64_encode(&text, bytes, n);
		if (!base64_decode(arena, buf_view(&text), &back, &length) || length != n ||
		    memcmp(back, bytes, n) != 0)
			wrong++;
	}
	is_int(wrong, 0, "200 lengths there and back");
}

int main(void)
{
	struct arena *arena = arena_new(1 << 20);
	const uint8_t *data;
	size_t length;
	struct buf out;

	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		buf_init(&out, arena, 0);
		base64_encode(&out, (const uint8_t *)vectors[i].plain, strlen(vectors[i].plain));
		is_text(buf_text(&out), vectors[i].text, "encode vector %zu", i);
		check_decode(arena, i, vectors[i].text, vectors[i].plain);
	}
	for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
		check_decode(arena, i, folds[i].text, folds[i].plain);
	ok(!base64_decode(arena, span_make("Zm9v\0", 5), &data, &length), "a NUL is refused");
	test_round_trip(arena);
	arena_free(arena);
	return tap_done();
}
