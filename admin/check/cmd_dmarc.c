/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `countersign dmarc DOMAIN`: which policy applies to mail from DOMAIN, and where it was found (RFC
 * 9989 section 4.10). It is judged as the daemon judges a message that proves nothing.
 */
#include <getopt.h>
#include <string.h>

#include "admin/check/evaluate.h"
#include "admin/check/explain.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "mail/domain.h"

/* ---- what is printed ---- */

/* "none", "reject", or why there is no policy. */
static const char *policy_text(const struct dmarc_verdict *dmarc)
{
	if (dmarc->published != NULL)
		return dmarc_policy_text(dmarc->policy);
	return dmarc->result == AUTH_NONE ? "no record" : auth_text(dmarc->result);
}

static const char *alignment_text(bool strict)
{
	return strict ? "strict" : "relaxed";
}

static void show_published(const struct admin *admin, const struct dmarc_verdict *dmarc)
{
	const struct dmarc_published *p = dmarc->published;
	struct arena *arena = admin->arena;

	explain_fact("record: ", arena_printf(arena, "_dmarc.%s: %s", p->domain, p->record));
	explain_fact("policy: ",
		     arena_printf(arena, "%s, by %s=%s", dmarc_policy_text(dmarc->policy),
				  dmarc->policy_tag,
				  p->testing ? "; t=y: a test, not to be applied" : ""));
	explain_fact("organizational domain: ", dmarc->org_domain);
	explain_fact("alignment: ",
		     arena_printf(arena, "DKIM %s, SPF %s", alignment_text(p->adkim_strict),
				  alignment_text(p->aspf_strict)));
	explain_fact("reports to: ", p->rua == NULL ? "nobody (no rua)" : p->rua);
	explain_fact("wrong in it: ", p->faults);
}

static void show_text(const struct evaluate *evaluate, const char *domain,
		      const struct dmarc_verdict *dmarc)
{
	const struct admin *admin = evaluate->admin;
	bool color = admin_color(admin, stdout);

	printf("%-7s %s%-10s%s ", "dmarc", out_on(OUT_BOLD, color), policy_text(dmarc),
	       out_off(OUT_BOLD, color));
	out_text(stdout, domain);
	printf("  ");
	if (dmarc->published == NULL)
		out_text(stdout, dmarc->why);
	else
		printf("for mail that is not aligned (RFC 9989 section 5.3.5)");
	printf("\n");
	if (dmarc->published != NULL)
		show_published(admin, dmarc);
	for (unsigned i = 0; i < dmarc->step_count && admin->verbose > 0; i++)
		explain_fact("", dmarc->steps[i]);
	explain_scope(admin, evaluate->scope, evaluate->start, NULL);
}

static void show_json(const struct evaluate *evaluate, const char *domain,
		      const struct dmarc_verdict *dmarc)
{
	struct jsonout *out = jsonout_new(evaluate->admin->arena, "dmarc");
	const struct dmarc_published *p = dmarc->published;

	jsonout_text(out, "domain", domain);
	explain_json_dmarc(out, dmarc);
	if (p == NULL) {
		jsonout_null(out, "published");
	} else {
		jsonout_object(out, "published");
		jsonout_text(out, "p", dmarc_policy_text(p->p));
		jsonout_text(out, "sp", dmarc_policy_text(p->sp));
		jsonout_text(out, "np", dmarc_policy_text(p->np));
		jsonout_text(out, "adkim", alignment_text(p->adkim_strict));
		jsonout_text(out, "aspf", alignment_text(p->aspf_strict));
		jsonout_text(out, "fo", p->fo);
		jsonout_bool(out, "testing", p->testing);
		jsonout_text(out, "rua", p->rua);
		jsonout_text(out, "ruf", p->ruf);
		jsonout_text(out, "faults", p->faults);
		jsonout_end(out);
	}
	explain_scope(evaluate->admin, evaluate->scope, evaluate->start, out);
	admin_print_json(evaluate->admin, out);
}

/* ---- the command ---- */

static int verdict_status(const struct dmarc_verdict *dmarc)
{
	if (dmarc->result == AUTH_TEMPERROR)
		return ADMIN_TEMPORARY;
	return dmarc->published != NULL ? ADMIN_DONE : ADMIN_NO;
}

static int run_dmarc(struct admin *admin, int argc, char **argv)
{
	int status = admin_args(admin, argc, argv, 1, 1);
	struct dmarc_verdict verdict = {0};
	struct evaluate evaluate;
	const char *domain;

	if (status != 0)
		return status;
	domain = domain_to_ascii(admin->arena, span_of(argv[optind]));
	if (domain == NULL)
		return admin_usage(admin, "\"%s\" is not a domain name", argv[optind]);
	status = evaluate_open(&evaluate, admin);
	if (status == ADMIN_DONE) {
		evaluate_dmarc(&evaluate, domain, &verdict);
		(admin->json ? show_json : show_text)(&evaluate, domain, &verdict);
		status = verdict_status(&verdict);
	}
	evaluate_close(&evaluate);
	return status;
}

const struct admin_verb cmd_dmarc[] = {
    {"dmarc", NULL, "DOMAIN", "Find and explain the DMARC policy of a domain", run_dmarc, NULL,
     false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
