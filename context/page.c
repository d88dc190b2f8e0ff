/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received reports and what was received here are in the shared store where there is one. What
 * cannot be read beside them leaves its part empty.
 */
#include "context/page.h"

#include <string.h>
#include <unistd.h>

#include "context/context.h"
#include "lib/clock.h"
#include "lib/system/readfile.h"
#include "mail/domain.h"
#include "store/outbox.h"
#include "store/personal.h"
#include "store/sql/shared.h"
#include "store/sql/sql.h"

enum { KEYS_MAX = 2000 };

static const int64_t busy_wait = 5 * CLOCK_SECOND;

struct collecting {
	const struct page_inputs *inputs;
	struct page_facts *facts;
	struct arena *arena;
	const char **names; /* of domains with keys */
	unsigned name_count;
};

void page_set_days(struct page_facts *facts, unsigned days)
{
	int32_t today = clock_day(clock_wall());

	facts->days = days;
	facts->first_day = today - (int32_t)days + 1;
	facts->generated = clock_wall();
	facts->version = VERSION;
	facts->changed_day = today - PAGE_CHANGE_DAYS + 1;
	if (facts->changed_day <= facts->first_day)
		facts->changed_day = facts->first_day + 1;
}

static void tell_missing(const struct collecting *collecting, const char *part,
			 const struct why *why)
{
	const struct page_inputs *inputs = collecting->inputs;
	struct why text;

	if (inputs->tell == NULL)
		return;
	why_set(&text, "without %s: %s", part, why->text);
	inputs->tell(inputs->arg, text.text);
}

/* ---- keys ---- */

static void add_key(void *arg, const struct signing_key *key, const char *path)
{
	struct collecting *collecting = arg;
	struct page_facts *facts = collecting->facts;
	const char *domain = signing_key_domain(key);
	struct keystatus status = signing_key_status(key);

	(void)path;
	if (facts->key_count == KEYS_MAX ||
	    (facts->only != NULL && !domain_within(domain, facts->only)))
		return;
	facts->keys[facts->key_count++] = (struct page_key){
	    .domain = arena_string(collecting->arena, domain),
	    .selector = arena_string(collecting->arena, signing_key_selector(key)),
	    .type = signing_key_type(key) == CRYPT_ED25519
			? "ed25519"
			: arena_printf(collecting->arena, "rsa %u", signing_key_bits(key)),
	    .state = keystate_text(status.state),
	    .since = status.since != 0 ? status.since : signing_key_created(key)};
	if (status.state == KEYSTATE_ACTIVE)
		collecting->names[collecting->name_count++] =
		    facts->keys[facts->key_count - 1].domain;
}

static void read_keys(struct collecting *collecting)
{
	const struct keyring *keyring = site_keyring(collecting->inputs->site);

	collecting->facts->keys = arena_array(collecting->arena, KEYS_MAX, sizeof(struct page_key));
	collecting->names = arena_array(collecting->arena, KEYS_MAX, sizeof(const char *));
	if (keyring != NULL)
		keyring_each(keyring, add_key, collecting);
}

/* ---- the ledger ---- */

static int read_settings(const struct conf *conf, bool local, struct ledger_settings *settings,
			 struct why *why)
{
	if (context_store(conf, local, settings, why) != 0)
		return -1;
	settings->read_only = true;
	settings->busy_wait = busy_wait;
	return 0;
}

static struct sql *open_ledger(const struct conf *conf, struct why *why)
{
	struct ledger_settings settings;

	return read_settings(conf, true, &settings, why) == 0 ? sqlite_sql(&settings, why) : NULL;
}

static int gather_ledger(struct collecting *collecting, struct why *why)
{
	const struct page_inputs *inputs = collecting->inputs;
	struct source_facts sources = site_facts(inputs->site, inputs->deadline);
	struct sql *local = open_ledger(inputs->conf, why);
	struct sql *received = local == NULL ? NULL : context_received(inputs->conf, true, why);
	int result = -1;

	if (received != NULL)
		result = page_gather(collecting->facts, received, &sources,
				     site_reporter_rules(inputs->site), collecting->names,
				     collecting->name_count, collecting->arena, why);
	if (result == 0)
		result = page_gather_tls(collecting->facts, local, collecting->arena, why);
	collecting->facts->without_dns = site_was_late(inputs->site);
	sql_close(received);
	sql_close(local);
	return result;
}

