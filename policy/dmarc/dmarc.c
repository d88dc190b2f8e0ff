/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One author domain is evaluated in three steps: which policy record applies (section 4.10.1),
 * which authenticated identifiers are aligned (4.10.2), what follows (5.3.5, 5.3.6).
 *
 * Each step is three-valued: yes, no, and maybe when a DNS answer is missing. A maybe becomes
 * temperror only if it could have changed the result: an aligned pass stands whatever else failed,
 * and a message without any authenticated identifier fails whatever its organizational domain is.
 *
 * Knows no settings but struct dmarc_rules and takes no action: see policy/decide.c.
 */
#include "policy/dmarc/dmarc.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "mail/domain.h"
#include "policy/dmarc/treewalk.h"

struct eval {
	struct dns_scope *scope;
	const struct dmarc_rules *rules;
	const struct verdict *verdict;
	struct arena *arena;
	struct steps steps;
	struct treewalk walk;
};

enum { FAULTS_MAX = 400 };

enum sure { NO, MAYBE, YES };

/* The policy that applies to one author domain. ABSENT: none; UNUSABLE: its record is invalid. */
enum policy_state { POLICY_ABSENT, POLICY_FOUND, POLICY_UNUSABLE, POLICY_UNKNOWN };
struct policy {
	enum policy_state state;
	const struct treewalk_name *at; /* FOUND */
	const char *tag;
	enum dmarc_policy policy;
	bool unsure;                 /* whether np= or sp= applies is not known */
	enum dmarc_policy strictest; /* of both; else the same as policy */
	const char *why;             /* all but FOUND */
};

static void eval_init(struct eval *eval, struct dns_scope *scope, const struct dmarc_rules *rules,
		      struct arena *arena)
{
	memset(eval, 0, sizeof *eval);
	eval->scope = scope;
	eval->rules = rules;
	eval->arena = arena;
	eval->walk.scope = scope;
	eval->walk.arena = arena;
	eval->walk.steps = &eval->steps;
	eval->walk.psd_domains = rules->psd_domains;
	eval->walk.psd_count = rules->psd_count;
}

/* ---- lookups ahead of time ---- */

void dmarc_start(struct dns_scope *scope, const struct dmarc_rules *rules, const char *domain)
{
	if (rules->discovery == DMARC_TREEWALK) {
		treewalk_start(scope, domain);
	} else {
		treewalk_start_name(scope, domain, NULL, NULL);
		treewalk_start_name(scope, psl_org_domain(rules->psl, domain), NULL, NULL);
	}
}

/* _dmarc.DOMAIN is not there, which says nothing about DOMAIN. */
static void ask_existence(struct dns_scope *scope, struct dns_lookup *lookup, const void *domain)
{
	if (dns_lookup_answer(lookup)->status == DNS_NXDOMAIN)
		dns_start(scope, domain, DNS_TYPE_TXT);
}

void dmarc_start_author(struct dns_scope *scope, const struct dmarc_rules *rules,
			const char *domain)
{
	dmarc_start(scope, rules, domain);
	treewalk_start_name(scope, domain, ask_existence, domain);
}

/* ---- organizational domains, section 4.10.2 ---- */

/* An organizational domain is the end of a name, and has at least its last label. */
bool dmarc_could_align(const char *author, const char *domain)
{
	return domain_equal(domain_last(author, 1), domain_last(domain, 1));
}

static const char *missing_answer(const struct eval *eval, const struct treewalk_path *path)
{
	for (unsigned i = 0; i < path->count; i++)
		if (path->names[i]->status == DNS_TEMPFAIL)
			return arena_printf(eval->arena, "_dmarc.%s: %s", path->names[i]->name,
					    path->names[i]->fault);
	return "no answer";
}

const char *dmarc_org_domain(struct dns_scope *scope, const struct dmarc_rules *rules,
			     struct arena *arena, const char *domain, struct why *why)
{
	struct treewalk_path path;
	struct eval eval;

	if (rules->discovery == DMARC_PSL)
		return psl_org_domain(rules->psl, domain);
	eval_init(&eval, scope, rules, arena);
	treewalk_run(&eval.walk, domain, &path);
	if (treewalk_org(&path) == NULL)
		why_set(why, "%s", missing_answer(&eval, &path));
	return treewalk_org(&path);
}

