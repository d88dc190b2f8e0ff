/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/normal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/buf.h"
#include "mail/domain.h"
#include "report/inbox/wire.h"

enum { MILLISECONDS_FROM = 100000000 }; /* thousand times this is past the year 5000 as seconds */

/* ---- times ---- */

static bool take_digits(struct span *rest, unsigned least, unsigned most, int *number)
{
	unsigned n = 0;

	for (*number = 0;
	     n < most && n < span_len(*rest) && char_is_digit((unsigned char)rest->p[n]); n++)
		*number = *number * 10 + (rest->p[n] - '0');
	rest->p += n;
	return n >= least;
}

static bool take_char(struct span *rest, const char *any)
{
	if (span_empty(*rest) || *rest->p == '\0' || strchr(any, *rest->p) == NULL)
		return false;
	rest->p++;
	return true;
}

/* time-numoffset of RFC 3339 ("+02:00") or zone of RFC 5322 ("+0200"), in seconds. */
static bool take_offset(struct span *rest, int64_t *seconds)
{
	int sign = !span_empty(*rest) && *rest->p == '-' ? -1 : 1, hours, minutes;

	if (!take_char(rest, "+-") || !take_digits(rest, 2, 2, &hours))
		return false;
	take_char(rest, ":");
	if (!take_digits(rest, 2, 2, &minutes) || hours > 24 || minutes > 59)
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool seconds_of(struct tm *tm, int64_t offset, int64_t *at)
{
	if (tm->tm_mon < 0 || tm->tm_mon > 11 || tm->tm_mday < 1 || tm->tm_mday > 31 ||
	    tm->tm_hour > 24 || tm->tm_min > 59 || tm->tm_sec > 60)
		return false;
	*at = (int64_t)timegm(tm) - offset;
	return true;
}

/* RFC 3339 section 5.6: full-date "T" full-time; the zone may be missing. */
static bool parse_iso(struct span text, int64_t *at, bool *zoned)
{
	struct tm tm = {0};
	int64_t offset = 0;
	int fraction;

	if (!take_digits(&text, 4, 4, &tm.tm_year) || !take_char(&text, "-") ||
	    !take_digits(&text, 1, 2, &tm.tm_mon) || !take_char(&text, "-") ||
	    !take_digits(&text, 1, 2, &tm.tm_mday))
		return false;
	if (!span_empty(text)) {
		if (!take_char(&text, "Tt ") || !take_digits(&text, 1, 2, &tm.tm_hour) ||
		    !take_char(&text, ":") || !take_digits(&text, 2, 2, &tm.tm_min))
			return false;
		if (take_char(&text, ":") && !take_digits(&text, 2, 2, &tm.tm_sec))
			return false;
		if (take_char(&text, ".") && !take_digits(&text, 1, 9, &fraction))
			return false;
	}
	text = span_trim(text);
	*zoned = take_char(&text, "Zz") || take_offset(&text, &offset);
	tm.tm_year -= 1900;
	tm.tm_mon--;
	return span_empty(text) && seconds_of(&tm, offset, at);
}

enum normal_time normal_time(struct span text, int64_t *at)
{
	struct span whole;
	const char *point;
	uint64_t number;
	bool zoned;

	text = span_trim(text);
	whole = text;
	*at = INBOX_NO_TIME;
	point = memchr(text.p, '.', span_len(text));
	if (point != NULL)
		whole.end = point;
	if (span_number(whole, INT64_MAX / 2, &number)) {
		bool milli = number >= UINT64_C(1000) * MILLISECONDS_FROM;

		*at = (int64_t)(milli ? number / 1000 : number);
		return milli || point != NULL ? NORMAL_TIME_REPAIRED : NORMAL_TIME;
	}
	if (!parse_iso(text, at, &zoned)) {
		*at = INBOX_NO_TIME;
		return NORMAL_TIME_UNKNOWN;
	}
	return NORMAL_TIME_REPAIRED;
}

/* obs-zone of RFC 5322 section 4.3, and what is common beside it */
static int64_t zone_offset(struct span zone)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6}, {"MDT", -6},
		     {"MST", -7}, {"PDT", -7}, {"PST", -8}, {"CET", 1},  {"CEST", 2}};

	for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++)
		if (span_ieq(zone, zones[i].name))
			return zones[i].hours * 3600;
	return 0;
}

static bool take_month(struct span *rest, int *month)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (*month = 0; *month < 12 && span_len(*rest) >= 3; ++*month)
		if (span_ieq(span_make(rest->p, 3),
			     (char[]){months[3 * *month], months[3 * *month + 1],
				      months[3 * *month + 2], '\0'})) {
			while (!span_empty(*rest) && char_is_alpha((unsigned char)*rest->p))
				rest->p++;
			return true;
		}
	return false;
}

static void skip_blanks(struct span *rest)
{
	while (!span_empty(*rest) && char_is_space((unsigned char)*rest->p))
		rest->p++;
}

