/* SPDX-License-Identifier: BSD-2-Clause */
/* report/tls/datagram: what any process of the host may write to tls.report_socket. */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "mail/domain.h"
#include "report/tls/datagram.h"
#include "t/lib/fuzz.h"

static void check_object(const char *text, size_t max)
{
	json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	assert(strlen(text) <= max && json_is_object(object));
	json_decref(object);
}

static void check_session(void *arg, const struct session *session)
{
	unsigned *count = arg;

	++*count;
	assert(session->count == 1 && session->source == SESSION_TLSRPT);
	assert(strlen(session->domain) <= 253);
	check_object(session->policy, SESSION_POLICY_MAX);
	if (session->kind == SESSION_DETAIL)
		check_object(session->detail, SESSION_DETAIL_MAX);
	else
		assert(session->detail[0] == '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(0);
	struct why why = {""};
	unsigned count = 0;

	if (datagram_parse(arena, span_make(data, size), SESSION_TLSRPT, check_session, &count,
			   &why) != 0)
		assert(count == 0 && why.text[0] != '\0');
	assert(count <= DATAGRAM_POLICIES_MAX * (1 + DATAGRAM_LIST_MAX));
	arena_free(arena);
	return 0;
}
