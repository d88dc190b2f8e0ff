/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From settings to the objects of policy/. Both programs judge and sign by what is made here.
 */
#include "context/context.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bimi/cache.h"
#include "bimi/trust.h"
#include "context/keysource.h"
#include "keys/sealing.h"
#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/certificate.h"
#include "lib/crypto/sct.h"
#include "lib/url.h"
#include "policy/bimi/selector.h"
#include "mail/address.h"
#include "mail/domain.h"
#include "report/spool.h"
#include "store/sql/shared.h"

/* ---- settings to rules ---- */

/* Why a setting cannot be used. */
struct refusal {
	const char *option; /* "dmarc.psl_file" */
	struct why why;
};

/* The reason is in refusal->why; returns -1. */
static int blame_option(struct refusal *refusal, const char *option)
{
	refusal->option = option;
	return -1;
}

/* The domains of the option NAME in the form of domain_to_ascii, or NULL. */
static const char *const *plain_domains(struct arena *arena, const char *name,
					const struct conf_strings *texts, struct refusal *refusal)
{
	const char **domains = arena_array(arena, texts->count + 1, sizeof *domains);

	for (unsigned i = 0; i < texts->count; i++) {
		domains[i] = domain_parse(arena, span_of(texts->items[i]), &refusal->why);
		if (domains[i] == NULL) {
			blame_option(refusal, name);
			return NULL;
		}
	}
	return domains;
}

static int dmarc_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct dmarc_rules *rules = &context->check.dmarc;

	rules->discovery = DMARC_TREEWALK;
	rules->psd_domains =
	    plain_domains(context->arena, "dmarc.psd_domains", &conf->dmarc.psd_domains, refusal);
	rules->psd_count = conf->dmarc.psd_domains.count;
	if (rules->psd_domains == NULL)
		return -1;
	rules->authors_max = 4;
	for (unsigned i = 0; i < conf->dmarc.action_count; i++)
		rules->align_absent =
		    rules->align_absent || (conf->dmarc.actions[i].policy == CONF_POLICY_ABSENT &&
					    conf->dmarc.actions[i].aligned != CONF_ALIGNED_ANY);
	if (conf->dmarc.discovery == CONF_DISCOVERY_TREEWALK)
		return 0;
	rules->discovery = DMARC_PSL;
	context->psl =
	    psl_load(conf->dmarc.psl_file[0] == '\0' ? NULL : conf->dmarc.psl_file, &refusal->why);
	rules->psl = context->psl;
	return context->psl == NULL ? blame_option(refusal, "dmarc.psl_file") : 0;
}

static const enum enforce enforce_of[] = {
    [CONF_ENFORCE_OBSERVE] = ENFORCE_OBSERVE,
    [CONF_ENFORCE_RFC] = ENFORCE_RFC,
    [CONF_ENFORCE_STRICT] = ENFORCE_STRICT,
};

static const enum rule_action action_of[] = {
    [CONF_ACTION_PUBLISHED] = RULE_PUBLISHED,
    [CONF_ACTION_ACCEPT] = RULE_ACCEPT,
    [CONF_ACTION_QUARANTINE] = RULE_QUARANTINE,
    [CONF_ACTION_REJECT] = RULE_REJECT,
};

static const enum auth_result result_of[] = {
    [CONF_RESULT_NONE] = AUTH_NONE,       [CONF_RESULT_PASS] = AUTH_PASS,
    [CONF_RESULT_FAIL] = AUTH_FAIL,       [CONF_RESULT_SOFTFAIL] = AUTH_SOFTFAIL,
    [CONF_RESULT_NEUTRAL] = AUTH_NEUTRAL, [CONF_RESULT_PERMERROR] = AUTH_PERMERROR,
};

static const enum spf_reject spf_reject_of[] = {
    [CONF_SPF_NEVER] = SPF_REJECT_NEVER,
    [CONF_SPF_NOMAIL] = SPF_REJECT_NOMAIL,
    [CONF_SPF_NO_DMARC] = SPF_REJECT_NO_DMARC,
};

static int result_wanted(enum conf_result result)
{
	return result == CONF_RESULT_ANY ? -1 : (int)result_of[result];
}

/* What a line is called where it is the reason for something. */
static const char *action_text(struct arena *arena, const struct conf_dmarc_action *action)
{
	struct buf text;

	buf_init(&text, arena, 0);
	buf_string(&text, action->domain);
	if (strcmp(action->recipient, "*") != 0)
		buf_printf(&text, " to %s", action->recipient);
	if (action->spf != CONF_RESULT_ANY)
		buf_printf(&text, " with spf=%s", auth_text(result_of[action->spf]));
	if (action->dkim != CONF_RESULT_ANY)
		buf_printf(&text, " %s dkim=%s", action->spf != CONF_RESULT_ANY ? "and" : "with",
			   auth_text(result_of[action->dkim]));
	if (action->aligned != CONF_ALIGNED_ANY)
		buf_printf(&text, "%s aligned=%s",
			   action->spf != CONF_RESULT_ANY || action->dkim != CONF_RESULT_ANY
			       ? " and"
			       : " with",
			   action->aligned == CONF_ALIGNED_SPF ? "spf" : "none");
	return buf_text(&text);
}

