#include "milter/logline.h"

#include <inttypes.h>

#include "lib/buf.h"
#include "lib/clock.h"

enum { VALUE_MAX = 256, LINE_MAX_BYTES = 3500, DKIM_SHOWN = 10 };

/* Printable ASCII without blank and quote goes as it is; anything else is quoted and escaped. */
static bool is_plain(struct span value)
{
	if (span_empty(value))
		return false;
	for (; value.p < value.end; value.p++) {
		if (*value.p <= ' ' || *value.p > '~' || *value.p == '"' || *value.p == '\\')
			return false;
	}
	return true;
}

static void put_value(struct buf *line, const char *text)
{
	struct span value = span_of(text);

	if (span_len(value) > VALUE_MAX)
		value.end = value.p + VALUE_MAX;
	if (is_plain(value)) {
		buf_span(line, value);
		return;
	}
	buf_char(line, '"');
	for (; value.p < value.end; value.p++) {
		unsigned char c = (unsigned char)*value.p;

		if (c == '"' || c == '\\')
			buf_printf(line, "\\%c", c);
		else if (c < ' ' || c > '~')
			buf_printf(line, "\\x%02x", c);
		else
			buf_char(line, (char)c);
	}
	buf_char(line, '"');
}

static void put(struct buf *line, const char *key, const char *text)
{
	buf_char(line, ' ');
	buf_string(line, key);
	buf_char(line, '=');
	put_value(line, text);
}

static void begin(struct buf *line, struct arena *arena, const struct logline_facts *facts)
{
	char ip[IP_TEXT_MAX];

	buf_init(line, arena, LINE_MAX_BYTES);
	buf_printf(line, "%s: origin=%s", facts->queue_id == NULL ? "NOQUEUE" : facts->queue_id,
		   name_text(origin_names, (int)facts->origin));
	if (facts->client.family != 0)
		put(line, "ip", ip_text(&facts->client, ip));
}

static void put_address(struct buf *line, const char *key, const char *address)
{
	struct buf text;

	buf_init(&text, line->arena, 0);
	buf_printf(&text, "<%.*s>", VALUE_MAX - 2, address);
	put(line, key, buf_text(&text));
}

static void end(struct buf *line, const struct logline_facts *facts)
{
	buf_printf(line, " size=%" PRIu64 " dns=%u ms=%" PRId64, facts->size, facts->lookups,
		   facts->nanoseconds / CLOCK_MS);
	if (facts->note != NULL)
		put(line, "note", facts->note);
}

static void put_dkim(struct buf *line, const struct verdict *verdict)
{
	buf_string(line, " dkim=");
	if (verdict->dkim_count == 0)
		buf_string(line, "none");
	for (unsigned i = 0; i < verdict->dkim_count && i < DKIM_SHOWN; i++) {
		const struct dkim_verdict *dkim = &verdict->dkim[i];

		buf_printf(line, "%s%s/", i == 0 ? "" : ",", auth_text(dkim->result));
		put_value(line, dkim->domain);
		buf_char(line, '/');
		put_value(line, dkim->selector);
		buf_char(line, '/');
		put_value(line, dkim->algorithm);
		if (dkim->key_bits > 0)
			buf_printf(line, "/%u", dkim->key_bits);
	}
	if (verdict->dkim_ignored > 0)
		buf_printf(line, " dkim_ignored=%u", verdict->dkim_ignored);
}

/* The newest sealer's domain and the number of sets. */
static void put_arc(struct buf *line, const struct arc_verdict *arc)
{
	buf_printf(line, " arc=%s", auth_text(arc->result));
	if (arc->count == 0)
		return;
	buf_char(line, '/');
	put_value(line, arc->sets[arc->count - 1].domain);
	buf_printf(line, "/%u", arc->count);
}

static void put_dmarc(struct buf *line, const struct dmarc_verdict *dmarc)
{
	buf_printf(line, " dmarc=%s", auth_text(dmarc->result));
	if (dmarc->published == NULL)
		return;
	buf_printf(line, " policy=%s aligned=%s%s%s", dmarc_policy_text(dmarc->policy),
		   dmarc->spf_aligned ? "spf" : "",
		   dmarc->spf_aligned && dmarc->dkim_aligned ? "," : "",
		   dmarc->dkim_aligned	? "dkim"
		   : dmarc->spf_aligned ? ""
					: "-");
}

static void put_decision(struct buf *line, const struct decision *decision)
{
	for (unsigned i = 0; i < decision->override_count; i++)
		put(line, "override",
		    name_text(override_names, (int)decision->overrides[i].type));
	buf_printf(line, " action=%s", name_text(action_names, (int)decision->action));
	put(line, "reason", decision->why);
}

const char *logline_inbound(struct arena *arena, const struct logline_facts *facts,
			    const struct verdict *verdict)
{
	struct buf line;

	begin(&line, arena, facts);
	put(&line, "name", facts->client_name);
	put(&line, "helo", facts->helo);
	put_address(&line, "from", facts->mail_from);
	put(&line, "hfrom", verdict->dmarc.author_domain);
	buf_printf(&line, " iprev=%s", auth_text(verdict->iprev.result));
	buf_printf(&line, " spf=%s", auth_text(verdict->spf.result));
	if (verdict->spf.mechanism != NULL)
		put(&line, "mech", verdict->spf.mechanism);
	if (verdict->spf.explanation != NULL)
		put(&line, "spf_exp", verdict->spf.explanation);
	put_dkim(&line, verdict);
	put_arc(&line, &verdict->arc);
	put_dmarc(&line, &verdict->dmarc);
	put_decision(&line, &verdict->decision);
	end(&line, facts);
	return buf_text(&line);
}

const char *logline_outbound(struct arena *arena, const struct logline_facts *facts,
			     const struct outbound_result *result, enum action action)
{
	struct buf line;

	begin(&line, arena, facts);
	if (facts->login != NULL)
		put(&line, "user", facts->login);
	put_address(&line, "from", facts->mail_from);
	put(&line, "hfrom", result->author_domain);
	if (result->signatures != NULL)
		put(&line, "sign", result->signatures);
	else
		buf_string(&line, " sign=no");
	if (result->why != NULL)
		put(&line, "reason", result->why);
	buf_printf(&line, " action=%s", name_text(action_names, (int)action));
	end(&line, facts);
	return buf_text(&line);
}
