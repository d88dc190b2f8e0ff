/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/inbox/reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/heap.h"
#include "lib/system/sandbox.h"
#include "report/inbox/examine.h"
#include "report/inbox/wire.h"

enum { FLUSH_AT = 32 * 1024, MEMORY_MAX = 128 * 1024, PATIENCE_SECONDS = 60 };
#define OUTPUT_MAX INT64_C(536870912)

/* ---- the helper process ---- */

static void write_out(struct buf *out)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = write(SANDBOX_OUT, out->data + done, out->len - done);

		if (n < 0 && errno != EINTR)
			_exit(1);
		done += n < 0 ? 0 : (size_t)n;
	}
	buf_clear(out);
}

static int send_record(void *arg, enum inbox_part part, const void *record)
{
	struct buf *out = arg;

	wire_write(out, part, record);
	if (out->len >= FLUSH_AT)
		write_out(out);
	return 0;
}

static _Noreturn void run_helper(int fd, int out, int64_t from, int64_t to,
				 const struct inbox_hint *hint)
{
	struct inbox_writer writer;
	struct buf buffer;

	signal(SIGPIPE, SIG_DFL);
	examine_prepare(fd, from, to);
	sandbox_enter(fd, out);
	buf_init(&buffer, NULL, 0);
	writer_init(&writer, arena_new(0), send_record, &buffer);
	examine(&writer, SANDBOX_IN, from, to, hint);
	write_out(&buffer);
	_exit(0);
}

/* ---- what it wrote ---- */

struct segment {
	struct reader_report report;
	int64_t begin, head, end; /* HEAD: where the first part of depth 0 begins */
};

struct reader_result {
	struct buf memory;
	FILE *file; /* NULL: all is in MEMORY */
	int64_t size;
	struct segment segments[READER_REPORTS_MAX];
	unsigned count;
	int64_t begin, head; /* of the report that is coming in; HEAD -1: not yet */
	struct arena *scratch;
	struct buf pending; /* bytes of a frame that is not complete */
	struct inbox_end end;
	char reason[512];
};

static bool keep_bytes(struct reader_result *result, struct span bytes)
{
	if (result->file == NULL && result->memory.len + span_len(bytes) > MEMORY_MAX) {
		result->file = tmpfile();
		if (result->file == NULL || fwrite(result->memory.data, 1, result->memory.len,
						   result->file) != result->memory.len)
			return false;
	}
	result->size += (int64_t)span_len(bytes);
	if (result->file != NULL)
		return fwrite(bytes.p, 1, span_len(bytes), result->file) == span_len(bytes);
	buf_span(&result->memory, bytes);
	return true;
}

/* Forgets what came since the last end. */
static bool forget_report(struct reader_result *result)
{
	result->size = result->begin;
	result->head = -1;
	if (result->file != NULL)
		return fseeko(result->file, (off_t)result->size, SEEK_SET) == 0;
	result->memory.len = (size_t)result->size;
	return true;
}

static void end_report(struct reader_result *result, const struct inbox_end *end)
{
	struct segment *segment = &result->segments[result->count++];

	segment->report.end = *end;
	if (end->reason != NULL) {
		snprintf(result->reason, sizeof result->reason, "%s", end->reason);
		segment->report.end.reason = heap_strdup(result->reason);
	}
	segment->begin = result->begin;
	segment->head = result->head < 0 ? result->size : result->head;
	segment->end = result->size;
	result->begin = result->size;
	result->head = -1;
}

static bool take_frame(struct reader_result *result, struct span frame)
{
	alignas(max_align_t) char record[INBOX_RECORD_MAX];
	enum inbox_part part;
	struct inbox_end end;

	arena_reset(result->scratch);
	if (!wire_read(result->scratch, frame, &part, record))
		return false;
	if (part == INBOX_PART_RESTART)
		return forget_report(result);
	if (part == INBOX_PART_END) {
		memcpy(&end, record, sizeof end);
		if (end.kind < INBOX_NOTHING || end.kind > INBOX_BOUNCE ||
		    (end.kind == INBOX_NOTHING) != (end.reason != NULL) ||
		    result->count == READER_REPORTS_MAX)
			return false;
		end_report(result, &end);
		return true;
	}
	if (result->head < 0 && inbox_shapes[part].depth == 0)
		result->head = result->size;
	return keep_bytes(result, frame);
}

