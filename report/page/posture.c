/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line with the version, the time and the number of hints, then for each finding "level TAB
 * rule TAB text TAB remedy". A remedy that is not known is empty.
 */
#include "report/page/posture.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "mail/domain.h"

static const char version[] = "countersign findings 1";

const char *posture_path(struct arena *arena, const char *directory, const char *domain)
{
	const char *name = domain_to_ascii(arena, span_of(domain)); /* has no "/" */

	if (*directory == '\0' || name == NULL || strcmp(name, domain) != 0)
		return NULL;
	return arena_printf(arena, "%s/%s.findings", directory, name);
}

static void put_clean(struct buf *out, const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		buf_char(out, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
}

void posture_write(struct buf *out, const struct posture *posture)
{
	unsigned count = posture->count < POSTURE_MAX ? posture->count : POSTURE_MAX;

	buf_printf(out, "%s\t%" PRId64 "\t%u\n", version, posture->at, posture->hints);
	assert(posture->at >= 0);
	for (unsigned i = 0; i < count; i++) {
		const struct posture_finding *finding = &posture->items[i];
		const char *const texts[] = {finding->level, finding->rule, finding->text,
					     finding->remedy};

		for (unsigned n = 0; n < 4; n++) {
			put_clean(out, texts[n]);
			buf_char(out, n < 3 ? '\t' : '\n');
		}
	}
}

static bool is_clean(struct span text)
{
	for (; text.p < text.end; text.p++)
		if ((unsigned char)*text.p < ' ' || *text.p == 0x7f)
			return false;
	return true;
}

/* COUNT fields between tabs, the last of which has none. */
static bool split_line(struct span line, struct span *fields, unsigned count)
{
	bool more = true;

	for (unsigned i = 0; i < count; i++)
		if (!more || !span_split(&line, &more, '\t', &fields[i]) || !is_clean(fields[i]))
			return false;
	return !more;
}

static const char *keep_text(struct arena *arena, struct span text)
{
	return arena_copy(arena, text.p, span_len(text));
}

static bool read_head(struct span line, struct posture *posture)
{
	struct span fields[3];
	uint64_t at, hints;

	if (!split_line(line, fields, 3) || !span_eq(fields[0], version) ||
	    !span_number(fields[1], INT64_MAX / 2, &at) ||
	    !span_number(fields[2], UINT32_MAX, &hints))
		return false;
	posture->at = (int64_t)at;
	posture->hints = (unsigned)hints;
	return true;
}

static bool read_finding(struct arena *arena, struct span line, struct posture *posture)
{
	struct span fields[4];

	if (posture->count == POSTURE_MAX || !split_line(line, fields, 4) ||
	    span_empty(fields[0]) || span_empty(fields[1]))
		return false;
	posture->items[posture->count++] = (struct posture_finding){
	    keep_text(arena, fields[0]), keep_text(arena, fields[1]), keep_text(arena, fields[2]),
	    span_empty(fields[3]) ? NULL : keep_text(arena, fields[3])};
	return true;
}

int posture_read(struct arena *arena, struct span text, struct posture *posture, struct why *why)
{
	struct span line;
	unsigned number = 1;
	bool more = true;

	assert(arena != NULL && posture != NULL);
	posture->count = 0;
	if (!span_split(&text, &more, '\n', &line) || !read_head(line, posture))
		return why_set(why, "it does not begin with \"%s\"", version);
	posture->items = arena_array(arena, POSTURE_MAX, sizeof *posture->items);
	while (more && span_split(&text, &more, '\n', &line)) {
		number++;
		if (span_empty(line) && !more)
			break;
		if (!read_finding(arena, line, posture))
			return why_set(why, "line %u is not valid", number);
	}
	return 0;
}