static int action_rule(struct arena *arena, const struct conf_dmarc_action *action,
		       struct decide_rule *rule, struct why *why)
{
	rule->text = action_text(arena, action);
	static_assert((int)CONF_POLICY_ABSENT == (int)RULE_ABSENT, "policies have the same codes");
	rule->published = (int)action->policy;
	rule->spf = result_wanted(action->spf);
	rule->dkim = result_wanted(action->dkim);
	static_assert((int)CONF_ALIGNED_SPF == (int)RULE_ALIGNED_SPF, "the same codes");
	rule->aligned = (enum rule_aligned)action->aligned;
	rule->action = action_of[action->action];
	if (!domain_pattern_parse(arena, span_of(action->domain), &rule->domain))
		return why_set(why, "\"%s\" is not a domain", action->domain);
	if (!domain_pattern_parse(arena, span_of(action->recipient), &rule->recipient))
		return why_set(why, "\"%s\" is not a domain", action->recipient);
	return 0;
}

typedef int parse_peer(struct arena *arena, struct span text, struct peer *peer, struct why *why);

/* The entries of the option NAME, or NULL. */
static const struct peer *peers_of(struct arena *arena, const char *name,
				   const struct conf_strings *texts, parse_peer *parse,
				   struct refusal *refusal)
{
	struct peer *peers = arena_array(arena, texts->count + 1, sizeof *peers);

	for (unsigned i = 0; i < texts->count; i++) {
		if (parse(arena, span_of(texts->items[i]), &peers[i], &refusal->why) != 0) {
			blame_option(refusal, name);
			return NULL;
		}
	}
	return peers;
}

/* The patterns of the option NAME, or NULL. */
static const struct domain_pattern *domain_patterns(struct arena *arena, const char *name,
						    const struct conf_strings *texts,
						    struct refusal *refusal)
{
	struct domain_pattern *patterns = arena_array(arena, texts->count + 1, sizeof *patterns);

	for (unsigned i = 0; i < texts->count; i++) {
		if (domain_pattern_parse(arena, span_of(texts->items[i]), &patterns[i]))
			continue;
		why_set(&refusal->why, "\"%s\" is not a domain", texts->items[i]);
		blame_option(refusal, name);
		return NULL;
	}
	return patterns;
}

static int sealer_rules(struct context *context, struct refusal *refusal)
{
	struct trust_rules *rules = &context->check.decide.trust;
	const struct conf_strings *texts = &context->conf->arc.trusted_sealers;

	rules->sealers = domain_patterns(context->arena, "arc.trusted_sealers", texts, refusal);
	rules->sealer_count = texts->count;
	return rules->sealers == NULL ? -1 : 0;
}

static int forwarder_rules(struct context *context, struct refusal *refusal)
{
	struct trust_rules *rules = &context->check.decide.trust;
	const struct conf_strings *texts = &context->conf->dmarc.trusted_forwarders;

	rules->forwarders =
	    peers_of(context->arena, "dmarc.trusted_forwarders", texts, peer_parse, refusal);
	rules->forwarder_count = texts->count;
	return rules->forwarders == NULL ? -1 : 0;
}

static int list_rules(struct context *context, struct refusal *refusal)
{
	struct trust_rules *rules = &context->check.decide.trust;
	const struct conf_strings *texts = &context->conf->dmarc.mailing_lists;

	rules->lists =
	    peers_of(context->arena, "dmarc.mailing_lists", texts, peer_parse_domain, refusal);
	rules->list_count = texts->count;
	return rules->lists == NULL ? -1 : 0;
}

static int decide_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct decide_rules *rules = &context->check.decide;
	struct decide_rule *matrix =
	    arena_array(context->arena, conf->dmarc.action_count, sizeof *matrix);

	for (unsigned i = 0; i < conf->dmarc.action_count; i++) {
		if (action_rule(context->arena, &conf->dmarc.actions[i], &matrix[i],
				&refusal->why) != 0)
			return blame_option(refusal, "dmarc.actions");
		rules->by_recipient = rules->by_recipient || matrix[i].recipient.domain != NULL;
		rules->requires_dkim =
		    rules->requires_dkim || matrix[i].aligned == RULE_ALIGNED_SPF;
	}
	rules->spf_reject = spf_reject_of[conf->spf.reject];
	rules->helo_reject = spf_reject_of[conf->spf.helo_reject];
	rules->enforce = enforce_of[conf->dmarc.enforce];
	rules->matrix = matrix;
	rules->matrix_count = conf->dmarc.action_count;
	rules->tempfail_on_temperror = conf->dmarc.temperror == CONF_FAILURE_TEMPFAIL;
	rules->reject_bad_from = conf->dmarc.reject_bad_from;
	return 0;
}

