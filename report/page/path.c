/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * target    = *( "/" segment ) [ "?" parameter *( "&" parameter ) ]
 * parameter = name [ "=" value ]
 *
 * A segment is split off before it is decoded, so that %2F is a character of a name. What decodes
 * to a control character or to anything but UTF-8 is refused, and nothing is decoded twice.
 */
#include "report/page/path.h"

#include <assert.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/utf8.h"
#include "mail/domain.h"
#include "report/page/facts.h"

enum { SEGMENTS_MAX = 4, ID_MAX = 64 };

const char *const path_message_keys[] = {"qid",    "from",  "hfrom", "ip",  "helo",  "user",
					 "origin", "spf",   "dkim",  "arc", "dmarc", "policy",
					 "action", "msgid", "rcpt",  NULL};
_Static_assert(sizeof path_message_keys / sizeof path_message_keys[0] == PATH_WANTED_MAX + 1,
	       "there is a place for each key");

/* ---- decoding ---- */

/* NULL with WHY: TEXT is not percent-encoded UTF-8 without control characters, or is too long. */
static const char *decode_text(struct span text, bool in_query, struct arena *arena,
			       struct why *why)
{
	struct buf out;
	const char *decoded;

	buf_init(&out, arena, PATH_VALUE_MAX);
	for (const char *p = text.p; p < text.end; p++) {
		int high = *p == '%' && text.end - p > 2 ? char_hex((unsigned char)p[1]) : -1;
		int low = high >= 0 ? char_hex((unsigned char)p[2]) : -1;
		int c = low >= 0 ? high * 16 + low : (unsigned char)*p;

		if (*p == '%' && low < 0)
			return why_set(why, "a percent sign without two hexadecimal digits"), NULL;
		if (*p == '+' && in_query)
			c = ' ';
		if (c < ' ' || c == 0x7f)
			return why_set(why, "a control character"), NULL;
		buf_char(&out, (char)c);
		p += low >= 0 ? 2 : 0;
	}
	if (out.failed)
		return why_set(why, "a value of more than %d bytes", PATH_VALUE_MAX), NULL;
	decoded = buf_text(&out);
	if (!utf8_is_clean(span_of(decoded)))
		return why_set(why, "not UTF-8"), NULL;
	return decoded;
}

/* ---- parameters ---- */

static bool set_days(struct path_request *request, const char *value)
{
	struct span text = span_of(value);
	uint64_t days;

	if (span_empty(text) || text.end[-1] != 'd' ||
	    !span_number((struct span){text.p, text.end - 1}, PAGE_DAYS_MAX, &days) || days == 0)
		return false;
	request->days = (unsigned)days;
	return true;
}

static bool set_page(struct path_request *request, const char *value)
{
	uint64_t page;

	if (!span_number(span_of(value), PATH_PAGE_MAX, &page) || page == 0)
		return false;
	request->page = (unsigned)page;
	return true;
}

static bool set_before(struct path_request *request, const char *value)
{
	uint64_t at;

	if (!span_number(span_of(value), UINT32_MAX, &at))
		return false;
	request->before = (int64_t)at;
	return true;
}

static bool set_failing(struct path_request *request, const char *value)
{
	request->failing = strcmp(value, "1") == 0;
	return request->failing || strcmp(value, "0") == 0;
}

static bool set_format(struct path_request *request, const char *value)
{
	request->json = strcmp(value, "json") == 0;
	return request->json || strcmp(value, "html") == 0;
}

/* A value that is empty, as of a form that was not filled in, wants nothing. */
static bool set_domain(struct path_request *request, const char *value)
{
	return *value == '\0' || request->domain != NULL;
}

#define IN(kind) (1U << (kind))
static const struct {
	const char *name;
	unsigned kinds; /* of pages that have it */
	bool (*set)(struct path_request *request, const char *value);
} parameters[] = {
    {"since", IN(PATH_HOME) | IN(PATH_DOMAIN) | IN(PATH_SOURCE) | IN(PATH_REPORTS), set_days},
    {"page", IN(PATH_REPORTS) | IN(PATH_REPORT) | IN(PATH_MESSAGES), set_page},
    {"failing", IN(PATH_REPORTS), set_failing},
    {"domain", IN(PATH_REPORTS), set_domain},
    {"before", IN(PATH_MESSAGES), set_before},
    {"format", ~0U, set_format}};

enum { PARAMETERS = sizeof parameters / sizeof parameters[0] };

