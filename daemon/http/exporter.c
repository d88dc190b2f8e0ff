/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A process of its own, since what speaks HTTP with the network must hold neither keys nor sockets
 * of the MTA, and must not be able to stop the supervisor. Whatever becomes of it, mail goes on.
 */
#include "daemon/http/exporter.h"

#include <signal.h>
#include <stdnoreturn.h>
#include <sys/wait.h>

#include "daemon/rights/confined.h"
#include "daemon/daemon.h"
#include "daemon/http/http.h"
#include "lib/clock.h"
#include "lib/log.h"

static const int64_t patience = 2 * CLOCK_SECOND; /* with one that is to end */
static const int64_t first_pause = CLOCK_SECOND;  /* before another try, then doubled */
static const int64_t longest_pause = 60 * CLOCK_SECOND;

/* ---- in the process ---- */

static void notice_policy(const char *text)
{
	log_error("tls.own_policies: %s; it is not served", text);
}

/* What cannot be read is not served: metrics are, all the same. */
static void read_policies(const struct conf *conf, struct served *policies)
{
	struct why why;

	if (conf->tls.own_policies[0] == '\0')
		return;
	if (served_read(policies, conf->tls.own_policies, notice_policy, &why) != 0)
		notice_policy(why.text);
	else
		log_info("MTA-STS policies of %u domains are served", policies->count);
}

static noreturn void run_exporter(const struct conf *conf, pid_t parent)
{
	static struct served policies;
	struct why why;
	sigset_t term;

	helper_block_signals(&term);
	read_policies(conf, &policies);
	for (unsigned i = 0; i < conf->http.listen.count; i++) {
		if (http_start(conf->http.listen.items[i], &policies, &why) != 0) {
			log_error("http.listen: %s; mail is not affected", why.text);
			daemon_exit(1);
		}
	}
	confined_enter(CONFINED_EXPORTER, conf);
	helper_wait_for_term(&term, parent);
	daemon_exit(0);
}

/* ---- in the supervisor ---- */

static int64_t pause_of(unsigned tries)
{
	int64_t pause = first_pause;

	for (unsigned i = 1; i < tries && pause < longest_pause; i++)
		pause *= 2;
	return pause < longest_pause ? pause : longest_pause;
}

int64_t exporter_start(struct exporter *exporter, const struct conf *conf,
		       const struct workers *workers)
{
	struct helper *helper = &exporter->helper;
	int64_t now = clock_mono();

	if (helper->pid != 0 || conf->http.listen.count == 0)
		return 0;
	if (helper->next_at > now)
		return helper->next_at;
	helper->next_at = now + pause_of(++exporter->tries);
	helper_start(helper, "http.listen", run_exporter, conf, workers);
	return helper->pid != 0 ? 0 : helper->next_at;
}

void exporter_stop(struct exporter *exporter)
{
	exporter->tries = 0;
	helper_stop(&exporter->helper, patience);
}

int64_t exporter_look_after(struct exporter *exporter)
{
	struct helper *helper = &exporter->helper;
	bool was_there = helper->pid != 0;
	int status;
	int64_t next = helper_look_after(helper, &status);

	if (WIFSIGNALED(status))
		log_warning(
		    "the process that serves metrics was killed by signal %d; another takes "
		    "its place",
		    WTERMSIG(status));
	if (was_there && helper->pid == 0 && clock_mono() > helper->next_at + longest_pause)
		exporter->tries = 0; /* it ran well for a long time */
	return next;
}
