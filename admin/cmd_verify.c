/*
 * `countersign verify FILE`: what the milter would say of a message, by the same code, with the
 * steps that led to it.
 */
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "admin/jsonout.h"
#include "admin/message.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "milter/context.h"
#include "policy/authres.h"
#include "policy/domain.h"

struct run {
	struct admin *admin;
	struct message_file message;
	struct check_client client;
	const char *authserv_id;
	struct arena *arena; /* of the judgement */
	const char **recipients;
	unsigned recipient_count;
	const struct verdict *verdict;
	struct check *check;
	int64_t start, end;
};

static const struct admin_option options[] = {
    {"ip", 'i', "ADDRESS", "the client's address; without it SPF and iprev are not checked"},
    {"helo", 'H', "NAME", "what the client said in HELO or EHLO"},
    {"from", 'f', "ADDRESS", "MAIL FROM; \"\" is the null sender (default: the From field)"},
    {"to", 't', "ADDRESS", "a recipient, for the rules that ask for recipients; can be repeated"},
    {NULL, 0, NULL, NULL},
};

/* ---- running the message through ---- */

static const char *default_sender(struct run *run)
{
	struct arena *arena = run->admin->arena;
	struct address_list *list = arena_make(arena, struct address_list);

	for (unsigned i = 0; i < run->message.field_count; i++) {
		const struct message_field *field = &run->message.fields[i];

		if (span_ieq(span_trim(field->name), "from") &&
		    address_parse(arena, field->value, list, NULL) == 0 && list->count > 0 &&
		    list->addresses[0].domain != NULL)
			return arena_printf(arena, "%s@%s", list->addresses[0].local,
					    list->addresses[0].domain);
	}
	return "";
}

static const char *own_name(struct arena *arena, const struct conf *conf)
{
	char host[256];

	if (strcmp(conf->authserv_id, "auto") != 0)
		return conf->authserv_id;
	if (gethostname(host, sizeof host) != 0)
		return "localhost";
	host[sizeof host - 1] = '\0';
	return arena_string(arena, host);
}

static void feed(struct run *run, const struct context *context, struct dns *dns)
{
	const struct conf *conf = context->conf;
	struct check_dns lookups = {dns, (unsigned)conf->dns.budget, conf->dns.timeout};
	struct check *check;

	run->start = clock_mono();
	check = check_new(&context->check, &run->client, &lookups, run->arena, clock_wall());
	for (unsigned i = 0; i < run->recipient_count; i++)
		check_recipient(check, domain_of_address(run->arena, run->recipients[i]));
	for (unsigned i = 0; i < run->message.field_count; i++)
		check_header(check, run->message.fields[i].name, run->message.fields[i].value);
	check_end_of_headers(check);
	check_body(check, run->message.body);
	run->check = check;
	run->verdict = check_finish(check, clock_mono() + conf->dns.timeout);
	run->end = clock_mono();
}

/* 0: the message passes; 1: it would be held, refused or deferred; 75: DNS kept us from knowing. */
static int exit_code(const struct verdict *verdict)
{
	if (verdict->dmarc.result == AUTH_TEMPERROR)
		return ADMIN_TEMPORARY;
	return verdict->decision.action == ACTION_ACCEPT ? ADMIN_DONE : ADMIN_NO;
}

static int judge(struct run *run, const struct conf *conf, void (*show)(struct run *))
{
	struct dns_settings settings = context_dns(conf);
	struct conf judging = *conf; /* borrows all of it; no key of ours is read */
	struct dkimcheck_engine *engine;
	struct context *context = NULL;
	struct dns *dns = NULL;
	int status = ADMIN_CONFIG;
	struct why why;

	judging.sign.enabled = false;
	judging.arc.seal = "";
	engine = dkimcheck_engine_new(&why);
	if (engine != NULL)
		context = context_new(&judging, engine, &why);
	if (context != NULL)
		dns = dns_new_unbound(&settings, &why);
	if (dns != NULL) {
		run->arena = arena_new(SIZE_MAX);
		feed(run, context, dns);
		show(run);
		status = exit_code(run->verdict);
		arena_free(run->arena); /* the lookups end before their resolver */
	} else {
		admin_error(run->admin, "%s", why.text);
	}
	dns_free(dns);
	context_drop(context);
	dkimcheck_engine_free(engine);
	return status;
}

