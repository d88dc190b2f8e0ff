/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Postfix would be told about a domain, found out by the command itself, and what the daemon
 * tells it now.
 */
#ifndef ADMIN_TLS_LOOK_H
#define ADMIN_TLS_LOOK_H

#include "admin/admin.h"
#include "store/policies.h"
#include "tls/answer.h"

struct tls_look {
	struct level level;
	bool stored, fetched; /* where the policy comes from: the ledger, its web server now */
	const char *fetch_fault;
	const char *answers[ANSWER_MAPS];
	const char *daemon; /* the answer of the daemon, or NULL */
	const char *daemon_fault;
};

/* DOMAIN in the form of level_domain(). Strings live in ADMIN's arena. 0, or a status after the
 * error was printed. */
int tls_look(struct admin *admin, const char *domain, struct tls_look *look);

/* Asks the daemon's policy service at ADDRESS (as tls.listen has it). *ANSWER, in ARENA: "OK
 * dane-only". */
int tls_ask(struct arena *arena, const char *address, const char *map, const char *key,
	    const char **answer, struct why *why);

/* The policy of DOMAIN in the ledger, expired or not. False: there is none, or no ledger that can
 * be read. */
bool tls_find_stored(struct admin *admin, const char *domain, struct policies_row *row);

/* The policies in the ledger, if there is one. 0, or a status after the error was printed. */
int tls_each_stored(struct admin *admin, policies_visit *visit, void *arg);

#endif
