/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What web servers have for the domain: the MTA-STS policy, the BIMI logo and its certificate. The
 * fetcher of outbound TLS asks for them; files of a mark are read in a process without rights.
 */
#include <string.h>

#include "audit/probe/visit.h"
#include "bimi/examine.h"
#include "bimi/inspect.h"
#include "bimi/obtain.h"
#include "lib/clock.h"
#include "lib/url.h"

enum { AUTOCONFIG_BYTES_MAX = 262144 };

static const int64_t fetch_timeout = 20 * CLOCK_SECOND;

struct fetch {
	struct fetch_document document;
	struct ip addresses[DIAL_ADDRESSES_MAX];
	enum fetch_outcome outcome;
	struct why why;
};

struct visit_web {
	struct fetch policy, logo, certificate, autoconfig;
};

static void run_fetch(void *arg, struct arena *arena)
{
	struct fetch *fetch = arg;

	fetch->outcome = fetch_document(&fetch->document, arena, &fetch->why);
}

static void plan_fetch(const struct look *look, struct tasks *tasks, struct fetch *fetch,
		       const char *url, const char *host, size_t limit)
{
	fetch->document = (struct fetch_document){.url = url,
						  .host = host,
						  .addresses = fetch->addresses,
						  .ca_file = look->settings->ca_file,
						  .timeout = fetch_timeout,
						  .limit = limit};
	fetch->document.count = dial_find(look->scope, host, fetch->addresses);
	if (!tasks_add(tasks, look->arena, run_fetch, fetch))
		fetch->document.url = NULL;
}

/* What a receiver would not fetch is not fetched here (bimi/obtain.h). */
static void plan_mark(const struct look *look, struct tasks *tasks, struct fetch *fetch,
		      const char *url, enum obtain_kind kind)
{
	struct url_web web;

	if (url_parse_web(url, &web, NULL) == 0 && web.tls)
		plan_fetch(look, tasks, fetch, url, arena_string(look->arena, web.host),
			   bimi_obtain_max(kind));
}

struct visit_web *visit_web_plan(const struct look *look, struct tasks *tasks)
{
	struct visit_web *web = arena_make(look->arena, struct visit_web);
	const struct audit_tls *tls = &look->facts->tls;

	if (tls->sts_id != NULL)
		plan_fetch(look, tasks, &web->policy, fetch_policy_url(look->arena, look->domain),
			   fetch_policy_host(look->arena, look->domain), STS_POLICY_MAX);
	if (!look->settings->probe)
		return web;
	if (tls->bimi_count == 1 && tls->bimi_fault == NULL && !tls->mark.declined) {
		plan_mark(look, tasks, &web->logo, tls->mark.location, OBTAIN_LOGO);
		plan_mark(look, tasks, &web->certificate, tls->mark.authority, OBTAIN_CERTIFICATE);
	}
	if (look->facts->autoconfig.count > 0)
		plan_fetch(look, tasks, &web->autoconfig,
			   arena_printf(look->arena, "https://autoconfig.%s/mail/config-v1.1.xml",
					look->domain),
			   arena_printf(look->arena, "autoconfig.%s", look->domain),
			   AUTOCONFIG_BYTES_MAX);
	return web;
}

/* ---- what came ---- */

static bool take_document(const struct look *look, const struct fetch *fetch,
			  struct probe_document *out)
{
	out->url = fetch->document.url;
	out->outcome = fetch->outcome;
	out->reached = fetch->document.reached;
	if (out->url != NULL && out->outcome != FETCH_DONE)
		out->fault = arena_string(look->arena, fetch->why.text);
	return out->url != NULL && out->outcome == FETCH_DONE;
}

static void take_policy(const struct look *look, const struct fetch *fetch,
			struct probe_policy *out)
{
	struct why why = {""};

	if (!take_document(look, fetch, &out->document))
		return;
	out->document.outcome = fetch_check_policy(&fetch->document, look->arena, &out->text, &why);
	if (out->document.outcome == FETCH_DONE)
		(void)sts_policy_parse(look->arena, span_of(out->text), &out->policy, &why);
	else
		out->document.fault = arena_string(look->arena, why.text);
}

/* A good certificate that leads to a mark root has its revocation lists fetched now: only its
 * issuer says where they are. */
static int examine_mark(const struct look *look, enum bimi_kind kind,
			struct bimi_evidence *evidence, struct bimi_findings *findings,
			struct why *why)
{
	const struct inspect_tools tools = {.web = {look->scope, look->settings->ca_file},
					    .now = evidence->now};

	return kind == BIMI_LOGO ? bimi_examine(kind, evidence, findings, why)
				 : bimi_inspect_evidence(&tools, evidence, findings, why);
}

/* LOGO: the file of l=, which a certificate's must be the same as; or empty. */
static void take_mark(const struct look *look, const struct fetch *fetch, enum bimi_kind kind,
		      struct span logo, struct probe_mark *out)
{
	struct bimi_evidence evidence = {.logo = logo,
					 .roots = look->settings->mark_roots,
					 .logs = look->settings->mark_logs,
					 .domain = look->domain,
					 .organization = look_org(look),
					 .selector = "default",
					 .now = look->settings->now};
	struct why why = {""};

	if (!take_document(look, fetch, &out->document))
		return;
	out->bytes = evidence.pem = fetch->document.body;
	if (bimi_kind_of(out->bytes) != kind) {
		out->document.outcome = FETCH_INVALID;
		out->document.fault =
		    kind == BIMI_LOGO ? "it is not an SVG file" : "it is not a PEM file";
		return;
	}
	out->findings = arena_make(look->arena, struct bimi_findings);
	bimi_findings_init(out->findings, look->arena);
	if (examine_mark(look, kind, &evidence, out->findings, &why) == -1) {
		out->document =
		    (struct probe_document){.url = out->document.url,
					    .outcome = FETCH_ERROR,
					    .fault = arena_string(look->arena, why.text)};
		out->findings = NULL;
	}
}

/* What mail programs look for in it; they read no more than they need of what is there. */
static void take_autoconfig(const struct look *look, const struct fetch *fetch,
			    struct probe_document *out)
{
	static const char root[] = "<clientConfig";

	if (!take_document(look, fetch, out) ||
	    memmem(fetch->document.body.p, span_len(fetch->document.body), root, sizeof root - 1) !=
		NULL)
		return;
	out->outcome = FETCH_INVALID;
	out->fault = "it has no <clientConfig>";
}

void visit_web_read(const struct look *look, struct visit_web *web)
{
	struct probe_facts *facts = &look->facts->probe;

	take_policy(look, &web->policy, &facts->policy);
	take_mark(look, &web->logo, BIMI_LOGO, span_of(""), &facts->logo);
	take_mark(look, &web->certificate, BIMI_CERTIFICATE, facts->logo.bytes,
		  &facts->certificate);
	take_autoconfig(look, &web->autoconfig, &facts->autoconfig);
}
