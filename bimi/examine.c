/* SPDX-License-Identifier: BSD-2-Clause */
#include "bimi/examine.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/codec/gzip.h"
#include "lib/codec/markup.h"
#include "bimi/logo.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "lib/system/sandbox.h"

enum { OUTPUT_MAX = 256 * 1024, PATIENCE_SECONDS = 60, PIECE = 16384 };

enum bimi_kind bimi_kind_of(struct span bytes)
{
	static const char begin[] = "-----BEGIN ";

	if (gzip_is(bytes) || (span_len(bytes) >= 2 && (memcmp(bytes.p, "\xff\xfe", 2) == 0 ||
							memcmp(bytes.p, "\xfe\xff", 2) == 0)))
		return BIMI_LOGO;
	if (span_len(bytes) >= 3 && memcmp(bytes.p, "\xef\xbb\xbf", 3) == 0)
		bytes.p += 3;
	bytes = span_trim(bytes);
	if (!span_empty(bytes) && *bytes.p == '<')
		return BIMI_LOGO;
	for (; span_len(bytes) >= sizeof begin - 1; bytes.p++)
		if (memcmp(bytes.p, begin, sizeof begin - 1) == 0)
			return BIMI_CERTIFICATE;
	return BIMI_NEITHER;
}

/* ---- the process without rights ---- */

static void tell_logo(struct bimi_findings *findings, struct span svg)
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	char text[2 * CRYPT_DIGEST_LEN + 1];

	if (span_empty(svg))
		return;
	crypt_sha256(svg.p, span_len(svg), digest);
	for (unsigned i = 0; i < CRYPT_DIGEST_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	bimi_fact(findings, "bytes", span_of(arena_printf(findings->arena, "%zu", span_len(svg))));
	bimi_fact(findings, "sha256", span_of(text));
}

static void write_out(const struct buf *out)
{
	size_t done = 0;

	while (done < out->len) {
		ssize_t n = write(SANDBOX_OUT, out->data + done, out->len - done);

		if (n < 0 && errno != EINTR)
			_exit(1);
		done += n < 0 ? 0 : (size_t)n;
	}
}

static _Noreturn void run_helper(enum bimi_kind kind, const struct bimi_evidence *evidence, int fd)
{
	struct bimi_findings findings;
	struct span svg;
	struct buf out;

	signal(SIGPIPE, SIG_DFL);
	sandbox_enter(fd, fd); /* what it reads is in memory */
	bimi_findings_init(&findings, arena_new(0));
	if (kind == BIMI_LOGO) {
		bimi_logo_check(&findings, evidence->pem, &svg);
		tell_logo(&findings, svg);
	} else if (kind == BIMI_REVOCATION) {
		bimi_evidence_check_revoked(&findings, evidence);
	} else {
		bimi_evidence_check(&findings, evidence);
	}
	buf_init(&out, findings.arena, 0);
	bimi_findings_write(&findings, &out);
	write_out(&out);
	_exit(0);
}

/* ---- the parent ---- */

/* NULL, or why the process has to be stopped. */
static const char *read_helper(int fd, struct buf *out)
{
	int64_t deadline = clock_mono() + PATIENCE_SECONDS * CLOCK_SECOND;

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = (deadline - clock_mono()) / CLOCK_MS;
		char *room = buf_reserve(out, PIECE);
		ssize_t n;

		if (room == NULL)
			return "its reader wrote too much";
		if (left <= 0 || poll(&wait, 1, (int)left) == 0)
			return "reading it took too long";
		n = read(fd, room, PIECE);
		if (n == 0)
			return NULL;
		if (n < 0 && errno != EINTR)
			return "its reader cannot be heard";
		out->len += n < 0 ? 0 : (size_t)n;
	}
}

static const char *wait_for_helper(pid_t pid, const char *fault)
{
	int status;

	if (fault != NULL)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (fault != NULL)
		return fault;
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? NULL : "its reader could not write";
	return WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL
		   ? "reading it took too much CPU time"
		   : "its reader crashed, or needed too much memory";
}

static void take_result(struct bimi_findings *findings, struct span text, const char *fault)
{
	struct arena *arena = findings->arena;

	if (fault == NULL && !bimi_findings_read(findings, text))
		fault = "its reader wrote what cannot be used";
	if (fault == NULL)
		return;
	bimi_findings_init(findings, arena);
	bimi_found(findings, BIMI_READER, 0, "%s", fault);
}

int bimi_examine(enum bimi_kind kind, const struct bimi_evidence *evidence,
		 struct bimi_findings *findings, struct why *why)
{
	const char *fault;
	struct buf out;
	int ends[2];
	pid_t pid;

	assert(kind != BIMI_NEITHER && findings->count == 0);
	markup_prepare();
	crypt_sha256("", 0, (uint8_t[CRYPT_DIGEST_LEN]){0}); /* OpenSSL reads its settings now */
	fflush(NULL); /* what is buffered must not be written twice */
	if (pipe(ends) != 0)
		return why_set(why, "no pipe to a process: %s", strerror(errno));
	pid = fork();
	if (pid == 0)
		run_helper(kind, evidence, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return why_set(why, "the reader's process cannot be made: %s", strerror(errno));
	}
	buf_init(&out, findings->arena, OUTPUT_MAX);
	fault = wait_for_helper(pid, read_helper(ends[0], &out));
	close(ends[0]);
	take_result(findings, buf_view(&out), fault);
	return 0;
}
