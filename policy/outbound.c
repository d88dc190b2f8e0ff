/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Signing, as the operator wants it: the author's domain chooses the keys, and the sender gets its
 * signature only where a fact makes it theirs (struct outbound_rules). Otherwise one customer could
 * have mail signed as another, and a stranger's mail that a content filter hands back would be
 * signed.
 */
#include "policy/outbound.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "mail/authres_read.h"
#include "policy/cfbl.h"
#include "policy/from.h"
#include "policy/trace.h"

const struct name_code outbound_reason_names[] = {
    {"signed", OUTBOUND_SIGNED},
    {"disabled", OUTBOUND_DISABLED},
    {"no_keys", OUTBOUND_NO_KEYS},
    {"bad_from", OUTBOUND_BAD_FROM},
    {"no_key_for_domain", OUTBOUND_NO_KEY},
    {"key_pending", OUTBOUND_KEY_PENDING},
    {"key_retired", OUTBOUND_KEY_RETIRED},
    {"sender_not_allowed", OUTBOUND_SENDER},
    {"not_ours", OUTBOUND_NOT_OURS},
    {"unclean_body", OUTBOUND_UNCLEAN},
    {"failed", OUTBOUND_FAILED},
    {"keys_unavailable", OUTBOUND_LATER},
    {NULL, 0},
};

enum { OWN_RESULTS_MAX = 8 };

struct outbound {
	const struct outbound_rules *rules;
	struct arena *arena;
	enum origin origin;
	bool loopback;
	const char *login;
	const char *mail_from;
	const char *envelope; /* domain of MAIL FROM, or NULL: it proves nothing */
	bool null_sender;
	const char *host;
	struct from from;
	bool travelled;                       /* it has been on another host */
	const char *results[OWN_RESULTS_MAX]; /* what this host wrote when it judged the message */
	unsigned result_count;
	struct signer *signer; /* NULL once it is clear that nothing will be signed */
	const char *author;    /* domain of From */
	const char *why;
	enum outbound_reason reason; /* for WHY */
	struct listmail *list;       /* it comes from a list manager; or NULL */
	const char *secret;
	const struct list_host *sent_by; /* the list, once that is proven */
	const struct signing_key *const *keys;
	unsigned key_count;
	bool ends_in_cr; /* the body so far */
	int64_t now;
	bool has_cfbl;          /* the sender wants complaints elsewhere */
	const char *message_id; /* the first one, or NULL */
	const char *cfbl_address, *cfbl_feedback_id;
	bool has_selector;         /* the sender wrote a BIMI-Selector */
	const char *bimi_selector; /* the value of the one to add, or NULL */
};

static const char bimi_selector[] = "BIMI-Selector";

static void refuse_signing(struct outbound *outbound, enum outbound_reason reason, const char *why)
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
	outbound->now = now;
	outbound->origin = sender->origin;
	outbound->loopback = sender->loopback;
	outbound->login = arena_string(arena, sender->login);
	outbound->mail_from = arena_string(arena, sender->mail_from);
	outbound->host = arena_string(arena, sender->host);
	outbound->null_sender = sender->mail_from[0] == '\0' && !sender->has_route;
	if (!sender->has_route)
		outbound->envelope = domain_of_address(arena, sender->mail_from);
	from_init(&outbound->from, arena);
	outbound->secret = sender->secret;
	if (sender->origin == ORIGIN_LOCAL)
		outbound->list =
		    listmail_new(&rules->lists, &sender->client, sender->on_socket, arena, now);
	if (!rules->enabled)
		refuse_signing(outbound, OUTBOUND_DISABLED,
			       "signing is switched off (sign.enabled)");
	else if (keyring_is_empty(rules->keyring))
		refuse_signing(outbound, OUTBOUND_NO_KEYS, "there are no keys");
	else
		outbound->signer = signer_new(&rules->signer, arena, now);
	return outbound;
}