/* For the record only: not worth waiting for, unless somebody wants to see the whole walk. */
static const char *known_org(struct eval *eval, const char *domain)
{
	struct treewalk_path path;

	if (eval->rules->discovery == DMARC_PSL)
		return psl_org_domain(eval->rules->psl, domain);
	if (eval->steps.arena != NULL)
		treewalk_run(&eval->walk, domain, &path);
	else if (!treewalk_peek(&eval->walk, domain, &path))
		return NULL;
	return treewalk_org(&path);
}

/* ---- the policy record, section 4.10.1 ---- */

/* Section 3.2.13 and appendix A.4: a domain does not exist when a query for it gives NXDOMAIN. If
 * _dmarc.AUTHOR is there, so is AUTHOR. */
static enum sure author_exists(struct eval *eval, const char *author,
			       const struct treewalk_name *own)
{
	const struct dns_answer *answer;

	if (own->status != DNS_NXDOMAIN)
		return YES;
	answer = dns_wait(dns_start(eval->scope, author, DNS_TYPE_TXT));
	steps_add(&eval->steps, "%s: %s", author,
		  answer->status == DNS_TEMPFAIL ? answer->reason
						 : dns_status_text(answer->status));
	switch (answer->status) {
	case DNS_NXDOMAIN:
		return NO;
	case DNS_TEMPFAIL:
		return MAYBE;
	case DNS_DATA:
	case DNS_NODATA:
		break;
	}
	return YES;
}

/* An inherited record: np= if the author domain does not exist, else sp=, else p=. */
static void inherit_policy(struct eval *eval, const char *author, const struct treewalk_name *own,
			   struct policy *policy)
{
	const struct dmarc_record *r = policy->at->record;
	enum sure exists = YES;

	if (r->has_np && r->np != r->sp)
		exists = author_exists(eval, author, own);
	policy->policy = exists == NO ? r->np : r->sp;
	policy->tag = exists == NO ? "np" : r->has_sp ? "sp" : "p";
	policy->unsure = exists == MAYBE;
	policy->strictest = policy->policy;
	if (policy->unsure && r->np > r->sp)
		policy->strictest = r->np;
}

static void use_record(struct eval *eval, const char *author, const struct treewalk_name *own,
		       const struct treewalk_name *at, struct policy *policy)
{
	assert(at->record != NULL);
	policy->at = at;
	if (!at->record->usable) {
		/* No DMARC processing: a record without p= asks for nothing, an invalid one is an
		 * error of its owner (sections 4.10.1 and 9.1). */
		policy->state = (at->record->notes & DMARC_NOTE_MISSING_P) != 0 ? POLICY_ABSENT
										: POLICY_UNUSABLE;
		policy->why = arena_printf(eval->arena, "record of %s: %s", at->name, at->fault);
		return;
	}
	policy->state = POLICY_FOUND;
	if (at == own) {
		policy->policy = policy->strictest = at->record->p;
		policy->tag = "p";
	} else {
		inherit_policy(eval, author, own, policy);
	}
	steps_add(&eval->steps,
		  "policy of %s: %s=%s, from the record of %s (RFC 9989 section 4.10.1)", author,
		  policy->tag, dmarc_policy_text(policy->policy), at->name);
}

static void set_absent(struct eval *eval, const char *author, const struct treewalk_name *own,
		       struct policy *policy)
{
	if (own->fault == NULL) {
		policy->why = arena_printf(
		    eval->arena, "no DMARC record applies to %s (RFC 9989 section 4.10.1)", author);
		return;
	}
	policy->why = arena_printf(eval->arena, "record of %s: %s", author, own->fault);
}

static void set_unknown(struct policy *policy, const char *why)
{
	policy->state = POLICY_UNKNOWN;
	policy->why = why;
}

/* By the tree walk: the organizational domain's record, else the public suffix domain's. */
static void walk_to_policy(struct eval *eval, const char *author, const struct treewalk_name *own,
			   struct policy *policy)
{
	const struct treewalk_name *last;
	struct treewalk_path path;
	const char *org;

	treewalk_run(&eval->walk, author, &path);
	org = treewalk_org(&path);
	if (org == NULL) {
		set_unknown(policy, missing_answer(eval, &path));
		return;
	}
	for (unsigned i = 0; i < path.count; i++) {
		if (path.names[i]->record != NULL && domain_equal(path.names[i]->name, org)) {
			use_record(eval, author, own, path.names[i], policy);
			return;
		}
	}
	assert(path.count > 0);
	last = path.names[path.count - 1];
	if (last->mark == TREEWALK_PSD && last->record != NULL)
		use_record(eval, author, own, last, policy);
	else if (last->mark == TREEWALK_PSD && last->status == DNS_TEMPFAIL)
		set_unknown(policy, missing_answer(eval, &path));
	else
		set_absent(eval, author, own, policy);
}

