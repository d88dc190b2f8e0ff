/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl logs in, selects the folder and fetches messages; the rest are commands of our own
 * (CURLOPT_CUSTOMREQUEST), whose untagged answers it hands over line by line. It keeps the
 * connection between them. If it must connect again, the folder's UIDVALIDITY in each URL makes
 * sure that a UID is still the same message (RFC 9051 section 2.3.1.1).
 *
 * Messages are moved by MOVE (RFC 6851), or copied and marked as deleted; EXPUNGE would also delete
 * what others have marked, so without UIDPLUS (RFC 4315) the mark stays, and such messages are not
 * listed again.
 */
#include "report/inbox/imap.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/heap.h"

enum {
	LINE_MAX_BYTES = 2048,
	LISTED_MAX_BYTES = 64 * 1024 * 1024, /* of one answer: a million messages */
	CONNECT_SECONDS = 30,
	STALLED_SECONDS = 60,
	COMMAND_SECONDS = 600,
	TRIES = 5
};

struct imap {
	const struct imap_account *account;
	CURL *curl;
	char error[CURL_ERROR_SIZE];
	struct why answer; /* the last tagged NO or BAD */
	uint32_t validity; /* 0: not known yet */
	bool can_move, can_expunge;

	struct imap_message *messages;
	unsigned count, max;
	uint64_t more;

	/* of the answer that is being read */
	void (*hear)(struct imap *imap, struct span line);
	char line[LINE_MAX_BYTES];
	size_t line_length;
	int64_t bytes, bytes_max;
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

static size_t take_lines(char *data, size_t size, size_t count, void *arg)
{
	struct imap *imap = arg;

	size *= count;
	imap->bytes += (int64_t)size;
	if (imap->bytes > LISTED_MAX_BYTES)
		return 0;
	for (size_t i = 0; i < size; i++) {
		if (data[i] != '\n') { /* the end of a line that is too long is of no use here */
			if (imap->line_length < sizeof imap->line)
				imap->line[imap->line_length++] = data[i];
			continue;
		}
		imap->hear(imap, span_trim(span_make(imap->line, imap->line_length)));
		imap->line_length = 0;
	}
	return size;
}

static size_t take_message(char *data, size_t size, size_t count, void *arg)
{
	struct imap *imap = arg;

	size *= count;
	imap->bytes += (int64_t)size;
	return imap->bytes > imap->bytes_max ? 0 : fwrite(data, 1, size, imap->file);
}

/* Each line of a reply: "* OK [UIDVALIDITY 1764]", "A005 NO [TRYCREATE] no such mailbox". */
static size_t note_reply(char *data, size_t size, size_t count, void *arg)
{
	struct imap *imap = arg;
	struct span line = span_trim(span_make(data, size * count));
	const char *code = memmem(line.p, span_len(line), "[UIDVALIDITY ", 13);
	const char *word = memchr(line.p, ' ', span_len(line));
	struct span rest = {word == NULL ? line.end : word + 1, line.end};
	uint64_t validity;

	if (code != NULL && span_istarts(line, "* OK") &&
	    read_digits(code + 13, line.end, UINT32_MAX, &validity))
		imap->validity = (uint32_t)validity;
	if (!span_istarts(line, "*") && (span_istarts(rest, "NO ") || span_istarts(rest, "BAD "))) {
		why_set(&imap->answer, "%.*s", (int)span_len(rest), rest.p);
		for (char *p = imap->answer.text; *p != '\0'; p++)
			if ((unsigned char)*p < ' ' || (unsigned char)*p > '~')
				*p = '?';
	}
	return size * count;
}

/* ---- commands ---- */

static int explain_failure(const struct imap *imap, CURLcode code, struct why *why)
{
	const char *reason = imap->error[0] != '\0' ? imap->error : curl_easy_strerror(code);

	if (imap->answer.text[0] != '\0')
		reason = imap->answer.text;
	if (code == CURLE_LOGIN_DENIED)
		return why_set(why, "%s: the server refused the user or the password: %s",
			       imap->account->url, reason);
	if (code == CURLE_USE_SSL_FAILED)
		return why_set(why,
			       "%s: the server does not offer STARTTLS; without TLS no password"
			       " is sent",
			       imap->account->url);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return why_set(why, "%s: the server's certificate is not valid: %s",
			       imap->account->url, reason);
	return why_set(why, "%s: %s", imap->account->url, reason);
}

/* The folder's URL, and what belongs to it: RFC 5092. */
static void set_url(struct imap *imap, uint32_t uid)
{
	char *folder = curl_easy_escape(imap->curl, imap->account->folder, 0);
	struct buf url;

	if (folder == NULL)
		abort();
	buf_init(&url, NULL, 0);
	buf_string(&url, imap->account->url);
	while (url.len > 0 && url.data[url.len - 1] == '/')
		url.len--;
	buf_printf(&url, "/%s", folder);
	if (imap->validity != 0)
		buf_printf(&url, ";UIDVALIDITY=%u", (unsigned)imap->validity);
	if (uid != 0)
		buf_printf(&url, "/;UID=%u", (unsigned)uid);
	curl_easy_setopt(imap->curl, CURLOPT_URL, buf_text(&url));
	buf_free(&url);
	curl_free(folder);
}

static CURLcode perform(struct imap *imap, uint32_t uid, const char *command)
{
	imap->error[0] = imap->answer.text[0] = '\0';
	imap->bytes = 0;
	imap->line_length = 0;
	set_url(imap, uid);
	curl_easy_setopt(imap->curl, CURLOPT_CUSTOMREQUEST, command);
	curl_easy_setopt(imap->curl, CURLOPT_WRITEFUNCTION,
			 command == NULL ? take_message : take_lines);
	return curl_easy_perform(imap->curl);
}

static void hear_nothing(struct imap *imap, struct span line)
{
	(void)imap, (void)line;
}

/* COMMAND; each untagged line of its answer goes to HEAR. */
static CURLcode command(struct imap *imap, const char *text,
			void (*hear)(struct imap *imap, struct span line))
{
	imap->hear = hear;
	return perform(imap, 0, text);
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

static void set_up(struct imap *imap)
{
	const struct imap_account *account = imap->account;
	CURL *curl = imap->curl;

	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_USERNAME, account->user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, account->password);
	if (account->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, account->ca_file);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)STALLED_SECONDS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)COMMAND_SECONDS);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, imap->error);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, imap);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, note_reply);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, imap);
}

