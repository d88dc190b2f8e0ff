/*
 * Signing, as the operator wants it: the author's domain chooses the keys, and an authenticated
 * sender gets a domain's signature only when the envelope (or the login map) says that it is
 * theirs. Otherwise one customer could have mail signed as another.
 */
#include "policy/outbound.h"

#include <string.h>

#include "lib/buf.h"
#include "policy/address.h"
#include "policy/domain.h"

struct outbound {
	const struct outbound_rules *rules;
	struct arena *arena;
	enum origin origin;
	const char *login;
	const char *mail_from;
	struct signer *signer; /* NULL once it is clear that nothing will be signed */
	const char *author;    /* domain of From */
	unsigned from_fields;
	const char *why;
	bool pending; /* WHY is that the key is */
	const struct signing_key *const *keys;
	unsigned key_count;
};

struct outbound *outbound_new(const struct outbound_rules *rules,
			      const struct outbound_sender *sender, struct arena *arena,
			      int64_t now)
{
	struct outbound *outbound = arena_make(arena, struct outbound);

	outbound->rules = rules;
	outbound->arena = arena;
	outbound->origin = sender->origin;
	outbound->login = arena_string(arena, sender->login);
	outbound->mail_from = arena_string(arena, sender->mail_from);
	if (!rules->enabled)
		outbound->why = "signing is switched off (sign.enabled)";
	else if (keyring_count(rules->keyring) == 0)
		outbound->why = "there are no keys";
	else
		outbound->signer = signer_new(&rules->signer, arena, now);
	return outbound;
}

static void read_from(struct outbound *outbound, struct span value)
{
	struct address_list *list = arena_make(outbound->arena, struct address_list);
	struct why why;

	if (outbound->from_fields++ > 0) {
		outbound->why = "several From fields";
		return;
	}
	if (address_parse(outbound->arena, value, list, &why) != 0) {
		outbound->why = arena_printf(outbound->arena, "malformed From: %s", why.text);
		return;
	}
	for (unsigned i = 0; i < list->count; i++) {
		const char *domain = list->addresses[i].domain;

		if (domain == NULL)
			outbound->why = "From has an address without a domain name";
		else if (outbound->author == NULL)
			outbound->author = domain;
		else if (!domain_equal(domain, outbound->author))
			outbound->why = "From has addresses of several domains";
	}
}

void outbound_header(struct outbound *outbound, struct span name, struct span value)
{
	if (span_ieq(span_trim(name), "from"))
		read_from(outbound, value);
	if (outbound->signer != NULL)
		signer_header(outbound->signer, name, value);
}

static const struct outbound_login *login_find(const struct outbound *outbound)
{
	for (unsigned i = 0; i < outbound->rules->login_count; i++) {
		const struct outbound_login *login = &outbound->rules->logins[i];

		if (outbound->login != NULL && strcmp(login->login, outbound->login) == 0)
			return login;
	}
	return NULL;
}

static bool login_allows(const struct outbound_login *login, const char *author)
{
	for (unsigned i = 0; i < login->domain_count; i++) {
		const char *domain = login->domains[i];

		if (strcmp(domain, "*") == 0 || domain_equal(author, domain))
			return true;
		if (strncmp(domain, "*.", 2) == 0 && domain_is_below(author, domain + 2))
			return true;
	}
	return false;
}

/* Is the domain of MAIL FROM (or, for <>, of the login) the one that would sign? */
static bool envelope_allows(const struct outbound *outbound, const char *signing_domain)
{
	const char *domain = domain_of_address(outbound->arena, outbound->mail_from);

	if (domain == NULL && outbound->mail_from[0] == '\0' && outbound->login != NULL)
		domain = domain_of_address(outbound->arena, outbound->login);
	if (domain == NULL)
		return false;
	return outbound->rules->subdomains ? domain_within(domain, signing_domain)
					   : domain_equal(domain, signing_domain);
}

/* NULL: this sender may have the signature. */
static const char *refusal(const struct outbound *outbound, const char *signing_domain)
{
	const struct outbound_login *login;

	if (outbound->origin == ORIGIN_LOCAL)
		return NULL;
	if (outbound->rules->login_count > 0) {
		login = login_find(outbound);
		if (login != NULL && login_allows(login, outbound->author))
			return NULL;
		return arena_printf(outbound->arena, "login %s may not sign for %s (sign.logins)",
				    outbound->login == NULL ? "-" : outbound->login,
				    outbound->author);
	}
	if (envelope_allows(outbound, signing_domain))
		return NULL;
	return arena_printf(outbound->arena, "MAIL FROM <%s> does not match %s",
			    outbound->mail_from, signing_domain);
}

static const char *no_key(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;
	const struct signing_key *idle =
	    keyring_find_idle(rules->keyring, outbound->author, rules->subdomains);

	if (idle == NULL)
		return arena_printf(outbound->arena, "no key for %s", outbound->author);
	outbound->pending = signing_key_status(idle).state == KEYSTATE_PENDING;
	return arena_printf(outbound->arena, "no active key for %s: %s of %s is %s",
			    outbound->author, signing_key_selector(idle), signing_key_domain(idle),
			    keystate_text(signing_key_status(idle).state));
}

static void choose_keys(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;

	if (outbound->why != NULL)
		return;
	if (outbound->author == NULL) {
		outbound->why = outbound->from_fields == 0 ? "no From field" : "From has no address";
		return;
	}
	outbound->key_count = keyring_find(rules->keyring, outbound->author, rules->subdomains,
					   outbound->arena, &outbound->keys);
	if (outbound->key_count == 0)
		outbound->why = no_key(outbound);
	else
		outbound->why = refusal(outbound, signing_key_domain(outbound->keys[0]));
}

void outbound_end_of_headers(struct outbound *outbound)
{
	choose_keys(outbound);
	if (outbound->why != NULL)
		outbound->signer = NULL;
}

void outbound_decline(struct outbound *outbound, const char *why)
{
	if (outbound->why == NULL)
		outbound->why = why;
	outbound->signer = NULL;
}

void outbound_body(struct outbound *outbound, struct span chunk)
{
	if (outbound->signer != NULL)
		signer_body(outbound->signer, chunk);
}

bool outbound_body_done(const struct outbound *outbound)
{
	return outbound->signer == NULL;
}

static const char *alg_text(enum dkimsig_alg alg)
{
	return alg == DKIMSIG_ED25519_SHA256 ? "ed25519-sha256" : "rsa-sha256";
}

void outbound_finish(struct outbound *outbound, struct outbound_result *result)
{
	struct arena *arena = outbound->arena;
	const char **fields = arena_array(arena, outbound->key_count + 1, sizeof *fields);
	struct buf names;
	struct why why;

	memset(result, 0, sizeof *result);
	result->author_domain = outbound->author == NULL ? "" : outbound->author;
	result->why = outbound->why;
	result->pending = outbound->pending;
	result->fields = fields;
	if (outbound->signer == NULL)
		return;
	buf_init(&names, arena, 0);
	for (unsigned i = 0; i < outbound->key_count; i++) {
		const struct signing_key *key = outbound->keys[i];
		const char *field = signer_finish(outbound->signer, key, &why);

		if (field == NULL) {
			result->why = arena_string(arena, why.text);
			continue;
		}
		fields[result->field_count++] = field;
		buf_printf(&names, "%s%s/%s/%s", names.len == 0 ? "" : ",",
			   signing_key_domain(key), signing_key_selector(key),
			   alg_text(signing_key_alg(key)));
	}
	if (result->field_count > 0)
		result->signatures = buf_text(&names);
}
