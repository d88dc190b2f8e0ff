/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows come in the order of policies, the sums of a policy before its details; a policy is written
 * when the next one begins.
 */
#include "report/tls/document.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/crypto/hash.h"
#include "report/json.h"

enum { DAY = 86400 };

void document_id(const struct aggregate_reporter *reporter, const char *host, const char *domain,
		 int32_t day, char id[DOCUMENT_ID_MAX])
{
	uint8_t digest[CRYPT_DIGEST_LEN];
	struct buf text;

	buf_init(&text, NULL, 0);
	buf_printf(&text, "tlsrpt\n%s\n%s\n%s\n%s\n%" PRId32, reporter->org_name,
		   reporter->receiver, host, domain, day);
	crypt_sha256(text.data, text.len, digest);
	buf_free(&text);
	for (unsigned i = 0; i < 16; i++)
		snprintf(id + 2 * (size_t)i, 3, "%02x", digest[i]);
}

const char *document_file_name(const struct aggregate_reporter *reporter, const char *domain,
			       int32_t day, const char *id, struct arena *arena)
{
	int64_t begin = clock_day_begin(day);

	return arena_printf(arena, "%s!%s!%" PRId64 "!%" PRId64 "!%s.json.gz", reporter->receiver,
			    domain, begin, begin + DAY - 1, id);
}

struct writing {
	FILE *out;
	struct arena *arena; /* of the policy */
	const char *policy;  /* that is open; NULL: none */
	int64_t successful, failed;
	struct buf details;
	const char *detail; /* the last one, which another source may have counted, too */
	int64_t detail_count;
	int64_t reports; /* still to be left out */
	struct document_sum *sum;
};

static void end_detail(struct writing *writing)
{
	if (writing->detail == NULL)
		return;
	buf_printf(&writing->details, "%s%.*s,\"failed-session-count\":%" PRId64 "}",
		   writing->details.len == 0 ? "" : ",", (int)strlen(writing->detail) - 1,
		   writing->detail, writing->detail_count);
	writing->detail = NULL;
}

static void end_policy(struct writing *writing)
{
	int64_t left_out =
	    writing->reports < writing->successful ? writing->reports : writing->successful;

	if (writing->policy == NULL)
		return;
	end_detail(writing);
	writing->reports -= left_out;
	writing->successful -= left_out;
	if (writing->successful + writing->failed > 0) {
		fprintf(writing->out,
			"%s{\"policy\":%s,\"summary\":{\"total-successful-session-count\":%" PRId64
			",\"total-failure-session-count\":%" PRId64 "}",
			writing->sum->policies == 0 ? "" : ",", writing->policy,
			writing->successful, writing->failed);
		if (writing->details.len > 0)
			fprintf(writing->out, ",\"failure-details\":[%s]",
				buf_text(&writing->details));
		fputc('}', writing->out);
		writing->sum->policies++;
		writing->sum->sessions += writing->successful + writing->failed;
	}
	writing->policy = NULL;
}

static void begin_policy(struct writing *writing, const char *policy)
{
	arena_reset(writing->arena);
	buf_init(&writing->details, writing->arena, 0);
	writing->policy = arena_string(writing->arena, policy);
	writing->successful = writing->failed = 0;
}

static int write_session(void *arg, const struct session *session)
{
	struct writing *writing = arg;

	if (writing->policy == NULL || strcmp(writing->policy, session->policy) != 0) {
		end_policy(writing);
		begin_policy(writing, session->policy);
	}
	switch (session->kind) {
	case SESSION_DONE:
		writing->successful += session->count;
		return 0;
	case SESSION_FAILED:
		writing->failed += session->count;
		return 0;
	case SESSION_DETAIL:
		break;
	}
	if (writing->detail != NULL && strcmp(writing->detail, session->detail) != 0)
		end_detail(writing);
	if (writing->detail == NULL) {
		assert(session->detail[0] == '{');
		writing->detail = arena_string(writing->arena, session->detail);
		writing->detail_count = 0;
	}
	writing->detail_count += session->count;
	return 0;
}

static void write_head(const struct aggregate_reporter *reporter, const char *id, int32_t day,
		       struct arena *arena, FILE *out)
{
	char date[CLOCK_TEXT_MAX];

	clock_day_text(day, date);
	fprintf(out,
		"{\"organization-name\":%s,\"date-range\":{\"start-datetime\":\"%sT00:00:00Z\"",
		json_quote(arena, reporter->org_name), date);
	fprintf(out, ",\"end-datetime\":\"%sT23:59:59Z\"},\"contact-info\":%s", date,
		json_quote(arena, reporter->email));
	fprintf(out, ",\"report-id\":\"%s\",\"policies\":[", id);
}

int document_write(struct sql *sql, const struct aggregate_reporter *reporter, const char *id,
		   const char *domain, int32_t day, int64_t reports, FILE *out,
		   struct document_sum *sum, struct why *why)
{
	struct writing writing = {
	    .out = out, .arena = arena_new(0), .reports = reports, .sum = sum};
	int result;

	*sum = (struct document_sum){0, 0};
	errno = 0;
	write_head(reporter, id, day, writing.arena, out);
	result = sessions_each(sql, domain, day, write_session, &writing, why);
	end_policy(&writing);
	fprintf(out, "]}\n");
	arena_free(writing.arena);
	if (result == 0 && (fflush(out) != 0 || ferror(out)))
		result = why_set(why, "the report cannot be written: %s", strerror(errno));
	return result;
}
