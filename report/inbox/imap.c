/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl logs in, selects the folder and fetches messages; the rest are commands of our own, whose
 * untagged answers it hands over line by line. It keeps the connection between them. If it must
 * connect again, the folder's UIDVALIDITY in each URL makes sure that a UID is still the same
 * message (RFC 9051 section 2.3.1.1).
 *
 * Messages are moved by MOVE (RFC 6851), or copied and marked as deleted; EXPUNGE would also delete
 * what others have marked, so without UIDPLUS (RFC 4315) the mark stays, and such messages are not
 * listed again.
 */
#include "report/inbox/imap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/net/transfer.h"
#include "lib/url.h"

enum {
	LINE_MAX_BYTES = 2048,
	LISTED_MAX_BYTES = 64 * 1024 * 1024, /* of one answer: a million messages */
	TRIES = 5
};

static const int64_t connect_timeout = 30 * CLOCK_SECOND, stalled_timeout = 60 * CLOCK_SECOND,
		     command_timeout = 600 * CLOCK_SECOND;

struct imap {
	const struct imap_account *account;
	struct transfer *transfer;
	struct why answer; /* the last tagged NO or BAD */
	uint32_t validity; /* 0: not known yet */
	bool can_move, can_expunge;

	struct imap_message *messages;
	unsigned count, max;
	uint64_t more;

	/* of the answer that is being read */
	void (*hear)(struct imap *imap, struct span line); /* NULL: it is a message */
	char line[LINE_MAX_BYTES];
	size_t line_length;
	FILE *file;
};

/* ---- what the server says ---- */

/* The digits at P. */
static bool read_digits(const char *p, const char *end, uint64_t max, uint64_t *number)
{
	struct span digits = {p, p};

	while (digits.end < end && *digits.end >= '0' && *digits.end <= '9')
		digits.end++;
	return span_number(digits, max, number);
}

/* ATOM SP number, in a list of such pairs. */
static bool read_number(struct span list, const char *name, uint64_t max, uint64_t *number)
{
	size_t length = strlen(name);

	for (const char *p = list.p; p + length < list.end; p++) {
		struct span rest = {p, list.end};

		if ((p == list.p || p[-1] == ' ' || p[-1] == '(') && span_istarts(rest, name) &&
		    p[length] == ' ')
			return read_digits(p + length + 1, list.end, max, number);
	}
	return false;
}

static bool has_word(struct span text, const char *word)
{
	size_t length = strlen(word);

	for (const char *p = text.p; p + length <= text.end; p++)
		if (strncasecmp(p, word, length) == 0 &&
		    (p == text.p || p[-1] == ' ' || p[-1] == '(') &&
		    (p + length == text.end || strchr(" )\r\n", p[length]) != NULL))
			return true;
	return false;
}

bool imap_parse_fetch(struct span line, struct imap_message *message)
{
	uint64_t uid = 0, size = 0;
	const char *list = memchr(line.p, '(', span_len(line));
	struct span head = {line.p, list == NULL ? line.end : list};

	if (list == NULL || !span_istarts(head, "* ") || !has_word(head, "FETCH"))
		return false;
	line.p = list;
	if (!read_number(line, "UID", UINT32_MAX, &uid) || uid == 0 ||
	    !read_number(line, "RFC822.SIZE", INT64_MAX, &size) || has_word(line, "\\Deleted"))
		return false;
	*message = (struct imap_message){(uint32_t)uid, (int64_t)size};
	return true;
}

static void hear_message(struct imap *imap, struct span line)
{
	struct imap_message message;

	if (!imap_parse_fetch(line, &message))
		return;
	if (imap->count == imap->max)
		imap->more++;
	else
		imap->messages[imap->count++] = message;
}

static void hear_capability(struct imap *imap, struct span line)
{
	imap->can_move |= has_word(line, "MOVE");
	imap->can_expunge |= has_word(line, "UIDPLUS");
}

static void take_lines(struct imap *imap, struct span data)
{
	for (const char *p = data.p; p < data.end; p++) {
		if (*p != '\n') { /* the end of a line that is too long is of no use here */
			if (imap->line_length < sizeof imap->line)
				imap->line[imap->line_length++] = *p;
			continue;
		}
		imap->hear(imap, span_trim(span_make(imap->line, imap->line_length)));
		imap->line_length = 0;
	}
}

