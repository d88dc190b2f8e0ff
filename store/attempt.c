/* SPDX-License-Identifier: BSD-2-Clause */
/*
 *   countersign attempt 1
 *   domain, day, configuration, address, tries, outcome, reply: each in a line
 *   (rest of the block: line ends)
 *
 * The block is written by one call: a process that is killed leaves the old note or the new one.
 */
#include "store/attempt.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/span.h"

enum { BLOCK = 4096, REPLY_MAX = 1024 };

static const char magic[] = "countersign attempt 1";

static int write_block(int fd, const char *block, struct why *why)
{
	ssize_t written = pwrite(fd, block, BLOCK, 0);

	if (written == BLOCK && fsync(fd) == 0)
		return 0;
	return why_set(why, "the note of a mail under way cannot be written: %s",
		       strerror(written >= 0 && written < BLOCK ? ENOSPC : errno));
}

int attempt_put(int fd, const struct outbox_attempt *attempt, struct why *why)
{
	char block[BLOCK];
	struct buf text;
	int result;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "%s\n%s\n%" PRId32 "\n%s\n%s\n%u\n%s\n%.*s\n", magic, attempt->domain,
		   attempt->day, attempt->config, attempt->address, attempt->tries,
		   attempt->outcome == NULL ? "" : attempt->outcome, REPLY_MAX,
		   attempt->reply == NULL ? "" : attempt->reply);
	if (text.len > BLOCK) {
		result = why_set(why, "the note of a mail under way is too long");
	} else {
		memset(block, '\n', BLOCK);
		memcpy(block, buf_text(&text), text.len);
		result = write_block(fd, block, why);
	}
	buf_free(&text);
	return result;
}

int attempt_clear(int fd, struct why *why)
{
	return ftruncate(fd, 0) == 0
		   ? 0
		   : why_set(why, "the note of a mail cannot be removed: %s", strerror(errno));
}

static const char *next_line(struct span *rest, bool *more, struct arena *arena)
{
	struct span line = span_make(NULL, 0);

	(void)span_split(rest, more, '\n', &line);
	return arena_copy(arena, line.p, span_len(line));
}

static bool parse_note(struct span text, struct arena *arena, struct outbox_attempt *attempt)
{
	uint64_t day = 0, tries = 0;
	bool more = true, right;

	right = strcmp(next_line(&text, &more, arena), magic) == 0;
	attempt->domain = next_line(&text, &more, arena);
	right = span_number(span_of(next_line(&text, &more, arena)), INT32_MAX, &day) && right;
	attempt->config = next_line(&text, &more, arena);
	attempt->address = next_line(&text, &more, arena);
	right = span_number(span_of(next_line(&text, &more, arena)), UINT32_MAX, &tries) && right;
	attempt->outcome = next_line(&text, &more, arena);
	attempt->reply = next_line(&text, &more, arena);
	attempt->day = (int32_t)day;
	attempt->tries = (unsigned)tries;
	if (attempt->outcome[0] == '\0')
		attempt->outcome = NULL;
	return right && more; /* a line end was after the reply */
}

int attempt_read(int fd, struct arena *arena, struct outbox_attempt *attempt, struct why *why)
{
	char block[BLOCK];
	ssize_t length = pread(fd, block, BLOCK, 0);

	if (length < 0)
		return why_set(why, "the note of a mail under way cannot be read: %s",
			       strerror(errno));
	return parse_note(span_make(block, (size_t)length), arena, attempt);
}