/* ---- for people ---- */

static const enum out_style style_of[] = {
    [AUTH_NONE] = OUT_DIM,       [AUTH_PASS] = OUT_GOOD,     [AUTH_FAIL] = OUT_BAD,
    [AUTH_SOFTFAIL] = OUT_WARN,  [AUTH_NEUTRAL] = OUT_PLAIN, [AUTH_POLICY] = OUT_WARN,
    [AUTH_TEMPERROR] = OUT_WARN, [AUTH_PERMERROR] = OUT_BAD,
};

static void line(const struct run *run, const char *what, enum auth_result result,
		 const char *detail, const char *why)
{
	bool color = admin_color(run->admin, stdout);
	const char *text = auth_text(result);

	printf("%-7s %s%s%s%*s ", what, out_on(style_of[result], color), text,
	       out_off(style_of[result], color), (int)(9 - strlen(text)), "");
	if (detail != NULL && detail[0] != '\0') {
		out_text(stdout, detail);
		printf("  ");
	}
	out_text(stdout, why);
	printf("\n");
}

/* One fact below a verdict. */
static void fact(const char *what, const char *text)
{
	if (text == NULL)
		return;
	printf("          . %s", what);
	out_text(stdout, text);
	printf("\n");
}

static void show_steps(const struct run *run, const char *const *steps, unsigned count)
{
	for (unsigned i = 0; i < count && run->admin->verbose > 0; i++)
		fact("", steps[i]);
}

static void show_spf(const struct run *run, const char *what, const struct spf_verdict *spf)
{
	line(run, what, spf->result, spf->domain, spf->why);
	if (run->admin->verbose == 0)
		return;
	fact("record: ", spf->record);
	fact("mechanism: ", spf->mechanism);
	fact("explanation of the domain: ", spf->explanation);
	printf("          . %u of 10 terms with lookups, %u of 2 void lookups (RFC 7208 section "
	       "4.6.4)\n",
	       spf->terms, spf->voids);
	show_steps(run, spf->steps, spf->step_count);
}

static void show_dkim(const struct run *run, const struct verdict *verdict)
{
	struct arena *arena = run->admin->arena;

	if (verdict->dkim_count == 0)
		line(run, "dkim", AUTH_NONE, NULL,
		     "the message has no signature (RFC 8601 section 2.7.1)");
	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];

		line(run, "dkim", dkim->result,
		     arena_printf(arena, "d=%s s=%s a=%s", dkim->domain, dkim->selector,
				  dkim->algorithm),
		     dkim->why);
		show_steps(run, dkim->steps, dkim->step_count);
	}
	if (verdict->dkim_ignored > 0)
		printf("          . %u more signatures were not looked at\n",
		       verdict->dkim_ignored);
}

static void show_arc(const struct run *run, const struct arc_verdict *arc)
{
	struct arena *arena = run->admin->arena;

	if (arc->result == AUTH_NONE && run->admin->verbose == 0)
		return;
	line(run, "arc", arc->result, NULL, arc->why);
	for (unsigned i = 0; i < arc->count && run->admin->verbose > 0; i++) {
		printf("          . ");
		out_text(stdout, arena_printf(arena, "i=%u sealed by d=%s s=%s, which says:", i + 1,
					      arc->sets[i].domain, arc->sets[i].selector));
		out_text(stdout, arena_span(arena, arc->sets[i].results));
		printf("\n");
	}
}

static void show_dmarc(const struct run *run, const struct dmarc_verdict *dmarc)
{
	line(run, "dmarc", dmarc->result, dmarc->author_domain, dmarc->why);
	if (run->admin->verbose == 0)
		return;
	if (dmarc->published != NULL)
		fact("record: ", arena_printf(run->admin->arena, "_dmarc.%s: %s",
					      dmarc->published->domain, dmarc->published->record));
	show_steps(run, dmarc->steps, dmarc->step_count);
}

/* A record as a zone file would have it, cut. */
static const char *record_text(struct arena *arena, enum dns_type type,
			       const struct dns_record *record)
{
	enum { SHOWN = 300 };
	char text[IP_TEXT_MAX];
	struct ip ip;

	if (type == DNS_TYPE_A || type == DNS_TYPE_AAAA) {
		ip = ip_from_bytes(record->address, type == DNS_TYPE_A ? 4 : 16);
		return arena_string(arena, ip_text(&ip, text));
	}
	if (type == DNS_TYPE_MX)
		return arena_printf(arena, "%u %s", record->preference, record->text);
	return arena_printf(arena, "%s%.*s%s%s", type == DNS_TYPE_TXT ? "\"" : "", SHOWN,
			    record->text, record->length > SHOWN ? "..." : "",
			    type == DNS_TYPE_TXT ? "\"" : "");
}