static int relay_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct relay *relays = arena_array(context->arena, conf->relay_count + 1, sizeof *relays);

	(void)refusal;
	for (unsigned i = 0; i < conf->relay_count; i++) {
		const struct conf_relay *relay = &conf->relays[i];

		relays[i] = (struct relay){
		    .from = relay->from.items,
		    .from_count = relay->from.count,
		    .skip = relay->client == CONF_CLIENT_SKIP,
		    .results_of = *relay->results_of == '\0' ? NULL : relay->results_of};
	}
	context->check.relays = (struct relay_rules){relays, conf->relay_count};
	return 0;
}

static const enum spf_engine spf_engine_of[] = {
    [CONF_ENGINE_NATIVE] = SPF_ENGINE_NATIVE,
    [CONF_ENGINE_LIBSPF2] = SPF_ENGINE_LIBSPF2,
    [CONF_ENGINE_BOTH] = SPF_ENGINE_BOTH,
};

static const enum dkimcheck_choice dkim_engine_of[] = {
    [CONF_DKIM_NATIVE] = DKIMCHECK_NATIVE,
    [CONF_DKIM_OPENDKIM] = DKIMCHECK_OPENDKIM,
    [CONF_DKIM_BOTH] = DKIMCHECK_BOTH,
};

static int engine_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct check_rules *rules = &context->check;

	(void)refusal;
	rules->dkim.engine = dkim_engine_of[conf->dkim.engine];
	rules->dkim.max_signatures = (unsigned)conf->dkim.max_signatures;
	rules->dkim.min_rsa_bits = (unsigned)conf->dkim.min_rsa_bits;
	rules->dkim.accept_partial_body = conf->dkim.accept_partial_body;
	rules->dkim.accept_testing_keys = conf->dkim.accept_testing_keys;
	rules->dkim.accept_added_fields = conf->dkim.accept_added_fields;
	rules->dkim.clock_drift = 300;
	rules->arc.accept_partial_body = conf->dkim.accept_partial_body;
	rules->arc.clock_drift = rules->dkim.clock_drift;
	rules->spf_engine = spf_engine_of[conf->spf.engine];
	rules->bimi.evaluate = conf->bimi.mode != CONF_BIMI_OFF;
	rules->bimi.certificate = conf->bimi.require == CONF_BIMI_CERTIFICATE;
	rules->bimi.indicator = conf->bimi.indicator;
	return 0;
}

enum keyring_access context_key_access(const struct conf *conf)
{
	return conf->sign.readable_keys ? KEYRING_READABLE : KEYRING_PRIVATE;
}

bool context_uses_keys(const struct conf *conf)
{
	return conf->sign.enabled || conf->arc.seal.count > 0;
}

static int no_seal_key(const char *seal, const char *path, struct why *why)
{
	return why_set(why, "there is no key of %s below %s; make one: countersign key gen %s",
		       seal, path, seal);
}

static int seal_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;

	context->seal_domains = plain_domains(context->arena, "arc.seal", &conf->arc.seal, refusal);
	context->seal_count = conf->arc.seal.count;
	return context->seal_domains == NULL ? -1 : 0;
}

const struct signing_key *context_seal_key(const struct context *context, const char *recipients,
					   struct arena *arena)
{
	const struct keyring *keyring = context->outbound.keyring;
	const struct signing_key *key = NULL;

	for (unsigned i = 0; i < context->seal_count && key == NULL && recipients != NULL; i++)
		if (domain_within(recipients, context->seal_domains[i]))
			key = keyring_pick(keyring, context->seal_domains[i], arena);
	if (key == NULL && context->seal_count > 0)
		key = keyring_pick(keyring, context->seal_domains[0], arena);
	return key;
}

static int list_host_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct list_host *lists = arena_array(context->arena, conf->list_count + 1, sizeof *lists);

	(void)refusal;
	for (unsigned i = 0; i < conf->list_count; i++) {
		const struct conf_list *list = &conf->lists[i];

		lists[i] = (struct list_host){
		    .id = domain_to_ascii(context->arena, span_of(list->id)),
		    .from = list->from.items,
		    .from_count = list->from.count,
		    .sign = domain_to_ascii(context->arena, span_of(list->sign)),
		    .seal = list->seal,
		};
		assert(lists[i].id != NULL && lists[i].sign != NULL); /* conf_check_domain */
	}
	context->outbound.lists = (struct list_rules){lists, conf->list_count};
	return 0;
}

/* Its domains without "$login", or NULL. */
static const struct domain_pattern *login_domains(struct context *context,
						  const struct conf_login *login,
						  struct outbound_login *out,
						  struct refusal *refusal)
{
	const char **texts = arena_array(context->arena, login->domains.count + 1, sizeof *texts);

	for (unsigned i = 0; i < login->domains.count; i++) {
		if (strcmp(login->domains.items[i], CONF_LOGIN_DOMAIN) == 0)
			out->own_domain = true;
		else
			texts[out->domain_count++] = login->domains.items[i];
	}
	return domain_patterns(context->arena, "sign.logins",
			       &(struct conf_strings){texts, out->domain_count}, refusal);
}

static const enum outbound_sender_rule sender_of[] = {
    [CONF_SENDER_LOGIN] = SENDER_LOGIN,
    [CONF_SENDER_ENVELOPE] = SENDER_ENVELOPE,
    [CONF_SENDER_ANY] = SENDER_ANY,
};

