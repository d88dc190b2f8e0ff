/* SPDX-License-Identifier: BSD-2-Clause */
/* milter/protocol/control_text and metrics/read: the first byte says what the rest is. */
#include <assert.h>
#include <string.h>

#include "metrics/read.h"
#include "milter/protocol/control_text.h"
#include "t/lib/fuzz.h"

static void request(struct span text)
{
	struct control_request request, again;
	struct why why;
	struct buf out;

	if (control_parse_request(text, &request, &why) != 0)
		return;
	buf_init(&out, NULL, 0);
	control_put_request(&out, request.verb, request.argument);
	out.len--;
	assert(control_parse_request(buf_view(&out), &again, &why) == 0);
	assert(again.verb == request.verb && strcmp(again.argument, request.argument) == 0);
	buf_free(&out);
}

static void answer(struct span text)
{
	enum control_code code;
	struct span body;

	if (control_parse_answer(text, &code, &body) == 1)
		assert(body.p >= text.p && body.end == text.end);
}

static void status(struct span text)
{
	struct arena *arena = arena_new(0);
	struct metrics_read status;
	struct why why;

	if (metrics_read_parse(text, arena, &status, &why) == 0) {
		metrics_read_sum(&status, "messages_total", "origin", "inbound");
		metrics_read_word(metrics_read_fact(&status, "worker", 0), 3);
	}
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_make(data, size);

	if (size == 0)
		return 0;
	text.p++;
	switch (data[0] % 3) {
	case 0:
		request(text);
		break;
	case 1:
		answer(text);
		break;
	default:
		status(text);
	}
	return 0;
}
