/* SPDX-License-Identifier: BSD-2-Clause */
#include "milter/logline.h"

#include <assert.h>
#include <inttypes.h>

#include "lib/buf.h"
#include "lib/clock.h"

enum { VALUE_MAX = 256, LIST_MAX = LOG_VALUE_MAX, DKIM_SHOWN = 10 };

struct line {
	struct arena *arena;
	struct log_record *record;
};

/* ---- fields ---- */

static struct log_field *add_field(struct line *line, const char *key, const char *value)
{
	struct log_record *record = line->record;
	struct log_field *field = &record->fields[record->count++];

	assert(record->count <= LOG_FIELDS_MAX);
	field->key = key;
	field->value = value;
	return field;
}

static const char *copy_bounded(struct line *line, const char *text, size_t max)
{
	struct span value = span_of(text);

	if (span_len(value) > max)
		value.end = value.p + max;
	return arena_span(line->arena, value);
}

static void put_text(struct line *line, const char *key, const char *text)
{
	add_field(line, key, copy_bounded(line, text, VALUE_MAX));
}

static void put_number(struct line *line, const char *key, int64_t value)
{
	add_field(line, key, arena_printf(line->arena, "%" PRId64, value))->number = true;
}

static void put_address(struct line *line, const char *key, const char *address)
{
	add_field(line, key,
		  arena_printf(line->arena, "<%s>", copy_bounded(line, address, VALUE_MAX - 2)));
}

/* What names the message at the other MTAs. */
static void put_names(struct line *line, const struct logline_facts *facts)
{
	if (facts->message_id != NULL)
		put_text(line, "msgid", facts->message_id);
	if (facts->recipients == NULL)
		return;
	add_field(line, "rcpt", copy_bounded(line, facts->recipients, LIST_MAX));
	put_number(line, "rcpts", facts->recipient_count);
}

static struct line begin_line(struct arena *arena, const char *queue_id, enum origin origin)
{
	struct line line = {arena, arena_make(arena, struct log_record)};

	line.record->id = queue_id == NULL ? "NOQUEUE" : queue_id;
	put_text(&line, "origin", name_text(origin_names, (int)origin));
	return line;
}

static void put_ip(struct line *line, const char *key, const struct ip *ip)
{
	char text[IP_TEXT_MAX];

	if (ip->family != 0)
		put_text(line, key, ip_text(ip, text));
}

static struct line begin_message(struct arena *arena, const struct logline_facts *facts)
{
	struct line line = begin_line(arena, facts->queue_id, facts->origin);

	put_ip(&line, facts->origin == ORIGIN_RELAY ? "relay" : "ip", &facts->client);
	return line;
}

static const struct log_record *end_line(struct line *line, const struct logline_facts *facts)
{
	put_number(line, "size", (int64_t)facts->size);
	put_number(line, "dns", facts->lookups);
	put_number(line, "ms", facts->nanoseconds / CLOCK_MS);
	if (facts->note != NULL)
		put_text(line, "note", facts->note);
	return line->record;
}

/* ---- results ---- */

static void put_dkim(struct line *line, const struct verdict *verdict)
{
	struct buf list;

	buf_init(&list, line->arena, LIST_MAX);
	for (unsigned i = 0; i < verdict->dkim_count && i < DKIM_SHOWN; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];

		buf_printf(&list, "%s%s/%s/%s/%s", i == 0 ? "" : ",", auth_text(dkim->result),
			   copy_bounded(line, dkim->domain, VALUE_MAX),
			   copy_bounded(line, dkim->selector, VALUE_MAX),
			   copy_bounded(line, dkim->algorithm, VALUE_MAX));
		if (dkim->key_bits > 0)
			buf_printf(&list, "/%u", dkim->key_bits);
	}
	add_field(line, "dkim", list.len == 0 ? "none" : buf_text(&list));
	if (verdict->dkim_ignored > 0)
		put_number(line, "dkim_ignored", verdict->dkim_ignored);
}

/* The newest sealer's domain and the number of sets. */
static void put_arc(struct line *line, const struct arc_verdict *arc)
{
	if (arc->count == 0)
		put_text(line, "arc", auth_text(arc->result));
	else
		add_field(
		    line, "arc",
		    arena_printf(line->arena, "%s/%s/%u", auth_text(arc->result),
				 copy_bounded(line, arc->sets[arc->count - 1].domain, VALUE_MAX),
				 arc->count));
}

