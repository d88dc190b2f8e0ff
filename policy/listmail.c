/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The header is kept as the sealer needs it. Nothing is looked up: the chain was validated when the
 * message arrived, and its newest seal is bound to that result.
 */
#include "policy/listmail.h"

#include <assert.h>
#include <string.h>

#include "mail/authres_read.h"
#include "mail/domain.h"
#include "policy/origin.h"
#include "policy/trust.h"

enum { MESSAGE_ID_MAX = 256 };

struct listmail {
	const struct list_rules *rules;
	struct ip client;
	bool on_socket;
	struct arena *arena;
	int64_t now;
	struct dkimengine_field *fields, **fields_end;
	struct arc *arc;
	const char *id; /* of the list; NULL: none */
	unsigned ids;
	const char *message_id;
	const char *own; /* the field with our name */
	unsigned owns;
	const char *results; /* of the arrival, once they are proven */
	struct arc_verdict chain;
	struct arcseal *seal;
};

static bool is_manager(const struct list_host *list, const struct ip *client, bool on_socket)
{
	return origin_is_from(client, on_socket, list->from, list->from_count);
}

/* A binding is to the id: entries with the same one share it. */
static bool has_id(const struct list_hosts *lists, const char *id)
{
	for (unsigned i = 0; i < lists->count; i++)
		if (domain_equal(lists->items[i]->id, id))
			return true;
	return false;
}

void listmail_add_recipient(const struct list_rules *rules, const char *domain,
			    struct list_hosts *lists)
{
	for (unsigned i = 0; i < rules->count && domain != NULL; i++) {
		const struct list_host *list = &rules->items[i];

		if (lists->count < BINDING_MAX && domain_within(domain, list->id) &&
		    !has_id(lists, list->id))
			lists->items[lists->count++] = list;
	}
}

struct listmail *listmail_new(const struct list_rules *rules, const struct ip *client,
			      bool on_socket, struct arena *arena, int64_t now)
{
	static const struct arc_rules no_rules;
	struct listmail *mail;
	bool found = false;

	for (unsigned i = 0; i < rules->count; i++)
		found = found || is_manager(&rules->items[i], client, on_socket);
	if (!found)
		return NULL;
	mail = arena_make(arena, struct listmail);
	mail->rules = rules;
	mail->client = *client;
	mail->on_socket = on_socket;
	mail->arena = arena;
	mail->now = now;
	mail->fields_end = &mail->fields;
	mail->arc = arc_new(&no_rules, NULL, arena, NULL, now);
	return mail;
}

static const char *take_message_id(struct arena *arena, struct span value)
{
	value = span_trim(value);
	if (span_len(value) > MESSAGE_ID_MAX)
		value.end = value.p + MESSAGE_ID_MAX;
	return arena_span(arena, value);
}

void listmail_header(struct listmail *mail, struct span name, struct span value)
{
	struct dkimengine_field *field = dkimengine_field_new(mail->arena, name, value);

	*mail->fields_end = field;
	mail->fields_end = &field->next;
	arc_header(mail->arc, field);
	if (span_ieq(field->name, "list-id") && mail->ids++ == 0)
		mail->id = trust_list_id(mail->arena, value);
	if (span_ieq(field->name, "message-id") && mail->message_id == NULL)
		mail->message_id = take_message_id(mail->arena, value);
}

void listmail_own_results(struct listmail *mail, struct span value)
{
	if (mail->owns++ == 0)
		mail->own = arena_span(mail->arena, value);
}

/* ---- the proof ---- */

/* The list by its manager's address and its id, or NULL. */
static const struct list_host *find_list(const struct listmail *mail)
{
	for (unsigned i = 0; i < mail->rules->count && mail->ids == 1 && mail->id != NULL; i++) {
		const struct list_host *list = &mail->rules->items[i];

		if (domain_within(mail->id, list->id) &&
		    is_manager(list, &mail->client, mail->on_socket))
			return list;
	}
	return NULL;
}

/* Do two names have their last two labels in common? More names have that than are of one
 * organization. */