/* False: no helper writes such bytes, or they are too many. */
static bool take_bytes(struct reader_result *result, struct span bytes)
{
	struct span rest;
	int length;

	buf_span(&result->pending, bytes);
	rest = buf_view(&result->pending);
	while ((length = wire_length(rest)) > 0 && (size_t)length <= span_len(rest)) {
		if (!take_frame(result, span_make(rest.p, (size_t)length)))
			return false;
		rest.p += length;
	}
	if (length < 0 || result->size > OUTPUT_MAX)
		return false;
	memmove(result->pending.data, rest.p, span_len(rest));
	result->pending.len = span_len(rest);
	return true;
}

/* ---- the parent ---- */

/* What was not ended is not there; a message of which nothing is left gets a reason. */
static void end_unfinished(struct reader_result *result, const char *reason)
{
	struct inbox_end end = {INBOX_NOTHING, reason, 0};

	forget_report(result);
	if (result->count < READER_REPORTS_MAX)
		end_report(result, &end);
}

/* Reads until the end or a fault; NULL, or the reason to stop the helper. */
static const char *read_helper(struct reader_result *result, int fd)
{
	int64_t deadline = clock_mono() + PATIENCE_SECONDS * CLOCK_SECOND;
	char *piece = heap_alloc(FLUSH_AT);
	const char *fault = NULL;
	ssize_t n = 1;

	while (fault == NULL && n > 0) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = (deadline - clock_mono()) / CLOCK_MS;

		if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
			fault = "reading it took too long";
			break;
		}
		n = read(fd, piece, FLUSH_AT);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0 && !take_bytes(result, span_make(piece, (size_t)n)))
			fault = "its reader wrote what cannot be used";
	}
	free(piece);
	return fault;
}

static const char *explain_status(int status, char text[64])
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? NULL : "its reader could not write";
	if (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL)
		return "reading it took too much CPU time";
	snprintf(text, 64, "its reader crashed (signal %d), or needed too much memory",
		 WTERMSIG(status));
	return text;
}

static void wait_for_helper(struct reader_result *result, pid_t pid, const char *fault)
{
	char text[64];
	int status;

	if (fault != NULL)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (fault == NULL)
		fault = explain_status(status, text);
	if (fault == NULL &&
	    (result->pending.len > 0 || result->size != result->begin || result->count == 0))
		fault = "its reader ended early";
	if (fault != NULL)
		end_unfinished(result, fault);
}

static struct reader_result *new_result(void)
{
	struct reader_result *result = heap_zero(sizeof *result);

	buf_init(&result->memory, NULL, 0);
	buf_init(&result->pending, NULL, 0);
	result->scratch = arena_new(0);
	result->head = -1;
	return result;
}

/* SHA-256 of bytes FROM to TO of what is kept. */
static int digest_range(const struct reader_result *result, int64_t from, int64_t to,
			uint8_t digest[CRYPT_DIGEST_LEN]);

static int digest_reports(struct reader_result *result)
{
	for (unsigned i = 0; i < result->count; i++) {
		struct segment *segment = &result->segments[i];
		int64_t to = segment->head > segment->begin ? segment->head : segment->end;

		if (digest_range(result, segment->begin, to, segment->report.digest) != 0)
			return -1;
	}
	return 0;
}

