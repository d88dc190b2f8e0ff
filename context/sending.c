/* SPDX-License-Identifier: BSD-2-Clause */
#include "context/sending.h"

#include <assert.h>

#include "context/context.h"
#include "keys/publickeys.h"
#include "lib/clock.h"
#include "lib/net/transfer.h"

static int read_password(struct send_server *server, const struct conf *conf, struct arena *arena,
			 struct why *why)
{
	if (server->user == NULL)
		return 0;
	server->password = send_password(arena, conf->reports.password_file, why);
	return server->password == NULL ? why_prefix(why, "reports.password_file: ") : 0;
}

static int open_network(struct sending *sending, const struct conf *conf, struct why *why)
{
	struct dns_settings settings = context_dns(conf);

	if (sending->sender.dry_run)
		return 0;
	if (transfer_init(why) != 0 ||
	    read_password(&sending->settings.server, conf, sending->arena, why) != 0)
		return -1;
	sending->sender.dns = dns_new_unbound(&settings, why);
	return sending->sender.dns == NULL ? -1 : 0;
}

/* An outcome that another run did not get to store needs no turn at sending. */
static int resume_shared(struct sender *sender, const struct ledger_settings *settings,
			 struct why *why)
{
	struct arena *arena = arena_new(0);
	struct outbox_attempt attempt;
	int result = outbox_attempt_read(sender->own, arena, &attempt, why);
	bool busy;

	arena_free(arena);
	if (result != 1)
		return result;
	sender->outbox = outbox_open(settings, OUTBOX_CHANGE, &busy, why);
	result = sender->outbox == NULL ? -1 : sender_resume(sender, why);
	outbox_close(sender->outbox);
	sender->outbox = NULL;
	return result;
}

static int open_outboxes(struct sender *sender, const struct ledger_settings *settings, bool *busy,
			 struct why *why)
{
	enum outbox_mode mode = sender->dry_run ? OUTBOX_READ : OUTBOX_SEND;
	struct ledger_settings own = *settings;

	own.shared = NULL;
	if (settings->shared != NULL) {
		sender->own = outbox_open(&own, mode, busy, why);
		if (sender->own == NULL ||
		    (!sender->dry_run && resume_shared(sender, settings, why) != 0))
			return -1;
	}
	sender->outbox = outbox_open(settings, mode, busy, why);
	if (sender->outbox == NULL)
		return -1;
	return sender->dry_run || sender->own != NULL ? 0 : sender_resume(sender, why);
}

/* Of this host, whoever sends the other reports. */
static int open_sessions(struct sending *sending, const struct ledger_settings *settings,
			 struct why *why)
{
	struct sender *sender = &sending->sender;
	struct ledger_settings own = *settings;
	struct sql_rows *rows;
	int found;

	own.shared = NULL;
	sender->sessions = sqlite_sql(&own, why);
	if (sender->sessions == NULL)
		return -1;
	rows = sql_ask(sender->sessions, "SELECT hex(host) FROM spool", SQL_NO_VALUES);
	found = sql_next(rows, why);
	if (found == 1) {
		sender->host = sql_text_at(rows, 0, sending->arena);
		sql_drop(rows);
	}
	return found == 1 ? 0 : found == 0 ? why_set(why, "the ledger has no name") : -1;
}

/* The ledger is read only: its rows are the milter's. */
static enum sending_state open_store(struct sending *sending, const struct conf *conf,
				     struct why *why)
{
	struct ledger_settings settings;
	struct sender *sender = &sending->sender;
	bool busy = false;

	if (context_store(conf, false, &settings, why) != 0)
		return SENDING_CONFIG;
	sender->ledger = ledger_open(&settings, why);
	if (sender->ledger != NULL && open_outboxes(sender, &settings, &busy, why) == 0 &&
	    (!sending->tls || open_sessions(sending, &settings, why) == 0))
		return SENDING_READY;
	return busy ? SENDING_BUSY : SENDING_UNAVAILABLE;
}

static int check_settings(const struct conf *conf, struct why *why)
{
	if (conf->reports.org[0] != '\0' && conf->reports.from[0] != '\0')
		return 0;
	return why_set(why, "reports.%s is not set: reports must say who sends them",
		       conf->reports.org[0] == '\0' ? "org" : "from");
}

/* RFC 9990 section 3.5.2: the mail itself must pass DMARC. Another host may sign it. */
static const char *find_warning(const struct context *context,
				const struct sender_settings *settings, struct arena *arena)
{
	const struct outbound_rules *rules = &context->outbound;
	const char *domain = settings->reporter.receiver;
	const struct signing_key *const *keys;

	if (rules->keyring == NULL && rules->enabled)
		return NULL; /* this user may not read the keys */
	if (rules->enabled &&
	    keyring_find(rules->keyring, domain, rules->subdomains, arena, &keys) > 0)
		return NULL;
	return arena_printf(
	    arena,
	    "no key of %s is active here, and mail without a signature is refused by"
	    " many: countersign key gen %s, then key check",
	    domain, domain);
}

