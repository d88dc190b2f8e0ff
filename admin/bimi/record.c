/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign bimi record`: the assertion record of a domain that is ours, to publish.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "admin/bimi/command.h"
#include "admin/bimi/read.h"
#include "lib/jsonout.h"
#include "lib/buf.h"
#include "policy/bimi/record.h"
#include "policy/bimi/selector.h"

enum { OPTION_LOGO = 256, OPTION_CERTIFICATE, OPTION_SELECTOR, OPTION_DECLINE, OPTION_PERSONAL };

const struct admin_option bimi_record_options[] = {
    {"certificate", OPTION_CERTIFICATE, "URI", "Where the mark certificate (VMC or CMC) is"},
    {"decline", OPTION_DECLINE, NULL, "Say that no logo is to be shown"},
    {"logo", OPTION_LOGO, "URI", "Where the logo is"},
    {"personal", OPTION_PERSONAL, NULL, "Let receivers prefer the picture of a person (avp=)"},
    {"selector", OPTION_SELECTOR, "SELECTOR",
     "For mail that names it (the default is \"default\")"},
    {NULL, 0, NULL, NULL}};

struct wanted {
	const char *domain, *selector, *logo, *certificate;
	bool decline, personal;
};

static int read_options(struct admin *admin, int argc, char **argv, struct wanted *wanted)
{
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (c == OPTION_LOGO)
			wanted->logo = optarg;
		else if (c == OPTION_CERTIFICATE)
			wanted->certificate = optarg;
		else if (c == OPTION_SELECTOR)
			wanted->selector = optarg;
		else if (c == OPTION_DECLINE)
			wanted->decline = true;
		else if (c == OPTION_PERSONAL)
			wanted->personal = true;
	}
	if (argc - optind != 1)
		return admin_usage(admin, optind == argc ? "missing argument: DOMAIN"
							 : "too many arguments");
	if (wanted->decline == (wanted->logo != NULL))
		return admin_usage(admin, "give either --logo=URI or --decline");
	if (wanted->decline && wanted->certificate != NULL)
		return admin_usage(admin, "--decline and --certificate exclude each other");
	return ADMIN_DONE;
}

/* A semicolon would end the tag. */
static const char *write_record(struct arena *arena, const struct wanted *wanted)
{
	const char *uris[] = {wanted->logo, wanted->certificate};
	struct buf out;

	buf_init(&out, arena, 0);
	buf_string(&out, "v=BIMI1;");
	for (unsigned i = 0; i < 2; i++) {
		buf_string(&out, i == 0 ? " l=" : " a=");
		for (const char *p = uris[i]; p != NULL && *p != '\0'; p++) {
			if (*p == ';')
				buf_string(&out, "%3B");
			else
				buf_char(&out, *p);
		}
		buf_char(&out, ';');
	}
	if (wanted->personal)
		buf_string(&out, " avp=personal;");
	return buf_text(&out);
}

static void show_record(const struct admin *admin, const char *name, const char *record)
{
	if (admin->json) {
		struct jsonout *out = jsonout_new(admin->arena, "bimi.record");

		jsonout_text(out, "name", name);
		jsonout_text(out, "record", record);
		admin_print_json(admin, out);
		return;
	}
	printf("%s. IN TXT (", name);
	for (size_t at = 0, length = strlen(record); at < length; at += 255)
		printf(" \"%.255s\"", record + at);
	printf(" )\n");
}

int bimi_record(struct admin *admin, int argc, char **argv)
{
	struct wanted wanted = {.selector = BIMI_SELECTOR_DEFAULT};
	int status = read_options(admin, argc, argv, &wanted);
	struct bimi_record parsed;
	const char *record;
	struct why why;

	if (status == ADMIN_DONE)
		status = bimi_read_domain(admin, argv[optind], &wanted.domain);
	if (status == ADMIN_DONE)
		status = bimi_read_selector(admin, wanted.selector, &wanted.selector);
	if (status != ADMIN_DONE)
		return status;
	record = write_record(admin->arena, &wanted);
	if (strchr(record, '"') != NULL || strchr(record, '\\') != NULL)
		return admin_usage(admin, "a URI has no quotes and no backslash");
	if (bimi_record_parse(admin->arena, span_of(record), &parsed, &why) == -1)
		return admin_usage(admin, "%s", why.text);
	show_record(admin,
		    arena_printf(admin->arena, "%s._bimi.%s", wanted.selector, wanted.domain),
		    record);
	return ADMIN_DONE;
}