static int login_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct outbound_rules *rules = &context->outbound;
	struct outbound_login *logins =
	    arena_array(context->arena, conf->sign.login_count + 1, sizeof *logins);

	for (unsigned i = 0; i < conf->sign.login_count; i++) {
		const struct conf_login *login = &conf->sign.logins[i];

		logins[i].login = login->login;
		logins[i].every = strcmp(login->login, "*") == 0;
		if (strncmp(login->login, "*@", 2) == 0)
			logins[i].domain =
			    domain_to_ascii(context->arena, span_of(login->login + 2));
		logins[i].domains = login_domains(context, login, &logins[i], refusal);
		if (logins[i].domains == NULL)
			return -1;
	}
	rules->logins = logins;
	rules->login_count = conf->sign.login_count;
	return 0;
}

static int alias_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct outbound_rules *rules = &context->outbound;
	struct outbound_alias *aliases =
	    arena_array(context->arena, conf->sign.alias_count + 1, sizeof *aliases);

	for (unsigned i = 0; i < conf->sign.alias_count; i++) {
		const struct conf_alias *alias = &conf->sign.aliases[i];

		aliases[i].domain = domain_to_ascii(context->arena, span_of(alias->domain));
		if (aliases[i].domain == NULL) {
			why_set(&refusal->why, "\"%s\" is not a domain", alias->domain);
			return blame_option(refusal, "sign.aliases");
		}
		aliases[i].alias_count = alias->aliases.count;
		aliases[i].aliases =
		    domain_patterns(context->arena, "sign.aliases", &alias->aliases, refusal);
		if (aliases[i].aliases == NULL)
			return -1;
	}
	rules->aliases = aliases;
	rules->alias_count = conf->sign.alias_count;
	return 0;
}

/* TEXT with its domain in the form of domain_to_ascii; "" stays. NULL with the reason. */
static const char *plain_address(struct arena *arena, const char *text, struct why *why)
{
	struct address address;

	if (text[0] == '\0')
		return text;
	if (address_parse_plain(arena, span_of(text), &address, why) != 0)
		return NULL;
	return arena_printf(arena, "%s@%s", address.local, address.domain);
}

/* Those of the settings; and the fields for complaints, which RFC 9477 section 3.1 wants signed. */
static void choose_oversigned(struct context *context, struct signer_rules *signer)
{
	const struct conf_strings *listed = &context->conf->sign.oversign;
	const char **names = arena_array(context->arena, listed->count + 2, sizeof *names);

	for (unsigned i = 0; i < listed->count; i++)
		names[signer->oversign_count++] = listed->items[i];
	if (context->conf->sign.cfbl_address[0] != '\0') {
		names[signer->oversign_count++] = "CFBL-Address";
		names[signer->oversign_count++] = "CFBL-Feedback-ID";
	}
	signer->oversign = names;
}

static int selector_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct outbound_selector *selectors =
	    arena_array(context->arena, conf->bimi.selector_count + 1, sizeof *selectors);

	for (unsigned i = 0; i < conf->bimi.selector_count; i++) {
		const struct conf_bimi_selector *entry = &conf->bimi.selectors[i];
		struct span field =
		    span_of(arena_printf(context->arena, "v=BIMI1; s=%s", entry->selector));

		selectors[i].selector = bimi_selector_parse(context->arena, field);
		if (selectors[i].selector == NULL) {
			why_set(&refusal->why, "\"%s\" is not a valid selector", entry->selector);
			return blame_option(refusal, "bimi.selectors");
		}
		selectors[i].domain_count = entry->domains.count;
		selectors[i].domains =
		    domain_patterns(context->arena, "bimi.selectors", &entry->domains, refusal);
		if (selectors[i].domains == NULL)
			return -1;
	}
	context->outbound.selectors = selectors;
	context->outbound.selector_count = conf->bimi.selector_count;
	return 0;
}

static int outbound_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct outbound_rules *rules = &context->outbound;
	enum conf_canon canon = conf->sign.canonicalization;

	if (login_rules(context, refusal) != 0 || alias_rules(context, refusal) != 0 ||
	    selector_rules(context, refusal) != 0)
		return -1;
	rules->enabled = conf->sign.enabled;
	rules->subdomains = conf->sign.subdomains;
	rules->also = domain_to_ascii(context->arena, span_of(conf->sign.also));
	rules->fallback = domain_to_ascii(context->arena, span_of(conf->sign.fallback));
	rules->sender = sender_of[conf->sign.sender];
	rules->mta_checks_sender = conf->sign.mta_checks_sender;
	rules->unclean_body = conf->sign.unclean_bodies;
	rules->signer = (struct signer_rules){
	    .header_canon = canon == CONF_CANON_SIMPLE_SIMPLE || canon == CONF_CANON_SIMPLE_RELAXED
				? DKIMSIG_SIMPLE
				: DKIMSIG_RELAXED,
	    .body_canon = canon == CONF_CANON_SIMPLE_SIMPLE || canon == CONF_CANON_RELAXED_SIMPLE
			      ? DKIMSIG_SIMPLE
			      : DKIMSIG_RELAXED,
	    .headers = conf->sign.headers.items,
	    .header_count = conf->sign.headers.count,
	    .expire = conf->sign.expire / CLOCK_SECOND,
	    .timestamp = true,
	};
	rules->cfbl_address = plain_address(context->arena, conf->sign.cfbl_address, &refusal->why);
	if (rules->cfbl_address == NULL)
		return blame_option(refusal, "sign.cfbl_address");
	if (rules->cfbl_address[0] == '\0')
		rules->cfbl_address = NULL;
	choose_oversigned(context, &rules->signer);
	return 0;
}

