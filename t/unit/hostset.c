/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/migrate/hostset: what is taken, and which addresses a set with exclusions holds. */
#include "admin/migrate/hostset.h"

#include "lib/buf.h"
#include "t/lib/tap.h"

static struct arena *arena;

static void fill(struct hostset *set, const char *text)
{
	struct span rest = span_of(text), item;
	bool more = true;
	struct why why;

	while (*text != '\0' && span_split(&rest, &more, ' ', &item))
		ok(hostset_add(set, arena, item, &why) == 0, "taken: %.*s", (int)span_len(item),
		   item.p);
}

static void collect(void *arg, const struct ip_network *network)
{
	struct buf *out = arg;

	buf_printf(out, "%s%s", out->len == 0 ? "" : " ", hostset_text(arena, network));
}

static const struct {
	const char *with, *without, *want;
} sets[] = {
    {"", "", ""},
    {"192.0.2.1", "", "192.0.2.1"},
    {"2001:db8::/32 192.0.2.0/24 127.0.0.0/8", "", "127.0.0.0/8 192.0.2.0/24 2001:db8::/32"},
    /* what a wider entry holds is not said twice */
    {"192.0.2.0/24 192.0.2.7 192.0.2.0/24", "", "192.0.2.0/24"},
    /* an exclusion cuts the network around it */
    {"192.0.2.0/30 !192.0.2.2", "", "192.0.2.0/31 192.0.2.3"},
    {"192.0.2.0/24 !192.0.2.128/25", "", "192.0.2.0/25"},
    {"192.0.2.0/29 !192.0.2.0/30 192.0.2.1", "", "192.0.2.1 192.0.2.4/30"},
    {"192.0.2.1 !192.0.2.1", "", ""},
    {"!192.0.2.1 192.0.2.1", "", ""},
    {"!192.0.2.0/24 192.0.2.1", "", "192.0.2.1"},
    {"!192.0.2.1", "", ""},
    {"2001:db8::/127 !2001:db8::1", "", "2001:db8::"},
    {"128.0.0.0/1 !128.0.0.0/2", "", "192.0.0.0/2"},
    /* the same bits in the other family are other addresses */
    {"192.0.2.0/31 !c000:200::/23", "", "192.0.2.0/31"},
    /* one set without another */
    {"192.0.2.0/30", "192.0.2.0", "192.0.2.1 192.0.2.2/31"},
    {"192.0.2.0/30", "192.0.2.0/24", ""},
    {"192.0.2.0/30", "192.0.2.0/24 !192.0.2.3", "192.0.2.3"},
    {"192.0.2.0/30 !192.0.2.3", "192.0.2.0/31", "192.0.2.2"},
    {"192.0.2.1", "198.51.100.0/24", "192.0.2.1"},
};

static const struct {
	const char *text, *why;
} bad[] = {
    {"", "DNS must not decide"},
    {"!", "DNS must not decide"},
    {"mail.example.com", "DNS must not decide"},
    {".example.com", "DNS must not decide"},
    {"!localhost", "DNS must not decide"},
    {"[192.0.2.1]", "DNS must not decide"},
    {"192.0.2.0/33", "DNS must not decide"},
    {"192.0.2.5/24", "never matched"},
    {"2001:db8::1/32", "never matched"},
    {"::ffff:192.0.2.1", "as an IPv4 address"},
    {"0.0.0.0/0", "every address"},
    {"!::/0", "every address"},
};

int main(void)
{
	struct hostset many = {NULL, 0, 0};
	struct why why;

	arena = arena_new(0);
	for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
		struct hostset with = {NULL, 0, 0}, without = {NULL, 0, 0};
		struct buf out;

		buf_init(&out, arena, 0);
		fill(&with, sets[i].with);
		fill(&without, sets[i].without);
		hostset_each(&with, &without, collect, &out);
		is_text(buf_text(&out), sets[i].want, "%s without %s", sets[i].with,
			sets[i].without);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hostset set = {NULL, 0, 0};

		ok(hostset_add(&set, arena, span_of(bad[i].text), &why) == -1 && set.count == 0,
		   "not taken: \"%s\"", bad[i].text);
		ok(strstr(why.text, bad[i].why) != NULL, "because: %s", why.text);
	}
	for (unsigned i = 0; i < HOSTSET_MAX; i++)
		if (hostset_add(&many, arena,
				span_of(arena_printf(arena, "10.0.%u.%u", i / 256, i % 256)),
				&why) != 0)
			ok(false, "entry %u", i);
	ok(hostset_add(&many, arena, span_of("192.0.2.1"), &why) == -1, "one too many");
	arena_free(arena);
	return tap_done();
}
