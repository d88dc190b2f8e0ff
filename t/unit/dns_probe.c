/* SPDX-License-Identifier: BSD-2-Clause */
/* dns/probe: what a reply says about the case of its question. */
#include <string.h>

#include "dns/probe.h"
#include "t/lib/tap.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define QUESTION    "\1\2\1\0\0\1\0\0\0\0\0\0\3FoO\0\0\1\0\1"

static const struct {
	const char *name;
	const uint8_t *reply;
	size_t size;
	enum probe_finding finding;
} cases[] = {
    {"as asked", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0\3FoO\0\0\1\0\1"), PROBE_KEPT},
    {"REFUSED", BYTES("\1\2\201\205\0\1\0\0\0\0\0\0\3FoO\0\0\1\0\1"), PROBE_KEPT},
    {"with more after it", BYTES("\1\2\201\203\0\1\0\0\0\1\0\0\3FoO\0\0\1\0\1\0\0\6"), PROBE_KEPT},
    {"lower case", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0\3foo\0\0\1\0\1"), PROBE_CHANGED},
    {"one letter", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0\3Foo\0\0\1\0\1"), PROBE_CHANGED},
    {"another name", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0\3bar\0\0\1\0\1"), PROBE_FOREIGN},
    {"another type", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0\3foo\0\0\2\0\1"), PROBE_FOREIGN},
    {"another identity", BYTES("\1\3\201\203\0\1\0\0\0\0\0\0\3foo\0\0\1\0\1"), PROBE_FOREIGN},
    {"a question", BYTES("\1\2\1\0\0\1\0\0\0\0\0\0\3foo\0\0\1\0\1"), PROBE_FOREIGN},
    {"no question in it", BYTES("\1\2\201\201\0\0\0\0\0\0\0\0\3foo\0\0\1\0\1"), PROBE_FOREIGN},
    {"cut", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0\3foo\0\0\1\0"), PROBE_FOREIGN},
    {"a header", BYTES("\1\2\201\203\0\1\0\0\0\0\0\0"), PROBE_FOREIGN},
    {"nothing", BYTES(""), PROBE_FOREIGN},
};

int main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		is_int(probe_judge(BYTES(QUESTION), cases[i].reply, cases[i].size),
		       cases[i].finding, "%s", cases[i].name);
	is_int(probe_judge(BYTES("\1\2"), BYTES("\1\2\201\203\0\1\0\0\0\0\0\0")), PROBE_FOREIGN,
	       "to what is not a question there is no answer");
	return tap_done();
}