static void note_complaint_fields(struct outbound *outbound, struct span name, struct span value)
{
	if (outbound->rules->cfbl_address == NULL)
		return;
	if (span_ieq(name, "cfbl-address") || span_ieq(name, "cfbl-feedback-id"))
		outbound->has_cfbl = true;
	else if (outbound->message_id == NULL && span_ieq(name, "message-id"))
		outbound->message_id = arena_span(outbound->arena, value);
}

void outbound_header(struct outbound *outbound, struct span name, struct span value)
{
	note_complaint_fields(outbound, span_trim(name), value);
	from_header(&outbound->from, name, value);
	if (!outbound->travelled && span_ieq(span_trim(name), "received"))
		outbound->travelled = !trace_is_local(value, outbound->host);
	if (span_ieq(span_trim(name), bimi_selector))
		outbound->has_selector = true;
	if (outbound->signer != NULL)
		signer_header(outbound->signer, name, value);
	if (outbound->list != NULL)
		listmail_header(outbound->list, name, value);
}

void outbound_own_results(struct outbound *outbound, struct span value)
{
	if (outbound->result_count < OWN_RESULTS_MAX)
		outbound->results[outbound->result_count] = arena_span(outbound->arena, value);
	outbound->result_count++;
	if (outbound->list != NULL)
		listmail_own_results(outbound->list, value);
}

/* ---- may this sender have that signature? ---- */

static bool is_any_of(const char *domain, const struct domain_pattern *patterns, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (domain_pattern_matches(&patterns[i], domain))
			return true;
	}
	return false;
}

static bool is_login(const struct outbound_login *entry, const char *login, const char *domain)
{
	if (entry->domain != NULL)
		return domain != NULL && domain_equal(entry->domain, domain);
	return entry->every || strcmp(entry->login, login) == 0;
}

/* DOMAIN: of the login, or NULL. */
static bool map_allows(const struct outbound *outbound, const char *domain)
{
	for (unsigned i = 0; i < outbound->rules->login_count && outbound->login != NULL; i++) {
		const struct outbound_login *entry = &outbound->rules->logins[i];

		if (!is_login(entry, outbound->login, domain))
			continue;
		if (is_any_of(outbound->author, entry->domains, entry->domain_count) ||
		    (entry->own_domain && domain != NULL && domain_equal(outbound->author, domain)))
			return true;
	}
	return false;
}

/* Is the author's domain that of the login, DOMAIN, or agreed to be its alias? A domain below it
 * is, where it has no key of its own: that would be somebody else's. */
static bool login_domain_allows(const struct outbound *outbound, const char *domain,
				const char *signing_domain)
{
	const struct outbound_rules *rules = outbound->rules;

	if (domain_equal(outbound->author, domain))
		return true;
	if (rules->subdomains && domain_is_below(outbound->author, domain) &&
	    domain_within(domain, signing_domain))
		return true;
	for (unsigned i = 0; i < rules->alias_count; i++) {
		const struct outbound_alias *alias = &rules->aliases[i];

		if (domain_equal(alias->domain, domain) &&
		    is_any_of(outbound->author, alias->aliases, alias->alias_count))
			return true;
	}
	return false;
}

/* Is the domain of MAIL FROM the one that would sign? */
static bool envelope_allows(const struct outbound *outbound, const char *signing_domain)
{
	if (outbound->envelope == NULL)
		return false;
	return outbound->rules->subdomains ? domain_within(outbound->envelope, signing_domain)
					   : domain_equal(outbound->envelope, signing_domain);
}

/* NULL: this sender may have the signature. */
static const char *object_to_envelope(const struct outbound *outbound, const char *signing_domain)
{
	if (envelope_allows(outbound, signing_domain))
		return NULL;
	return arena_printf(outbound->arena, "MAIL FROM <%s> does not match %s",
			    outbound->mail_from, signing_domain);
}

/* A client of a submission service that has no login chooses MAIL FROM as it likes, so that From
 * proves as much where MAIL FROM is the null sender: bounces, and replies of mail programs. */
