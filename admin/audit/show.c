/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/audit/show.h"

#include <string.h>

#include "admin/out.h"
#include "lib/clock.h"
#include "mail/domain.h"

static const enum out_style styles[] = {[AUDIT_INFO] = OUT_DIM,
					[AUDIT_SKIP] = OUT_PLAIN,
					[AUDIT_WARN] = OUT_WARN,
					[AUDIT_ERROR] = OUT_BAD};

static const char *level_text(enum audit_level level)
{
	return name_text(audit_level_names, (int)level);
}

/* The setting that silences FINDING about DOMAIN today, or NULL. */
static const struct conf_silence *find_silence(const struct conf *conf, const char *domain,
					       const struct audit_finding *finding, int32_t today)
{
	const struct conf_silence *found = NULL;
	struct arena *arena = arena_new(0);

	for (unsigned i = 0; i < conf->audit.silence_count && found == NULL; i++) {
		const struct conf_silence *silence = &conf->audit.silence[i];
		struct domain_pattern pattern;
		int32_t until;

		if (strcmp(silence->rule, audit_rules[finding->rule].id) == 0 &&
		    clock_day_parse(span_of(silence->until), &until) && until >= today &&
		    domain_pattern_parse(arena, span_of(silence->domain), &pattern) &&
		    domain_pattern_matches(&pattern, domain))
			found = silence;
	}
	arena_free(arena);
	return found;
}

bool show_is_silent(const struct conf *conf, const char *domain,
		    const struct audit_finding *finding, int32_t today)
{
	return find_silence(conf, domain, finding, today) != NULL;
}

struct audit_counts show_counts(const struct conf *conf, const struct audit_result *result,
				int32_t today)
{
	struct audit_counts counts = {.silent = 0};

	for (unsigned i = 0; i < result->findings.count; i++) {
		const struct audit_finding *finding = &result->findings.items[i];

		if (find_silence(conf, result->domain, finding, today) != NULL)
			counts.silent++;
		else
			counts.levels[finding->level]++;
	}
	return counts;
}

/* ---- text ---- */

static void show_finding(const struct admin *admin, const struct audit_finding *finding,
			 const struct conf_silence *silence)
{
	const struct audit_rule_info *rule = &audit_rules[finding->rule];
	bool color = admin_color(admin, stdout);

	printf("  %s%-5s%s %-22s ", out_on(styles[finding->level], color),
	       silence != NULL ? "quiet" : level_text(finding->level),
	       out_off(styles[finding->level], color), rule->id);
	out_text(stdout, finding->text);
	printf("\n%30s %s (%s)\n", "", rule->text, rule->section);
	if (silence != NULL) {
		printf("%30s silent until %s: ", "", silence->until);
		out_text(stdout, silence->reason);
		printf("\n");
	}
	if (finding->remedy != NULL && silence == NULL) {
		printf("%30s publish: ", "");
		out_text(stdout, finding->remedy);
		printf("\n");
	}
}

/* The worst first; hints, what is not known and what is silent only with -v. */
void show_result(struct admin *admin, const struct conf *conf, const struct audit_result *result,
		 int32_t today)
{
	struct audit_counts counts = show_counts(conf, result, today);

	printf("%s: %u error%s, %u warning%s, %u hint%s, %u not known, %u silent (%u lookups)\n",
	       result->domain, counts.levels[AUDIT_ERROR],
	       counts.levels[AUDIT_ERROR] == 1 ? "" : "s", counts.levels[AUDIT_WARN],
	       counts.levels[AUDIT_WARN] == 1 ? "" : "s", counts.levels[AUDIT_INFO],
	       counts.levels[AUDIT_INFO] == 1 ? "" : "s", counts.levels[AUDIT_SKIP], counts.silent,
	       result->facts->lookups);
	if (admin->verbose > 0 && result->facts->spf.record != NULL)
		printf("  SPF: %u of 10 lookups, %u of 2 void lookups\n",
		       result->facts->spf.lookups, result->facts->spf.voids);
	for (int level = AUDIT_ERROR; level >= AUDIT_INFO; level--) {
		for (unsigned i = 0; i < result->findings.count; i++) {
			const struct audit_finding *finding = &result->findings.items[i];
			const struct conf_silence *silence =
			    find_silence(conf, result->domain, finding, today);

			if ((int)finding->level != level ||
			    (admin->verbose == 0 && (level < AUDIT_WARN || silence != NULL)))
				continue;
			show_finding(admin, finding, silence);
		}
	}
}