struct imap *imap_open(const struct imap_account *account, unsigned max, struct why *why)
{
	struct imap *imap = heap_zero(sizeof *imap);
	CURLcode code;

	assert(max > 0 && account->user != NULL && account->password != NULL);
	imap->messages = heap_array(max, sizeof *imap->messages);
	imap->curl = curl_easy_init();
	if (imap->curl == NULL)
		abort();
	imap->account = account;
	imap->max = max;
	set_up(imap);
	code = command(imap, "CAPABILITY", hear_capability);
	if (code == CURLE_OK)
		code = command(imap, "UID FETCH 1:* (UID FLAGS RFC822.SIZE)", hear_message);
	if (code == CURLE_OK)
		return imap;
	explain_failure(imap, code, why);
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
	curl_easy_cleanup(imap->curl);
	free(imap->messages);
	free(imap);
}

/* ---- messages ---- */

int imap_fetch(struct imap *imap, uint32_t uid, int64_t max, FILE *file, struct why *why)
{
	CURLcode code = CURLE_OK;

	assert(uid != 0 && max > 0);
	imap->file = file;
	imap->bytes_max = max;
	/* libcurl takes what the server tells of another message, whose flags somebody else has
	 * changed, for the answer, and gives up */
	for (unsigned try = 0; try < TRIES; try++) {
		rewind(file);
		code = perform(imap, uid, NULL);
		if (code != CURLE_WEIRD_SERVER_REPLY)
			break;
	}
	if (code == CURLE_REMOTE_FILE_NOT_FOUND || (code == CURLE_WRITE_ERROR && imap->bytes > max))
		return 1;
	if (code != CURLE_OK)
		return explain_failure(imap, code, why);
	if (fflush(file) == 0 && ftruncate(fileno(file), (off_t)imap->bytes) == 0)
		return 0;
	return why_set(why, "a temporary file cannot be written");
}

/* VERB, UIDs, and the folder DONE or what is in REST. */
static CURLcode command_messages(struct imap *imap, const char *verb, const uint32_t *uids,
				 unsigned count, const char *rest)
{
	struct buf text;
	CURLcode code;

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
	code = command(imap, buf_text(&text), hear_nothing);
	buf_free(&text);
	return code;
}

/* The folder may be absent: it is made once. */
static CURLcode move_messages(struct imap *imap, const uint32_t *uids, unsigned count)
{
	const char *verb = imap->can_move ? "MOVE" : "COPY";
	CURLcode code = command_messages(imap, verb, uids, count, NULL);
	struct buf text;

	if (code != CURLE_QUOTE_ERROR)
		return code;
	buf_init(&text, NULL, 0);
	buf_string(&text, "CREATE ");
	add_quoted(&text, imap->account->done);
	if (command(imap, buf_text(&text), hear_nothing) == CURLE_OK)
		code = command_messages(imap, verb, uids, count, NULL);
	buf_free(&text);
	return code;
}

int imap_finish(struct imap *imap, const uint32_t *uids, unsigned count, struct why *why)
{
	bool moved = imap->account->done != NULL && imap->can_move;
	CURLcode code = CURLE_OK;

	assert(count > 0 && count <= IMAP_BATCH);
	if (imap->account->done != NULL)
		code = move_messages(imap, uids, count);
	if (code == CURLE_OK && !moved)
		code = command_messages(imap, "STORE", uids, count, " +FLAGS.SILENT (\\Deleted)");
	if (code == CURLE_OK && !moved && imap->can_expunge)
		code = command_messages(imap, "EXPUNGE", uids, count, "");
	return code == CURLE_OK ? 0 : explain_failure(imap, code, why);
}