static bool take_answer(void *arg, struct span data)
{
	struct imap *imap = arg;

	if (imap->hear == NULL)
		return fwrite(data.p, 1, span_len(data), imap->file) == span_len(data);
	take_lines(imap, data);
	return true;
}

/* Each line of a reply: "* OK [UIDVALIDITY 1764]", "A005 NO [TRYCREATE] no such mailbox". */
static void note_reply(void *arg, struct span line)
{
	struct imap *imap = arg;
	const char *code, *word;
	struct span rest;
	uint64_t validity;

	line = span_trim(line);
	code = memmem(line.p, span_len(line), "[UIDVALIDITY ", 13);
	word = memchr(line.p, ' ', span_len(line));
	rest = (struct span){word == NULL ? line.end : word + 1, line.end};
	if (code != NULL && span_istarts(line, "* OK") &&
	    read_digits(code + 13, line.end, UINT32_MAX, &validity))
		imap->validity = (uint32_t)validity;
	if (!span_istarts(line, "*") && (span_istarts(rest, "NO ") || span_istarts(rest, "BAD "))) {
		why_set(&imap->answer, "%.*s", (int)span_len(rest), rest.p);
		transfer_clean(&imap->answer);
	}
}

/* ---- commands ---- */

static int explain_failure(const struct imap *imap, enum transfer_end end, struct why *why)
{
	const char *reason =
	    imap->answer.text[0] != '\0' ? imap->answer.text : transfer_reason(imap->transfer);

	if (end == TRANSFER_LOGIN)
		return why_set(why, "%s: the server refused the user or the password: %s",
			       imap->account->url, reason);
	if (end == TRANSFER_NO_STARTTLS)
		return why_set(why,
			       "%s: the server does not offer STARTTLS; without TLS no password"
			       " is sent",
			       imap->account->url);
	if (end == TRANSFER_CERTIFICATE)
		return why_set(why, "%s: the server's certificate is not valid: %s",
			       imap->account->url, reason);
	return why_set(why, "%s: %s", imap->account->url, reason);
}

/* The folder's URL, and what belongs to it: RFC 5092. */
static void write_url(const struct imap *imap, uint32_t uid, struct buf *url)
{
	buf_string(url, imap->account->url);
	while (url->len > 0 && url->data[url->len - 1] == '/')
		url->len--;
	buf_char(url, '/');
	url_escape(url, imap->account->folder);
	if (imap->validity != 0)
		buf_printf(url, ";UIDVALIDITY=%u", (unsigned)imap->validity);
	if (uid != 0)
		buf_printf(url, "/;UID=%u", (unsigned)uid);
}

static enum transfer_end run_command(struct imap *imap, uint32_t uid, const char *command,
				     size_t limit)
{
	enum transfer_end end;
	struct buf url;

	imap->answer.text[0] = '\0';
	imap->line_length = 0;
	buf_init(&url, NULL, 0);
	write_url(imap, uid, &url);
	end = transfer_run(imap->transfer, buf_text(&url), command, limit);
	buf_free(&url);
	return end;
}

static void hear_nothing(struct imap *imap, struct span line)
{
	(void)imap, (void)line;
}

/* COMMAND; each untagged line of its answer goes to HEAR. */
static enum transfer_end send_command(struct imap *imap, const char *text,
				      void (*hear)(struct imap *imap, struct span line))
{
	imap->hear = hear;
	return run_command(imap, 0, text, LISTED_MAX_BYTES);
}

/* A string of IMAP, quoted (RFC 9051 section 4.3). */
static void add_quoted(struct buf *out, const char *text)
{
	buf_char(out, '"');
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			buf_char(out, '\\');
		buf_char(out, *p);
	}
	buf_char(out, '"');
}

/* ---- opening ---- */

static struct transfer *open_transfer(struct imap *imap)
{
	const struct imap_account *account = imap->account;
	const struct transfer_rules rules = {.protocols = "imap,imaps",
					     .proof = TRANSFER_PROOF_URL,
					     .starttls = TRANSFER_STARTTLS_REQUIRED,
					     .ca_file = account->ca_file,
					     .user = account->user,
					     .password = account->password,
					     .connect_timeout = connect_timeout,
					     .timeout = command_timeout,
					     .stalled_timeout = stalled_timeout};
	const struct transfer_calls calls = {
	    .body = take_answer, .header = note_reply, .arg = imap};

	return transfer_new(&rules, &calls);
}

