/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/check/evaluate.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"

static const char *find_host_name(struct arena *arena, const struct conf *conf)
{
	char host[256];

	if (strcmp(conf->authserv_id, "auto") != 0)
		return conf->authserv_id;
	if (gethostname(host, sizeof host) != 0)
		return "localhost";
	host[sizeof host - 1] = '\0';
	return arena_string(arena, host);
}

int evaluate_open(struct evaluate *evaluate, struct admin *admin)
{
	struct dns_settings settings;
	struct why why;

	*evaluate = (struct evaluate){.admin = admin, .conf = admin_conf(admin)};
	if (evaluate->conf == NULL)
		return ADMIN_CONFIG;
	evaluate->judging = *evaluate->conf; /* borrows all of it */
	evaluate->judging.sign.enabled = false;
	evaluate->judging.arc.seal.count = 0;
	evaluate->judging.list_count = 0;
	evaluate->host = find_host_name(admin->arena, evaluate->conf);
	settings = context_dns(evaluate->conf);
	evaluate->engine = dkimcheck_engine_new(&why);
	if (evaluate->engine != NULL)
		evaluate->context = context_new(&evaluate->judging, evaluate->engine, &why);
	if (evaluate->context != NULL)
		evaluate->dns = dns_new_unbound(&settings, &why);
	if (evaluate->dns == NULL) {
		admin_error(admin, "%s", why.text);
		return ADMIN_CONFIG;
	}
	evaluate->arena = arena_new(SIZE_MAX);
	evaluate->start = clock_mono();
	evaluate->scope = dns_scope_new(evaluate->dns, (unsigned)evaluate->conf->dns.budget,
					evaluate->conf->dns.timeout);
	dns_scope_deadline(evaluate->scope, evaluate->start + evaluate->conf->dns.timeout);
	return 0;
}

void evaluate_close(struct evaluate *evaluate)
{
	dns_scope_free(evaluate->scope);
	if (evaluate->arena != NULL)
		arena_free(evaluate->arena);
	dns_free(evaluate->dns);
	context_drop(evaluate->context);
	if (evaluate->engine != NULL)
		dkimcheck_engine_free(evaluate->engine);
}

void evaluate_dmarc(const struct evaluate *evaluate, const char *domain, struct dmarc_verdict *out)
{
	const struct dmarc_rules *rules = &evaluate->context->check.dmarc;
	struct verdict nothing = {.helo = "", .mail_from = ""};
	const struct dmarc_author author = {
	    .fields = 1, .domains = &domain, .domain_count = 1, .explain = true};

	nothing.spf.domain = nothing.spf_helo.domain = "";
	dmarc_start_author(evaluate->scope, rules, domain);
	dmarc_check(evaluate->scope, rules, &author, &nothing, evaluate->arena, out);
}

const char *evaluate_sender(struct arena *arena, const char *address)
{
	struct span text = span_trim(span_of(address));

	if (span_len(text) >= 2 && *text.p == '<' && text.end[-1] == '>')
		text = (struct span){text.p + 1, text.end - 1};
	return arena_span(arena, text);
}
