/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign bimi check`: whether one's own logo and mark certificate are as receivers want them.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "admin/admin.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "bimi/examine.h"
#include "lib/clock.h"
#include "mail/domain.h"
#include "policy/bimi/selector.h"

enum { FILE_MAX = 2 * 1024 * 1024 };
enum { OPTION_LOGO = 256, OPTION_DOMAIN, OPTION_SELECTOR, OPTION_ROOTS };

static const struct admin_option check_options[] = {
    {"domain", OPTION_DOMAIN, "DOMAIN", "The certificate must be for this domain"},
    {"logo", OPTION_LOGO, "FILE", "The certificate must have this logo"},
    {"roots", OPTION_ROOTS, "FILE", "The certificate must lead to one of these mark roots (PEM)"},
    {"selector", OPTION_SELECTOR, "SELECTOR",
     "The selector of the assertion record (the default is \"default\")"},
    {NULL, 0, NULL, NULL},
};

/* ---- input ---- */

/* ADMIN_DONE, or a status after the error was printed. */
static int read_file(struct admin *admin, const char *path, struct span *bytes)
{
	FILE *file = fopen(path, "re");
	char *data = arena_alloc(admin->arena, FILE_MAX + 1);
	size_t length;
	int error;

	if (file == NULL) {
		admin_error(admin, "%s: %s", path, strerror(errno));
		return ADMIN_NO_INPUT;
	}
	errno = 0;
	length = fread(data, 1, FILE_MAX + 1, file);
	error = ferror(file) ? errno : 0;
	fclose(file);
	if (error != 0 || length > FILE_MAX) {
		admin_error(admin, "%s: %s", path,
			    error != 0 ? strerror(error) : "it is larger than 2 MiB");
		return error != 0 ? ADMIN_NO_INPUT : ADMIN_BAD_INPUT;
	}
	*bytes = span_make(data, length);
	return ADMIN_DONE;
}

static int read_domain(struct admin *admin, const char *text, const char **domain)
{
	struct why why;

	*domain = domain_parse(admin->arena, span_of(text), &why);
	if (*domain != NULL)
		return ADMIN_DONE;
	admin_error(admin, "%s", why.text);
	return ADMIN_BAD_INPUT;
}

static int read_selector(struct admin *admin, const char *text, const char **selector)
{
	*selector = bimi_selector_parse(admin->arena,
					span_of(arena_printf(admin->arena, "v=BIMI1; s=%s", text)));
	if (*selector != NULL)
		return ADMIN_DONE;
	admin_error(admin, "\"%s\" is not a valid selector", text);
	return ADMIN_BAD_INPUT;
}

struct given {
	const char *domain, *selector, *logo, *roots; /* NULL: not given */
};

static int parse_options(struct admin *admin, int argc, char **argv, struct given *given)
{
	int c;

	while ((c = admin_getopt(admin, argc, argv)) != -1) {
		if (c == '?')
			return ADMIN_USAGE;
		if (c == OPTION_DOMAIN)
			given->domain = optarg;
		else if (c == OPTION_SELECTOR)
			given->selector = optarg;
		else if (c == OPTION_LOGO)
			given->logo = optarg;
		else if (c == OPTION_ROOTS)
			given->roots = optarg;
	}
	if (argc - optind == 1)
		return ADMIN_DONE;
	return admin_usage(admin, optind == argc ? "missing argument: FILE" : "too many arguments");
}

static int read_evidence(struct admin *admin, const char *path, const struct given *given,
			 struct bimi_evidence *evidence)
{
	int status = read_file(admin, path, &evidence->pem);

	if (status == ADMIN_DONE && given->domain != NULL)
		status = read_domain(admin, given->domain, &evidence->domain);
	if (status == ADMIN_DONE && given->selector != NULL)
		status = read_selector(admin, given->selector, &evidence->selector);
	if (status == ADMIN_DONE && given->logo != NULL)
		status = read_file(admin, given->logo, &evidence->logo);
	if (status == ADMIN_DONE && given->roots != NULL)
		status = read_file(admin, given->roots, &evidence->roots);
	return status;
}

/* ---- output ---- */

static const enum out_style styles[] = {
    [BIMI_FAULT] = OUT_BAD, [BIMI_ADVICE] = OUT_WARN, [BIMI_UNCHECKED] = OUT_WARN};

static void show_finding(const struct bimi_finding *finding, bool color)
{
	enum bimi_weight weight = bimi_rule_weight(finding->rule);

	printf("%s%s%s %s: ", out_on(styles[weight], color),
	       name_text(bimi_weight_names, (int)weight), out_off(styles[weight], color),
	       bimi_rule_name(finding->rule));
	if (finding->line > 0)
		printf("line %u: ", finding->line);
	out_text(stdout, finding->text);
	printf("\n      %s\n", bimi_rule_remedy(finding->rule));
}

static void show_text(const struct admin *admin, const char *path, enum bimi_kind kind,
		      const struct bimi_findings *findings)
{
	unsigned faults = bimi_count(findings, BIMI_FAULT);

	out_text(stdout, path);
	printf(": %s\n", kind == BIMI_LOGO ? "logo" : "mark certificate");
	for (unsigned i = 0; i < findings->fact_count; i++) {
		printf("  %-12s", findings->facts[i].name);
		out_text(stdout, findings->facts[i].text);
		printf("\n");
	}
	for (unsigned i = 0; i < findings->count; i++)
		show_finding(&findings->items[i], admin_color(admin, stdout));
	if (findings->full)
		printf("and more\n");
	if (faults == 0)
		printf("no faults found\n");
	else
		printf("%u fault%s\n", faults, faults == 1 ? "" : "s");
}

static void show_json(const struct admin *admin, const char *path, enum bimi_kind kind,
		      const struct bimi_findings *findings)
{
	struct jsonout *out = jsonout_new(admin->arena, "bimi.check");

	jsonout_text(out, "file", path);
	jsonout_text(out, "kind", kind == BIMI_LOGO ? "logo" : "certificate");
	jsonout_int(out, "faults", bimi_count(findings, BIMI_FAULT));
	jsonout_bool(out, "complete", !findings->full);
	jsonout_array(out, "facts");
	for (unsigned i = 0; i < findings->fact_count; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "name", findings->facts[i].name);
		jsonout_text(out, "text", findings->facts[i].text);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_array(out, "findings");
	for (unsigned i = 0; i < findings->count; i++) {
		const struct bimi_finding *finding = &findings->items[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "rule", bimi_rule_name(finding->rule));
		jsonout_text(out, "weight",
			     name_text(bimi_weight_names, (int)bimi_rule_weight(finding->rule)));
		jsonout_int(out, "line", finding->line);
		jsonout_text(out, "text", finding->text);
		jsonout_text(out, "remedy", bimi_rule_remedy(finding->rule));
		jsonout_end(out);
	}
	jsonout_end(out);
	admin_print_json(admin, out);
}

/* ---- check ---- */

static int check_bytes(struct admin *admin, const char *path, const struct bimi_evidence *evidence)
{
	enum bimi_kind kind = bimi_kind_of(evidence->pem);
	struct bimi_findings *findings = arena_make(admin->arena, struct bimi_findings);
	struct why why;

	if (kind == BIMI_NEITHER) {
		admin_error(admin, "%s: it is neither an SVG file nor a PEM file", path);
		return ADMIN_BAD_INPUT;
	}
	bimi_findings_init(findings, admin->arena);
	if (bimi_examine(kind, evidence, findings, &why) == -1) {
		admin_error(admin, "%s: %s", path, why.text);
		return ADMIN_INTERNAL;
	}
	if (admin->json)
		show_json(admin, path, kind, findings);
	else
		show_text(admin, path, kind, findings);
	if (bimi_count(findings, BIMI_FAULT) > 0)
		return ADMIN_NO;
	return bimi_count(findings, BIMI_UNCHECKED) > 0 ? ADMIN_PARTLY : ADMIN_DONE;
}

static int bimi_check(struct admin *admin, int argc, char **argv)
{
	struct bimi_evidence evidence = {.pem = span_of(""),
					 .roots = span_of(""),
					 .selector = BIMI_SELECTOR_DEFAULT,
					 .logo = span_of(""),
					 .now = clock_wall()};
	struct given given = {NULL, NULL, NULL, NULL};
	int status = parse_options(admin, argc, argv, &given);

	if (status == ADMIN_DONE)
		status = read_evidence(admin, argv[optind], &given, &evidence);
	return status != ADMIN_DONE ? status : check_bytes(admin, argv[optind], &evidence);
}

const struct admin_verb cmd_bimi[] = {
    {"bimi", "check", "FILE", "Check a BIMI logo (SVG) or mark certificate (PEM)", bimi_check,
     check_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
