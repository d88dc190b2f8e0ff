/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign tls policy|list|refresh|sts|report`: how mail to a domain must be protected on its
 * way, and which MTA-STS policies the daemon holds.
 */
#include <getopt.h>
#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/tls/command.h"
#include "admin/tls/look.h"
#include "lib/clock.h"

/* ---- policy ---- */

static const struct name_code route_names[] = {{"mx", ROUTE_MX},
					       {"implicit", ROUTE_IMPLICIT},
					       {"null", ROUTE_NULL},
					       {"absent", ROUTE_ABSENT},
					       {"unknown", ROUTE_UNKNOWN},
					       {"bogus", ROUTE_BOGUS},
					       {NULL, 0}};
static const struct name_code dane_names[] = {{"none", HOST_DANE_NONE},
					      {"usable", HOST_DANE_USABLE},
					      {"unusable", HOST_DANE_UNUSABLE},
					      {"failed", HOST_DANE_FAILED},
					      {NULL, 0}};
static const struct name_code discovery_names[] = {
    {"announced", STS_ANNOUNCED}, {"absent", STS_ABSENT}, {"unknown", STS_UNKNOWN}, {NULL, 0}};

static const char *const route_texts[] = {
    [ROUTE_MX] = "",
    [ROUTE_IMPLICIT] = "no MX records; the domain itself is the host",
    [ROUTE_NULL] = "null MX: the domain accepts no mail (RFC 7505)",
    [ROUTE_ABSENT] = "the domain does not exist",
    [ROUTE_UNKNOWN] = "not known: ",
    [ROUTE_BOGUS] = "not valid: ",
};

static void show_fact(const char *name, const char *text)
{
	printf("  %-12s", name);
	out_text(stdout, text);
	printf("\n");
}

static const char *tell_dane(struct arena *arena, const struct route_host *host)
{
	switch (host->dane) {
	case HOST_DANE_USABLE:
		return arena_printf(arena, "TLSA records at %s", host->tlsa);
	case HOST_DANE_UNUSABLE:
		return arena_printf(arena, "TLSA records at %s, none of which can be used",
				    host->tlsa);
	case HOST_DANE_FAILED:
		return arena_printf(arena, "TLSA not known: %s", host->reason);
	case HOST_DANE_NONE:
		break;
	}
	return "no TLSA records";
}

static void show_host(struct arena *arena, const struct route *route, const struct route_host *host)
{
	show_fact("", arena_printf(arena, "%u %s: %s", host->preference, host->name,
				   !route->secure     ? "not signed, so not asked for TLSA"
				   : !host->reachable ? host->reason
						      : tell_dane(arena, host)));
}

static void show_route(struct arena *arena, const struct route *route)
{
	show_fact("mx", arena_printf(arena, "%s%s%s", route_texts[route->kind],
				     route->reason != NULL ? route->reason : "",
				     route->kind != ROUTE_MX ? ""
				     : route->secure         ? "signed (DNSSEC)"
							     : "not signed (DNSSEC)"));
	for (unsigned i = 0; i < route->count; i++)
		show_host(arena, route, &route->hosts[i]);
}

static void show_held(struct arena *arena, const struct tls_look *look)
{
	const struct sts_held *held = &look->level.held;
	char expires[CLOCK_TEXT_MAX];

	if (look->fetch_fault != NULL)
		show_fact("fetch", look->fetch_fault);
	if (!held->present)
		return;
	clock_utc_text(held->expires, expires);
	show_fact("policy", arena_printf(arena, "mode %s, max_age %u, until %s, %s",
					 name_text(sts_mode_names, (int)held->policy.mode),
					 held->policy.max_age, expires,
					 look->fetched ? "fetched now" : "from the ledger"));
	for (unsigned i = 0; i < held->policy.count; i++)
		show_fact("", arena_printf(arena, "mx: %s", held->policy.patterns[i]));
}

static void show_text(struct admin *admin, const struct tls_look *look)
{
	const struct level *level = &look->level;
	bool color = admin_color(admin, stdout);
	enum out_style style = level->kind == LEVEL_DEFER     ? OUT_BAD
			       : level->kind == LEVEL_DEFAULT ? OUT_BOLD
							      : OUT_GOOD;

	printf("%s: %s%s%s, ", level->domain, out_on(style, color),
	       name_text(level_names, (int)level->kind), out_off(style, color));
	out_text(stdout, level->reason);
	printf("\n");
	if (level->looked)
		show_route(admin->arena, &level->route);
	if (level->discovered) {
		show_fact("mta-sts", level->discovery.state == STS_ANNOUNCED
					 ? arena_printf(admin->arena, "id %s", level->discovery.id)
					 : level->discovery.reason);
		show_held(admin->arena, look);
	}
	show_fact("policy310", look->answers[ANSWER_POLICY_310]);
	show_fact("policy", look->answers[ANSWER_POLICY]);
	if (look->daemon != NULL)
		show_fact("daemon", look->daemon);
	if (look->daemon_fault != NULL)
		show_fact("daemon", look->daemon_fault);
}

static void json_route(struct jsonout *out, const struct route *route)
{
	jsonout_object(out, "route");
	jsonout_text(out, "kind", name_text(route_names, (int)route->kind));
	jsonout_bool(out, "secure", route->secure);
	jsonout_text(out, "reason", route->reason);
	jsonout_array(out, "hosts");
	for (unsigned i = 0; i < route->count; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "name", route->hosts[i].name);
		jsonout_int(out, "preference", route->hosts[i].preference);
		jsonout_text(out, "tlsa", name_text(dane_names, (int)route->hosts[i].dane));
		jsonout_text(out, "tlsa_name", route->hosts[i].tlsa);
		jsonout_text(out, "reason", route->hosts[i].reason);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_end(out);
}

static void json_held(struct jsonout *out, const struct sts_held *held, const char *from)
{
	char time[CLOCK_TEXT_MAX];

	jsonout_object(out, "policy");
	jsonout_text(out, "id", held->id);
	jsonout_text(out, "mode", name_text(sts_mode_names, (int)held->policy.mode));
	jsonout_int(out, "max_age", held->policy.max_age);
	jsonout_text(out, "fetched", clock_utc_text(held->fetched, time));
	jsonout_text(out, "expires", clock_utc_text(held->expires, time));
	jsonout_text(out, "from", from);
	jsonout_array(out, "mx");
	for (unsigned i = 0; i < held->policy.count; i++)
		jsonout_text(out, NULL, held->policy.patterns[i]);
	jsonout_end(out);
	jsonout_end(out);
}

static void json_sts(struct jsonout *out, const struct tls_look *look)
{
	const struct level *level = &look->level;

	jsonout_object(out, "mta_sts");
	jsonout_text(out, "record", name_text(discovery_names, (int)level->discovery.state));
	jsonout_text(out, "id", level->discovery.id);
	jsonout_text(out, "reason", level->discovery.reason);
	jsonout_text(out, "fetch_error", look->fetch_fault);
	if (level->held.present)
		json_held(out, &level->held, look->fetched ? "web server" : "ledger");
	else
		jsonout_null(out, "policy");
	jsonout_end(out);
}

static void show_json(struct admin *admin, const struct tls_look *look)
{
	struct jsonout *out = jsonout_new(admin->arena, "tls.policy");

	jsonout_text(out, "domain", look->level.domain);
	jsonout_text(out, "level", name_text(level_names, (int)look->level.kind));
	jsonout_text(out, "reason", look->level.reason);
	if (look->level.looked)
		json_route(out, &look->level.route);
	if (look->level.discovered)
		json_sts(out, look);
	jsonout_object(out, "answers");
	for (unsigned map = 0; map < ANSWER_MAPS; map++)
		jsonout_text(out, name_text(answer_map_names, (int)map), look->answers[map]);
	jsonout_end(out);
	jsonout_text(out, "daemon", look->daemon);
	jsonout_text(out, "daemon_error", look->daemon_fault);
	admin_print_json(admin, out);
}

const char *tls_read_domain(struct admin *admin, const char *text)
{
	const char *reason, *domain = level_domain(admin->arena, span_of(text), &reason);

	if (domain == NULL)
		admin_error(admin, "\"%s\": %s", text, reason);
	return domain;
}

static int tls_policy(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 1, 1);
	const char *domain = status == 0 ? tls_read_domain(admin, argv[optind]) : NULL;
	struct tls_look look;

	if (domain == NULL)
		return status != 0 ? status : ADMIN_BAD_INPUT;
	status = tls_look(admin, domain, &look);
	if (status != ADMIN_DONE)
		return status;
	if (admin->json)
		show_json(admin, &look);
	else
		show_text(admin, &look);
	return look.level.kind == LEVEL_DEFER ? ADMIN_TEMPORARY : ADMIN_DONE;
}

/* ---- list ---- */

struct listing {
	struct admin *admin;
	struct jsonout *out; /* or NULL */
	struct out_table *table;
	unsigned count;
};

static const char *policy_mode(struct arena *arena, const char *text)
{
	struct sts_policy policy;
	struct why why;

	if (sts_policy_parse(arena, span_of(text), &policy, &why) == -1)
		return "not valid";
	return name_text(sts_mode_names, (int)policy.mode);
}

static int list_policy(void *arg, const struct policies_row *row)
{
	struct listing *listing = arg;
	const char *mode = policy_mode(listing->admin->arena, row->text);
	char fetched[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX], used[CLOCK_TEXT_MAX];
	bool taken = row->state == POLICIES_TAKEN;

	clock_utc_text(row->fetched, fetched);
	clock_utc_text(row->expires, expires);
	clock_day_text(clock_day(row->used), used);
	listing->count++;
	if (listing->out != NULL) {
		jsonout_object(listing->out, NULL);
		jsonout_text(listing->out, "domain", row->domain);
		jsonout_text(listing->out, "id", row->id);
		jsonout_text(listing->out, "mode", mode);
		jsonout_text(listing->out, "fetched", fetched);
		jsonout_text(listing->out, "expires", expires);
		jsonout_text(listing->out, "used", row->used == 0 ? NULL : used);
		jsonout_text(listing->out, "fetched_by", taken ? "another host" : "this host");
		jsonout_end(listing->out);
		return 0;
	}
	out_cell(listing->table, OUT_PLAIN, "%s", row->domain);
	out_cell(listing->table, OUT_PLAIN, "%s", mode);
	out_cell(listing->table, OUT_PLAIN, "%s", row->id);
	out_cell(listing->table, OUT_PLAIN, "%s", fetched);
	out_cell(listing->table, OUT_PLAIN, "%s", expires);
	out_cell(listing->table, OUT_PLAIN, "%s", row->used == 0 ? "-" : used);
	out_cell(listing->table, OUT_PLAIN, "%s", taken ? "another host" : "this host");
	return 0;
}

static int tls_list(struct admin *admin, int argc, char **argv)
{
	static const char *const headings[] = {"DOMAIN",  "MODE",      "ID",        "FETCHED",
					       "EXPIRES", "LAST MAIL", "FETCHED BY"};
	struct listing listing = {.admin = admin};
	int status = admin_args(admin, argc, argv, 0, 0);

	if (status != 0)
		return status;
	if (admin->json) {
		listing.out = jsonout_new(admin->arena, "tls.list");
		jsonout_array(listing.out, "policies");
	} else {
		listing.table = out_table_new(admin->arena, headings, 7);
	}
	status = tls_each_stored(admin, list_policy, &listing);
	if (status != ADMIN_DONE)
		return status;
	if (admin->json) {
		jsonout_end(listing.out);
		admin_print_json(admin, listing.out);
		return ADMIN_DONE;
	}
	out_table_print(listing.table, stdout, admin_color(admin, stdout));
	if (listing.count == 0)
		admin_note(admin, "no MTA-STS policies are stored");
	return ADMIN_DONE;
}

/* ---- refresh ---- */

/* What became of it: the policy that is held now, or where to find out why there is none. */
static void show_refreshed(struct admin *admin, const char *domain, const char *answer,
			   const struct policies_row *row)
{
	char fetched[CLOCK_TEXT_MAX];

	printf("%s: ", domain);
	out_text(stdout, answer);
	printf("\n");
	if (row != NULL)
		show_fact("policy", arena_printf(admin->arena, "mode %s, fetched %s",
						 policy_mode(admin->arena, row->text),
						 clock_utc_text(row->fetched, fetched)));
	else if (strncmp(answer, "NOTFOUND", 8) == 0)
		admin_note(admin,
			   "no MTA-STS policy is stored; for the reason type: countersign tls "
			   "policy %s",
			   domain);
}

static int tls_refresh(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 1, 1);
	const struct conf *conf = status == 0 ? admin_conf(admin) : NULL;
	const char *domain = conf == NULL ? NULL : tls_read_domain(admin, argv[optind]);
	const char *answer;
	char fetched[CLOCK_TEXT_MAX];
	struct policies_row row;
	struct jsonout *out;
	struct why why = {""};
	bool stored;

	if (domain == NULL)
		return status != 0 ? status : conf == NULL ? ADMIN_CONFIG : ADMIN_BAD_INPUT;
	if (conf->tls.listen.count == 0) {
		admin_error(admin, "there is no policy service: tls.listen is empty");
		return ADMIN_CONFIG;
	}
	if (tls_ask(admin->arena, conf->tls.listen.items[0], "refresh", domain, &answer, &why) ==
	    -1) {
		admin_error(admin, "%s", why.text);
		return ADMIN_UNAVAILABLE;
	}
	stored = tls_find_stored(admin, domain, &row);
	if (!admin->json) {
		show_refreshed(admin, domain, answer, stored ? &row : NULL);
		return ADMIN_DONE;
	}
	out = jsonout_new(admin->arena, "tls.refresh");
	jsonout_text(out, "domain", domain);
	jsonout_text(out, "answer", answer);
	jsonout_text(out, "mode", stored ? policy_mode(admin->arena, row.text) : NULL);
	jsonout_text(out, "fetched", stored ? clock_utc_text(row.fetched, fetched) : NULL);
	admin_print_json(admin, out);
	return ADMIN_DONE;
}

const struct admin_verb cmd_tls[] = {
    {"tls", "policy", "DOMAIN", "Show what Postfix is told about TLS to a domain, and why",
     tls_policy, NULL, false},
    {"tls", "list", "", "List the MTA-STS policies that are stored", tls_list, NULL, false},
    {"tls", "refresh", "DOMAIN", "Make the daemon fetch a domain's MTA-STS policy now", tls_refresh,
     NULL, false},
    {"tls", "sts", "make|check DOMAIN", "Make or check the MTA-STS policy of your own domain",
     tls_sts, tls_sts_options, false},
    {"tls", "report", "list|show|send [DOMAIN]",
     "List, show or send the reports about TLS sessions", tls_report, tls_report_options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