void show_changes(const struct audit_result *result)
{
	for (unsigned i = 0; i < result->findings.count; i++) {
		const struct audit_finding *finding = &result->findings.items[i];

		printf("%s: %s %s: ", result->domain, level_text(finding->level),
		       audit_rules[finding->rule].id);
		out_text(stdout, finding->text);
		printf("\n");
	}
}

void show_parked(const char *domain)
{
	printf("; the records of a domain without mail\n%s. 3600 IN MX 0 .\n"
	       "%s. 3600 IN TXT \"v=spf1 -all\"\n_dmarc.%s. 3600 IN TXT \"v=DMARC1; p=reject\"\n"
	       "*._domainkey.%s. 3600 IN TXT \"v=DKIM1; p=\"\n",
	       domain, domain, domain, domain);
}

/* ---- JSON ---- */

void show_result_json(struct jsonout *out, const struct conf *conf,
		      const struct audit_result *result, int32_t today)
{
	struct audit_counts counts = show_counts(conf, result, today);

	jsonout_text(out, "domain", result->domain);
	jsonout_int(out, "errors", counts.levels[AUDIT_ERROR]);
	jsonout_int(out, "warnings", counts.levels[AUDIT_WARN]);
	jsonout_int(out, "hints", counts.levels[AUDIT_INFO]);
	jsonout_int(out, "unknown", counts.levels[AUDIT_SKIP]);
	jsonout_int(out, "silent", counts.silent);
	jsonout_array(out, "findings");
	for (unsigned i = 0; i < result->findings.count; i++) {
		const struct audit_finding *finding = &result->findings.items[i];
		const struct conf_silence *silence =
		    find_silence(conf, result->domain, finding, today);

		jsonout_object(out, NULL);
		jsonout_text(out, "rule", audit_rules[finding->rule].id);
		jsonout_text(out, "level", level_text(finding->level));
		jsonout_text(out, "subject", finding->subject);
		jsonout_text(out, "text", finding->text);
		jsonout_text(out, "meaning", audit_rules[finding->rule].text);
		jsonout_text(out, "section", audit_rules[finding->rule].section);
		jsonout_text(out, "remedy", finding->remedy);
		jsonout_text(out, "silent_until", silence == NULL ? NULL : silence->until);
		jsonout_text(out, "silent_reason", silence == NULL ? NULL : silence->reason);
		jsonout_end(out);
	}
	jsonout_end(out);
}

void show_rules(const struct admin *admin)
{
	static const char *const headings[] = {"RULE", "LEVEL", "SECTION", "MEANING"};
	struct out_table *table = out_table_new(admin->arena, headings, 4);
	struct jsonout *out = admin->json ? jsonout_new(admin->arena, "audit.rules") : NULL;

	if (out != NULL)
		jsonout_array(out, "rules");
	for (unsigned i = 0; i < AUDIT_RULES_COUNT; i++) {
		const struct audit_rule_info *rule = &audit_rules[i];

		if (out == NULL) {
			out_cell(table, OUT_PLAIN, "%s", rule->id);
			out_cell(table, styles[rule->level], "%s", level_text(rule->level));
			out_cell(table, OUT_PLAIN, "%s", rule->section);
			out_cell(table, OUT_PLAIN, "%s", rule->text);
			continue;
		}
		jsonout_object(out, NULL);
		jsonout_text(out, "rule", rule->id);
		jsonout_text(out, "level", level_text(rule->level));
		jsonout_text(out, "section", rule->section);
		jsonout_text(out, "meaning", rule->text);
		jsonout_end(out);
	}
	if (out == NULL) {
		out_table_print(table, stdout, admin_color(admin, stdout));
		return;
	}
	jsonout_end(out);
	admin_print_json(admin, out);
}