/* The addresses of OPTION in the form that recipients are compared with. */
static const char *const *plain_addresses(struct context *context, const struct conf_strings *texts,
					  const char *option, struct refusal *refusal)
{
	const char **list = arena_array(context->arena, texts->count + 1, sizeof *list);

	for (unsigned i = 0; i < texts->count; i++) {
		list[i] = plain_address(context->arena, texts->items[i], &refusal->why);
		if (list[i] == NULL) {
			blame_option(refusal, option);
			return NULL;
		}
	}
	return list;
}

static int report_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;

	context->report_from = plain_address(context->arena, conf->reports.from, &refusal->why);
	if (context->report_from == NULL)
		return blame_option(refusal, "reports.from");
	context->quiet = plain_addresses(context, &conf->reports.quiet, "reports.quiet", refusal);
	context->quiet_count = conf->reports.quiet.count;
	return context->quiet == NULL ? -1 : 0;
}

/* Received reports are kept in the ledger's file, and wait for that beside it. */
static int inbox_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	const char *path;

	context->inbox =
	    plain_addresses(context, &conf->inbox.addresses, "inbox.addresses", refusal);
	context->inbox_count = conf->inbox.addresses.count;
	if (context->inbox == NULL || context->inbox_count == 0)
		return context->inbox == NULL ? -1 : 0;
	if (conf->store.url[0] == '\0') {
		why_set(&refusal->why, "the reports are kept in the ledger: set store.url, too");
		return blame_option(refusal, "inbox.addresses");
	}
	path = url_sqlite_path(conf->store.url, &refusal->why);
	if (path == NULL)
		return blame_option(refusal, "store.url");
	context->inbox_spool = spool_directory(context->arena, path);
	return 0;
}

static int mark_rules(struct context *context, const char *ledger, struct refusal *refusal)
{
	struct bimi_rules *rules = &context->check.bimi;
	struct bimi_cache *cache = arena_make(context->arena, struct bimi_cache);
	struct arena *files = arena_new(0);
	const struct conf *conf = context->conf;
	const char *option = "bimi.roots";
	struct certificates *roots;
	struct bimi_trust trust;
	struct sct_logs *logs;
	int result;

	result = bimi_trust_read(files, conf->bimi.roots, conf->bimi.logs, &trust, &refusal->why);
	if (result == 0 && !span_empty(trust.roots))
		result = certificate_read(files, trust.roots, &roots, &refusal->why);
	if (result == 0 && !span_empty(trust.logs)) {
		option = "bimi.logs";
		result = sct_logs_read(files, trust.logs, &logs, &refusal->why);
	}
	cache->directory = bimi_cache_directory(context->arena, ledger);
	cache->basis = arena_string(context->arena, trust.basis);
	arena_free(files);
	if (result == -1)
		return blame_option(refusal, option);
	rules->find = bimi_cache_find;
	rules->find_arg = cache;
	return 0;
}

static int bimi_rules(struct context *context, struct refusal *refusal)
{
	const struct conf *conf = context->conf;
	struct bimi_rules *rules = &context->check.bimi;
	const char *path;

	rules->allow = domain_patterns(context->arena, "bimi.allow", &conf->bimi.allow, refusal);
	rules->allow_count = conf->bimi.allow.count;
	rules->deny = domain_patterns(context->arena, "bimi.deny", &conf->bimi.deny, refusal);
	rules->deny_count = conf->bimi.deny.count;
	if (rules->allow == NULL || rules->deny == NULL)
		return -1;
	if (conf->bimi.mode != CONF_BIMI_ON)
		return 0;
	if (conf->store.url[0] == '\0') {
		why_set(&refusal->why, "what is known of logos is kept beside the ledger: set "
				       "store.url, too");
		return blame_option(refusal, "bimi.mode");
	}
	path = url_sqlite_path(conf->store.url, &refusal->why);
	if (path == NULL)
		return blame_option(refusal, "store.url");
	return mark_rules(context, path, refusal);
}

/* All that settings say but the keys, each step by itself. */
typedef int context_step(struct context *context, struct refusal *refusal);
static context_step *const steps[] = {
    engine_rules,    decide_rules,   dmarc_rules, forwarder_rules, list_rules,
    sealer_rules,    outbound_rules, seal_rules,  report_rules,    relay_rules,
    list_host_rules, inbox_rules,    bimi_rules,
};
enum { STEPS = sizeof steps / sizeof *steps };

/* ---- the context ---- */