static const char *object_to_client(const struct outbound *outbound, const char *signing_domain)
{
	return outbound->null_sender ? NULL : object_to_envelope(outbound, signing_domain);
}

static const char *object_to_login(const struct outbound *outbound, const char *signing_domain)
{
	const struct outbound_rules *rules = outbound->rules;
	const char *login = outbound->login == NULL ? "-" : outbound->login;
	const char *domain = domain_of_address(outbound->arena, login);

	if (rules->login_count > 0)
		return map_allows(outbound, domain)
			   ? NULL
			   : arena_printf(outbound->arena,
					  "login %s may not sign for %s (sign.logins)", login,
					  outbound->author);
	if ((domain != NULL && login_domain_allows(outbound, domain, signing_domain)) ||
	    (rules->sender == SENDER_ENVELOPE && envelope_allows(outbound, signing_domain)))
		return NULL;
	if (domain != NULL)
		return arena_printf(outbound->arena,
				    "login %s may not sign for %s (sign.logins, sign.aliases)",
				    login, outbound->author);
	if (rules->mta_checks_sender || rules->sender == SENDER_ENVELOPE)
		return object_to_envelope(outbound, signing_domain);
	return arena_printf(outbound->arena,
			    "login %s has no domain, and nothing binds it to %s (sign.logins, "
			    "sign.mta_checks_sender)",
			    login, outbound->author);
}

static bool has_keys(const struct outbound *outbound, const char *domain)
{
	const struct outbound_rules *rules = outbound->rules;
	const struct signing_key *const *keys;

	return keyring_find(rules->keyring, domain, rules->subdomains, outbound->arena, &keys) >
		   0 ||
	       keyring_find_idle(rules->keyring, domain, rules->subdomains, outbound->arena) !=
		   NULL;
}

/* What this host found when it judged the message, or says so. */
struct judged {
	const char *mail_from; /* an address or a domain; NULL: it is not told */
	const char *author;    /* likewise */
	const char *dmarc;     /* the result, or NULL */
};

static void read_results(struct outbound *outbound, const char *text, struct judged *judged)
{
	struct authres_results results;

	if (!authres_parse(outbound->arena, span_of(text), &results))
		return;
	for (unsigned i = 0; i < results.count; i++) {
		const struct authres_result *result = &results.items[i];
		const char *mail_from = authres_value(result, "smtp", "mailfrom");
		const char *author = authres_value(result, "header", "from");

		if (strcmp(result->method, "spf") == 0 && mail_from != NULL)
			judged->mail_from = mail_from;
		if (strcmp(result->method, "dmarc") == 0 && author != NULL) {
			judged->author = author;
			judged->dmarc = result->result;
		}
	}
}

/* Did a list manager send it on? It has another domain in MAIL FROM than it came with, or, for a
 * member of the list's own domain, the list's address in From. A content filter changes neither. */
static bool was_sent_on(const struct outbound *outbound, const struct judged *judged)
{
	const char *at = strrchr(judged->mail_from, '@');

	return !domain_equal(at == NULL ? judged->mail_from : at + 1, outbound->envelope) ||
	       (judged->author != NULL && !domain_equal(judged->author, outbound->author));
}

/* A list manager puts an envelope of its own on what it sends; a content filter keeps the one that
 * the message came with. An author who failed on the way in is not believed on the way out. */
static const char *object_to_judged(const struct outbound *outbound, const struct judged *judged)
{
	if (judged->mail_from != NULL && !was_sent_on(outbound, judged))
		return arena_printf(
		    outbound->arena,
		    "it passes through this host: it was judged here with MAIL FROM <%s>",
		    outbound->mail_from);
	if (judged->author != NULL && domain_equal(judged->author, outbound->author) &&
	    strcmp(judged->dmarc, "pass") != 0 && strcmp(judged->dmarc, "none") != 0)
		return arena_printf(outbound->arena, "it was judged here: dmarc=%s for %s",
				    judged->dmarc, judged->author);
	return NULL;
}

