/* SPDX-License-Identifier: BSD-2-Clause */
#include "t/lib/mailgen.h"

#include "lib/buf.h"

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof *(array)))

/* Knuth's MMIX generator; its upper bits. */
unsigned mailgen_below(uint64_t *state, unsigned n)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((*state >> 33) % n);
}

static const char *pick(uint64_t *state, const char *const *from, unsigned count)
{
	return from[mailgen_below(state, count)];
}

static void words(uint64_t *state, struct buf *out, unsigned most)
{
	static const char *const some[] = {"a",
					   "letter",
					   "=?utf-8?q?caf=C3=A9?=",
					   "caf\xc3\xa9",
					   "\xe9\xff",
					   "x=y;",
					   "\"q\\\"uoted\"",
					   "<id@host.example>",
					   ":",
					   "b=;",
					   "0123456789",
					   "d\xc3\xbcsseldorf.example"};
	static const char *const blanks[] = {" ",         " ",          " ",     "  ",
					     "\t",        " \t ",       "\r\n ", "\r\n\t",
					     " \r\n  \t", "\r\n \r\n ", " ",     "\t\r\n\t"};
	unsigned n = mailgen_below(state, most + 1);

	for (unsigned i = 0; i < n; i++) {
		buf_string(out, pick(state, some, COUNT(some)));
		buf_string(out, i + 1 < n || mailgen_below(state, 8) == 0
				    ? pick(state, blanks, COUNT(blanks))
				    : "");
	}
}

static void long_run(uint64_t *state, struct buf *out)
{
	unsigned n = mailgen_below(state, 3000);

	for (unsigned i = 0; i < n; i++)
		buf_char(out, "abcdefgh ijklmn\t"[mailgen_below(state, 16)]);
}

static const char *field_value(uint64_t *state, struct arena *arena, bool from)
{
	static const char *const leads[] = {" ", " ", " ", "", "  ", "\t", "\r\n ", " \t"};
	struct buf value;

	buf_init(&value, arena, 0);
	buf_string(&value, pick(state, leads, COUNT(leads)));
	if (from) {
		buf_string(&value, "\"Alice  A.\" <alice@example.com>");
		return buf_text(&value);
	}
	if (mailgen_below(state, 30) == 0)
		long_run(state, &value);
	words(state, &value, 12);
	return buf_text(&value);
}

static void make_fields(uint64_t *state, struct arena *arena, struct mailgen *mail)
{
	static const char *const names[] = {
	    "To",
	    "to",
	    "Cc",
	    "Subject",
	    "SUBJECT",
	    "Date",
	    "Message-ID",
	    "X-Mailer",
	    "Received",
	    "MIME-Version",
	    "Sender",
	    "Content-Type",
	    "References",
	    "List-Id",
	    "Reply-To",
	    "Resent-From",
	    "Comments",
	    "In-Reply-To",
	    "List-Unsubscribe-Post",
	    "x",
	    "Cc ",
	};
	unsigned n = mailgen_below(state, 20) == 0 ? 150 : mailgen_below(state, 25), from;

	mail->fields = arena_array(arena, n + 1, sizeof *mail->fields);
	mail->field_count = n + 1;
	from = mailgen_below(state, n + 1);
	for (unsigned i = 0; i <= n; i++) {
		mail->fields[i].name = i == from ? "From" : pick(state, names, COUNT(names));
		mail->fields[i].value = field_value(state, arena, i == from);
	}
}

static void make_body(uint64_t *state, struct arena *arena, struct mailgen *mail)
{
	static const char *const pieces[] = {
	    "\r\n",
	    "\r\n",
	    "\r\n\r\n",
	    "\n",
	    " ",
	    "  ",
	    "\t",
	    " \r\n",
	    "word",
	    "caf\xc3\xa9",
	    "\xff\xfe",
	    ".",
	    ".\r\n",
	    "A line of words, as people write them.\r\n",
	    "From here on\r\n",
	    "-- \r\n",
	    "=20=\r\n",
	    "QWxsIG1lbiBieSBuYXR1cmUgZGVzaXJlIHRvIGtub3cu\r\n",
	    "\r\n\r\n\r\n",
	};
	unsigned n = mailgen_below(state, 8) == 0 ? 0 : mailgen_below(state, 60);
	struct buf body;

	buf_init(&body, arena, 0);
	for (unsigned i = 0; i < n; i++)
		buf_string(&body, pick(state, pieces, COUNT(pieces)));
	if (mailgen_below(state, 20) == 0)
		long_run(state, &body);
	mail->body = buf_view(&body);
}

void mailgen_make(struct mailgen *mail, struct arena *arena, unsigned seed)
{
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15) * (seed + 1);

	(void)mailgen_below(&state, 2);
	make_fields(&state, arena, mail);
	make_body(&state, arena, mail);
}

struct span mailgen_wire_body(const struct mailgen *mail, struct arena *arena)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (const char *p = mail->body.p; p < mail->body.end; p++) {
		if (*p == '\n' && (p == mail->body.p || p[-1] != '\r'))
			buf_char(&out, '\r');
		buf_char(&out, *p);
	}
	if (out.len > 0 && out.data[out.len - 1] != '\n')
		buf_string(&out, "\r\n");
	return buf_view(&out);
}
