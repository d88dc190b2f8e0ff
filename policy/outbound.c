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

const struct name_code outbound_reason_names[] = {
    {"signed", OUTBOUND_SIGNED},
    {"disabled", OUTBOUND_DISABLED},
    {"no_keys", OUTBOUND_NO_KEYS},
    {"bad_from", OUTBOUND_BAD_FROM},
    {"no_key_for_domain", OUTBOUND_NO_KEY},
    {"key_pending", OUTBOUND_KEY_PENDING},
    {"key_retired", OUTBOUND_KEY_RETIRED},
    {"sender_not_allowed", OUTBOUND_SENDER},
    {"failed", OUTBOUND_FAILED},
    {NULL, 0},
};

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
	enum outbound_reason reason; /* for WHY */
	const struct signing_key *const *keys;
	unsigned key_count;
};

static void refuse(struct outbound *outbound, enum outbound_reason reason, const char *why)
{
	outbound->reason = reason;
	outbound->why = why;
}

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
		refuse(outbound, OUTBOUND_DISABLED, "signing is switched off (sign.enabled)");
	else if (keyring_count(rules->keyring) == 0)
		refuse(outbound, OUTBOUND_NO_KEYS, "there are no keys");
	else
		outbound->signer = signer_new(&rules->signer, arena, now);
	return outbound;
}

static void read_from(struct outbound *outbound, struct span value)
{
	struct address_list *list = arena_make(outbound->arena, struct address_list);
	struct why why;

	if (outbound->from_fields++ > 0) {
		refuse(outbound, OUTBOUND_BAD_FROM, "several From fields");
		return;
	}
	if (address_parse(outbound->arena, value, list, &why) != 0) {
		refuse(outbound, OUTBOUND_BAD_FROM,
		       arena_printf(outbound->arena, "malformed From: %s", why.text));
		return;
	}
	for (unsigned i = 0; i < list->count; i++) {
		const char *domain = list->addresses[i].domain;

		if (domain == NULL)
			refuse(outbound, OUTBOUND_BAD_FROM,
			       "From has an address without a domain name");
		else if (outbound->author == NULL)
			outbound->author = domain;
		else if (!domain_equal(domain, outbound->author))
			refuse(outbound, OUTBOUND_BAD_FROM,
			       "From has addresses of several domains");
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
static const char *objection(const struct outbound *outbound, const char *signing_domain)
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

static void no_key(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;
	const struct signing_key *idle =
	    keyring_find_idle(rules->keyring, outbound->author, rules->subdomains);
	const struct keyring_fault *fault;
	enum keystate state;

	if (idle == NULL) {
		fault = keyring_find_fault(rules->keyring, outbound->author, rules->subdomains);
		refuse(outbound, OUTBOUND_NO_KEY,
		       fault != NULL ? arena_printf(outbound->arena, "no usable key for %s: %s",
						    outbound->author, fault->text)
				     : arena_printf(outbound->arena, "no key for %s",
						    outbound->author));
		return;
	}
	state = signing_key_status(idle).state;
	refuse(outbound, state == KEYSTATE_PENDING ? OUTBOUND_KEY_PENDING : OUTBOUND_KEY_RETIRED,
	       arena_printf(outbound->arena, "no active key for %s: %s of %s is %s",
			    outbound->author, signing_key_selector(idle), signing_key_domain(idle),
			    keystate_text(state)));
}

static void choose_keys(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;
	const char *why;

	if (outbound->why != NULL)
		return;
	if (outbound->author == NULL) {
		refuse(outbound, OUTBOUND_BAD_FROM,
		       outbound->from_fields == 0 ? "no From field" : "From has no address");
		return;
	}
	outbound->key_count = keyring_find(rules->keyring, outbound->author, rules->subdomains,
					   outbound->arena, &outbound->keys);
	if (outbound->key_count == 0) {
		no_key(outbound);
		return;
	}
	why = objection(outbound, signing_key_domain(outbound->keys[0]));
	if (why != NULL)
		refuse(outbound, OUTBOUND_SENDER, why);
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
		refuse(outbound, OUTBOUND_DISABLED, why);
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

static const char *algorithm_text(enum crypt_type type)
{
	return type == CRYPT_ED25519 ? "ed25519-sha256" : "rsa-sha256";
}

/* Adds one to the result; -1 with the reason. */
static int sign(struct outbound *outbound, const struct signing_key *key,
		struct outbound_result *result, struct why *why)
{
	const char *field = signer_finish(outbound->signer, key, why);
	const char *before = result->signatures;

	if (field == NULL)
		return -1;
	result->fields[result->field_count] = field;
	result->made[result->field_count++] =
	    (struct outbound_signature){signing_key_domain(key), signing_key_type(key)};
	result->signatures = arena_printf(outbound->arena, "%s%s%s/%s/%s",
					  before == NULL ? "" : before, before == NULL ? "" : ",",
					  signing_key_domain(key), signing_key_selector(key),
					  algorithm_text(signing_key_type(key)));
	return 0;
}

void outbound_finish(struct outbound *outbound, struct outbound_result *result)
{
	struct arena *arena = outbound->arena;
	struct why why;

	memset(result, 0, sizeof *result);
	result->author_domain = outbound->author == NULL ? "" : outbound->author;
	result->why = outbound->why;
	result->reason = outbound->reason;
	result->fields = arena_array(arena, outbound->key_count + 1, sizeof *result->fields);
	result->made = arena_array(arena, outbound->key_count + 1, sizeof *result->made);
	for (unsigned i = 0; outbound->signer != NULL && i < outbound->key_count; i++) {
		if (sign(outbound, outbound->keys[i], result, &why) != 0)
			result->why = arena_string(arena, why.text);
	}
	if (outbound->signer != NULL && result->field_count == 0)
		result->reason = OUTBOUND_FAILED;
}