enum { RECORDS_SHOWN = 12 };

static void show_records(const struct run *run, enum dns_type type, const struct dns_answer *answer)
{
	for (unsigned i = 0; i < answer->count && i < RECORDS_SHOWN; i++) {
		printf("                ");
		out_text(stdout, record_text(run->admin->arena, type, &answer->records[i]));
		printf("\n");
	}
	if (answer->count > RECORDS_SHOWN)
		printf("                and %u more\n", answer->count - RECORDS_SHOWN);
}

static void show_lookup(void *arg, const char *name, enum dns_type type,
			const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	const struct run *run = arg;

	printf("          %-5s ", dns_type_text(type));
	out_text(stdout, name);
	if (answer == NULL) {
		printf(": not needed in time\n");
		return;
	}
	printf(": %s", dns_status_text(answer->status));
	if (answer->reason != NULL)
		printf(" (%s)", answer->reason);
	if (answer->status == DNS_DATA)
		printf(", %u record%s%s", answer->count, answer->count == 1 ? "" : "s",
		       answer->secure ? ", validated" : "");
	printf(cached ? ", cached\n" : ", asked at %.1f ms, answered at %.1f ms\n",
	       (double)(start - run->start) / 1e6, (double)(end - run->start) / 1e6);
	show_records(run, type, answer);
}

/* With the reasons that the report to the author's domain will give (RFC 9990 section 3.1.6). */
static void show_action(const struct run *run, const struct decision *decision)
{
	bool color = admin_color(run->admin, stdout);

	printf("%-7s %s%-9s%s ", "action", out_on(OUT_BOLD, color),
	       name_text(action_names, (int)decision->action), out_off(OUT_BOLD, color));
	out_text(stdout, decision->why);
	printf("\n");
	for (unsigned i = 0; i < decision->override_count && run->admin->verbose > 0; i++) {
		const struct override *override = &decision->overrides[i];

		printf("          . reported as %s with reason %s",
		       dmarc_policy_text(decision->disposition),
		       name_text(override_names, (int) override->type));
		if (override->comment != NULL) {
			printf(": ");
			out_text(stdout, override->comment);
		}
		printf("\n");
	}
}

/* What an MTA would not have made of the file without saying so. */
static const char *note_of(const struct run *run)
{
	if (run->message.broken_line == 0)
		return NULL;
	return arena_printf(run->admin->arena,
			    "line %u is no header field: the body begins with it "
			    "(RFC 5322 section 2.1)",
			    run->message.broken_line);
}

static void show_text(struct run *run)
{
	const struct verdict *verdict = run->verdict;

	if (note_of(run) != NULL)
		printf("message %s\n", note_of(run));
	line(run, "iprev", verdict->iprev.result, verdict->iprev.name, verdict->iprev.why);
	show_spf(run, "helo", &verdict->spf_helo);
	show_spf(run, "spf", &verdict->spf);
	show_dkim(run, verdict);
	show_arc(run, &verdict->arc);
	show_dmarc(run, &verdict->dmarc);
	show_action(run, &verdict->decision);
	for (unsigned i = 0; i < verdict->disagreement_count; i++) {
		printf("engines ");
		out_text(stdout, verdict->disagreements[i]);
		printf("\n");
	}
	if (run->admin->verbose > 0) {
		printf("lookups\n");
		check_each_lookup(run->check, show_lookup, run);
	}
	printf("\nAuthentication-Results: %s\n",
	       authres_write(run->admin->arena, run->authserv_id, verdict));
}

/* ---- for programs ---- */

static void json_steps(struct jsonout *out, const char *const *steps, unsigned count)
{
	jsonout_array(out, "steps");
	for (unsigned i = 0; i < count; i++)
		jsonout_text(out, NULL, steps[i]);
	jsonout_end(out);
}