static bool want_field(struct path_request *request, const char *name, const char *value)
{
	for (unsigned i = 0; path_message_keys[i] != NULL; i++) {
		if (strcmp(path_message_keys[i], name) != 0)
			continue;
		if (*value == '\0')
			return true;
		request->wanted[request->wanted_count].key = path_message_keys[i];
		request->wanted[request->wanted_count++].value = value;
		return true;
	}
	return false;
}

static int take_parameter(struct path_request *request, const char *name, const char *value,
			  struct arena *arena, struct why *why)
{
	for (unsigned i = 0; i < PARAMETERS; i++) {
		if (strcmp(parameters[i].name, name) != 0 ||
		    (parameters[i].kinds & IN(request->kind)) == 0)
			continue;
		if (parameters[i].set == set_domain)
			request->domain = domain_to_ascii(arena, span_of(value));
		if (parameters[i].set(request, value))
			return 0;
		return why_set(why, "%s: a value that it cannot have", name);
	}
	if (request->kind == PATH_MESSAGES && want_field(request, name, value))
		return 0;
	return why_set(why, "a parameter that this page does not have");
}

static int take_parameters(struct path_request *request, struct span query, struct arena *arena,
			   struct why *why)
{
	const char *names[PARAMETERS + PATH_WANTED_MAX];
	unsigned count = 0;
	struct span rest = query, one;
	bool more = true;

	while (span_split(&rest, &more, '&', &one)) {
		struct span value = one, name;
		bool has_value = true;
		const char *key, *text;

		if (span_empty(one))
			continue;
		span_split(&value, &has_value, '=', &name);
		key = decode_text(name, true, arena, why);
		text = key == NULL ? NULL : decode_text(value, true, arena, why);
		for (unsigned i = 0; text != NULL && i < count; i++) {
			if (strcmp(names[i], key) == 0)
				return why_set(why, "%s comes twice", key);
		}
		if (text == NULL || take_parameter(request, key, text, arena, why) != 0)
			return -1;
		assert(count < sizeof names / sizeof names[0]); /* each is a different, known one */
		names[count++] = key;
	}
	return 0;
}

/* ---- segments ---- */

static bool is_id(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && length <= ID_MAX && strspn(text, "0123456789abcdefABCDEF") == length;
}

static unsigned find_kind(struct path_request *request, const char *const *segments, unsigned count,
			  struct arena *arena, struct why *why)
{
	static const struct {
		const char *first, *third;
		unsigned count;
		enum path_kind kind;
	} kinds[] = {{"", NULL, 1, PATH_HOME},
		     {"domain", NULL, 2, PATH_DOMAIN},
		     {"domain", "source", 4, PATH_SOURCE},
		     {"reports", NULL, 1, PATH_REPORTS},
		     {"report", NULL, 2, PATH_REPORT},
		     {"messages", NULL, 1, PATH_MESSAGES}};
	static const char *const roots[] = {"", "", "../", "../../", "../../../"};

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].count != count || strcmp(kinds[i].first, segments[0]) != 0 ||
		    (kinds[i].third != NULL && strcmp(kinds[i].third, segments[2]) != 0))
			continue;
		request->kind = kinds[i].kind;
		request->root = roots[count];
		if (request->kind == PATH_DOMAIN || request->kind == PATH_SOURCE) {
			request->domain = domain_to_ascii(arena, span_of(segments[1]));
			if (request->domain == NULL)
				return why_set(why, "not a valid domain"), 404;
		}
		request->name = count == 4 ? segments[3] : segments[count - 1];
		if (request->kind == PATH_REPORT && !is_id(request->name))
			return why_set(why, "not the id of a report"), 404;
		return 200;
	}
	why_set(why, "there is no such page");
	return 404;
}

unsigned path_parse(struct span target, struct arena *arena, struct path_request *request,
		    struct why *why)
{
	const char *segments[SEGMENTS_MAX];
	struct span query, path, one;
	unsigned count = 0, status;
	bool more = true;

	*request = (struct path_request){.days = PATH_DAYS, .page = 1};
	if (span_len(target) > PATH_TARGET_MAX)
		return why_set(why, "a target of more than %d bytes", PATH_TARGET_MAX), 400;
	query = target;
	span_split(&query, &more, '?', &path);
	if (span_empty(path) || *path.p != '/')
		return why_set(why, "a path that does not begin with /"), 400;
	path.p++;
	more = true;
	while (span_split(&path, &more, '/', &one)) {
		const char *text = decode_text(one, false, arena, why);

		if (text == NULL)
			return 400;
		if (count == SEGMENTS_MAX)
			return why_set(why, "there is no such page"), 404;
		segments[count++] = text;
	}
	status = find_kind(request, segments, count, arena, why);
	if (status == 200 && take_parameters(request, query, arena, why) != 0)
		status = 400;
	return status;
}