static void context_free(struct context *context)
{
	struct arena *arena = context->arena;

	keyring_free(context->outbound.keyring);
	psl_unload(context->psl);
	arena_free(arena);
}

static struct context *make_context(const struct conf *conf)
{
	struct arena *arena = arena_new(SIZE_MAX);
	struct context *context = arena_make(arena, struct context);

	context->arena = arena;
	context->conf = conf;
	context->references = 1;
	return context;
}

struct context *context_new_with(const struct conf *conf, struct dkimcheck_engine *engine,
				 struct keyring *keyring, struct why *why)
{
	struct context *context = make_context(conf);
	struct refusal refusal = {NULL, {""}};
	int result = 0;

	context->check.dkim_engine = engine;
	context->outbound.keyring = keyring;
	if (conf->store.keys && keyring != NULL &&
	    keysource_attach(keyring, conf, false, &refusal.why) != 0)
		result = blame_option(&refusal, "store.keys");
	for (unsigned i = 0; result == 0 && i < STEPS; i++)
		result = steps[i](context, &refusal);
	if (result == 0)
		return context;
	why_set(why, "%s: %s", refusal.option, refusal.why.text);
	context_free(context);
	return NULL;
}

struct context *context_new(const struct conf *conf, struct dkimcheck_engine *engine,
			    struct why *why)
{
	struct arena *arena = arena_new(0);
	struct context_keys keys = context_keys(conf, arena);
	struct keyring *keyring = NULL;
	const char *option;
	int result = 0;

	keys.required = false;
	if (context_uses_keys(conf)) {
		keyring = context_load_keys(&keys, &option, why);
		result = keyring == NULL ? why_prefix(why, "%s: ", option) : 0;
	}
	arena_free(arena);
	return result != 0 ? NULL : context_new_with(conf, engine, keyring, why);
}

/* ---- the check ---- */

static bool is_chosen(const struct conf *conf, const char *option)
{
	return conf_changed(conf, (unsigned)conf_option_find(span_of(option)));
}

/* ---- keys ---- */

static const char *join_domains(struct arena *arena, const struct conf_strings *texts)
{
	struct buf out;

	buf_init(&out, arena, 0);
	for (unsigned i = 0; i < texts->count; i++) {
		const char *domain = domain_to_ascii(arena, span_of(texts->items[i]));

		assert(domain != NULL); /* conf_check_domain */
		buf_printf(&out, "%s ", domain);
	}
	return buf_text(&out);
}

/* Whose keys sign for lists, all of them or those that seal. */
static const char *list_domains(struct arena *arena, const struct conf *conf, bool seal)
{
	const char **items = arena_array(arena, conf->list_count + 1, sizeof *items);
	struct conf_strings texts = {items, 0};

	for (unsigned i = 0; i < conf->list_count; i++)
		if (conf->lists[i].seal || !seal)
			items[texts.count++] = conf->lists[i].sign;
	return join_domains(arena, &texts);
}

struct context_keys context_keys(const struct conf *conf, struct arena *arena)
{
	return (struct context_keys){
	    .path = conf->sign.keys,
	    .access = context_key_access(conf),
	    .required = is_chosen(conf, "sign.keys"),
	    .dkim = conf->sign.enabled,
	    .shared = conf->store.keys,
	    .max_rate = (unsigned)conf->sign.max_rate,
	    .seal = join_domains(arena, &conf->arc.seal),
	    .seal_lists = list_domains(arena, conf, true),
	    .sign_lists = list_domains(arena, conf, false),
	};
}

/* A directory at its default place may be missing: it is made later, with the first key. */
static int check_key_directory(const struct context_keys *keys, struct why *why)
{
	if (keyring_check(keys->path, NULL, keys->access, why) == 0 ||
	    (errno == ENOENT && !keys->required))
		return 0;
	return -1;
}

/* The next of DOMAINS, or NULL. */
static const char *next_domain(struct arena *arena, struct span *domains)
{
	struct span domain;
	bool more = true;

	while (more && span_split(domains, &more, ' ', &domain))
		if (!span_empty(domain))
			return arena_span(arena, domain);
	return NULL;
}

/* Each of DOMAINS must have a key, which may wait for its record or be faulty. */
static int require_keys(const struct keyring *keyring, const char *path, const char *domains,
			struct why *why)
{
	struct arena *arena = arena_new(0);
	struct span rest = span_of(domains);
	const char *domain;
	int result = 0;

	while (result == 0 && (domain = next_domain(arena, &rest)) != NULL)
		if (!keyring_knows(keyring, domain))
			result = no_seal_key(domain, path, why);
	arena_free(arena);
	return result;
}

struct keyring *context_load_keys(const struct context_keys *keys, const char **option,
				  struct why *why)
{
	struct keyring *keyring = NULL;

	*option = "sign.keys";
	if (keys->shared)
		return keysource_empty();
	if (check_key_directory(keys, why) == 0)
		keyring = keyring_load(keys->path, keys->access, why);
	if (keyring == NULL)
		return NULL;
	*option = "arc.seal";
	if (require_keys(keyring, keys->path, keys->seal, why) == 0) {
		*option = "lists";
		if (require_keys(keyring, keys->path, keys->sign_lists, why) == 0)
			return keyring;
	}
	keyring_free(keyring);
	return NULL;
}

