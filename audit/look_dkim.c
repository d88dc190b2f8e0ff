/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that we hold for the domain, beside what the DNS shows at their names. No selector is
 * guessed.
 */
#include <string.h>

#include "audit/look.h"
#include "mail/domain.h"
#include "mail/taglist.h"
#include "policy/dkim/key.h"

static const char absent[] = "no-such-selector-countersign._domainkey";

struct collect {
	const struct look *look;
	struct audit_dkim *dkim; /* NULL: only the lookups are started */
	unsigned count, room;
};

static void count_key(void *arg, const struct signing_key *key, const char *path)
{
	struct collect *collect = arg;

	(void)path;
	if (!domain_equal(signing_key_domain(key), collect->look->domain))
		return;
	collect->count++;
	published_start(collect->look->scope, key);
}

/* RFC 8460 section 3: reports want a key for every service, or for tlsrpt. */
static bool serves_tlsrpt(struct span text)
{
	const struct tag *service;
	struct taglist list;
	struct span rest, part;
	bool more = true;
	struct why why;

	if (taglist_parse(&list, text, &why) == -1)
		return true;
	service = taglist_find(&list, "s");
	if (service == NULL)
		return true;
	for (rest = service->value; span_split(&rest, &more, ':', &part);) {
		if (span_eq(span_trim(part), "*") || span_eq(span_trim(part), "tlsrpt"))
			return true;
	}
	return false;
}

static void read_published(const struct look *look, struct audit_key *key)
{
	struct dkimkey parsed;
	struct why why = {""};

	if (key->txt.count != 1)
		return;
	if (dkimkey_parse(look->arena, look_text(&key->txt.records[0]), &parsed, &why) == -1) {
		key->fault = arena_string(look->arena, why.text);
		return;
	}
	key->parsed = true;
	key->testing = parsed.testing;
	key->sha256 = parsed.sha256;
	key->published_bits = parsed.bits;
	key->tlsrpt = serves_tlsrpt(look_text(&key->txt.records[0]));
}

static void take_key(void *arg, const struct signing_key *signing, const char *path)
{
	struct collect *collect = arg;
	const struct look *look = collect->look;
	struct audit_key *key;
	const struct dns_answer *answer;

	(void)path;
	if (!domain_equal(signing_key_domain(signing), look->domain) ||
	    collect->dkim->count == collect->room)
		return;
	key = &collect->dkim->keys[collect->dkim->count++];
	key->selector = arena_string(look->arena, signing_key_selector(signing));
	key->type = signing_key_type(signing) == CRYPT_RSA ? "rsa" : "ed25519";
	key->bits = signing_key_bits(signing);
	key->status = signing_key_status(signing);
	key->record = signing_key_record(signing);
	key->txt = look_ask(look, signing_key_name(signing, look->arena), DNS_TYPE_TXT);
	answer = dns_wait(published_start(look->scope, signing));
	key->published = published_judge(answer, signing, look->arena, &key->detail);
	read_published(look, key);
}

/* "*._domainkey TXT v=DKIM1; p=", as a domain without mail may have it. */
static bool is_revoked(const struct look *look, const struct audit_answer *answer)
{
	struct dkimkey parsed;
	struct why why;

	return answer->count == 1 &&
	       dkimkey_parse(look->arena, look_text(&answer->records[0]), &parsed, &why) == 0 &&
	       parsed.length == 0;
}

/* ---- selectors of received reports ---- */

static void find_key(void *arg, const struct signing_key *key, const char *path)
{
	struct audit_seen *seen = arg;

	(void)path;
	if (domain_equal(signing_key_domain(key), seen->domain) &&
	    strcmp(signing_key_selector(key), seen->selector) == 0)
		seen->messages = 0;
}

/* Of the domain, and not of the keyring. */
static bool is_stranger(const struct look *look, const struct audit_seen *seen)
{
	struct audit_seen copy = *seen;

	if (!domain_equal(seen->domain, look->domain))
		return false;
	if (look->settings->keyring != NULL)
		keyring_each(look->settings->keyring, find_key, &copy);
	return copy.messages > 0;
}

static void read_stranger(const struct look *look, struct audit_stranger *stranger)
{
	struct dkimkey parsed;
	struct why why = {""};

	if (stranger->txt.count != 1)
		return;
	if (dkimkey_parse(look->arena, look_text(&stranger->txt.records[0]), &parsed, &why) == -1) {
		stranger->fault = arena_string(look->arena, why.text);
		return;
	}
	stranger->revoked = parsed.length == 0;
	if (stranger->revoked)
		return;
	stranger->type = parsed.type == DKIMKEY_RSA ? "rsa" : "ed25519";
	stranger->bits = parsed.bits;
}

static const char *stranger_name(const struct look *look, const struct audit_seen *seen)
{
	return arena_printf(look->arena, "%s._domainkey.%s", seen->selector, look->domain);
}

static void look_strangers(const struct look *look)
{
	struct audit_dkim *dkim = &look->facts->dkim;

	for (unsigned i = 0; i < look->settings->seen_count; i++) {
		const struct audit_seen *seen = &look->settings->seen[i];
		struct audit_stranger *stranger = &dkim->strangers[dkim->stranger_count];

		if (dkim->stranger_count == AUDIT_STRANGERS_MAX || !is_stranger(look, seen))
			continue;
		stranger->selector = seen->selector;
		stranger->messages = seen->messages;
		stranger->last_day = seen->last_day;
		stranger->txt = look_ask(look, stranger_name(look, seen), DNS_TYPE_TXT);
		read_stranger(look, stranger);
		dkim->stranger_count++;
	}
}

/* ---- all of it ---- */

void look_start_dkim(const struct look *look)
{
	struct collect collect = {.look = look};

	look_start(look, look_name(look, absent), DNS_TYPE_TXT);
	if (look->settings->keyring != NULL)
		keyring_each(look->settings->keyring, count_key, &collect);
	for (unsigned i = 0; i < look->settings->seen_count; i++) {
		if (is_stranger(look, &look->settings->seen[i]))
			look_start(look, stranger_name(look, &look->settings->seen[i]),
				   DNS_TYPE_TXT);
	}
}

void look_dkim(const struct look *look)
{
	struct collect collect = {.look = look, .dkim = &look->facts->dkim};

	look->facts->dkim.wildcard = look_ask(look, look_name(look, absent), DNS_TYPE_TXT);
	look->facts->dkim.revoked = is_revoked(look, &look->facts->dkim.wildcard);
	look_strangers(look);
	if (look->settings->keyring == NULL)
		return;
	keyring_each(look->settings->keyring, count_key, &collect);
	collect.room = collect.count;
	look->facts->dkim.keys = arena_array(look->arena, collect.room, sizeof(struct audit_key));
	keyring_each(look->settings->keyring, take_key, &collect);
}
