/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that counts TLS sessions for the reports about them: what Postfix tells
 * (tls.report_socket), what its log has (tls.report_log), and what the policy service could not
 * find out. Nobody waits for it. The supervisor keeps its sockets, so that what is told waits in
 * their queue while the process is replaced.
 */
#ifndef DAEMON_TLS_COUNTER_H
#define DAEMON_TLS_COUNTER_H

#include "daemon/helper.h"
#include "report/tls/session.h"

struct tls_counter {
	int datagrams; /* of Postfix; -1: none */
	char *path;    /* of that socket */
	int told[2];   /* from the policy service; -1: nothing is counted */
	void *place;   /* in the log; outlives the process */
	struct helper helper;
};

void tls_counter_init(struct tls_counter *counter);

/* Opens and closes sockets as the settings say. -1: one cannot be opened. */
int tls_counter_open(struct tls_counter *counter, const struct conf *conf, struct why *why);

/* The next ones as those of daemon/tls/service.h. */
int64_t tls_counter_start(struct tls_counter *counter, const struct conf *conf,
			  struct workers *workers);
void tls_counter_stop(struct tls_counter *counter);
int64_t tls_counter_look_after(struct tls_counter *counter);
void tls_counter_close_files(const struct tls_counter *counter);
void tls_counter_close(struct tls_counter *counter);

/* In the policy service, from any thread: a session failed. Does not wait. */
void tls_counter_tell(const struct tls_counter *counter, const char *domain,
		      enum session_policy policy, const struct session_detail *detail);

#endif