static void json_spf(struct jsonout *out, const char *key, const struct spf_verdict *spf)
{
	jsonout_object(out, key);
	jsonout_text(out, "result", auth_text(spf->result));
	jsonout_text(out, "scope", spf_scope_text(spf->scope));
	jsonout_text(out, "domain", spf->domain);
	jsonout_text(out, "mechanism", spf->mechanism);
	jsonout_text(out, "record", spf->record);
	jsonout_text(out, "explanation", spf->explanation);
	jsonout_text(out, "why", spf->why);
	jsonout_int(out, "terms", spf->terms);
	jsonout_int(out, "voids", spf->voids);
	json_steps(out, spf->steps, spf->step_count);
	jsonout_end(out);
}

static void json_dkim(struct jsonout *out, const struct verdict *verdict)
{
	jsonout_array(out, "dkim");
	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "result", auth_text(dkim->result));
		jsonout_text(out, "domain", dkim->domain);
		jsonout_text(out, "selector", dkim->selector);
		jsonout_text(out, "identity", dkim->identity);
		jsonout_text(out, "algorithm", dkim->algorithm);
		jsonout_int(out, "key_bits", dkim->key_bits);
		jsonout_bool(out, "testing", dkim->testing);
		jsonout_bool(out, "partial", dkim->partial);
		jsonout_text(out, "signature", dkim->signature);
		jsonout_text(out, "why", dkim->why);
		json_steps(out, dkim->steps, dkim->step_count);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_int(out, "dkim_ignored", verdict->dkim_ignored);
}