static const char *object_to_results(struct outbound *outbound)
{
	const char *why = NULL;

	if (outbound->result_count > OWN_RESULTS_MAX)
		return "it has more Authentication-Results fields of this host than are read";
	for (unsigned i = 0; i < outbound->result_count && why == NULL; i++) {
		struct judged judged = {NULL, NULL, NULL};

		read_results(outbound, outbound->results[i], &judged);
		why = object_to_judged(outbound, &judged);
	}
	return why;
}

/* A message that has been on another host, or was judged here, needs one of our domains in MAIL
 * FROM. */
static const char *object_to_passage(struct outbound *outbound)
{
	bool judged = outbound->result_count > 0;

	if (!judged && !(outbound->loopback && outbound->travelled))
		return NULL;
	if (outbound->envelope == NULL || !has_keys(outbound, outbound->envelope))
		return arena_printf(outbound->arena,
				    "it passes through this host: it %s, and MAIL FROM <%s> does "
				    "not belong to this host",
				    judged ? "was judged here" : "has been on another host",
				    outbound->mail_from);
	return object_to_results(outbound);
}

static const char *object_to_sender(const struct outbound *outbound, const char *signing_domain)
{
	if (outbound->origin == ORIGIN_LOCAL || outbound->rules->sender == SENDER_ANY)
		return NULL;
	if (outbound->origin == ORIGIN_AUTH || outbound->rules->login_count > 0)
		return object_to_login(outbound, signing_domain);
	return object_to_client(outbound, signing_domain);
}

/* ---- which keys ---- */

/* There is no active key of DOMAIN. */
static void no_key(struct outbound *outbound, const char *domain, bool subdomains)
{
	const struct outbound_rules *rules = outbound->rules;
	const struct signing_key *idle =
	    keyring_find_idle(rules->keyring, domain, subdomains, outbound->arena);
	const struct keyring_fault *fault;
	enum keystate state;

	if (idle == NULL) {
		fault = keyring_find_fault(rules->keyring, domain, subdomains, outbound->arena);
		refuse_signing(
		    outbound, fault != NULL && fault->later ? OUTBOUND_LATER : OUTBOUND_NO_KEY,
		    fault != NULL ? arena_printf(outbound->arena, "no usable key for %s: %s",
						 domain, fault->text)
				  : arena_printf(outbound->arena, "no key for %s", domain));
		return;
	}
	state = signing_key_status(idle).state;
	refuse_signing(outbound,
		       state == KEYSTATE_PENDING ? OUTBOUND_KEY_PENDING : OUTBOUND_KEY_RETIRED,
		       arena_printf(outbound->arena, "no active key for %s: %s of %s is %s", domain,
				    signing_key_selector(idle), signing_key_domain(idle),
				    keystate_text(state)));
}

/* Why From names nobody whose domain could sign, or NULL. */
static const char *choose_author(struct outbound *outbound)
{
	const char *fault = from_fault(&outbound->from);

	if (outbound->from.count > 0)
		outbound->author = outbound->from.domains[0];
	if (fault == NULL && outbound->from.count > 1)
		fault = "From has addresses of several domains";
	return fault;
}

/* A key of the author's domain that does not sign yet, or no longer, is waited for. */
static void take_fallback(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;

	if (rules->fallback != NULL && !has_keys(outbound, outbound->author))
		outbound->key_count = keyring_find(rules->keyring, rules->fallback, false,
						   outbound->arena, &outbound->keys);
}

/* The keys of sign.also come after those that sign already. */
static void add_keys(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;
	const struct signing_key *const *more;
	const struct signing_key **all;
	unsigned count;

	if (rules->also == NULL || domain_equal(rules->also, signing_key_domain(outbound->keys[0])))
		return;
	count = keyring_find(rules->keyring, rules->also, false, outbound->arena, &more);
	all = arena_array(outbound->arena, outbound->key_count + count, sizeof *all);
	memcpy(all, outbound->keys, outbound->key_count * sizeof *all);
	if (count > 0)
		memcpy(all + outbound->key_count, more, count * sizeof *all);
	outbound->keys = all;
	outbound->key_count += count;
}