static struct reader_result *run_reader(int fd, int64_t from, int64_t to,
					const struct inbox_hint *hint, struct why *why)
{
	struct reader_result *result;
	int ends[2];
	pid_t pid;

	fflush(NULL); /* what is buffered must not be written twice */
	if (pipe(ends) != 0) {
		why_set(why, "no pipe to a process: %s", strerror(errno));
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		run_helper(fd, ends[1], from, to, hint);
	close(ends[1]);
	if (pid < 0) {
		why_set(why, "the reader's process cannot be made: %s", strerror(errno));
		close(ends[0]);
		return NULL;
	}
	result = new_result();
	wait_for_helper(result, pid, read_helper(result, ends[0]));
	close(ends[0]);
	return result;
}

struct reader_result *reader_read(int fd, int64_t from, int64_t to, const char *name, int64_t now,
				  struct why *why)
{
	struct inbox_hint hint = {now, name};
	struct reader_result *result;

	if (to - from > READER_BYTES_MAX) {
		result = new_result();
		end_unfinished(result, "it is larger than 64 MiB");
		return result;
	}
	result = run_reader(fd, from, to, &hint, why);
	if (result != NULL && digest_reports(result) != 0) {
		why_set(why, "a temporary file cannot be read: %s", strerror(errno));
		reader_free(result);
		return NULL;
	}
	return result;
}

void reader_free(struct reader_result *result)
{
	if (result == NULL)
		return;
	for (unsigned i = 0; i < result->count; i++)
		free((void *)(uintptr_t)result->segments[i].report.end.reason);
	if (result->file != NULL)
		fclose(result->file);
	buf_free(&result->memory);
	buf_free(&result->pending);
	arena_free(result->scratch);
	free(result);
}

unsigned reader_count(const struct reader_result *result)
{
	return result->count;
}

const struct reader_report *reader_report(const struct reader_result *result, unsigned i)
{
	assert(i < result->count);
	return &result->segments[i].report;
}

/* ---- visiting ---- */

static int load_bytes(const struct reader_result *result, int64_t at, char *data, size_t size)
{
	if (result->file == NULL) {
		memcpy(data, result->memory.data + at, size);
		return 0;
	}
	return fseeko(result->file, (off_t)at, SEEK_SET) == 0 &&
		       fread(data, 1, size, result->file) == size
		   ? 0
		   : -1;
}

static int digest_range(const struct reader_result *result, int64_t from, int64_t to,
			uint8_t digest[CRYPT_DIGEST_LEN])
{
	struct arena *arena = arena_new(0);
	struct crypt_hash *hash = crypt_hash_new(arena);
	char piece[16384];
	int status = 0;

	while (from < to && status == 0) {
		size_t size =
		    to - from < (int64_t)sizeof piece ? (size_t)(to - from) : sizeof piece;

		status = load_bytes(result, from, piece, size);
		if (status == 0)
			crypt_hash_add(hash, piece, size);
		from += (int64_t)size;
	}
	crypt_hash_finish(hash, digest);
	arena_free(arena);
	return status;
}

/* A report without an identifier is known by what is in it. */
static const char *digest_id(struct arena *arena, const struct reader_report *report)
{
	const uint8_t *d = report->digest;

	return arena_printf(arena, "sha256:%02x%02x%02x%02x%02x%02x%02x%02x", d[0], d[1], d[2],
			    d[3], d[4], d[5], d[6], d[7]);
}

static void name_report(struct arena *arena, const struct reader_report *report,
			enum inbox_part part, void *record)
{
	struct inbox_aggregate *aggregate = record;
	struct inbox_tls *tls = record;

	if (part == INBOX_PART_AGGREGATE && aggregate->report_id == NULL)
		aggregate->report_id = digest_id(arena, report);
	if (part == INBOX_PART_TLS && tls->report_id == NULL)
		tls->report_id = digest_id(arena, report);
}

static int visit_range(const struct reader_result *result, const struct reader_report *report,
		       int64_t from, int64_t to, inbox_visit *visit, void *arg, struct why *why)
{
	struct arena *arena = arena_new(0);
	alignas(max_align_t) char record[INBOX_RECORD_MAX];
	int status = 0;

	while (from < to && status == 0) {
		char header[WIRE_HEADER], *frame;
		enum inbox_part part;
		int length;

		arena_reset(arena);
		status = load_bytes(result, from, header, sizeof header);
		length = status == 0 ? wire_length(span_make(header, sizeof header)) : 0;
		frame = arena_alloc(arena, (size_t)length + 1);
		if (length <= 0 || load_bytes(result, from, frame, (size_t)length) != 0 ||
		    !wire_read(arena, span_make(frame, (size_t)length), &part, record)) {
			status = why_set(why, "a temporary file cannot be read");
			break;
		}
		name_report(arena, report, part, record);
		status = visit(arg, part, record);
		from += length;
	}
	arena_free(arena);
	return status;
}

int reader_each(const struct reader_result *result, unsigned i, inbox_visit *visit, void *arg,
		struct why *why)
{
	const struct segment *segment = &result->segments[i];
	int status;

	assert(i < result->count);
	status =
	    visit_range(result, &segment->report, segment->head, segment->end, visit, arg, why);
	return status != 0 ? status
			   : visit_range(result, &segment->report, segment->begin, segment->head,
					 visit, arg, why);
}
