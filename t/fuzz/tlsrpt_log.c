/* SPDX-License-Identifier: BSD-2-Clause */
/* report/tls/postlog: lines of a log in which other hosts' words are. */
#include <assert.h>
#include <string.h>

#include "report/tls/postlog.h"
#include "t/lib/fuzz.h"

static const char *find_policy(void *arg, struct arena *arena, const char *domain)
{
	(void)arg;
	(void)arena;
	return domain[0] == 'a' ? "version: STSv1\nmode: testing\nmx: *.a.example\nmax_age: 9\n"
				: NULL;
}

static void check_session(void *arg, const struct session *session)
{
	(void)arg;
	assert(session->count == 1 && session->source == SESSION_DERIVED);
	assert(strlen(session->domain) <= 253 && session->policy[0] == '{');
	assert((session->kind == SESSION_DETAIL) == (session->detail[0] == '{'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct postlog *postlog = postlog_new(find_policy, check_session, NULL);
	struct span text = span_make(data, size), line;
	bool more = true;

	while (span_split(&text, &more, '\n', &line))
		postlog_line(postlog, line);
	postlog_free(postlog);
	return 0;
}