static void choose_keys(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;
	const char *why = choose_author(outbound), *domain;
	struct why unready;

	if (outbound->why != NULL)
		return;
	if (keyring_ready(rules->keyring, &unready) != 0) {
		refuse_signing(outbound, OUTBOUND_LATER,
			       arena_string(outbound->arena, unready.text));
		return;
	}
	if (why != NULL) {
		refuse_signing(outbound, OUTBOUND_BAD_FROM, why);
		return;
	}
	if (outbound->origin == ORIGIN_LOCAL && (why = object_to_passage(outbound)) != NULL) {
		refuse_signing(outbound, OUTBOUND_NOT_OURS, why);
		return;
	}
	outbound->key_count = keyring_find(rules->keyring, outbound->author, rules->subdomains,
					   outbound->arena, &outbound->keys);
	domain =
	    outbound->key_count == 0 ? outbound->author : signing_key_domain(outbound->keys[0]);
	if (outbound->key_count == 0)
		take_fallback(outbound);
	if (outbound->key_count == 0) {
		no_key(outbound, outbound->author, rules->subdomains);
		return;
	}
	why = object_to_sender(outbound, domain);
	if (why != NULL)
		refuse_signing(outbound, OUTBOUND_SENDER, why);
}

/* The list's keys, for a message that its author's cannot sign. */
static void choose_list_keys(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;
	const char *why = NULL;
	const struct list_host *list = listmail_prove(outbound->list, outbound->secret,
						      outbound->author, outbound->envelope, &why);

	if (list == NULL && why != NULL)
		refuse_signing(outbound,
			       outbound->secret == NULL ? OUTBOUND_LATER : OUTBOUND_NOT_OURS, why);
	if (list == NULL)
		return;
	outbound->sent_by = list;
	outbound->why = NULL;
	outbound->reason = OUTBOUND_SIGNED;
	outbound->key_count =
	    keyring_find(rules->keyring, list->sign, false, outbound->arena, &outbound->keys);
	if (outbound->key_count == 0)
		no_key(outbound, list->sign, false);
}

/* A list's message is sealed whoever has signed it. */
static void begin_seal(struct outbound *outbound)
{
	const struct signing_key *key =
	    keyring_pick(outbound->rules->keyring, outbound->sent_by->sign, outbound->arena);

	if (key != NULL)
		listmail_begin_seal(outbound->list, key);
}

/* The results of a message that its author's keys sign are used for the seal alone. */
static void use_list(struct outbound *outbound)
{
	const char *why;

	if (outbound->why != NULL)
		choose_list_keys(outbound);
	else
		outbound->sent_by = listmail_prove(outbound->list, outbound->secret,
						   outbound->author, outbound->envelope, &why);
	if (outbound->sent_by != NULL && outbound->sent_by->seal)
		begin_seal(outbound);
}

static bool is_open(const struct outbound *outbound)
{
	return outbound->reason == OUTBOUND_SIGNED || outbound->reason == OUTBOUND_NO_KEY ||
	       outbound->reason == OUTBOUND_KEY_PENDING ||
	       outbound->reason == OUTBOUND_KEY_RETIRED || outbound->reason == OUTBOUND_NOT_OURS;
}

/* RFC 9477 section 3.1: both fields are signed, by the domain that the address belongs to. What a
 * list manager sends on is another's mail. */