/* The keys are only looked at for a warning. */
static struct context *make_context(const struct conf *conf, const char *keys, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct context_keys wanted = context_keys(conf, arena);
	struct keyring *keyring = NULL;
	const char *option;

	if (context_uses_keys(conf))
		keyring = keys != NULL ? publickeys_read(span_of(keys), NULL, why)
				       : context_load_keys(&wanted, &option, why);
	arena_free(arena);
	return context_new_with(conf, NULL, keyring, why);
}

enum sending_state sending_open(struct sending *sending, const struct conf *conf, const char *keys,
				bool dry_run, struct why *why)
{
	enum sending_state state = SENDING_CONFIG;

	assert(sending->sender.tell != NULL);
	sending->sender = (struct sender){.tell = sending->sender.tell,
					  .go_on = sending->sender.go_on,
					  .look = sending->sender.look,
					  .arg = sending->sender.arg,
					  .dry_run = dry_run};
	sending->context = NULL;
	sending->arena = NULL;
	sending->keys = keys;
	sending->tls = conf->tls.reports;
	sending->warning = NULL;
	if (check_settings(conf, why) != 0)
		return SENDING_CONFIG;
	sending->arena = arena_new(0);
	sending->context = make_context(conf, keys, why);
	if (sending->context != NULL) {
		sending->settings = context_sender(conf, sending->context, sending->arena);
		sending->sender.settings = &sending->settings;
		sending->warning =
		    find_warning(sending->context, &sending->settings, sending->arena);
		state = open_store(sending, conf, why);
	}
	if (state == SENDING_READY && open_network(sending, conf, why) != 0)
		state = SENDING_CONFIG;
	if (state != SENDING_READY)
		sending_close(sending);
	return state;
}

void sending_close(struct sending *sending)
{
	dns_free(sending->sender.dns);
	sql_close(sending->sender.sessions);
	outbox_close(sending->sender.outbox);
	outbox_close(sending->sender.own);
	ledger_close(sending->sender.ledger);
	context_drop(sending->context);
	arena_free(sending->arena);
}

/* ---- notices ---- */

static int check_origin(const struct conf *conf, struct why *why)
{
	return conf->reports.from[0] != '\0'
		   ? 0
		   : why_set(why, "reports.from is not set: a mail must say who sends it");
}

int sending_notice(const struct conf *conf, const char *to, const struct notice *notice,
		   struct why *why)
{
	struct arena *arena = arena_new(0);
	struct sender_settings settings;
	int result = check_origin(conf, why);

	if (result == 0) {
		settings = context_sender(conf, NULL, arena);
		result = transfer_init(why);
	}
	if (result == 0)
		result = read_password(&settings.server, conf, arena, why);
	if (result == 0)
		result = notice_send(&settings, to, notice, why) == SEND_DONE ? 0 : -1;
	arena_free(arena);
	return result;
}

int sending_put_notice(const struct conf *conf, const char *name, const struct notice *notice,
		       const struct conf_strings *addresses, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct ledger_settings store;
	struct outbox *outbox = NULL;
	int result = -1;
	bool busy;

	if (check_origin(conf, why) == 0 && context_store(conf, false, &store, why) == 0)
		outbox = outbox_open(&store, OUTBOX_CHANGE, &busy, why);
	if (outbox != NULL) {
		const struct sender_settings settings = context_sender(conf, NULL, arena);
		const struct notice_name named = {settings.reporter.receiver,
						  clock_day(clock_wall()), name};

		result =
		    notice_put(outbox, &named, notice, addresses->items, addresses->count, why);
	}
	outbox_close(outbox);
	arena_free(arena);
	return result;
}

const char *sending_check(const struct conf *conf, struct arena *arena)
{
	const struct keyring_fault *faults;
	struct sender_settings settings;
	const char *warning = NULL;
	struct context *context;
	struct why why;

	if (!conf->reports.send && conf->page.mail.count == 0 && conf->audit.mail.count == 0)
		return NULL;
	context = context_new(conf, NULL, &why);
	if (context == NULL)
		return NULL;
	settings = context_sender(conf, context, arena);
	if (context->outbound.keyring == NULL ||
	    keyring_faults(context->outbound.keyring, &faults) == 0)
		warning = find_warning(context, &settings, arena);
	context_drop(context);
	return warning;
}