static int gather_inbound(struct collecting *collecting, struct why *why)
{
	struct ledger_settings settings;
	struct sql *sql;
	int result;

	if (read_settings(collecting->inputs->conf, false, &settings, why) != 0)
		return -1;
	sql = settings.shared != NULL ? shared_open(settings.shared, SHARED_AS_IT_IS, true, why)
				      : sqlite_sql(&settings, why);
	if (sql == NULL)
		return -1;
	result = page_gather_inbound(collecting->facts, sql, collecting->arena, why);
	sql_close(sql);
	return result;
}

/* ---- what may be missing ---- */

static struct page_domain *find_domain(struct page_facts *facts, const char *name)
{
	for (unsigned i = 0; i < facts->domain_count; i++)
		if (strcmp(facts->domains[i].name, name) == 0)
			return &facts->domains[i];
	return NULL;
}

/* Counted for its domain, or the nearest above it that the page has. */
static int count_feedback(void *arg, const struct personal_feedback *feedback)
{
	struct page_facts *facts = arg;
	struct page_domain *domain = NULL;

	for (const char *name = feedback->domain; name != NULL && domain == NULL;) {
		domain = find_domain(facts, name);
		name = strchr(name, '.');
		name = name == NULL ? NULL : name + 1;
	}
	if (domain == NULL)
		return 0;
	if (strcmp(feedback->kind, "complaint") == 0)
		domain->complaints += feedback->incidents > 0 ? feedback->incidents : 1;
	else
		domain->failures++;
	return 0;
}

static int count_unreadable(void *arg, const struct personal_unreadable *unreadable)
{
	struct page_facts *facts = arg;

	if (unreadable->received >= clock_day_begin(facts->first_day))
		facts->unreadable++;
	return 0;
}

static void gather_personal(struct collecting *collecting)
{
	struct page_facts *facts = collecting->facts;
	int64_t since = clock_day_begin(facts->first_day);
	struct why why = {""};
	struct ledger_settings settings;
	struct sql *sql = read_settings(collecting->inputs->conf, true, &settings, &why) == 0
			      ? personal_open(settings.path, PERSONAL_READ, &why)
			      : NULL;

	if (sql == NULL ||
	    personal_list(sql, "complaint", facts->only, since, count_feedback, facts, &why) != 0 ||
	    personal_list(sql, "failure", facts->only, since, count_feedback, facts, &why) != 0 ||
	    personal_list_unreadable(sql, NULL, count_unreadable, facts, &why) != 0)
		tell_missing(collecting, "complaints", &why);
	sql_close(sql);
}

/* What the last audit found. A file that cannot be read is told; most domains have none. */
static void read_posture(struct collecting *collecting, const char *domain)
{
	struct page_facts *facts = collecting->facts;
	struct posture *posture = &facts->postures[facts->posture_count];
	const char *path =
	    posture_path(collecting->arena, collecting->inputs->conf->audit.state, domain);
	struct why why = {""};
	struct span text;

	if (path == NULL || access(path, F_OK) != 0)
		return;
	posture->domain = domain;
	if (readfile(collecting->arena, path, POSTURE_BYTES_MAX, &text, &why) != 0 ||
	    posture_read(collecting->arena, text, posture, &why) != 0)
		tell_missing(collecting, path, &why);
	else
		facts->posture_count++;
}

static void gather_postures(struct collecting *collecting)
{
	struct page_facts *facts = collecting->facts;

	facts->postures =
	    arena_array(collecting->arena, facts->domain_count + 1, sizeof *facts->postures);
	for (unsigned i = 0; i < facts->domain_count; i++)
		read_posture(collecting, facts->domains[i].name);
}

static void gather_outbox(struct collecting *collecting)
{
	const struct outbox_query all = {
	    .kind = OUTBOX_AGGREGATE, .from_day = INT32_MIN, .to_day = INT32_MAX, .now = INT64_MAX};
	struct ledger_settings settings;
	struct outbox *outbox;
	struct why why = {""};
	bool busy;

	if (read_settings(collecting->inputs->conf, false, &settings, &why) != 0)
		return;
	outbox = outbox_open(&settings, OUTBOX_READ, &busy, &why);
	if (outbox == NULL ||
	    outbox_due_count(outbox, &all, &collecting->facts->daemon.due, &why) != 0)
		tell_missing(collecting, "the outbox", &why);
	outbox_close(outbox);
}

int page_collect(struct page_facts *facts, const struct page_inputs *inputs, struct arena *arena,
		 struct why *why)
{
	struct collecting collecting = {.inputs = inputs, .facts = facts, .arena = arena};

	facts->host = arena_string(arena, site_host(inputs->site));
	read_keys(&collecting);
	if (gather_ledger(&collecting, why) != 0 || gather_inbound(&collecting, why) != 0)
		return -1;
	gather_personal(&collecting);
	gather_postures(&collecting);
	gather_outbox(&collecting);
	return 0;
}