static void add_complaint_fields(struct outbound *outbound)
{
	const char *address = outbound->rules->cfbl_address, *domain;
	const struct cfbl_message message = {outbound->secret, outbound->author,
					     outbound->message_id};
	bool may = false;

	if (address == NULL || outbound->has_cfbl || outbound->sent_by != NULL)
		return;
	domain = domain_of_address(outbound->arena, address);
	for (unsigned i = 0; i < outbound->key_count && !may; i++)
		may =
		    cfbl_may_name(domain, outbound->author, signing_key_domain(outbound->keys[i]));
	if (!may)
		return;
	outbound->cfbl_address = arena_printf(outbound->arena, "%s; report=arf", address);
	signer_header(outbound->signer, span_of("CFBL-Address"),
		      span_of(arena_printf(outbound->arena, " %s", outbound->cfbl_address)));
	if (outbound->secret == NULL)
		return;
	outbound->cfbl_feedback_id =
	    cfbl_write(&message, clock_day(outbound->now), outbound->arena);
	signer_header(outbound->signer, span_of("CFBL-Feedback-ID"),
		      span_of(arena_printf(outbound->arena, " %s", outbound->cfbl_feedback_id)));
}

/* The choice of one of the author's logos, which receivers believe for the signature's sake. */
static void add_selector(struct outbound *outbound)
{
	const struct outbound_rules *rules = outbound->rules;

	for (unsigned i = 0; i < rules->selector_count && outbound->bimi_selector == NULL; i++) {
		const struct outbound_selector *entry = &rules->selectors[i];

		if (is_any_of(outbound->author, entry->domains, entry->domain_count))
			outbound->bimi_selector =
			    arena_printf(outbound->arena, "v=BIMI1; s=%s;", entry->selector);
	}
	if (outbound->bimi_selector != NULL)
		signer_insert(outbound->signer, bimi_selector,
			      arena_printf(outbound->arena, " %s", outbound->bimi_selector));
}

void outbound_end_of_headers(struct outbound *outbound)
{
	choose_keys(outbound);
	if (outbound->list != NULL && outbound->author != NULL && is_open(outbound))
		use_list(outbound);
	if (outbound->why != NULL) {
		outbound->signer = NULL;
		return;
	}
	add_keys(outbound);
	add_complaint_fields(outbound);
	if (outbound->sent_by == NULL && !outbound->has_selector)
		add_selector(outbound);
}

/* ---- the body ---- */

/* What is wrong with CHUNK, which comes after a CR or not, for a signature that all verifiers are
 * to find valid: RFC 5322 section 2.3 has CR and LF only together, and no NUL. */
static const char *find_unclean(struct span chunk, bool after_cr)
{
	const char *p;

	if (memchr(chunk.p, '\0', span_len(chunk)) != NULL)
		return "NUL";
	if (after_cr && *chunk.p != '\n')
		return "CR without LF";
	for (struct span rest = chunk; (p = memchr(rest.p, '\n', span_len(rest))) != NULL;
	     rest.p = p + 1) {
		if (p == chunk.p ? !after_cr : p[-1] != '\r')
			return "LF without CR";
	}
	for (struct span rest = chunk; (p = memchr(rest.p, '\r', span_len(rest))) != NULL;
	     rest.p = p + 1) {
		if (p + 1 < chunk.end && p[1] != '\n')
			return "CR without LF";
	}
	return NULL;
}

static void refuse_body(struct outbound *outbound, const char *what)
{
	refuse_signing(
	    outbound, OUTBOUND_UNCLEAN,
	    arena_printf(
		outbound->arena,
		"the body has a %s, which verifiers read differently (RFC 5322 section 2.3)",
		what));
	outbound->signer = NULL;
	outbound->sent_by = NULL;
}

void outbound_body(struct outbound *outbound, struct span chunk)
{
	const char *what;

	if (span_empty(chunk))
		return;
	if (outbound->sent_by != NULL)
		listmail_body(outbound->list, chunk);
	if (outbound->signer == NULL)
		return;
	what = outbound->rules->unclean_body ? NULL : find_unclean(chunk, outbound->ends_in_cr);
	outbound->ends_in_cr = chunk.end[-1] == '\r';
	if (what != NULL)
		refuse_body(outbound, what);
	else
		signer_body(outbound->signer, chunk);
}