static void list_to_policy(struct eval *eval, const char *author, const struct treewalk_name *own,
			   struct policy *policy)
{
	const char *name = psl_org_domain(eval->rules->psl, author);
	const struct treewalk_name *org;

	steps_add(&eval->steps, "organizational domain by the public suffix list: %s", name);
	org = treewalk_look(&eval->walk, name);
	if (org->status == DNS_TEMPFAIL)
		set_unknown(policy,
			    arena_printf(eval->arena, "_dmarc.%s: %s", org->name, org->fault));
	else if (org->record != NULL)
		use_record(eval, author, own, org, policy);
	else
		set_absent(eval, author, own, policy);
}

static void find_policy(struct eval *eval, const char *author, struct policy *policy)
{
	const struct treewalk_name *own = treewalk_look(&eval->walk, author);

	memset(policy, 0, sizeof *policy);
	if (own->status == DNS_TEMPFAIL)
		set_unknown(policy, arena_printf(eval->arena, "_dmarc.%s: %s", author, own->fault));
	else if (own->record != NULL)
		use_record(eval, author, own, own, policy);
	else if (eval->rules->discovery == DMARC_PSL)
		list_to_policy(eval, author, own, policy);
	else
		walk_to_policy(eval, author, own, policy);
}

/* For the owner of the record (RFC 9990 section 3.1.5): tags that were not valid, and records
 * between AUTHOR and AT that had to be discarded. NULL: none. */
static const char *describe_faults(const struct eval *eval, const char *author,
				   const struct treewalk_name *at)
{
	struct buf text;

	buf_init(&text, eval->arena, FAULTS_MAX);
	if (at->record->faults != NULL)
		buf_printf(&text, "_dmarc.%s: %s", at->name, at->record->faults);
	for (const struct treewalk_name *name = eval->walk.seen; name != NULL; name = name->next) {
		if (name->fault == NULL || name->status != DNS_DATA || name->record != NULL ||
		    !domain_within(author, name->name) || !domain_within(name->name, at->name))
			continue;
		buf_printf(&text, "%s_dmarc.%s: %s", text.len > 0 ? "; " : "", name->name,
			   name->fault);
	}
	return text.len > 0 ? buf_text(&text) : NULL;
}

static const struct dmarc_published *make_published(const struct eval *eval, const char *author,
						    const struct treewalk_name *at)
{
	struct dmarc_published *published = arena_make(eval->arena, struct dmarc_published);
	const struct dmarc_record *r = at->record;

	*published = (struct dmarc_published){
	    .domain = at->name,
	    .record = r->text,
	    .p = r->p,
	    .sp = r->sp,
	    .np = r->np,
	    .has_sp = r->has_sp,
	    .has_np = r->has_np,
	    .adkim_strict = r->adkim_strict,
	    .aspf_strict = r->aspf_strict,
	    .fo = r->fo,
	    .testing = r->testing,
	    .discovery = eval->rules->discovery,
	    .rua = r->rua,
	    .ruf = r->ruf,
	    .psd = at->mark == TREEWALK_PSD,
	    .faults = describe_faults(eval, author, at),
	};
	return published;
}

/* ---- alignment, sections 3.2.10 and 4.10.2 ---- */

static enum sure same_org(struct eval *eval, const char *author, const char *domain)
{
	struct treewalk_path one, two;

	if (eval->rules->discovery == DMARC_PSL)
		return domain_equal(psl_org_domain(eval->rules->psl, author),
				    psl_org_domain(eval->rules->psl, domain))
			   ? YES
			   : NO;
	treewalk_run(&eval->walk, author, &one);
	treewalk_run(&eval->walk, domain, &two);
	switch (treewalk_compare(&one, &two)) {
	case TREEWALK_SAME:
		return YES;
	case TREEWALK_UNDECIDED:
		return MAYBE;
	case TREEWALK_DIFFERENT:
		break;
	}
	return NO;
}

static enum sure check_alignment(struct eval *eval, const char *author, const char *domain,
				 bool strict)
{
	if (domain == NULL || domain[0] == '\0')
		return NO;
	if (domain_equal(author, domain))
		return YES;
	if (strict || !dmarc_could_align(author, domain))
		return NO;
	return same_org(eval, author, domain);
}

static void note_identifier(struct eval *eval, const char *kind, const char *domain,
			    enum auth_result result, bool strict, enum sure sure)
{
	static const char *const words[] = {"not aligned", "alignment not known", "aligned"};
	const char *org = sure == NO || strict ? NULL : known_org(eval, domain);

