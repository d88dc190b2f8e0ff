/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign dns DOMAIN`: every record that mail of a domain needs, as lines of a zone file, and
 * with
 * --check whether the DNS shows them.
 *
 * Keys say what their records are. What the owner has decided, who sends (SPF) and what the policy
 * is (DMARC), is taken as it is published; only where nothing valid is, one is proposed.
 */
#include <getopt.h>
#include <string.h>

#include "admin/check/evaluate.h"
#include "admin/check/explain.h"
#include "admin/check/posture.h"
#include "admin/check/zone.h"
#include "lib/jsonout.h"
#include "admin/key/look.h"
#include "admin/out.h"
#include "mail/domain.h"
#include "policy/spf/record.h"
#include "policy/dmarc/destination.h"

enum { OPTION_CHECK = 512 };

static const struct admin_option options[] = {
    {"check", OPTION_CHECK, NULL, "compare them with what the DNS shows"},
    KEYS_OPTION,
    {NULL, 0, NULL, NULL},
};

enum found { FOUND_RIGHT, FOUND_WRONG, FOUND_MISSING, FOUND_UNKNOWN };

static const struct {
	const char *text;
	enum out_style style;
	int status; /* of --check */
} founds[] = {
    [FOUND_RIGHT] = {"ok", OUT_GOOD, ADMIN_DONE},
    [FOUND_WRONG] = {"wrong", OUT_BAD, ADMIN_NO},
    [FOUND_MISSING] = {"missing", OUT_BAD, ADMIN_NO},
    [FOUND_UNKNOWN] = {"not known", OUT_WARN, ADMIN_TEMPORARY},
};

/* A record that the domain should have, or has. */
struct wanted {
	const char *kind; /* "spf", "dkim", "dmarc", "report", those of posture.h */
	const char *name;
	const char *type; /* "TXT", and VALUE is its text; else VALUE is as in a zone file */
	struct span value;
	const char *remark; /* for its reader: where it comes from */
	enum found found;
	const char *detail; /* or NULL */
	bool elsewhere;     /* nothing is to be published: a record above covers it */
	bool optional;      /* a proposal that the domain does not need */
};

struct domain_records {
	struct admin *admin;
	struct arena *arena;
	struct evaluate evaluate;
	const char *domain;
	const char *keys_directory; /* NULL: that of the settings */
	bool check;
	struct wanted *items;
	unsigned count, room;
	unsigned keys; /* of them */
};

static struct wanted *add_wanted(struct domain_records *records, const char *kind, const char *name)
{
	struct wanted *wanted;

	if (records->count == records->room) {
		struct wanted *old = records->items;

		records->room = records->room == 0 ? 16 : 2 * records->room;
		records->items = arena_array(records->arena, records->room, sizeof *old);
		if (records->count > 0)
			memcpy(records->items, old, records->count * sizeof *old);
	}
	wanted = &records->items[records->count++];
	*wanted = (struct wanted){.kind = kind, .name = name, .type = "TXT", .value = span_of("")};
	return wanted;
}

/* ---- SPF: RFC 7208 section 4.5 ---- */

static void judge_spf(struct domain_records *records, struct wanted *wanted,
		      const struct dns_answer *answer)
{
	struct span text = span_of("");
	struct spf_record record;
	unsigned count = 0;
	struct why why;

	for (unsigned i = 0; i < answer->count; i++) {
		struct span one = span_make(answer->records[i].text, answer->records[i].length);

		if (!spf_record_is(one))
			continue;
		count++;
		text = span_make(arena_copy(records->arena, one.p, span_len(one)), span_len(one));
	}
	wanted->value = text;
	wanted->remark = "as published";
	if (count == 1 && spf_record_parse(text, &record, &why) == 0)
		return;
	wanted->value = span_of("v=spf1 mx -all");
	wanted->remark = "a proposal: only the MX hosts send; name all others that do";
	wanted->found = count > 0 ? FOUND_WRONG : FOUND_MISSING;
	if (count > 1)
		wanted->detail = "there are several: none counts (RFC 7208 section 4.5)";
	else if (count == 1)
		wanted->detail = arena_string(records->arena, why.text);
}

static void add_spf(struct domain_records *records)
{
	const struct dns_answer *answer =
	    dns_wait(dns_start(records->evaluate.scope, records->domain, DNS_TYPE_TXT));
	struct wanted *wanted = add_wanted(records, "spf", records->domain);

	judge_spf(records, wanted, answer);
	if (answer->status != DNS_TEMPFAIL)
		return;
	wanted->found = FOUND_UNKNOWN;
	wanted->detail = arena_string(records->arena, answer->reason);
}

/* ---- DKIM: RFC 6376 section 3.6.2 ---- */

/* A retired key's record is needed as long as mail that it signed is under way. */
static bool needs_record(const struct keycmd_key *key)
{
	switch (key->status.state) {
	case KEYSTATE_PENDING:
	case KEYSTATE_ACTIVE:
		return true;
	case KEYSTATE_RETIRED:
		return !keylook_is_old(key->status);
	case KEYSTATE_REVOKED:
		return false;
	}
	return false;
}

static void add_key(struct domain_records *records, const struct keylook *looked)
{
	static const enum found found_of[] = {[PUBLISHED_MATCHES] = FOUND_RIGHT,
					      [PUBLISHED_DIFFERS] = FOUND_WRONG,
					      [PUBLISHED_ABSENT] = FOUND_MISSING,
					      [PUBLISHED_REVOKED] = FOUND_WRONG,
					      [PUBLISHED_UNKNOWN] = FOUND_UNKNOWN};
	const struct keycmd_key *key = looked->key;
	struct wanted *wanted;

	if (!needs_record(key))
		return;
	wanted = add_wanted(records, "dkim", key->name);
	wanted->value = span_of(key->value);
	wanted->remark = arena_printf(records->arena, "%s key, %s", keycmd_type(key->key),
				      keystate_text(key->status.state));
	wanted->found = found_of[looked->published];
	wanted->detail =
	    looked->published == PUBLISHED_REVOKED ? "an empty p= is published" : looked->detail;
	records->keys++;
}

/* 0, or the exit status after the error was printed. */
static int add_keys(struct domain_records *records)
{
	struct keycmd cmd = {.admin = records->admin,
			     .directory = records->keys_directory,
			     .domain = records->domain};
	struct keycmd_keys keys;
	struct keylook *looked;
	int status = keycmd_open_store(&cmd);

	if (status == 0)
		status = keycmd_load(&cmd, &keys);
	if (status != 0)
		return status;
	looked = keylook(records->admin, keys.items, keys.count);
	if (looked == NULL)
		return ADMIN_CONFIG;
	for (unsigned i = 0; i < keys.count; i++)
		add_key(records, &looked[i]);
	return 0;
}

/* ---- DMARC: RFC 9989 section 4.10; who has to agree to reports: RFC 9990 section 4 ---- */

static void propose_dmarc(struct domain_records *records, struct wanted *wanted)
{
	wanted->value = span_of(
	    arena_printf(records->arena, "v=DMARC1; p=none; rua=mailto:dmarc@%s", records->domain));
	wanted->remark = "a proposal: watch the reports, then ask for quarantine or reject";
}

static void add_dmarc(struct domain_records *records, const struct dmarc_verdict *dmarc)
{
	const struct dmarc_published *published = dmarc->published;
	struct wanted *wanted = add_wanted(
	    records, "dmarc", arena_printf(records->arena, "_dmarc.%s", records->domain));

	if (published != NULL) {
		wanted->name = arena_printf(records->arena, "_dmarc.%s", published->domain);
		wanted->elsewhere = !domain_equal(published->domain, records->domain);
		wanted->value = span_of(published->record);
		wanted->remark = wanted->elsewhere ? "published, and covers the domain below it"
						   : "as published";
		wanted->detail = published->faults;
		return;
	}
	propose_dmarc(records, wanted);
	wanted->found = dmarc->result == AUTH_TEMPERROR ? FOUND_UNKNOWN
			: dmarc->result == AUTH_NONE    ? FOUND_MISSING
							: FOUND_WRONG;
	if (wanted->found != FOUND_MISSING)
		wanted->detail = dmarc->why;
}

/* Whether reports about DOMAIN may go to HOST without a record at HOST. Where the DNS does not
 * answer, the record is printed. */
static bool shares_organization(const struct evaluate *evaluate, const char *domain,
				const char *host)
{
	const struct dmarc_rules *rules = &evaluate->context->check.dmarc;
	const char *ours, *theirs;
	struct why why;

	if (domain_equal(domain, host))
		return true;
	if (!dmarc_could_align(domain, host))
		return false;
	ours = dmarc_org_domain(evaluate->scope, rules, evaluate->arena, domain, &why);
	theirs = dmarc_org_domain(evaluate->scope, rules, evaluate->arena, host, &why);
	return ours != NULL && theirs != NULL && domain_equal(ours, theirs);
}

static bool is_wanted(const struct domain_records *records, const char *name)
{
	for (unsigned i = 0; i < records->count; i++) {
		if (strcmp(records->items[i].name, name) == 0)
			return true;
	}
	return false;
}

static void add_agreement(struct domain_records *records, enum destination_tag tag,
			  const char *policy_domain, struct destination to)
{
	static const enum found found_of[] = {[DESTINATION_YES] = FOUND_RIGHT,
					      [DESTINATION_NO] = FOUND_MISSING,
					      [DESTINATION_LATER] = FOUND_UNKNOWN};
	const struct evaluate *evaluate = &records->evaluate;
	const char *name =
	    arena_printf(records->arena, "%s._report._dmarc.%s", policy_domain, to.host);
	const char *host = to.host;
	struct wanted *wanted;
	struct why why = {""};

	if (is_wanted(records, name) || shares_organization(evaluate, policy_domain, host))
		return;
	wanted = add_wanted(records, "report", name);
	wanted->value = span_of("v=DMARC1");
	wanted->remark = arena_printf(
	    records->arena, "in the zone of %s, which so agrees to get the reports", host);
	wanted->found = found_of[destination_check(evaluate->scope, &evaluate->context->check.dmarc,
						   evaluate->arena, tag, policy_domain, &to, &why)];
	if (wanted->found != FOUND_RIGHT)
		wanted->detail = arena_string(records->arena, why.text);
}

static void add_agreements(struct domain_records *records, enum destination_tag tag,
			   const char *policy_domain, const char *addresses)
{
	struct destination list[DESTINATION_MAX];
	unsigned count = destination_parse(records->arena, span_of(addresses), list);

	for (unsigned i = 0; i < count; i++)
		add_agreement(records, tag, policy_domain, list[i]);
}

/* ---- what is printed ---- */

static void print_record(const struct domain_records *records, const struct wanted *wanted)
{
	const char *indent = wanted->elsewhere || wanted->optional ? "; " : "";

	if (strcmp(wanted->type, "TXT") == 0) {
		zone_print_txt(stdout, indent, wanted->name, wanted->value);
		return;
	}
	printf("%s%s. %d IN %s ", indent, wanted->name, ZONE_TTL, wanted->type);
	out_text(stdout, arena_span(records->arena, wanted->value));
	printf("\n");
}

static void print_zone(const struct domain_records *records)
{
	printf("; records for mail of %s\n", records->domain);
	for (unsigned i = 0; i < records->count; i++) {
		const struct wanted *wanted = &records->items[i];

		printf("\n; ");
		out_text(stdout,
			 arena_printf(records->arena, "%s: %s", wanted->kind, wanted->remark));
		if (wanted->detail != NULL) {
			printf("\n; ");
			out_text(stdout, wanted->detail);
		}
		printf("\n");
		print_record(records, wanted);
	}
}

static void print_check(const struct domain_records *records)
{
	static const char *const headings[] = {"RECORD", "NAME", "DNS", "REMARK"};
	struct out_table *table = out_table_new(records->arena, headings, 4);

	for (unsigned i = 0; i < records->count; i++) {
		const struct wanted *wanted = &records->items[i];

		if (wanted->optional)
			continue;
		out_cell(table, OUT_PLAIN, "%s", wanted->kind);
		out_cell(table, OUT_PLAIN, "%s", wanted->name);
		out_cell(table, founds[wanted->found].style, "%s", founds[wanted->found].text);
		out_cell(table, OUT_PLAIN, "%s",
			 wanted->detail != NULL ? wanted->detail : wanted->remark);
	}
	out_table_print(table, stdout, admin_color(records->admin, stdout));
	explain_scope(records->admin, records->evaluate.scope, records->evaluate.start, NULL);
}

static void print_json(const struct domain_records *records)
{
	struct jsonout *out = jsonout_new(records->arena, "dns");

	jsonout_text(out, "domain", records->domain);
	jsonout_array(out, "records");
	for (unsigned i = 0; i < records->count; i++) {
		const struct wanted *wanted = &records->items[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "kind", wanted->kind);
		jsonout_text(out, "name", wanted->name);
		jsonout_text(out, "type", wanted->type);
		jsonout_int(out, "ttl", ZONE_TTL);
		jsonout_text(out, "value", arena_span(records->arena, wanted->value));
		jsonout_text(out, "remark", wanted->remark);
		jsonout_text(out, "found", founds[wanted->found].text);
		jsonout_text(out, "detail", wanted->detail);
		jsonout_end(out);
	}
	jsonout_end(out);
	explain_scope(records->admin, records->evaluate.scope, records->evaluate.start, out);
	admin_print_json(records->admin, out);
}

/* What is wrong counts for more than what could not be seen. */
static int check_status(const struct domain_records *records)
{
	int status = ADMIN_DONE;

	for (unsigned i = 0; i < records->count; i++) {
		int own = records->items[i].optional ? ADMIN_DONE
						     : founds[records->items[i].found].status;

		if (own == ADMIN_NO)
			return ADMIN_NO;
		status = own != ADMIN_DONE ? own : status;
	}
	return records->keys == 0 ? ADMIN_NO : status;
}

/* ---- the command ---- */

static int collect_records(struct domain_records *records)
{
	const struct dmarc_published *published;
	struct dmarc_verdict dmarc;
	int status;

	dns_start(records->evaluate.scope, records->domain, DNS_TYPE_TXT);
	evaluate_dmarc(&records->evaluate, records->domain, &dmarc);
	add_spf(records);
	status = add_keys(records);
	if (status != 0)
		return status;
	add_dmarc(records, &dmarc);
	published = dmarc.published;
	if (published == NULL)
		return 0;
	add_agreements(records, DESTINATION_RUA, published->domain, published->rua);
	add_agreements(records, DESTINATION_RUF, published->domain, published->ruf);
	return 0;
}

/* What is optional is printed as it is published; a proposal is only a comment. */
static void add_posture(void *arg, const struct posture_record *record)
{
	struct wanted *wanted = add_wanted(arg, record->kind, record->name);

	wanted->type = record->type;
	wanted->value = span_of(record->value);
	wanted->remark = record->proposed ? "a proposal: reports about TLS on the way to the domain"
					  : "as published";
	wanted->optional = record->proposed;
	wanted->found = record->proposed        ? FOUND_MISSING
			: record->fault != NULL ? FOUND_WRONG
						: FOUND_RIGHT;
	wanted->detail = record->fault;
}

static int show_records(struct domain_records *records)
{
	int status = evaluate_open(&records->evaluate, records->admin);

	if (status == 0)
		status = collect_records(records);
	if (status == 0) {
		posture_each(&records->evaluate, records->domain, add_posture, records);
		if (records->admin->json)
			print_json(records);
		else if (records->check)
			print_check(records);
		else
			print_zone(records);
		if (records->keys == 0)
			admin_warning(records->admin,
				      "%s has no signing key: countersign key gen %s",
				      records->domain, records->domain);
		status = records->check ? check_status(records) : ADMIN_DONE;
	}
	evaluate_close(&records->evaluate);
	return status;
}

static int run_dns(struct admin *admin, int argc, char **argv)
{
	struct domain_records records = {.admin = admin, .arena = admin->arena};
	int letter;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == OPTION_CHECK)
			records.check = true;
		else if (letter == OPTION_KEYS)
			records.keys_directory = optarg;
		else
			return ADMIN_USAGE;
	}
	if (argc - optind != 1)
		return admin_usage(admin, argc == optind ? "missing argument: DOMAIN"
							 : "dns takes one domain");
	records.domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
	if (records.domain == NULL)
		return admin_usage(admin, "\"%s\" is not a domain name", argv[optind]);
	return show_records(&records);
}

const struct admin_verb cmd_dns[] = {
    {"dns", NULL, "DOMAIN", "Print every record that a domain needs, or check them", run_dns,
     options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