bool outbound_body_done(const struct outbound *outbound)
{
	return outbound->signer == NULL && outbound->sent_by == NULL;
}

static const char *algorithm_text(enum crypt_type type)
{
	return type == CRYPT_ED25519 ? "ed25519-sha256" : "rsa-sha256";
}

static void add_signature(struct outbound *outbound, const struct signing_key *key,
			  const char *field, struct outbound_result *result)
{
	const char *before = result->signatures;

	assert(result->field_count < outbound->key_count);
	result->fields[result->field_count] = field;
	result->made[result->field_count++] = (struct outbound_signature){
	    signing_key_domain(key), signing_key_selector(key), signing_key_type(key)};
	result->signatures =
	    arena_printf(outbound->arena, "%s%s%s/%s/%s", before == NULL ? "" : before,
			 before == NULL ? "" : ",", signing_key_domain(key),
			 signing_key_selector(key), algorithm_text(signing_key_type(key)));
}

/* With all keys at once: they may be in another process. */
static void make_signatures(struct outbound *outbound, struct outbound_result *result)
{
	struct arena *arena = outbound->arena;
	struct key_task *tasks = arena_array(arena, outbound->key_count, sizeof *tasks);
	struct signer_field *fields = arena_array(arena, outbound->key_count, sizeof *fields);
	unsigned count = 0;
	struct why why;

	for (unsigned i = 0; i < outbound->key_count; i++) {
		if (signer_prepare(outbound->signer, outbound->keys[i], &tasks[count],
				   &fields[count], &why) == 0)
			count++;
		else
			result->why = arena_string(arena, why.text);
	}
	if (count > 0)
		keys_sign(tasks, count, arena);
	for (unsigned i = 0; i < count; i++) {
		const char *field = signer_complete(&fields[i], &why);

		if (field != NULL) {
			add_signature(outbound, tasks[i].key, field, result);
		} else {
			result->why = arena_string(arena, why.text);
			if (!tasks[i].lasting)
				result->reason = OUTBOUND_LATER;
		}
	}
	if (result->field_count == 0 && result->reason != OUTBOUND_LATER)
		result->reason = OUTBOUND_FAILED;
}

static void make_seal(struct outbound *outbound, struct outbound_result *result)
{
	struct arcseal_fields *fields = arena_make(outbound->arena, struct arcseal_fields);
	struct why why;
	bool later;

	if (listmail_seal(outbound->list, fields, &later, &why) == 0) {
		result->arc = fields;
		result->sealed_by = outbound->sent_by->sign;
		return;
	}
	if (later)
		result->reason = OUTBOUND_LATER;
	if (why.text[0] != '\0')
		result->why = arena_printf(outbound->arena, "not sealed: %s", why.text);
}

void outbound_finish(struct outbound *outbound, struct outbound_result *result)
{
	struct arena *arena = outbound->arena;

	if (outbound->signer != NULL && outbound->ends_in_cr && !outbound->rules->unclean_body)
		refuse_body(outbound, "CR without LF");
	memset(result, 0, sizeof *result);
	result->author_domain = outbound->author == NULL ? "" : outbound->author;
	result->why = outbound->why;
	result->reason = outbound->reason;
	result->fields = arena_array(arena, outbound->key_count + 1, sizeof *result->fields);
	result->made = arena_array(arena, outbound->key_count + 1, sizeof *result->made);
	if (outbound->signer != NULL)
		make_signatures(outbound, result);
	if (result->field_count > 0) {
		result->cfbl_address = outbound->cfbl_address;
		result->cfbl_feedback_id = outbound->cfbl_feedback_id;
		result->bimi_selector = outbound->bimi_selector;
	}
	result->from_list = outbound->sent_by != NULL;
	if (outbound->sent_by != NULL && outbound->sent_by->seal)
		make_seal(outbound, result);
}
