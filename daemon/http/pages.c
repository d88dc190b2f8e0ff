/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Another process than the exporter, which needs neither the ledger nor the DNS and stays without
 * them. Sockets are opened first, then the process gives up what it does not need, and only then is
 * anybody answered.
 */
#include "daemon/http/pages.h"

#include <assert.h>
#include <stdnoreturn.h>

#include "context/keysource.h"
#include "context/context.h"
#include "daemon/daemon.h"
#include "daemon/http/answer.h"
#include "daemon/rights/confined.h"
#include "keys/publickeys.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "report/page/script.h"

enum { LISTENERS = 8 };

static const char *public_keys; /* of the last pages_use_keys() */

/* ---- in the process ---- */

static struct answering answering;

/* Each listener has a thread, and there is one answer at a time. */
static struct lock turn;

static void serve_page(void *arg, const struct http_request *request, struct http_reply *reply)
{
	lock_take(&turn);
	answer_request(arg, request, reply);
	lock_drop(&turn);
}

static const char *headers[][2] = {{"Content-Security-Policy", NULL}, /* set by make_policy() */
				   {"X-Frame-Options", "DENY"},
				   {"X-Content-Type-Options", "nosniff"},
				   {"Referrer-Policy", "no-referrer"},
				   {"Cross-Origin-Resource-Policy", "same-origin"},
				   {"Vary", "Accept"},
				   {NULL, NULL}};

static const struct http_pages served = {serve_page, &answering, (const char *const (*)[2])headers};

static void make_policy(void)
{
	static struct buf text;

	buf_init(&text, NULL, 0);
	script_policy(&text, true);
	buf_string(&text, "; frame-ancestors 'none'");
	headers[0][1] = buf_text(&text);
}

static noreturn void stop_with(const struct why *why)
{
	log_error("page.listen: %s; mail is not affected", why->text);
	daemon_exit(1);
}

static void open_site(const struct conf *conf)
{
	struct dns_settings settings = context_dns(conf);
	struct keyring *keyring = NULL;
	struct why why = {""};
	struct dns *dns = dns_new_unbound(&settings, &why);

	if (dns == NULL)
		stop_with(&why);
	if (public_keys != NULL && conf->store.keys)
		keyring = keysource_load(conf, &why);
	else if (public_keys != NULL)
		keyring = publickeys_read(span_of(public_keys), NULL, &why);
	answering = (struct answering){conf, site_new(conf, dns, keyring)};
}

static noreturn void run_pages(const struct conf *conf, pid_t parent)
{
	unsigned count = conf->page.listen.count;
	int fds[LISTENERS];
	struct why why = {""};
	sigset_t term;

	assert(count <= LISTENERS);
	helper_block_signals(&term);
	lock_init(&turn);
	for (unsigned i = 0; i < count; i++) {
		fds[i] = http_open_pages(conf->page.listen.items[i], conf->page.group, &why);
		if (fds[i] < 0)
			stop_with(&why);
	}
	make_policy();
	confined_enter(CONFINED_PAGES, conf);
	open_site(conf);
	for (unsigned i = 0; i < count; i++) {
		if (http_start_pages(fds[i], &served, &why) != 0)
			stop_with(&why);
	}
	helper_wait_for_term(&term, parent);
	daemon_exit(0);
}

/* ---- in the supervisor ---- */

void pages_use_keys(const char *keys)
{
	public_keys = keys;
}

static bool is_wanted(const struct conf *conf)
{
	return conf->page.listen.count > 0 && conf->store.url[0] != '\0';
}

const struct helper_kind pages_kind = {
    .setting = "page.listen",
    .what = "the process that serves pages",
    .is_wanted = is_wanted,
    .run = run_pages,
    .patience = 2 * CLOCK_SECOND,
};