static void json_arc(struct jsonout *out, struct arena *arena, const struct arc_verdict *arc)
{
	jsonout_object(out, "arc");
	jsonout_text(out, "result", auth_text(arc->result));
	jsonout_text(out, "why", arc->why);
	jsonout_array(out, "sets");
	for (unsigned i = 0; i < arc->count; i++) {
		jsonout_object(out, NULL);
		jsonout_int(out, "instance", i + 1);
		jsonout_text(out, "domain", arc->sets[i].domain);
		jsonout_text(out, "selector", arc->sets[i].selector);
		jsonout_text(out, "results", arena_span(arena, arc->sets[i].results));
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_end(out);
}

static void json_dmarc(struct jsonout *out, const struct dmarc_verdict *dmarc)
{
	jsonout_object(out, "dmarc");
	jsonout_text(out, "result", auth_text(dmarc->result));
	jsonout_text(out, "author_domain", dmarc->author_domain);
	jsonout_text(out, "org_domain", dmarc->org_domain);
	jsonout_text(out, "policy",
		     dmarc->published == NULL ? NULL : dmarc_policy_text(dmarc->policy));
	jsonout_text(out, "policy_tag", dmarc->policy_tag);
	jsonout_text(out, "policy_domain",
		     dmarc->published == NULL ? NULL : dmarc->published->domain);
	jsonout_text(out, "record", dmarc->published == NULL ? NULL : dmarc->published->record);
	jsonout_bool(out, "dkim_aligned", dmarc->dkim_aligned);
	jsonout_bool(out, "spf_aligned", dmarc->spf_aligned);
	jsonout_text(out, "why", dmarc->why);
	json_steps(out, dmarc->steps, dmarc->step_count);
	jsonout_end(out);
}

static void json_decision(struct jsonout *out, const struct decision *decision)
{
	jsonout_text(out, "action", name_text(action_names, (int)decision->action));
	jsonout_text(out, "reason", decision->why);
	jsonout_text(out, "disposition", dmarc_policy_text(decision->disposition));
	jsonout_array(out, "overrides");
	for (unsigned i = 0; i < decision->override_count; i++) {
		jsonout_object(out, NULL);
		jsonout_text(out, "type",
			     name_text(override_names, (int)decision->overrides[i].type));
		jsonout_text(out, "comment", decision->overrides[i].comment);
		jsonout_end(out);
	}
	jsonout_end(out);
}

struct json_lookups {
	struct jsonout *out;
	const struct run *run;
};

static void json_lookup(void *arg, const char *name, enum dns_type type,
			const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	const struct json_lookups *lookups = arg;
	struct jsonout *out = lookups->out;

	jsonout_object(out, NULL);
	jsonout_text(out, "name", name);
	jsonout_text(out, "type", dns_type_text(type));
	jsonout_text(out, "status", answer == NULL ? NULL : dns_status_text(answer->status));
	jsonout_text(out, "reason", answer == NULL ? NULL : answer->reason);
	jsonout_bool(out, "cached", cached);
	jsonout_real(out, "asked_at", (double)(start - lookups->run->start) / 1e6);
	jsonout_real(out, "milliseconds", end == 0 ? 0.0 : (double)(end - start) / 1e6);
	jsonout_bool(out, "validated", answer != NULL && answer->secure);
	jsonout_array(out, "records");
	for (unsigned i = 0; answer != NULL && i < answer->count; i++)
		jsonout_text(out, NULL,
			     record_text(lookups->run->admin->arena, type, &answer->records[i]));
	jsonout_end(out);
	jsonout_end(out);
}

static void show_json(struct run *run)
{
	const struct verdict *verdict = run->verdict;
	struct jsonout *out = jsonout_new(run->admin->arena, "verify");
	struct json_lookups lookups = {out, run};

	jsonout_text(out, "note", note_of(run));
	jsonout_object(out, "iprev");
	jsonout_text(out, "result", auth_text(verdict->iprev.result));
	jsonout_text(out, "name", verdict->iprev.name);
	jsonout_text(out, "why", verdict->iprev.why);
	jsonout_end(out);
	json_spf(out, "spf_helo", &verdict->spf_helo);
	json_spf(out, "spf", &verdict->spf);
	json_dkim(out, verdict);
	json_arc(out, run->admin->arena, &verdict->arc);
	json_dmarc(out, &verdict->dmarc);
	json_decision(out, &verdict->decision);
	jsonout_array(out, "disagreements");
	for (unsigned i = 0; i < verdict->disagreement_count; i++)
		jsonout_text(out, NULL, verdict->disagreements[i]);
	jsonout_end(out);
	jsonout_text(out, "authentication_results",
		     authres_write(run->admin->arena, run->authserv_id, verdict));
	jsonout_array(out, "lookups");
	check_each_lookup(run->check, json_lookup, &lookups);
	jsonout_end(out);
	admin_print_json(run->admin, out);
}

/* ---- the command ---- */

/* "<bob@example.com>" is what SMTP has; "bob@example.com" what the program wants. */
static const char *without_angles(struct arena *arena, const char *address)
{
	struct span text = span_trim(span_of(address));

	if (span_len(text) >= 2 && *text.p == '<' && text.end[-1] == '>')
		text = (struct span){text.p + 1, text.end - 1};
	return arena_span(arena, text);
}

static int read_options(struct run *run, int argc, char **argv, const char **from)
{
	int letter;

	while ((letter = admin_getopt(run->admin, argc, argv)) != -1) {
		if (letter == 'i' && !ip_parse(span_of(optarg), &run->client.ip))
			return admin_usage(run->admin, "--ip: \"%s\" is not an address", optarg);
		if (letter == 'H')
			run->client.helo = optarg;
		else if (letter == 't')
			run->recipients[run->recipient_count++] = optarg;
		else if (letter == 'f')
			*from = without_angles(run->admin->arena, optarg);
		else if (letter != 'i')
			return ADMIN_USAGE;
	}
	if (argc - optind != 1)
		return admin_usage(run->admin, "verify takes one file, or - for standard input");
	return ADMIN_DONE;
}

static int verify(struct admin *admin, int argc, char **argv)
{
	struct run run = {.admin = admin, .client = {.helo = ""}};
	const struct conf *conf;
	const char *from = NULL;
	struct why why;
	int status;

	run.recipients = arena_array(admin->arena, (size_t)argc + 1, sizeof *run.recipients);
	status = read_options(&run, argc, argv, &from);
	if (status != ADMIN_DONE)
		return status;
	conf = admin_conf(admin);
	if (conf == NULL)
		return ADMIN_CONFIG;
	if (message_read(admin->arena, argv[optind], &run.message, &why) != 0) {
		admin_error(admin, "%s", why.text);
		return ADMIN_NO_INPUT;
	}
	run.authserv_id = own_name(admin->arena, conf);
	run.client.receiver = run.authserv_id;
	run.client.explain = admin->verbose > 0 || admin->json;
	run.client.mail_from = from != NULL ? from : default_sender(&run);
	return judge(&run, conf, admin->json ? show_json : show_text);
}

const struct admin_verb cmd_verify[] = {
    {"verify", NULL, "FILE|-", "Judge a message as the milter would, and explain it", verify,
     options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