static bool are_related(const char *a, const char *b)
{
	return domain_labels(a) > 1 && domain_within(b, domain_last(a, 2));
}

static bool is_list_envelope(const struct list_host *list, const char *envelope)
{
	return envelope != NULL &&
	       (domain_within(envelope, list->id) || domain_equal(envelope, list->sign));
}

static const char *domain_of_result(const char *mail_from)
{
	const char *at = strrchr(mail_from, '@');

	return at == NULL ? mail_from : at + 1;
}

/* What the results of the arrival say against LIST's signature, or NULL. A message with the list's
 * MAIL FROM was not sent on by its manager. An author who failed cannot have a signature that DMARC
 * could take for theirs. */
static const char *object_to_arrival(struct listmail *mail, const struct list_host *list,
				     const char *author, const char *envelope)
{
	struct authres_results results;
	enum auth_result chain = AUTH_FAIL;
	bool passed = false;

	if (!authres_parse(mail->arena, span_of(mail->results), &results))
		return "its results cannot be read";
	for (unsigned i = 0; i < results.count; i++) {
		const struct authres_result *result = &results.items[i];
		const char *mail_from = authres_value(result, "smtp", "mailfrom");

		if (strcmp(result->method, "spf") == 0 && mail_from != NULL &&
		    domain_equal(domain_of_result(mail_from), envelope))
			return "it passes through this host: it came with the list's MAIL FROM";
		if (strcmp(result->method, "dmarc") == 0)
			passed = strcmp(result->result, "pass") == 0;
		if (strcmp(result->method, "arc") == 0)
			chain = (enum auth_result)name_code(auth_result_names,
							    span_of(result->result), AUTH_FAIL);
	}
	if (!passed && are_related(author, list->sign))
		return arena_printf(mail->arena, "%s did not pass DMARC when it arrived", author);
	arc_resume(mail->arc, chain, &mail->chain);
	return NULL;
}

static const char *read_results(struct listmail *mail, const struct list_host *list,
				const char *secret, const char *author)
{
	struct binding binding = {
	    .secret = secret,
	    .list = list->id,
	    .author = author,
	    .message_id = mail->message_id,
	    .seal = arc_newest_seal(mail->arc),
	    .now = mail->now,
	};

	if (mail->message_id == NULL || mail->owns != 1)
		return NULL;
	return binding_read(&binding, span_of(mail->own), mail->arena);
}

const struct list_host *listmail_prove(struct listmail *mail, const char *secret,
				       const char *author, const char *envelope, const char **why)
{
	const struct list_host *list = find_list(mail);

	*why = NULL;
	if (list == NULL)
		return NULL;
	if (!is_list_envelope(list, envelope)) {
		*why = arena_printf(mail->arena, "MAIL FROM is not in the domain of the list %s",
				    mail->id);
		return NULL;
	}
	if (secret == NULL) {
		*why = "the secret for mail of lists is not yet known";
		return NULL;
	}
	mail->results = read_results(mail, list, secret, author);
	*why = mail->results == NULL
		   ? arena_printf(mail->arena,
				  "mail of the list %s without results of its arrival at this host "
				  "that are bound to it (lists)",
				  mail->id)
		   : object_to_arrival(mail, list, author, envelope);
	return *why == NULL ? list : NULL;
}

/* ---- the seal ---- */

void listmail_begin_seal(struct listmail *mail, const struct signing_key *key)
{
	assert(mail->results != NULL && key != NULL);
	mail->seal = arcseal_new(mail->arc, mail->fields, key, mail->arena, mail->now);
}

void listmail_body(struct listmail *mail, struct span chunk)
{
	if (mail->seal != NULL)
		arcseal_body(mail->seal, chunk);
}

int listmail_seal(struct listmail *mail, struct arcseal_fields *out, bool *later, struct why *why)
{
	why->text[0] = '\0';
	*later = false;
	if (mail->seal == NULL)
		return -1;
	if (mail->chain.temporary)
		return why_set(why, "%s", mail->chain.why);
	return arcseal_finish(mail->seal, &mail->chain, mail->results, out, later, why);
}