static void put_dmarc(struct line *line, const struct dmarc_verdict *dmarc)
{
	static const char *const aligned[] = {"-", "spf", "dkim", "spf,dkim"};

	put_text(line, "dmarc", auth_text(dmarc->result));
	if (dmarc->published == NULL)
		return;
	put_text(line, "policy", dmarc_policy_text(dmarc->policy));
	put_text(line, "aligned", aligned[dmarc->spf_aligned + 2 * dmarc->dkim_aligned]);
}

static void put_decision(struct line *line, const struct decision *decision)
{
	struct buf list;

	buf_init(&list, line->arena, LIST_MAX);
	for (unsigned i = 0; i < decision->override_count; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : ",",
			   name_text(override_names, (int)decision->overrides[i].type));
	if (list.len > 0)
		add_field(line, "override", buf_text(&list));
	put_text(line, "action", name_text(action_names, (int)decision->action));
	put_text(line, "reason", decision->why);
}

static void put_fault(struct line *line, const struct dns_fault *fault)
{
	if (fault->name != NULL)
		add_field(line, "dns_fault",
			  arena_printf(line->arena, "%s %s: %s", dns_type_text(fault->type),
				       fault->name, fault->reason));
}

/* ---- lines ---- */

const struct log_record *logline_inbound(struct arena *arena, const struct logline_facts *facts,
					 const struct verdict *verdict)
{
	struct line line = begin_message(arena, facts);

	if (facts->origin == ORIGIN_RELAY)
		put_ip(&line, "ip", &verdict->client);
	else
		put_text(&line, "name", facts->client_name);
	put_text(&line, "helo", verdict->helo);
	put_address(&line, "from", facts->mail_from);
	put_text(&line, "hfrom", verdict->dmarc.author_domain);
	put_names(&line, facts);
	put_text(&line, "iprev", auth_text(verdict->iprev.result));
	put_text(&line, "spf", auth_text(verdict->spf.result));
	if (verdict->spf.mechanism != NULL)
		put_text(&line, "mech", verdict->spf.mechanism);
	if (verdict->spf.explanation != NULL)
		put_text(&line, "spf_exp", verdict->spf.explanation);
	put_dkim(&line, verdict);
	put_arc(&line, &verdict->arc);
	put_dmarc(&line, &verdict->dmarc);
	if (verdict->bimi.evaluated)
		put_text(&line, "bimi", bimi_text(verdict->bimi.result));
	put_fault(&line, &verdict->dns_fault);
	put_decision(&line, &verdict->decision);
	return end_line(&line, facts);
}

const struct log_record *logline_outbound(struct arena *arena, const struct logline_facts *facts,
					  const struct outbound_result *result, enum action action)
{
	struct line line = begin_message(arena, facts);

	if (facts->login != NULL)
		put_text(&line, "user", facts->login);
	put_address(&line, "from", facts->mail_from);
	put_text(&line, "hfrom", result->author_domain);
	put_names(&line, facts);
	add_field(&line, "sign",
		  result->signatures == NULL ? "no"
					     : copy_bounded(&line, result->signatures, LIST_MAX));
	if (result->sealed_by != NULL)
		put_text(&line, "seal", result->sealed_by);
	if (result->why != NULL)
		put_text(&line, "reason", result->why);
	put_text(&line, "action", name_text(action_names, (int)action));
	return end_line(&line, facts);
}

const struct log_record *logline_skipped(struct arena *arena, const struct logline_facts *facts,
					 enum action action)
{
	struct line line = begin_message(arena, facts);

	put_address(&line, "from", facts->mail_from);
	put_names(&line, facts);
	put_text(&line, "action", name_text(action_names, (int)action));
	put_text(&line, "reason", "mail of this relay is neither judged nor signed (relays)");
	return end_line(&line, facts);
}

const struct log_record *logline_refused(struct arena *arena, const char *queue_id,
					 enum origin origin, enum action action, const char *why)
{
	struct line line = begin_line(arena, queue_id, origin);

	put_text(&line, "action", name_text(action_names, (int)action));
	put_text(&line, "reason", why);
	return line.record;
}
