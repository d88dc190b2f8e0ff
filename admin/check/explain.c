/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/check/explain.h"

#include <string.h>

#include "lib/jsonout.h"
#include "admin/out.h"
#include "lib/ip.h"

/* ---- for people ---- */

static const enum out_style style_of[] = {
    [AUTH_NONE] = OUT_DIM,       [AUTH_PASS] = OUT_GOOD,     [AUTH_FAIL] = OUT_BAD,
    [AUTH_SOFTFAIL] = OUT_WARN,  [AUTH_NEUTRAL] = OUT_PLAIN, [AUTH_POLICY] = OUT_WARN,
    [AUTH_TEMPERROR] = OUT_WARN, [AUTH_PERMERROR] = OUT_BAD,
};

void explain_line(const struct admin *admin, const char *what, enum auth_result result,
		  const char *detail, const char *why)
{
	bool color = admin_color(admin, stdout);
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

void explain_fact(const char *what, const char *text)
{
	if (text == NULL)
		return;
	printf("          . %s", what);
	out_text(stdout, text);
	printf("\n");
}

static void show_steps(const struct admin *admin, const char *const *steps, unsigned count)
{
	for (unsigned i = 0; i < count && admin->verbose > 0; i++)
		explain_fact("", steps[i]);
}

void explain_spf(const struct admin *admin, const char *what, const struct spf_verdict *spf)
{
	explain_line(admin, what, spf->result, spf->domain, spf->why);
	if (admin->verbose == 0)
		return;
	explain_fact("record: ", spf->record);
	explain_fact("mechanism: ", spf->mechanism);
	explain_fact("explanation of the domain: ", spf->explanation);
	printf("          . %u of 10 terms with lookups, %u of 2 void lookups (RFC 7208 section "
	       "4.6.4)\n",
	       spf->terms, spf->voids);
	show_steps(admin, spf->steps, spf->step_count);
}

void explain_dkim(const struct admin *admin, const struct verdict *verdict)
{
	struct arena *arena = admin->arena;

	if (verdict->dkim_count == 0)
		explain_line(admin, "dkim", AUTH_NONE, NULL,
			     "the message has no signature (RFC 8601 section 2.7.1)");
	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];

		explain_line(admin, "dkim", dkim->result,
			     arena_printf(arena, "d=%s s=%s a=%s", dkim->domain, dkim->selector,
					  dkim->algorithm),
			     dkim->why);
		show_steps(admin, dkim->steps, dkim->step_count);
	}
	if (verdict->dkim_ignored > 0)
		printf("          . %u more signatures were not looked at\n",
		       verdict->dkim_ignored);
}

void explain_arc(const struct admin *admin, const struct arc_verdict *arc)
{
	struct arena *arena = admin->arena;

	if (arc->result == AUTH_NONE && admin->verbose == 0)
		return;
	explain_line(admin, "arc", arc->result, NULL, arc->why);
	for (unsigned i = 0; i < arc->count && admin->verbose > 0; i++) {
		printf("          . ");
		out_text(stdout, arena_printf(arena, "i=%u sealed by d=%s s=%s, which says:", i + 1,
					      arc->sets[i].domain, arc->sets[i].selector));
		out_text(stdout, arena_span(arena, arc->sets[i].results));
		printf("\n");
	}
}

void explain_dmarc(const struct admin *admin, const struct dmarc_verdict *dmarc)
{
	explain_line(admin, "dmarc", dmarc->result, dmarc->author_domain, dmarc->why);
	if (admin->verbose == 0)
		return;
	if (dmarc->published != NULL)
		explain_fact("record: ",
			     arena_printf(admin->arena, "_dmarc.%s: %s", dmarc->published->domain,
					  dmarc->published->record));
	show_steps(admin, dmarc->steps, dmarc->step_count);
}

