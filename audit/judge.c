/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/judge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "audit/change/change.h"
#include "audit/probe/visit.h"
#include "lib/buf.h"

const struct name_code audit_level_names[] = {{"info", AUDIT_INFO},
					      {"skip", AUDIT_SKIP},
					      {"warn", AUDIT_WARN},
					      {"error", AUDIT_ERROR},
					      {NULL, 0}};

#define AUDIT_RULE_ROW(name, id, level, section, text) {id, AUDIT_##level, section, text},
const struct audit_rule_info audit_rules[AUDIT_RULES_COUNT] = {AUDIT_RULES(AUDIT_RULE_ROW)};

enum audit_rule audit_rule_find(struct span id)
{
	enum audit_rule rule = 0;

	while (rule < AUDIT_RULES_COUNT && !span_eq(id, audit_rules[rule].id))
		rule++;
	return rule;
}

int audit_check_rule(struct span id, struct why *why)
{
	if (audit_rule_find(id) < AUDIT_RULES_COUNT)
		return 0;
	return why_set(why, "\"%.*s\" is not a rule; countersign audit --rules lists them",
		       (int)span_len(id), id.p);
}

static void add_finding(struct judge *judge, struct audit_finding finding)
{
	struct audit_findings *findings = &judge->findings;

	if (findings->count == findings->room) {
		struct audit_finding *old = findings->items;

		findings->room = findings->room == 0 ? 32 : 2 * findings->room;
		findings->items = arena_array(judge->arena, findings->room, sizeof *old);
		if (findings->count > 0)
			memcpy(findings->items, old, findings->count * sizeof *old);
	}
	findings->items[findings->count++] = finding;
}

static void find_va(struct judge *judge, enum audit_rule rule, enum audit_level level,
		    const char *subject, const char *format, va_list ap)
{
	assert(rule < AUDIT_RULES_COUNT && subject != NULL);
	add_finding(judge, (struct audit_finding){.rule = rule,
						  .level = level,
						  .subject = subject,
						  .text = arena_vprintf(judge->arena, format, ap)});
}

void judge_find(struct judge *judge, enum audit_rule rule, const char *subject, const char *format,
		...)
{
	va_list ap;

	va_start(ap, format);
	find_va(judge, rule, audit_rules[rule].level, subject, format, ap);
	va_end(ap);
}

void judge_find_as(struct judge *judge, enum audit_rule rule, enum audit_level level,
		   const char *subject, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	find_va(judge, rule, level, subject, format, ap);
	va_end(ap);
}

void judge_remedy(struct judge *judge, const char *name, const char *type, const char *format, ...)
{
	const char *data;
	va_list ap;

	assert(judge->findings.count > 0);
	va_start(ap, format);
	data = arena_vprintf(judge->arena, format, ap);
	va_end(ap);
	judge->findings.items[judge->findings.count - 1].remedy =
	    arena_printf(judge->arena, "%s. IN %s %s", name, type, data);
}

bool judge_skips(struct judge *judge, enum audit_rule rule, const struct audit_answer *answer)
{
	if (answer->name == NULL || answer->status != DNS_TEMPFAIL)
		return false;
	judge_find_as(judge, rule, AUDIT_SKIP, answer->name, "not known: %s %s: %s",
		      dns_type_text(answer->type), answer->name, answer->reason);
	return true;
}

static int compare_findings(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;
	int order;

	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	order = strcmp(x->subject, y->subject);
	return order != 0 ? order : strcmp(x->text, y->text);
}

/* A domain sends when it has a key that signs, or lets anybody send by SPF. */
static bool domain_sends(const struct audit_facts *facts)
{
	for (unsigned i = 0; i < facts->dkim.count; i++) {
		if (facts->dkim.keys[i].status.state == KEYSTATE_ACTIVE)
			return true;
	}
	return facts->spf.record != NULL && strcmp(facts->spf.record, "v=spf1 -all") != 0;
}

struct audit_findings audit_judge(const struct audit_settings *settings,
				  const struct audit_facts *facts, struct arena *arena)
{
	struct judge judge = {.settings = settings, .facts = facts, .arena = arena};

	judge.sends = domain_sends(facts);
	if (settings->change != NULL) {
		change_judge(&judge);
	} else if (settings->profile == AUDIT_PROFILE_PARKED) {
		judge_parked(&judge);
	} else {
		judge_mail(&judge);
		judge_spf(&judge);
		judge_dkim(&judge);
		judge_dmarc(&judge);
		judge_tls(&judge);
		visit_judge(&judge);
	}
	if (settings->change == NULL)
		judge_zone(&judge);
	if (judge.findings.count > 1)
		qsort(judge.findings.items, judge.findings.count, sizeof *judge.findings.items,
		      compare_findings);
	return judge.findings;
}
