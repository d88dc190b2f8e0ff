/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy service: Postfix's questions over the socketmap protocol, answered from the cache at
 * once and else when the solver has an answer.
 *
 * Maps: "policy" and "policy310" (tls/answer.h), and "refresh", which first asks DNS and the web
 * server of the domain again and then answers as "policy".
 */
#ifndef TLS_SERVE_H
#define TLS_SERVE_H

#include "tls/solve.h"

enum { SERVE_CLIENTS_MAX = 1024, SERVE_LISTENERS_MAX = 8 };

struct serve_settings {
	const int *listeners; /* listening sockets that do not block */
	unsigned count;
	struct solve_settings solve; /* but on_solved and its arg */
	void *shared;                /* of tls/known.h, or NULL */
	const int *keep;             /* both ends, of tls/keep.h */
	void (*on_answer)(enum level_kind kind);
	void (*on_miss)(void);                             /* the cache did not have the answer */
	void (*on_stats)(const struct known_stats *stats); /* every few seconds */
	bool (*go_on)(void);
};

/* Until GO_ON is false and what was asked is answered, at most SOLVE_PATIENCE later. -1: it could
 * not begin. */
int serve_run(const struct serve_settings *settings, struct why *why);

#endif