static void check_required_keys(const struct conf *conf, const struct context_keys *keys,
				const char *option, const char *domains, struct conf_errors *errors)
{
	struct span rest = span_of(domains);
	const char *domain;
	struct why why;

	while ((domain = next_domain(errors->arena, &rest)) != NULL)
		if (keyring_check(keys->path, domain, keys->access, &why) != 1) {
			no_seal_key(domain, keys->path, &why);
			conf_refuse(conf, errors, option, "%s", why.text);
		}
}

static void check_sealing(const struct conf *conf, const struct context_keys *keys,
			  struct conf_errors *errors)
{
	struct why why;
	struct sealing *sealing = sealing_load(keys->path, keys->access, &why);

	if (sealing == NULL)
		conf_refuse(conf, errors, "store.keys", "%s", why.text);
	sealing_free(sealing);
}

static void check_keys(const struct conf *conf, struct conf_errors *errors)
{
	struct context_keys keys = context_keys(conf, errors->arena);
	struct why why;

	if (!context_uses_keys(conf))
		return;
	if (keys.shared) {
		check_sealing(conf, &keys, errors);
		return;
	}
	if (check_key_directory(&keys, &why) != 0)
		conf_refuse(conf, errors, "sign.keys", "%s", why.text);
	check_required_keys(conf, &keys, "arc.seal", keys.seal, errors);
	check_required_keys(conf, &keys, "lists", keys.sign_lists, errors);
}

/* At its default place the package or setup makes it, and without it store.on_failure decides. */
static void check_ledger(const struct conf *conf, struct conf_errors *errors)
{
	const char *path, *slash;
	struct stat status;
	struct why why;
	char *directory;

	if (conf->store.url[0] == '\0' ||
	    (!is_chosen(conf, "store.url") && conf->store.on_failure == CONF_FAILURE_ACCEPT))
		return;
	path = url_sqlite_path(conf->store.url, &why);
	if (path == NULL) {
		conf_refuse(conf, errors, "store.url", "%s", why.text);
		return;
	}
	slash = strrchr(path, '/');
	directory = arena_copy(errors->arena, path, slash == path ? 1 : (size_t)(slash - path));
	if (stat(directory, &status) != 0 && (errno == ENOENT || errno == ENOTDIR))
		conf_refuse(conf, errors, "store.url", "%s: %s", directory, strerror(errno));
	else if (stat(directory, &status) == 0 && !S_ISDIR(status.st_mode))
		conf_refuse(conf, errors, "store.url", "%s: not a directory", directory);
}

static void check_dns(const struct conf *conf, struct conf_errors *errors)
{
	struct dns_settings settings = context_dns(conf);
	struct why why;

	if (dns_check_unbound(&settings, &why) != 0)
		conf_refuse(conf, errors,
			    settings.trust_anchor != NULL ? "dns.trust_anchor" : "dns.servers",
			    "%s", why.text);
}

void context_check_settings(const struct conf *conf, struct conf_errors *errors)
{
	struct context *context = make_context(conf);

	for (unsigned i = 0; i < STEPS; i++) {
		struct refusal refusal = {NULL, {""}};

		if (steps[i](context, &refusal) != 0)
			conf_refuse(conf, errors, refusal.option, "%s", refusal.why.text);
	}
	context_free(context);
	check_dns(conf, errors);
	check_ledger(conf, errors);
}

void context_check(const struct conf *conf, struct conf_errors *errors)
{
	context_check_settings(conf, errors);
	check_keys(conf, errors);
}

void context_each_fault(const struct conf *conf, context_fault_visit *visit, void *arg)
{
	const struct keyring_fault *faults;
	struct keyring *keyring;
	struct why why;

	if (!context_uses_keys(conf))
		return;
	keyring = keysource_all(conf, &why);
	for (unsigned i = 0; keyring != NULL && i < keyring_faults(keyring, &faults); i++)
		visit(arg, &faults[i]);
	keyring_free(keyring);
}

struct context *context_take(struct context *context)
{
	atomic_fetch_add(&context->references, 1);
	return context;
}

void context_drop(struct context *context)
{
	if (context != NULL && atomic_fetch_sub(&context->references, 1) == 1)
		context_free(context);
}

static void free_conf(void *conf)
{
	conf_free(conf);
}

void context_own(struct context *context, struct conf *conf)
{
	arena_on_free(context->arena, free_conf, conf);
}

static const enum dns_caps caps_of[] = {
    [CONF_CAPS_AUTO] = DNS_CAPS_AUTO,
    [CONF_CAPS_ON] = DNS_CAPS_ON,
    [CONF_CAPS_OFF] = DNS_CAPS_OFF,
};

struct dns_settings context_dns(const struct conf *conf)
{
	struct dns_settings settings = {
	    .servers = conf->dns.servers.items,
	    .server_count = conf->dns.servers.count,
	    .resolv_conf = conf->dns.resolv_conf,
	    .trust_anchor = conf->dns.trust_anchor[0] == '\0' ? NULL : conf->dns.trust_anchor,
	    .caps = caps_of[conf->dns.caps],
	    .cache_entries = (unsigned)conf->dns.cache_entries,
	};

