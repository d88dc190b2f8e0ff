/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/probe/visit.h"

#include <unistd.h>

#include "audit/probe/reply.h"

const char *visit_own_name(const struct look *look)
{
	char name[256] = "";

	if (look->settings->helo != NULL)
		return look->settings->helo;
	if (gethostname(name, sizeof name - 1) != 0 || span_empty(reply_name(span_of(name))))
		return "localhost.localdomain";
	return arena_string(look->arena, name);
}

void visit_look(const struct look *look)
{
	struct tasks *tasks = arena_make(look->arena, struct tasks);
	struct visit_web *web = visit_web_plan(look, tasks);

	if (look->settings->probe) {
		visit_smtp_plan(look, tasks);
		visit_client_plan(look, tasks);
	}
	tasks_run(tasks);
	visit_web_read(look, web);
}

void visit_judge(struct judge *judge)
{
	visit_judge_web(judge);
	visit_judge_smtp(judge);
	visit_judge_client(judge);
}
