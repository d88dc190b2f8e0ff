/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/xmlread.h"

#include <assert.h>
#include <string.h>

#include "lib/codec/markup.h"

enum {
	DEPTH_MAX = 64,
	PIECE = 16384,
	TEXT_MAX = 1024 * 1024 /* between two tags */,
	SPACE_MAX = 128
};

struct walk {
	struct markup *markup;
	const struct xmlread_events *events;
	void *arg;
	struct why *why;
	unsigned depth;
	unsigned skipped_at;   /* depth of the extension that is being skipped; 0: none */
	char space[SPACE_MAX]; /* the root's namespace; "": it has none */
	size_t text;           /* bytes since the last tag */
	bool broken, refused;
};

static void refuse_document(struct walk *walk, const char *what)
{
	walk->refused = true;
	why_set(walk->why, "%s", what);
	markup_stop(walk->markup);
}

static void stop_unless(struct walk *walk, int result)
{
	if (result != 0)
		markup_stop(walk->markup);
}

/* An extension (RFC 9990 section 5) is in a namespace of its own, and may have our names. Reporters
 * write ours in several ways, or not at all. */
static bool is_extension(const struct walk *walk, const char *space)
{
	static const char *const ours[] = {"urn:ietf:params:xml:ns:dmarc", "http://dmarc.org/"};

	if (space == NULL || walk->space[0] == '\0' || strcmp(space, walk->space) == 0)
		return false;
	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
		if (strncmp(space, ours[i], strlen(ours[i])) == 0)
			return false;
	return true;
}

static void open_element(void *arg, const char *name, const char *space,
			 const struct markup_attribute *attributes, unsigned count)
{
	struct walk *walk = arg;

	(void)attributes, (void)count;
	walk->text = 0;
	if (++walk->depth > DEPTH_MAX) {
		refuse_document(walk, "its elements are nested too deep");
		return;
	}
	if (walk->depth == 1 && space != NULL && strlen(space) < SPACE_MAX)
		memcpy(walk->space, space, strlen(space) + 1);
	if (walk->skipped_at == 0 && is_extension(walk, space))
		walk->skipped_at = walk->depth;
	if (walk->skipped_at == 0)
		stop_unless(walk, walk->events->open(walk->arg, name));
}

static void close_element(void *arg)
{
	struct walk *walk = arg;
	bool told = walk->skipped_at == 0;

	walk->text = 0;
	if (walk->depth == walk->skipped_at)
		walk->skipped_at = 0;
	walk->depth -= walk->depth > 0;
	if (told)
		stop_unless(walk, walk->events->close(walk->arg));
}

static void add_text(void *arg, struct span text)
{
	struct walk *walk = arg;

	walk->text += span_len(text);
	if (walk->text > TEXT_MAX)
		refuse_document(walk, "it has a text of more than 1 MiB");
	else if (walk->skipped_at == 0)
		stop_unless(walk, walk->events->text(walk->arg, text));
}

/* XML bombs and external entities begin with a document type; no report has one. */
static void refuse_type(void *arg)
{
	refuse_document(arg, "it has a document type declaration, which no report has");
}

static void keep_error(void *arg, unsigned line, const char *message, bool fatal)
{
	struct walk *walk = arg;
	struct span text = span_trim(span_of(message));

	if (!fatal)
		return;
	walk->broken = true;
	why_set(walk->why, "line %u: %.*s", line, (int)span_len(text), text.p);
}

static void push_bytes(struct walk *walk, struct feed *from)
{
	char piece[PIECE];
	ssize_t n = 1;

	while (n > 0 && !markup_has_stopped(walk->markup)) {
		n = from->read(from, piece, sizeof piece);
		assert(n <= (ssize_t)sizeof piece);
		if (n < 0)
			refuse_document(walk, from->fault);
		else
			markup_push(walk->markup, span_make(piece, (size_t)n), n == 0);
	}
}

static enum xmlread_result end_walk(const struct walk *walk)
{
	if (walk->refused)
		return XMLREAD_REFUSED;
	if (markup_has_stopped(walk->markup))
		return XMLREAD_ENDED;
	return walk->broken || !markup_is_well_formed(walk->markup) ? XMLREAD_BROKEN : XMLREAD_DONE;
}

enum xmlread_result xmlread_walk(struct feed *from, bool recover,
				 const struct xmlread_events *events, void *arg, struct why *why)
{
	static const struct markup_events told = {.open = open_element,
						  .text = add_text,
						  .close = close_element,
						  .doctype = refuse_type,
						  .error = keep_error};
	struct walk walk = {.events = events, .arg = arg, .why = why};
	enum xmlread_result result;
	char first[4];
	ssize_t n = feed_fill(from, first, sizeof first);

	if (n < 0) {
		why_set(why, "%s", from->fault);
		return XMLREAD_REFUSED;
	}
	/* the first bytes tell the encoding */
	walk.markup = markup_new(&told, &walk, recover, span_make(first, (size_t)n));
	if (walk.markup == NULL) {
		why_set(why, "no memory to read it");
		return XMLREAD_REFUSED;
	}
	push_bytes(&walk, from);
	result = end_walk(&walk);
	markup_free(walk.markup);
	return result;
}