	steps_add(&eval->steps, "%s %s: %s, %s (%s%s%s)", kind, domain, auth_text(result),
		  words[sure], strict ? "strict" : "relaxed",
		  org != NULL ? ", organizational domain " : "", org != NULL ? org : "");
}

/* An identifier is authenticated by a pass; after a temperror it could have been. */
static enum sure check_identifier(struct eval *eval, const char *author, const char *kind,
				  const char *domain, enum auth_result result, bool strict)
{
	enum sure sure;

	if (result != AUTH_PASS && result != AUTH_TEMPERROR)
		return NO;
	sure = check_alignment(eval, author, domain, strict);
	note_identifier(eval, kind, domain == NULL ? "" : domain, result, strict, sure);
	return sure == YES && result == AUTH_TEMPERROR ? MAYBE : sure;
}

/* Section 4.4.1: any signature will do. Those that passed first: one of them may settle it. */
static enum sure check_dkim(struct eval *eval, const char *author, bool strict, const char **domain)
{
	static const enum auth_result order[] = {AUTH_PASS, AUTH_TEMPERROR};
	const struct verdict *verdict = eval->verdict;
	enum sure best = NO;

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < verdict->dkim_count && best != YES; i++) {
			const struct dkim_verdict *dkim = &verdict->dkim[i];
			enum sure sure = NO;

			if (dkim->result == order[pass])
				sure = check_identifier(eval, author, "DKIM", dkim->domain,
							dkim->result, strict);
			if (sure > best) {
				best = sure;
				*domain = dkim->domain;
			}
		}
	}
	return best;
}

/* Sections 3.2.4 and 4.4.2: MAIL FROM only, which for a null sender is postmaster@HELO. */
static enum sure check_spf(struct eval *eval, const char *author, bool strict, const char **domain)
{
	const struct spf_verdict *spf = &eval->verdict->spf;

	*domain = spf->domain;
	if (spf->scope != SPF_SCOPE_MFROM)
		return NO;
	return check_identifier(eval, author, "SPF", spf->domain, spf->result, strict);
}

/* ---- the result for one author domain, sections 5.3.5 and 5.3.6 ---- */

static void conclude_result(struct eval *eval, const struct policy *policy, enum sure dkim,
			    enum sure spf, const char *by, struct dmarc_verdict *out)
{
	assert(policy->state == POLICY_FOUND && policy->at != NULL);
	out->published = make_published(eval, out->author_domain, policy->at);
	out->policy = policy->policy;
	out->policy_tag = policy->tag;
	if (dkim == YES || spf == YES) {
		out->result = AUTH_PASS;
		out->why = arena_printf(eval->arena, "%s %s is aligned (RFC 9989 section 5.3.5)",
					dkim == YES ? "DKIM" : "SPF", by);
	} else if (dkim == MAYBE || spf == MAYBE) {
		out->result = AUTH_TEMPERROR;
		out->worst = policy->strictest;
		out->why = arena_printf(eval->arena,
					"%s %s could be aligned, but DNS did not answer "
					"(RFC 9989 section 5.3.6)",
					dkim == MAYBE ? "DKIM" : "SPF", by);
	} else if (policy->unsure) {
		out->result = AUTH_TEMPERROR;
		out->worst = policy->strictest;
		out->why =
		    arena_printf(eval->arena,
				 "whether %s exists could not be found out, so np= or sp= of %s "
				 "(RFC 9989 section 4.10.1)",
				 out->author_domain, policy->at->name);
	} else {
		out->result = AUTH_FAIL;
		out->why = arena_printf(
		    eval->arena,
		    "no aligned DKIM or SPF pass; %s=%s of %s (RFC 9989 section 5.3.5)",
		    policy->tag, dmarc_policy_text(policy->policy), policy->at->name);
	}
}

static void set_aligned(enum sure dkim, enum sure spf, struct dmarc_verdict *out)
{
	out->dkim_aligned = dkim == YES;
	out->spf_aligned = spf == YES;
	out->dkim_unsure = dkim == MAYBE;
	out->spf_unsure = spf == MAYBE;
}

/* Alignment is relaxed by default (section 4.7). With the tree walk a domain for which there is no
 * record is its own organizational domain (section 4.10.2), so that only the same one is aligned.
 */
static void align_without_record(struct eval *eval, const char *author, struct dmarc_verdict *out)
{
	const char *domain = "";
	enum sure dkim = check_dkim(eval, author, false, &domain);

	set_aligned(dkim, check_spf(eval, author, false, &domain), out);
}