struct imap *imap_open(const struct imap_account *account, unsigned max, struct why *why)
{
	struct imap *imap = heap_zero(sizeof *imap);
	enum transfer_end end;

	assert(max > 0 && account->user != NULL && account->password != NULL);
	imap->messages = heap_array(max, sizeof *imap->messages);
	imap->account = account;
	imap->max = max;
	imap->transfer = open_transfer(imap);
	end = send_command(imap, "CAPABILITY", hear_capability);
	if (end == TRANSFER_DONE)
		end = send_command(imap, "UID FETCH 1:* (UID FLAGS RFC822.SIZE)", hear_message);
	if (end == TRANSFER_DONE)
		return imap;
	explain_failure(imap, end, why);
	imap_close(imap);
	return NULL;
}

unsigned imap_count(const struct imap *imap)
{
	return imap->count;
}

uint64_t imap_more(const struct imap *imap)
{
	return imap->more;
}

const struct imap_message *imap_message(const struct imap *imap, unsigned i)
{
	assert(i < imap->count);
	return &imap->messages[i];
}

void imap_close(struct imap *imap)
{
	if (imap == NULL)
		return;
	transfer_free(imap->transfer);
	free(imap->messages);
	free(imap);
}

/* ---- messages ---- */

int imap_fetch(struct imap *imap, uint32_t uid, int64_t max, FILE *file, struct why *why)
{
	enum transfer_end end = TRANSFER_DONE;

	assert(uid != 0 && max > 0);
	imap->file = file;
	imap->hear = NULL;
	/* libcurl takes what the server tells of another message, whose flags somebody else has
	 * changed, for the answer, and gives up */
	for (unsigned try = 0; try < TRIES; try++) {
		rewind(file);
		end = run_command(imap, uid, NULL, (size_t)max);
		if (end != TRANSFER_UNEXPECTED)
			break;
	}
	if (end == TRANSFER_MISSING || end == TRANSFER_TOO_LONG)
		return 1;
	if (end != TRANSFER_DONE)
		return explain_failure(imap, end, why);
	if (fflush(file) == 0 && ftruncate(fileno(file), ftello(file)) == 0)
		return 0;
	return why_set(why, "a temporary file cannot be written");
}

/* VERB, UIDs, and the folder DONE or what is in REST. */
static enum transfer_end command_messages(struct imap *imap, const char *verb, const uint32_t *uids,
					  unsigned count, const char *rest)
{
	struct buf text;
	enum transfer_end end;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "UID %s ", verb);
	for (unsigned i = 0; i < count; i++)
		buf_printf(&text, "%s%u", i == 0 ? "" : ",", (unsigned)uids[i]);
	if (rest == NULL) {
		buf_char(&text, ' ');
		add_quoted(&text, imap->account->done);
	} else {
		buf_string(&text, rest);
	}
	end = send_command(imap, buf_text(&text), hear_nothing);
	buf_free(&text);
	return end;
}

/* The folder may be absent: it is made once. */
static enum transfer_end move_messages(struct imap *imap, const uint32_t *uids, unsigned count)
{
	const char *verb = imap->can_move ? "MOVE" : "COPY";
	enum transfer_end end = command_messages(imap, verb, uids, count, NULL);
	struct buf text;

	if (end != TRANSFER_COMMAND_REFUSED)
		return end;
	buf_init(&text, NULL, 0);
	buf_string(&text, "CREATE ");
	add_quoted(&text, imap->account->done);
	if (send_command(imap, buf_text(&text), hear_nothing) == TRANSFER_DONE)
		end = command_messages(imap, verb, uids, count, NULL);
	buf_free(&text);
	return end;
}

int imap_finish(struct imap *imap, const uint32_t *uids, unsigned count, struct why *why)
{
	bool moved = imap->account->done != NULL && imap->can_move;
	enum transfer_end end = TRANSFER_DONE;

	assert(count > 0 && count <= IMAP_BATCH);
	if (imap->account->done != NULL)
		end = move_messages(imap, uids, count);
	if (end == TRANSFER_DONE && !moved)
		end = command_messages(imap, "STORE", uids, count, " +FLAGS.SILENT (\\Deleted)");
	if (end == TRANSFER_DONE && !moved && imap->can_expunge)
		end = command_messages(imap, "EXPUNGE", uids, count, "");
	return end == TRANSFER_DONE ? 0 : explain_failure(imap, end, why);
}
