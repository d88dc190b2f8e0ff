/* SPDX-License-Identifier: BSD-2-Clause */
/* lib/utf8: what passes, and what is replaced. */
#include <stdio.h>

#include "lib/utf8.h"
#include "t/lib/tap.h"

#define BAD "\xef\xbf\xbd"

static const struct {
	const char *name, *text, *clean; /* CLEAN NULL: the text itself */
} cases[] = {
    {"nothing", "", NULL},
    {"ASCII", "plain <&> text", NULL},
    {"two bytes",
     "b\xc3\xbc"
     "cher",
     NULL},
    {"three bytes", "\xe2\x82\xac", NULL},
    {"four bytes", "\xf0\x9f\x98\x80", NULL},
    {"HTAB, LF, CR", "a\tb\nc\rd", NULL},
    {"DEL, and U+FFFD itself", "\x7f" BAD, NULL},
    {"the last of each length", "\xdf\xbf\xed\x9f\xbf\xf4\x8f\xbf\xbf", NULL},
    {"a control character",
     "a\x01"
     "b",
     "a" BAD "b"},
    {"ESC", "\x1b[31m", BAD "[31m"},
    {"U+FFFE", "x\xef\xbf\xbey", "x" BAD "y"},
    {"U+FFFF", "x\xef\xbf\xbfy", "x" BAD "y"},
    {"a byte that begins nothing", "\xff", BAD},
    {"a byte that continues nothing",
     "a\x80"
     "b",
     "a" BAD "b"},
    {"cut off", "\xe2\x82", BAD BAD},
    {"cut off by another",
     "\xe2\x82"
     "a",
     BAD BAD "a"},
    {"overlong", "\xc0\xaf", BAD BAD},
    {"overlong, three bytes", "\xe0\x80\xaf", BAD BAD BAD},
    {"a surrogate", "\xed\xa0\x80", BAD BAD BAD},
    {"past the end", "\xf4\x90\x80\x80", BAD BAD BAD BAD},
    {"Latin-1",
     "b\xfc"
     "cher",
     "b" BAD "cher"},
};

static void test_clean(void)
{
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct span text = span_of(cases[i].text);
		struct buf out;

		buf_init(&out, NULL, 0);
		utf8_clean(&out, text);
		is_text(buf_text(&out), cases[i].clean ? cases[i].clean : cases[i].text, "%s",
			cases[i].name);
		is_int(utf8_is_clean(text), cases[i].clean == NULL, "%s: clean or not",
		       cases[i].name);
		buf_free(&out);
	}
}

/* Every character there is, encoded here, has its length; every surrogate has none. */
static void test_all(void)
{
	unsigned wrong = 0;

	for (unsigned c = 0x80; c < 0x110000; c++) {
		unsigned length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, rest = c;
		char text[5] = "";

		for (unsigned i = length - 1; i > 0; i--, rest >>= 6)
			text[i] = (char)(0x80 | (rest & 0x3f));
		text[0] = (char)((length == 2 ? 0xc0 : length == 3 ? 0xe0 : 0xf0) | rest);
		if (utf8_length(span_make(text, length)) !=
		    (c >= 0xd800 && c < 0xe000 ? 0 : length))
			wrong++;
		if (utf8_length(span_make(text, length - 1)) != 0)
			wrong++;
	}
	is_int(wrong, 0, "all characters");
}

int main(void)
{
	test_clean();
	test_all();
	return tap_done();
}
