/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A body goes into the spool as it comes in, piece by piece; nothing of it is parsed here but its
 * first byte. Reports that come this way are not authenticated (RFC 8460 section 3: HTTPS names the
 * receiver, not the sender), so they are "unverified".
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/http/http.h"
#include "daemon/http/listen.h"
#include "lib/clock.h"
#include "lib/heap.h"
#include "lib/log.h"
#include "lib/span.h"
#include "metrics/counters.h"

static const char *directory;
static const struct spool_limits *limits;

/* One request. CODE: 0 until its answer is known. */
struct post {
	struct spool_file *file;
	unsigned code;
	const char *text;
	int64_t size;
	bool begun; /* its first byte was seen */
};

static void refuse_post(struct post *post, unsigned code, const char *text)
{
	if (post->code != 0)
		return;
	post->code = code;
	post->text = text;
	spool_abandon(post->file);
	post->file = NULL;
}

/* RFC 8460 section 5.3; the others are what some senders say instead. */
static bool is_report_type(const char *type)
{
	static const char *const types[] = {"application/tlsrpt+gzip", "application/tlsrpt+json",
					    "application/gzip", "application/json",
					    "application/octet-stream"};
	struct span name = span_of(type == NULL ? "" : type);
	const char *end = memchr(name.p, ';', span_len(name));

	if (end != NULL)
		name.end = end;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (span_ieq(span_trim(name), types[i]))
			return true;
	return false;
}

static const char *find_field(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* A full spool would fill the log, too: one line a minute. */
static void warn_of_failure(const struct why *why)
{
	static int64_t next_at;
	int64_t now = clock_mono();

	if (now < next_at)
		return;
	next_at = now + 60 * CLOCK_SECOND;
	log_warning("inbox.post_listen: a report is not taken: %s", why->text);
}

/* What the head tells, so that a body that is not wanted need not be sent. */
static struct post *begin_post(struct MHD_Connection *connection, const char *url,
			       const char *method)
{
	struct post *post = heap_zero(sizeof *post);
	const char *length = find_field(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	struct why why;

	if (strcmp(url, "/tlsrpt") != 0)
		refuse_post(post, MHD_HTTP_NOT_FOUND, "not found; reports go to /tlsrpt\n");
	else if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		refuse_post(post, MHD_HTTP_METHOD_NOT_ALLOWED, NULL);
	else if (!is_report_type(find_field(connection, MHD_HTTP_HEADER_CONTENT_TYPE)))
		refuse_post(post, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
			    "application/tlsrpt+gzip or application/tlsrpt+json\n");
	else if (length != NULL && strtoll(length, NULL, 10) > limits->message)
		refuse_post(post, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
	else
		post->file = spool_begin(directory, limits, &why);
	if (post->code == 0 && post->file == NULL) {
		warn_of_failure(&why);
		refuse_post(post, MHD_HTTP_SERVICE_UNAVAILABLE, "not now\n");
	}
	return post;
}

static void take_piece(struct post *post, struct span piece)
{
	if (post->code != 0)
		return;
	if (!post->begun && *piece.p != '\x1f' && *piece.p != '{' && *piece.p != '\xef' &&
	    !char_is_space((unsigned char)*piece.p)) {
		refuse_post(post, MHD_HTTP_BAD_REQUEST, "neither gzip nor JSON\n");
		return;
	}
	post->begun = true;
	post->size += (int64_t)span_len(piece);
	if (post->size > limits->message)
		refuse_post(post, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
	else
		spool_write(post->file, piece);
}

static void finish_post(struct post *post)
{
	struct why why;
	struct spool_file *file = post->file;

	if (post->code != 0)
		return;
	if (!post->begun) {
		refuse_post(post, MHD_HTTP_BAD_REQUEST, "no report in this request\n");
		return;
	}
	post->file = NULL;
	if (spool_finish(file, "unverified", &why) == 0) {
		refuse_post(post, MHD_HTTP_CREATED, "taken\n");
		return;
	}
	warn_of_failure(&why);
	refuse_post(post, MHD_HTTP_SERVICE_UNAVAILABLE, "not now\n");
}

/* Called for the head of a request, for each piece of a body, and at its end: then we answer. */
static enum MHD_Result serve_post(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **state)
{
	struct post *post = *state;

	(void)arg, (void)version;
	if (post == NULL) {
		*state = begin_post(connection, url, method);
		post = *state;
		if (post->code == 0) /* else the answer goes out at once */
			return MHD_YES;
	} else if (*upload_size > 0) {
		take_piece(post, span_make(upload, *upload_size));
		*upload_size = 0;
		return MHD_YES;
	}
	finish_post(post);
	counters_count(METRIC_INBOX_POSTS,
		       post->code == MHD_HTTP_CREATED               ? COUNT_POST_TAKEN
		       : post->code == MHD_HTTP_SERVICE_UNAVAILABLE ? COUNT_POST_FAILED
								    : COUNT_POST_REFUSED,
		       0, 0);
	if (post->code == MHD_HTTP_METHOD_NOT_ALLOWED)
		return listen_refuse_method(connection, "POST");
	return listen_text(connection, post->code, post->text);
}

/* Also of a connection that ended early. */
static void end_post(void *arg, struct MHD_Connection *connection, void **state,
		     enum MHD_RequestTerminationCode code)
{
	struct post *post = *state;

	(void)arg, (void)connection, (void)code;
	if (post != NULL)
		spool_abandon(post->file);
	free(post);
	*state = NULL;
}

int http_start_posts(const char *address, const char *to, const struct spool_limits *within,
		     struct why *why)
{
	const struct listen_service service = {.path = "/tlsrpt",
					       .what = "TLS reports are taken at",
					       .serve = serve_post,
					       .end = end_post};

	directory = to;
	limits = within;
	return listen_start(address, &service, why);
}
