/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign bimi check`: whether one's own logo, mark certificate and record are as receivers
 * want them.
 */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/bimi/command.h"
#include "admin/bimi/read.h"
#include "admin/check/evaluate.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "bimi/domain.h"
#include "bimi/examine.h"
#include "bimi/inspect.h"
#include "context/tls.h"
#include "lib/clock.h"
#include "lib/net/transfer.h"
#include "policy/bimi/selector.h"

enum { OPTION_LOGO = 256, OPTION_DOMAIN, OPTION_SELECTOR, OPTION_ROOTS, OPTION_LOGS, OPTION_CRL };

static const struct admin_option check_options[] = {
    {"crl", OPTION_CRL, "FILE",
     "Look in this revocation list instead of fetching those that the certificate names; can be "
     "repeated"},
    {"domain", OPTION_DOMAIN, "DOMAIN", "The certificate must be for this domain"},
    {"logo", OPTION_LOGO, "FILE", "The certificate must have this logo"},
    {"logs", OPTION_LOGS, "FILE",
     "One of these certificate logs (public keys, PEM) must have signed a proof in it"},
    {"roots", OPTION_ROOTS, "FILE", "The certificate must lead to one of these mark roots (PEM)"},
    {"selector", OPTION_SELECTOR, "SELECTOR",
     "The selector of the assertion record (the default is \"default\")"},
    {NULL, 0, NULL, NULL},
};

/* ---- input ---- */

struct given {
	const char *domain, *selector, *logo, *roots, *logs; /* NULL: not given */
	const char *lists[REVOCATION_LISTS_MAX];
	unsigned list_count;
};

static int add_list(struct admin *admin, struct given *given)
{
	if (given->list_count == REVOCATION_LISTS_MAX)
		return admin_usage(admin, "--crl: at most %d", REVOCATION_LISTS_MAX);
	given->lists[given->list_count++] = optarg;
	return ADMIN_DONE;
}

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
		else if (c == OPTION_LOGS)
			given->logs = optarg;
		else if (c == OPTION_CRL && add_list(admin, given) != ADMIN_DONE)
			return ADMIN_USAGE;
	}
	if (argc - optind == 1)
		return ADMIN_DONE;
	return admin_usage(admin, optind == argc ? "missing argument: FILE or DOMAIN"
						 : "too many arguments");
}

static int read_evidence(struct admin *admin, const char *path, const struct given *given,
			 struct bimi_evidence *evidence)
{
	int status = admin_read_file(admin, path, &evidence->pem);

	if (status == ADMIN_DONE && given->domain != NULL)
		status = bimi_read_domain(admin, given->domain, &evidence->domain);
	if (status == ADMIN_DONE && given->selector != NULL)
		status = bimi_read_selector(admin, given->selector, &evidence->selector);
	if (status == ADMIN_DONE && given->logo != NULL)
		status = admin_read_file(admin, given->logo, &evidence->logo);
	if (status == ADMIN_DONE)
		status = bimi_read_roots(admin, given->roots, &evidence->roots);
	if (status == ADMIN_DONE)
		status = bimi_read_logs(admin, given->logs, &evidence->logs);
	for (unsigned i = 0; status == ADMIN_DONE && i < given->list_count; i++)
		status = admin_read_file(admin, given->lists[i],
					 &evidence->lists[evidence->list_count++]);
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

/* What was checked: a name, and what it is of. */
struct subject {
	const char *name, *kind;
	bool file;
};

static void show_text(const struct admin *admin, const struct subject *subject,
		      const struct bimi_findings *findings)
{
	unsigned faults = bimi_count(findings, BIMI_FAULT);

	out_text(stdout, subject->name);
	printf(": %s\n", subject->kind);
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

static void show_json(const struct admin *admin, const struct subject *subject,
		      const struct bimi_findings *findings)
{
	struct jsonout *out = jsonout_new(admin->arena, "bimi.check");

	jsonout_text(out, subject->file ? "file" : "domain", subject->name);
	jsonout_text(out, "kind", subject->kind);
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

static int show_result(struct admin *admin, const struct subject *subject,
		       const struct bimi_findings *findings)
{
	if (admin->json)
		show_json(admin, subject, findings);
	else
		show_text(admin, subject, findings);
	if (bimi_count(findings, BIMI_FAULT) > 0)
		return ADMIN_NO;
	return bimi_count(findings, BIMI_UNCHECKED) > 0 ? ADMIN_PARTLY : ADMIN_DONE;
}

/* ---- the web ---- */

/* 0, or the exit status after the error was printed. Either way close_web() follows. */
static int open_web(struct admin *admin, struct evaluate *evaluate, struct inspect_tools *tools)
{
	int status = evaluate_open(evaluate, admin);
	struct why why;

	if (status != ADMIN_DONE)
		return status;
	if (transfer_init(&why) == -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_INTERNAL;
	}
	tools->web.scope =
	    dns_scope_new(evaluate->dns, BIMI_DOMAIN_LOOKUPS, evaluate->conf->dns.timeout);
	tools->web.ca_file = context_ca_file(evaluate->conf);
	return ADMIN_DONE;
}

static void close_web(struct evaluate *evaluate, const struct inspect_tools *tools)
{
	dns_scope_free(tools->web.scope);
	evaluate_close(evaluate);
}

/* ---- a file ---- */

/* The web is needed where revocation lists have to be fetched. */
static int inspect_certificate(struct admin *admin, const char *path,
			       struct bimi_evidence *evidence, struct bimi_findings *findings)
{
	bool web = !span_empty(evidence->roots) && evidence->list_count == 0;
	struct inspect_tools tools = {.now = evidence->now};
	struct evaluate evaluate;
	struct why why;
	int status = web ? open_web(admin, &evaluate, &tools) : ADMIN_DONE;

	if (status == ADMIN_DONE && bimi_inspect_evidence(&tools, evidence, findings, &why) == -1) {
		admin_error(admin, "%s: %s", path, why.text);
		status = ADMIN_INTERNAL;
	}
	if (web)
		close_web(&evaluate, &tools);
	return status;
}

static int check_bytes(struct admin *admin, const char *path, struct bimi_evidence *evidence)
{
	enum bimi_kind kind = bimi_kind_of(evidence->pem);
	struct subject subject = {path, kind == BIMI_LOGO ? "logo" : "certificate", true};
	struct bimi_findings *findings = arena_make(admin->arena, struct bimi_findings);
	int status = ADMIN_DONE;
	struct why why;

	if (kind == BIMI_NEITHER) {
		admin_error(admin, "%s: it is neither an SVG file nor a PEM file", path);
		return ADMIN_BAD_INPUT;
	}
	bimi_findings_init(findings, admin->arena);
	if (kind == BIMI_CERTIFICATE) {
		status = inspect_certificate(admin, path, evidence, findings);
	} else if (bimi_examine(kind, evidence, findings, &why) == -1) {
		admin_error(admin, "%s: %s", path, why.text);
		status = ADMIN_INTERNAL;
	}
	return status != ADMIN_DONE ? status : show_result(admin, &subject, findings);
}

static int check_file(struct admin *admin, const char *path, const struct given *given)
{
	struct bimi_evidence evidence = {.pem = span_of(""),
					 .roots = span_of(""),
					 .logs = span_of(""),
					 .selector = BIMI_SELECTOR_DEFAULT,
					 .logo = span_of(""),
					 .now = clock_wall()};
	int status = read_evidence(admin, path, given, &evidence);

	return status != ADMIN_DONE ? status : check_bytes(admin, path, &evidence);
}

/* ---- a domain ---- */

static int check_records(struct evaluate *evaluate, struct bimi_domain *domain,
			 const struct inspect_tools *tools)
{
	struct admin *admin = evaluate->admin;
	struct bimi_findings *findings = arena_make(admin->arena, struct bimi_findings);
	struct subject subject = {domain->name, "domain", false};
	struct why why;

	domain->dmarc = &evaluate->context->check.dmarc;
	bimi_findings_init(findings, admin->arena);
	if (bimi_domain_check(domain, tools, findings, &why) == -1) {
		admin_error(admin, "%s: %s", domain->name, why.text);
		return ADMIN_INTERNAL;
	}
	return show_result(admin, &subject, findings);
}

static int check_domain(struct admin *admin, const char *text, const struct given *given)
{
	struct bimi_domain domain = {.selector = BIMI_SELECTOR_DEFAULT};
	struct inspect_tools tools = {.now = clock_wall()};
	int status = bimi_read_domain(admin, text, &domain.name);
	struct evaluate evaluate;

	if (given->logo != NULL || given->domain != NULL || given->list_count > 0)
		return admin_usage(admin, "--logo, --domain and --crl are for a file");
	if (status == ADMIN_DONE && given->selector != NULL)
		status = bimi_read_selector(admin, given->selector, &domain.selector);
	if (status == ADMIN_DONE)
		status = bimi_read_roots(admin, given->roots, &tools.roots);
	if (status == ADMIN_DONE)
		status = bimi_read_logs(admin, given->logs, &tools.logs);
	if (status != ADMIN_DONE)
		return status;
	status = open_web(admin, &evaluate, &tools);
	if (status == ADMIN_DONE)
		status = check_records(&evaluate, &domain, &tools);
	close_web(&evaluate, &tools);
	return status;
}

/* ---- check ---- */

/* A name of one of the usual endings is that of a file, even if there is none. */
static bool is_file_name(const char *text)
{
	static const char *const endings[] = {".svg", ".svgz", ".pem", ".crt", ".cer"};
	size_t length = strlen(text);

	if (strchr(text, '/') != NULL || strchr(text, '.') == NULL || access(text, F_OK) == 0)
		return true;
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
		size_t n = strlen(endings[i]);

		if (length > n && strcmp(text + length - n, endings[i]) == 0)
			return true;
	}
	return false;
}

static int bimi_check(struct admin *admin, int argc, char **argv)
{
	struct given given = {.list_count = 0};
	int status = parse_options(admin, argc, argv, &given);

	if (status != ADMIN_DONE)
		return status;
	return is_file_name(argv[optind]) ? check_file(admin, argv[optind], &given)
					  : check_domain(admin, argv[optind], &given);
}

const struct admin_verb cmd_bimi[] = {
    {"bimi", "check", "FILE | DOMAIN",
     "Check a BIMI logo (SVG), a mark certificate (PEM), or all of a domain", bimi_check,
     check_options, false},
    {"bimi", "record", "DOMAIN", "Print the BIMI record of a domain, to publish", bimi_record,
     bimi_record_options, false},
    {"bimi", "roots", "[FILE]", "Show the mark roots and certificate logs that are trusted",
     bimi_roots, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