/* date-time = [ day-of-week "," ] date time [CFWS] */
int64_t normal_mail_date(struct span text)
{
	const char *comma = memchr(text.p, ',', span_len(text));
	struct tm tm = {0};
	int64_t offset = 0, at;
	struct span zone;

	if (comma != NULL)
		text.p = comma + 1;
	skip_blanks(&text);
	if (!take_digits(&text, 1, 2, &tm.tm_mday))
		return INBOX_NO_TIME;
	skip_blanks(&text);
	if (!take_month(&text, &tm.tm_mon))
		return INBOX_NO_TIME;
	skip_blanks(&text);
	if (!take_digits(&text, 2, 4, &tm.tm_year))
		return INBOX_NO_TIME;
	tm.tm_year -= tm.tm_year >= 1000 ? 1900 : tm.tm_year < 50 ? -100 : 0;
	skip_blanks(&text);
	if (!take_digits(&text, 1, 2, &tm.tm_hour) || !take_char(&text, ":") ||
	    !take_digits(&text, 2, 2, &tm.tm_min))
		return INBOX_NO_TIME;
	if (take_char(&text, ":") && !take_digits(&text, 2, 2, &tm.tm_sec))
		return INBOX_NO_TIME;
	skip_blanks(&text);
	zone = text;
	while (zone.p < zone.end && char_is_alpha((unsigned char)*zone.p))
		zone.p++;
	if (!take_offset(&text, &offset))
		offset = zone_offset((struct span){text.p, zone.p});
	return seconds_of(&tm, offset, &at) ? at : INBOX_NO_TIME;
}

/* ---- addresses, names ---- */

const char *normal_ip(struct arena *arena, struct span text, bool *repaired)
{
	struct span all = text = span_trim(text);
	const char *slash, *result;
	char written[IP_TEXT_MAX];
	struct ip ip;

	if (span_len(text) > 2 && *text.p == '[' && text.end[-1] == ']')
		text = (struct span){text.p + 1, text.end - 1};
	if (span_istarts(text, "IPv6:"))
		text.p += 5;
	slash = memchr(text.p, '/', span_len(text));
	if (slash != NULL) {
		struct span bits = {slash + 1, text.end};

		if (!span_eq(bits, memchr(text.p, ':', span_len(text)) != NULL ? "128" : "32"))
			return NULL;
		text.end = slash;
	}
	if (!ip_parse(text, &ip))
		return NULL;
	result = arena_string(arena, ip_text(&ip, written));
	*repaired = !span_ieq(all, result);
	return result;
}

const char *normal_domain(struct arena *arena, struct span text)
{
	const char *domain;

	text = span_trim(text);
	domain = span_empty(text) ? NULL : domain_to_ascii(arena, text);
	return domain != NULL ? domain : wire_text(arena, text);
}

const char *normal_report_id(struct arena *arena, struct span text)
{
	text = span_trim(text);
	while (!span_empty(text) && (*text.p == '<' || char_is_space((unsigned char)*text.p)))
		text.p++;
	while (!span_empty(text) &&
	       (text.end[-1] == '>' || char_is_space((unsigned char)text.end[-1])))
		text.end--;
	return wire_text(arena, text);
}

/* ---- words ---- */

struct word {
	const char *seen, *meant;
};

/* The last word of WORDS has NULL for what is seen: what any other text means. */
static const char *map_word(struct arena *arena, const struct word *words, struct span text,
			    const char **raw)
{
	text = span_trim(text);
	*raw = NULL;
	while (words->seen != NULL && !span_ieq(text, words->seen))
		words++;
	if (words->seen == NULL || strcmp(words->seen, words->meant) != 0)
		*raw = wire_text(arena, text);
	return words->meant;
}

#define SAME(word)                                                                                 \
	{                                                                                          \
		word, word                                                                         \
	}

static const struct word dkim_words[] = {
    SAME("none"),         SAME("pass"),           SAME("fail"),        SAME("policy"),
    SAME("neutral"),      SAME("temperror"),      SAME("permerror"),   {"hardfail", "fail"},
    {"softfail", "fail"}, {"error", "temperror"}, {"unknown", "none"}, {NULL, "none"}};
static const struct word spf_words[] = {
    SAME("none"),           SAME("neutral"),          SAME("pass"),
    SAME("fail"),           SAME("softfail"),         SAME("temperror"),
    SAME("permerror"),      SAME("policy"),           {"hardfail", "fail"},
    {"error", "temperror"}, {"unknown", "permerror"}, {NULL, "none"}};
static const struct word aligned_words[] = {SAME("pass"), SAME("fail"), {NULL, "fail"}};
static const struct word disposition_words[] = {
    SAME("none"), SAME("pass"), SAME("quarantine"), SAME("reject"), {NULL, "none"}};
static const struct word policy_words[] = {
    SAME("none"), SAME("quarantine"), SAME("reject"), {NULL, "none"}};
/* RFC 9990 section 3.1.6; forwarded and sampled_out are of RFC 7489 Appendix C. */
static const struct word reason_words[] = {
    SAME("local_policy"),      SAME("mailing_list"), SAME("other"),       SAME("policy_test_mode"),
    SAME("trusted_forwarder"), SAME("forwarded"),    SAME("sampled_out"), {NULL, "other"}};

const char *normal_dkim_result(struct arena *arena, struct span text, const char **raw)
{
	return map_word(arena, dkim_words, text, raw);
}

const char *normal_spf_result(struct arena *arena, struct span text, const char **raw)
{
	return map_word(arena, spf_words, text, raw);
}

const char *normal_aligned(struct arena *arena, struct span text, const char **raw)
{
	return map_word(arena, aligned_words, text, raw);
}

const char *normal_disposition(struct arena *arena, struct span text, const char **raw)
{
	return map_word(arena, disposition_words, text, raw);
}

const char *normal_policy(struct arena *arena, struct span text, const char **raw)
{
	return map_word(arena, policy_words, text, raw);
}

const char *normal_reason(struct arena *arena, struct span text, const char **raw)
{
	return map_word(arena, reason_words, text, raw);
}
