/* SPDX-License-Identifier: BSD-2-Clause */
/* mail/address: what was read, written in the plainest form, reads as the same again. */
#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "mail/address.h"
#include "t/lib/fuzz.h"

static void write_plainly(const struct address_list *list, struct buf *out)
{
	for (unsigned i = 0; i < list->count; i++) {
		buf_string(out, i > 0 ? ",\"" : "\"");
		for (const char *p = list->addresses[i].local; *p != '\0'; p++)
			buf_printf(out, *p == '"' || *p == '\\' ? "\\%c" : "%c", *p);
		buf_printf(out, "\"@%s",
			   list->addresses[i].domain == NULL ? "[x]" : list->addresses[i].domain);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct address_list list, again;
	struct why why = {""};
	struct buf out;

	buf_init(&out, arena, 0);
	if (address_parse(arena, span_make(data, size), &list, &why) != 0) {
		assert(why.text[0] != '\0');
	} else if (list.count > 0) {
		write_plainly(&list, &out);
		assert(address_parse(arena, buf_view(&out), &again, &why) == 0);
		assert(again.count == list.count);
		for (unsigned i = 0; i < list.count; i++) {
			const char *a = list.addresses[i].domain, *b = again.addresses[i].domain;

			assert(strcmp(list.addresses[i].local, again.addresses[i].local) == 0);
			assert(a == b || strcmp(a, b) == 0);
		}
	}
	arena_free(arena);
	return 0;
}
