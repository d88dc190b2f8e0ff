/* SPDX-License-Identifier: BSD-2-Clause */
/* admin/setup/milters: the value of smtpd_milters. */
#include "admin/setup/milters.h"

#include "lib/buf.h"
#include "t/lib/tap.h"

static struct arena *arena;

static const struct {
	const char *text, *want; /* address[settings]| for each */
} lists[] = {
    {"", ""},
    {" , \t,", ""},
    {"unix:a/b", "unix:a/b[]|"},
    {"inet:h:1, unix:/x inet6:[::1]:2", "inet:h:1[]|unix:/x[]|inet6:[::1]:2[]|"},
    {"{ unix:a/b, default_action=tempfail }", "unix:a/b[, default_action=tempfail ]|"},
    {"{unix:a}{unix:b}", "unix:a}{unix:b[]|"},
    {"{ unix:a, { connect_timeout = 5s } },unix:b",
     "unix:a[, { connect_timeout = 5s } ]|unix:b[]|"},
    {"{ unix:a, {x = 1", "unix:a[, {x = 1]|"},
    {"{", "[]|"},
    {"{}", "[]|"},
    {"}", "}[]|"},
    {"$smtpd_milters", "$smtpd_milters[]|"},
};

static void test_lists(void)
{
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct span rest = span_of(lists[i].text);
		struct milter_item item;
		struct buf seen;

		buf_init(&seen, arena, 0);
		while (milters_next(&rest, &item))
			buf_printf(&seen, "%s[%s]|", arena_span(arena, item.address),
				   arena_span(arena, item.settings));
		is_text(buf_text(&seen), lists[i].want, "list \"%s\"", lists[i].text);
	}
}

static const struct {
	const char *item, *name, *value; /* NULL: not set */
} settings[] = {
    {"unix:a", "default_action", NULL},
    {"{ unix:a, default_action=tempfail }", "default_action", "tempfail"},
    {"{ unix:a default_action=accept, protocol=6 }", "protocol", "6"},
    {"{ unix:a, { default_action = quarantine } }", "default_action", "quarantine"},
    {"{ unix:a, default_action }", "default_action", NULL},
    {"{ unix:a, my_default_action=x }", "default_action", NULL},
    {"{ unix:a, default_action= }", "default_action", ""},
};

static void test_settings(void)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
		struct span rest = span_of(settings[i].item), value;
		struct milter_item item;
		bool found;

		ok(milters_next(&rest, &item), "an item: %s", settings[i].item);
		found = milters_setting(&item, settings[i].name, &value);
		is_text(found ? arena_span(arena, value) : NULL, settings[i].value, "%s of it",
			settings[i].name);
	}
}

static const struct {
	const char *address, *path;
} addresses[] = {
    {"unix:countersign/milter.sock", "countersign/milter.sock"},
    {"local:/run/opendkim/opendkim.sock", "/run/opendkim/opendkim.sock"},
    {"/var/run/x", "/var/run/x"},
    {"inet:localhost:8891", NULL},
    {"unix:OpenDMARC/s", "OpenDMARC/s"},
    {"unix:", NULL},
    {"", NULL},
};

static void test_addresses(void)
{
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		struct span address = span_of(addresses[i].address), path;

		is_text(milters_path(address, &path) ? arena_span(arena, path) : NULL,
			addresses[i].path, "path of \"%s\"", addresses[i].address);
	}
}

static bool drops_opendkim(void *arg, struct span address)
{
	(void)arg;
	return span_eq(address, "unix:opendkim/o.sock");
}

static void test_add(void)
{
	const char *all = "unix:rspamd, {unix:opendkim/o.sock, default_action=accept}  inet:h:1";

	is_text(milters_add(arena, span_of(""), "unix:us", NULL, NULL), "unix:us",
		"the first filter");
	is_text(
	    milters_add(arena, span_of(all), "{ unix:us, default_action=tempfail }", NULL, NULL),
	    "unix:rspamd, {unix:opendkim/o.sock, default_action=accept}, inet:h:1, "
	    "{ unix:us, default_action=tempfail }",
	    "others stay, as they are written");
	is_text(milters_add(arena, span_of(all), "unix:us", drops_opendkim, NULL),
		"unix:rspamd, inet:h:1, unix:us", "what we replace goes when told so");
}

int main(void)
{
	arena = arena_new(0);
	test_lists();
	test_settings();
	test_addresses();
	test_add();
	arena_free(arena);
	return tap_done();
}