void explain_bimi(const struct admin *admin, const struct bimi_verdict *bimi)
{
	if (!bimi->evaluated)
		return;
	printf("%-7s %-9s ", "bimi", bimi_text(bimi->result));
	if (*bimi->domain != '\0') {
		out_text(stdout,
			 arena_printf(admin->arena, "%s._bimi.%s", bimi->selector, bimi->domain));
		printf("  ");
	}
	out_text(stdout, bimi->why);
	printf("\n");
	if (admin->verbose > 0 && *bimi->location != '\0')
		explain_fact("logo: ", bimi->location);
	if (admin->verbose > 0 && *bimi->authority != '\0')
		explain_fact("certificate: ", bimi->authority);
	if (admin->verbose > 0 && *bimi->mark_type != '\0')
		explain_fact("type of the mark: ", bimi->mark_type);
	if (admin->verbose > 0 && *bimi->digest != '\0')
		explain_fact("SHA-256 of the logo: ", bimi->digest);
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

static void show_records(struct arena *arena, enum dns_type type, const struct dns_answer *answer)
{
	for (unsigned i = 0; i < answer->count && i < RECORDS_SHOWN; i++) {
		printf("                ");
		out_text(stdout, record_text(arena, type, &answer->records[i]));
		printf("\n");
	}
	if (answer->count > RECORDS_SHOWN)
		printf("                and %u more\n", answer->count - RECORDS_SHOWN);
}

static void show_lookup(const struct explain_lookups *lookups, const char *name, enum dns_type type,
			const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
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
	       (double)(start - lookups->start) / 1e6, (double)(end - lookups->start) / 1e6);
	show_records(lookups->admin->arena, type, answer);
}

void explain_disagreements(const char *const *lines, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		printf("engines ");
		out_text(stdout, lines[i]);
		printf("\n");
	}
}

/* ---- for programs ---- */

static void json_steps(struct jsonout *out, const char *const *steps, unsigned count)
{
	jsonout_array(out, "steps");
	for (unsigned i = 0; i < count; i++)
		jsonout_text(out, NULL, steps[i]);
	jsonout_end(out);
}

void explain_json_spf(struct jsonout *out, const char *key, const struct spf_verdict *spf)
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

void explain_json_dkim(struct jsonout *out, const struct verdict *verdict)
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

void explain_json_arc(struct jsonout *out, struct arena *arena, const struct arc_verdict *arc)
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

void explain_json_dmarc(struct jsonout *out, const struct dmarc_verdict *dmarc)
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

void explain_json_bimi(struct jsonout *out, const struct bimi_verdict *bimi)
{
	if (!bimi->evaluated)
		return;
	jsonout_object(out, "bimi");
	jsonout_text(out, "result", bimi_text(bimi->result));
	jsonout_text(out, "domain", bimi->domain);
	jsonout_text(out, "selector", bimi->selector);
	jsonout_text(out, "location", bimi->location);
	jsonout_text(out, "authority", bimi->authority);
	jsonout_bool(out, "certified", bimi->certified);
	jsonout_text(out, "mark_type", bimi->mark_type);
	jsonout_text(out, "preference", bimi->preference);
	jsonout_text(out, "sha256", bimi->digest);
	jsonout_text(out, "why", bimi->why);
	jsonout_end(out);
}

static void json_lookup(const struct explain_lookups *lookups, const char *name, enum dns_type type,
			const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	struct jsonout *out = lookups->json;

	jsonout_object(out, NULL);
	jsonout_text(out, "name", name);
	jsonout_text(out, "type", dns_type_text(type));
	jsonout_text(out, "status", answer == NULL ? NULL : dns_status_text(answer->status));
	jsonout_text(out, "reason", answer == NULL ? NULL : answer->reason);
	jsonout_bool(out, "cached", cached);
	jsonout_real(out, "asked_at", (double)(start - lookups->start) / 1e6);
	jsonout_real(out, "milliseconds", end == 0 ? 0.0 : (double)(end - start) / 1e6);
	jsonout_bool(out, "validated", answer != NULL && answer->secure);
	jsonout_array(out, "records");
	for (unsigned i = 0; answer != NULL && i < answer->count; i++)
		jsonout_text(out, NULL,
			     record_text(lookups->admin->arena, type, &answer->records[i]));
	jsonout_end(out);
	jsonout_end(out);
}

void explain_json_disagreements(struct jsonout *out, const char *const *lines, unsigned count)
{
	jsonout_array(out, "disagreements");
	for (unsigned i = 0; i < count; i++)
		jsonout_text(out, NULL, lines[i]);
	jsonout_end(out);
}

/* ---- lookups ---- */

void explain_lookup(void *arg, const char *name, enum dns_type type,
		    const struct dns_answer *answer, bool cached, int64_t start, int64_t end)
{
	const struct explain_lookups *lookups = arg;

	(lookups->json != NULL ? json_lookup : show_lookup)(lookups, name, type, answer, cached,
							    start, end);
}

void explain_scope(const struct admin *admin, struct dns_scope *scope, int64_t start,
		   struct jsonout *json)
{
	struct explain_lookups lookups = {admin, start, json};

	if (json == NULL && admin->verbose == 0)
		return;
	if (json == NULL)
		printf("lookups\n");
	else
		jsonout_array(json, "lookups");
	dns_scope_each(scope, explain_lookup, &lookups);
	if (json != NULL)
		jsonout_end(json);
}