	return settings;
}

/* ---- reports ---- */

static const enum aggregate_form form_of[] = {
    [CONF_FORMAT_RFC9990] = AGGREGATE_RFC9990,
    [CONF_FORMAT_RFC7489] = AGGREGATE_RFC7489,
};

static const enum sender_domains domains_of[] = {
    [CONF_WORTH_ALL] = SENDER_ALL,
    [CONF_WORTH_ACCEPTED] = SENDER_ACCEPTED,
    [CONF_WORTH_PASSED] = SENDER_PASSED,
};

static const enum send_tls tls_of[] = {
    [CONF_TLS_OFFERED] = SEND_TLS_OFFERED,
    [CONF_TLS_REQUIRED] = SEND_TLS_REQUIRED,
    [CONF_TLS_VERIFIED] = SEND_TLS_VERIFIED,
};

static struct aggregate_reporter make_reporter(const struct conf *conf, struct arena *arena)
{
	struct aggregate_reporter reporter = {.contact = conf->reports.contact,
					      .form = form_of[conf->reports.format]};
	char host[256] = "";

	if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0')
		snprintf(host, sizeof host, "localhost");
	reporter.org_name =
	    conf->reports.org[0] != '\0' ? conf->reports.org : arena_string(arena, host);
	reporter.email = conf->reports.from[0] != '\0' ? conf->reports.from
						       : arena_printf(arena, "postmaster@%s", host);
	reporter.receiver = domain_of_address(arena, reporter.email);
	if (reporter.receiver == NULL)
		reporter.receiver = arena_string(arena, host);
	reporter.email = arena_printf(arena, "%.*s@%s", (int)strcspn(reporter.email, "@"),
				      reporter.email, reporter.receiver);
	return reporter;
}

struct sender_settings context_sender(const struct conf *conf, const struct context *context,
				      struct arena *arena)
{
	struct sender_settings settings = {
	    .reporter = make_reporter(conf, arena),
	    .server = {.url = conf->reports.via,
		       .tls = tls_of[conf->reports.tls],
		       .ca_file = conf->reports.tls_ca[0] == '\0' ? NULL : conf->reports.tls_ca,
		       .user = conf->reports.user[0] == '\0' ? NULL : conf->reports.user,
		       .timeout = conf->reports.timeout},
	    .verp = conf->reports.envelope == CONF_ENVELOPE_VERP,
	    .bcc = conf->reports.bcc.items,
	    .bcc_count = conf->reports.bcc.count,
	    .suppress_lists = conf->reports.suppress_lists.items,
	    .suppress_list_count = conf->reports.suppress_lists.count,
	    .max_per_day = (unsigned)conf->reports.max_per_day,
	    .max_per_destination = (unsigned)conf->reports.max_per_destination,
	    .max_addresses = (unsigned)conf->reports.max_addresses,
	    .max_size = conf->reports.max_size,
	    .domains = domains_of[conf->reports.domains],
	    .suppress = conf->reports.suppress / CLOCK_SECOND,
	    .dmarc = context == NULL ? NULL : &context->check.dmarc,
	    .grace = conf->store.grace / CLOCK_SECOND,
	    .dns_budget = (unsigned)conf->dns.budget,
	    .dns_timeout = conf->dns.timeout,
	};

	settings.server.helo = settings.reporter.receiver;
	return settings;
}

int context_store(const struct conf *conf, bool local, struct ledger_settings *settings,
		  struct why *why)
{
	memset(settings, 0, sizeof *settings);
	settings->read_only = true;
	if (conf->store.url[0] == '\0')
		return why_set(why, "no ledger is kept: store.url is empty");
	settings->path = url_sqlite_path(conf->store.url, why);
	settings->lease = conf->store.lease / CLOCK_SECOND;
	if (!local && conf->store.shared[0] != '\0')
		settings->shared = conf->store.shared;
	return settings->path == NULL ? -1 : 0;
}

struct sql *context_received(const struct conf *conf, bool read_only, struct why *why)
{
	struct ledger_settings settings;

	if (context_store(conf, false, &settings, why) != 0)
		return NULL;
	settings.read_only = read_only;
	settings.busy_wait = 5 * CLOCK_SECOND;
	return settings.shared != NULL
		   ? shared_open(settings.shared, SHARED_AS_IT_IS, read_only, why)
		   : sqlite_sql(&settings, why);
}

/* ---- the second opinion ---- */

int64_t context_opinion_share(const struct conf *conf)
{
	bool always =
	    conf->spf.engine != CONF_ENGINE_NATIVE || conf->dkim.engine != CONF_DKIM_NATIVE;

	return always ? CONF_SHARE_ALL : conf->second_opinion.sample;
}

void context_leave_opinion(struct context *context)
{
	context->check.spf_engine = SPF_ENGINE_NATIVE;
	context->check.dkim.engine = DKIMCHECK_NATIVE;
}