static void judge_author(struct eval *eval, const char *author, struct dmarc_verdict *out)
{
	const char *dkim_domain = "", *spf_domain = "";
	const struct dmarc_record *record;
	struct policy policy;
	enum sure dkim, spf;

	memset(out, 0, sizeof *out);
	out->author_domain = author;
	steps_add(&eval->steps, "author domain %s (RFC 9989 section 4.2)", author);
	find_policy(eval, author, &policy);
	out->why = policy.why;
	if (policy.state == POLICY_ABSENT) {
		if (eval->rules->align_absent)
			align_without_record(eval, author, out);
		return;
	}
	if (policy.state == POLICY_UNUSABLE) {
		out->result = AUTH_PERMERROR;
		return;
	}
	record = policy.state == POLICY_FOUND ? policy.at->record : NULL;
	if (record == NULL)
		steps_add(&eval->steps,
			  "the record is not known: it could ask for strict alignment");
	dkim = check_dkim(eval, author, record == NULL || record->adkim_strict, &dkim_domain);
	spf = check_spf(eval, author, record == NULL || record->aspf_strict, &spf_domain);
	set_aligned(dkim, spf, out);
	if (record != NULL) {
		conclude_result(eval, &policy, dkim, spf, dkim >= spf ? dkim_domain : spf_domain,
				out);
		return;
	}
	out->result = AUTH_TEMPERROR;
	if (dkim != YES && spf != YES)
		out->worst = DMARC_POLICY_REJECT;
	out->why = arena_printf(eval->arena, "%s (RFC 9989 section 5.3.6)", policy.why);
}

/* ---- the From field, sections 4.2, 5.3.1 and 11.5 ---- */

/* Of several author domains the worst is the message's: a failing one with the strictest policy;
 * then what could be one; and an author that passes does not hide an unknown one. */
static unsigned rank_result(const struct dmarc_verdict *dmarc)
{
	switch (dmarc->result) {
	case AUTH_FAIL:
		return dmarc->policy == DMARC_POLICY_NONE ? 5 : 7 + (unsigned)dmarc->policy;
	case AUTH_TEMPERROR:
		return 6;
	case AUTH_PERMERROR:
		return 4;
	case AUTH_NONE:
		return dmarc->dkim_aligned || dmarc->spf_aligned ? 2 : 3;
	default:
		return 1;
	}
}

static void set_out_of_scope(struct arena *arena, const char *reason, struct dmarc_verdict *out)
{
	out->result = AUTH_PERMERROR;
	out->published = NULL;
	out->policy_tag = NULL;
	out->policy = DMARC_POLICY_NONE;
	set_aligned(NO, NO, out);
	out->why = arena_printf(arena, "%s (RFC 9989 section 4.2)", reason);
}

static void judge_authors(struct eval *eval, const struct dmarc_author *author,
			  struct dmarc_verdict *out)
{
	unsigned count = author->domain_count;
	struct dmarc_verdict one;

	if (count > 1 && count > eval->rules->authors_max)
		count = eval->rules->authors_max > 0 ? eval->rules->authors_max : 1;
	for (unsigned i = 0; i < count; i++) {
		judge_author(eval, author->domains[i], &one);
		one.org_domain = known_org(eval, author->domains[i]);
		if (i == 0 || rank_result(&one) > rank_result(out))
			*out = one;
	}
	out->incomplete = count < author->domain_count;
}

void dmarc_check(struct dns_scope *scope, const struct dmarc_rules *rules,
		 const struct dmarc_author *author, const struct verdict *verdict,
		 struct arena *arena, struct dmarc_verdict *out)
{
	const char *reason = author->error;
	struct eval eval;

	assert(rules->discovery != DMARC_PSL || rules->psl != NULL);
	eval_init(&eval, scope, rules, arena);
	eval.verdict = verdict;
	eval.steps.arena = author->explain ? arena : NULL;
	memset(out, 0, sizeof *out);
	out->author_domain = "";
	judge_authors(&eval, author, out);
	if (reason == NULL && author->fields != 1)
		reason = "there is not exactly one From field";
	if (reason == NULL && author->domain_count == 0)
		reason = "From has no author domain";
	if (reason == NULL && out->incomplete)
		reason = "From has more author domains than are evaluated";
	if (reason != NULL && out->result != AUTH_FAIL && out->result != AUTH_TEMPERROR)
		set_out_of_scope(arena, reason, out);
	out->steps = eval.steps.items;
	out->step_count = eval.steps.count;
}
