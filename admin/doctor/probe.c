/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The daemon, asked as an MTA would ask it: an outbound message must come back signed, one of a
 * stranger judged. Both are marked as probes (ORIGIN_PROBE), so that nothing is counted; signatures
 * are verified with the keys that lie here, so that DNS has no say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "admin/daemon/daemon.h"
#include "admin/doctor/doctor.h"
#include "admin/program.h"
#include "lib/clock.h"
#include "lib/system/confine.h"
#include "mail/domain.h"
#include "milter/protocol/client.h"
#include "policy/dkim/check.h"
#include "policy/origin.h"

enum { PROBED_MAX = 20, FIELDS_MAX = 16, PATIENCE = 60 };

struct field {
	const char *name, *value; /* with its first blank; folds as CRLF */
};

/* What goes to the daemon, and what comes back. */
struct probe {
	struct arena *arena;
	const char *client, *helo, *mail_from;
	const char *login; /* SASL, or NULL */
	struct field fields[5];
	const char *body;
	struct field added[FIELDS_MAX];
	unsigned added_count;
	char answer;      /* 'c' continue, 'a' accept, 'r' reject, 't' tempfail, 'y' a reply */
	const char *text; /* of the reply, or "" */
};

/* ---- talking ---- */

static int open_daemon(struct milter_client *m, const char *listen, struct why *why)
{
	struct timeval patience = {.tv_sec = PATIENCE};

	if (milter_client_open(m, listen, why) == -1)
		return -1;
	setsockopt(m->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(m->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return milter_client_negotiate(m, MILTER_CLIENT_ALL_ACTIONS, MILTER_CLIENT_ALL_STEPS, why);
}

static void add_text(struct buf *data, const char *text)
{
	buf_add(data, text, strlen(text) + 1);
}

/* 0: it goes on. */
static int send_step(struct probe *probe, struct milter_client *m, char kind,
		     const struct buf *data, struct why *why)
{
	struct packet reply;

	if (milter_client_step(m, kind, buf_view(data), &reply, why) == -1)
		return -1;
	if (reply.kind == 'c' || reply.kind == 's')
		return 0;
	probe->answer = reply.kind;
	return why_set(why, "it answered '%c' %s to '%c'", reply.kind,
		       arena_span(probe->arena, reply.data), kind);
}

static int say_text(struct probe *probe, struct milter_client *m, char kind, const char *text,
		    struct why *why)
{
	struct buf data;

	buf_init(&data, probe->arena, 0);
	add_text(&data, text);
	return send_step(probe, m, kind, &data, why);
}

static int say_connect(struct probe *probe, struct milter_client *m, struct why *why)
{
	static const char *const macros[] = {"j", "countersign.invalid", "{daemon_name}",
					     ORIGIN_PROBE, NULL};
	struct buf data;

	milter_client_macros(m, 'C', macros);
	buf_init(&data, probe->arena, 0);
	add_text(&data, arena_printf(probe->arena, "[%s]", probe->client));
	buf_add(&data, "4\0\031", 3);
	add_text(&data, probe->client);
	return send_step(probe, m, 'C', &data, why);
}

/* With the macros that Postfix and Sendmail have for a client that has logged in. */
static int say_sender(struct probe *probe, struct milter_client *m, const char *from,
		      struct why *why)
{
	const char *const macros[] = {"{auth_type}", "PLAIN", "{auth_authen}", probe->login, NULL};

	if (probe->login != NULL)
		milter_client_macros(m, 'M', macros);
	return say_text(probe, m, 'M', from, why);
}

static int say_fields(struct probe *probe, struct milter_client *m, struct why *why)
{
	for (size_t i = 0; i < sizeof probe->fields / sizeof *probe->fields; i++) {
		struct buf data;

		buf_init(&data, probe->arena, 0);
		add_text(&data, probe->fields[i].name);
		add_text(&data, probe->fields[i].value);
		if (send_step(probe, m, 'L', &data, why) == -1)
			return -1;
	}
	return 0;
}

/* An insertion: index, name, value; the value's folds come as LF. */
static void take_insertion(struct probe *probe, struct span data)
{
	struct buf value;
	const char *nul;

	if (span_len(data) < 5 || probe->added_count == FIELDS_MAX)
		return;
	data.p += 4;
	nul = memchr(data.p, '\0', span_len(data));
	if (nul == NULL)
		return;
	buf_init(&value, probe->arena, 0);
	for (const char *p = nul + 1; p < data.end && *p != '\0'; p++) {
		if (*p == '\n')
			buf_char(&value, '\r');
		buf_char(&value, *p);
	}
	probe->added[probe->added_count++] = (struct field){
	    arena_span(probe->arena, span_make(data.p, (size_t)(nul - data.p))), buf_text(&value)};
}

static int end_message(struct probe *probe, struct milter_client *m, struct why *why)
{
	static const char *const macros[] = {"i", "PROBE", NULL};
	struct packet reply;

	milter_client_macros(m, 'E', macros);
	milter_client_put(m, 'E', span_of(""));
	do {
		if (milter_client_read(m, &reply, why) == -1)
			return -1;
		if (reply.kind == 'i')
			take_insertion(probe, reply.data);
	} while (strchr("acdrty", reply.kind) == NULL);
	probe->answer = reply.kind;
	probe->text = arena_span(probe->arena, reply.data);
	return 0;
}

static int talk_to_filter(struct probe *probe, struct milter_client *m, struct why *why)
{
	const char *from = arena_printf(probe->arena, "<%s>", probe->mail_from);
	struct buf body, nothing;

	buf_init(&nothing, probe->arena, 0);
	buf_init(&body, probe->arena, 0);
	buf_string(&body, probe->body);
	if (say_connect(probe, m, why) == -1 || say_text(probe, m, 'H', probe->helo, why) == -1 ||
	    say_sender(probe, m, from, why) == -1 || say_text(probe, m, 'R', from, why) == -1 ||
	    send_step(probe, m, 'T', &nothing, why) == -1 || say_fields(probe, m, why) == -1 ||
	    send_step(probe, m, 'N', &nothing, why) == -1 ||
	    send_step(probe, m, 'B', &body, why) == -1)
		return -1;
	return end_message(probe, m, why);
}

static struct probe *new_probe(const struct doctor *doctor, const char *client, const char *address)
{
	struct arena *arena = doctor->arena;
	struct probe *probe = arena_make(arena, struct probe);
	char date[64];
	time_t now = (time_t)clock_wall();
	struct tm tm;

	strftime(date, sizeof date, " %a, %d %b %Y %H:%M:%S +0000", gmtime_r(&now, &tm));
	*probe = (struct probe){
	    .arena = arena,
	    .client = client,
	    .helo = "countersign.invalid",
	    .mail_from = address,
	    .fields = {{"From", arena_printf(arena, " %s", address)},
		       {"To", arena_printf(arena, " %s", address)},
		       {"Subject", " a probe of countersign doctor"},
		       {"Date", arena_string(arena, date)},
		       {"Message-ID", arena_printf(arena, " <%lld.probe@countersign.invalid>",
						   (long long)clock_mono())}},
	    .body = "This message is only asked about.\r\n",
	    .text = "",
	};
	return probe;
}

static int send_probe(const struct doctor *doctor, struct probe *probe, struct why *why)
{
	struct milter_client m;
	int result = open_daemon(&m, doctor->daemon.listen, why);

	if (result == 0)
		result = talk_to_filter(probe, &m, why);
	milter_client_close(&m);
	return result;
}

/* ---- the daemon ---- */

/* Another of its sockets answers, or this is the only one that is told. */
static void look_at_listener(struct doctor *doctor, const char *listen)
{
	bool down = doctor->daemon.listen == NULL;
	struct milter_client m;
	struct why why;

	if (open_daemon(&m, listen, &why) == 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "it answers at %s%s", listen,
			   doctor->daemon.pid == 0
			       ? ""
			       : arena_printf(doctor->arena, ", user %s", doctor->user));
	else if (geteuid() != 0 && strstr(why.text, strerror(EACCES)) != NULL)
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s: only root and the MTA may use it",
			   listen);
	else
		doctor_say(doctor, DOCTOR_ERROR,
			   doctor_service(doctor, down ? SERVICE_START : SERVICE_RESTART), "%s: %s",
			   down ? "it is not running" : "it does not answer", why.text);
	milter_client_close(&m);
}

/* A daemon that is down is down at all of them. */
void doctor_daemon_runs(struct doctor *doctor)
{
	unsigned count = doctor->conf->listen.count;

	if (doctor->daemon.listen == NULL && count > 1)
		count = 1;
	for (unsigned i = 0; i < count; i++)
		look_at_listener(doctor, doctor->conf->listen.items[i]);
	if (doctor->daemon.pid != 0 && doctor->daemon.uid == 0)
		doctor_say(doctor, DOCTOR_WARN, "countersignd -u " PLACE_USER, "it runs as root");
}

/* What runs is asked, though its file may have been replaced meanwhile. */
void doctor_daemon_version(struct doctor *doctor)
{
	const char *exe = arena_printf(doctor->arena, "/proc/%ld/exe", (long)doctor->daemon.pid);
	const char *argv[] = {exe, "--version", NULL}, *text = "";

	if (doctor->daemon.pid == 0 || access(exe, X_OK) == -1 ||
	    program_read(doctor->arena, argv, &text, NULL) == -1)
		doctor_say(doctor, DOCTOR_SKIP, NULL, "not looked at: %s",
			   doctor->daemon.pid == 0 ? "it is asked over TCP"
						   : "only root can see what runs");
	else if (strcmp(text, "countersignd " VERSION) != 0)
		doctor_say(doctor, DOCTOR_WARN, doctor_service(doctor, SERVICE_RESTART),
			   "%s runs, this is countersign " VERSION, text);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s", text);
}

/* Whether a line "KIND LIMITS" of the status has all that the kind is to have
 * (daemon/rights/confined.h).
 */
static bool is_confined(const struct doctor *doctor, const char *text)
{
	bool writes = strncmp(text, "supervisor ", 11) == 0 ||
		      (strncmp(text, "worker ", 7) == 0 &&
		       doctor->conf->milter.engine == CONF_MILTER_LIBMILTER);

	return strstr(text, "system calls") != NULL && (writes || strstr(text, "files") != NULL);
}

/* TCP ports do not count: only recent kernels limit them. */
void doctor_confined(struct doctor *doctor)
{
	const struct metrics_read_fact *confined;
	struct metrics_read status;
	const char *less = NULL;

	if (!confine_is_built()) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "this build cannot confine its processes");
		return;
	}
	if (!daemon_status(doctor->admin, &status) ||
	    metrics_read_fact(&status, "confined", 0) == NULL) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "not looked at: its status cannot be asked");
		return;
	}
	for (unsigned i = 0; (confined = metrics_read_fact(&status, "confined", i)) != NULL; i++) {
		if (!is_confined(doctor, confined->text))
			less = less == NULL
				   ? confined->text
				   : arena_printf(doctor->arena, "%s; %s", less, confined->text);
	}
	if (less == NULL)
		doctor_say(doctor, DOCTOR_OK, NULL, "all of them");
	else
		doctor_say(doctor, DOCTOR_WARN, NULL,
			   "less than all, which this kernel or the settings of its service do not "
			   "allow (%s)",
			   less);
}

/* ---- signing ---- */

/* The records of DOMAIN's keys, as they should be published. */
static struct dns *own_records(const struct doctor *doctor, const char *domain)
{
	struct dns_fixed *records =
	    arena_alloc(doctor->arena, (doctor->keys.count + 1) * sizeof *records);
	unsigned count = 0;

	for (unsigned i = 0; i < doctor->keys.count; i++) {
		const struct keycmd_key *key = &doctor->keys.items[i];

		if (strcmp(signing_key_domain(key->key), domain) == 0)
			records[count++] = (struct dns_fixed){key->name, key->value};
	}
	return dns_new_fixed(records, count);
}

static void verify_probe(const struct probe *probe, struct dkimcheck_engine *engine,
			 struct dns *dns, const char *domain, struct arena *arena,
			 struct verdict *verdict)
{
	const struct dkimcheck_rules rules = {.engine = DKIMCHECK_NATIVE,
					      .max_signatures = FIELDS_MAX,
					      .min_rsa_bits = 1024,
					      .accept_testing_keys = true,
					      .clock_drift = 300};
	struct dns_scope *scope = dns_scope_new(dns, FIELDS_MAX, CLOCK_SECOND);
	struct dkimcheck *check = dkimcheck_new(engine, &rules, arena, scope, clock_wall());

	for (unsigned i = 0; i < probe->added_count; i++)
		dkimcheck_header(check, span_of(probe->added[i].name),
				 span_of(probe->added[i].value));
	for (size_t i = 0; i < sizeof probe->fields / sizeof *probe->fields; i++)
		dkimcheck_header(check, span_of(probe->fields[i].name),
				 span_of(probe->fields[i].value));
	dkimcheck_end_of_headers(check, domain);
	dkimcheck_body(check, span_of(probe->body));
	dkimcheck_finish(check, verdict);
	dns_scope_free(scope);
}

static const struct dkim_verdict *find_signature(const struct verdict *verdict,
						 const struct signing_key *key)
{
	for (unsigned i = 0; i < verdict->dkim_count; i++) {
		if (span_ieq(span_of(verdict->dkim[i].selector), signing_key_selector(key)))
			return &verdict->dkim[i];
	}
	return NULL;
}

static void judge_key(struct doctor *doctor, const struct signing_key *key,
		      const struct verdict *verdict)
{
	const struct dkim_verdict *found = find_signature(verdict, key);
	const char *domain = signing_key_domain(key), *selector = signing_key_selector(key);

	if (signing_key_status(key).state != KEYSTATE_ACTIVE)
		return;
	if (found == NULL)
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_RELOAD),
			   "%s of %s is active, and the daemon does not sign with it", selector,
			   domain);
	else if (found->result != AUTH_PASS)
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_RELOAD),
			   "the signature with %s of %s does not verify: %s", selector, domain,
			   found->why);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "signed with %s of %s, and it verifies",
			   selector, domain);
}

/* Whether one of the entry's domains is DOMAIN; "$login" stands for OWN, the login's, or NULL. */
static bool entry_has_domain(struct doctor *doctor, const struct conf_login *entry,
			     const char *domain, const char *own)
{
	for (unsigned i = 0; i < entry->domains.count; i++) {
		const char *text = entry->domains.items[i];
		struct domain_pattern pattern;

		if (strcmp(text, CONF_LOGIN_DOMAIN) == 0) {
			if (own != NULL && domain_equal(own, domain))
				return true;
		} else if (domain_pattern_parse(doctor->arena, span_of(text), &pattern) &&
			   domain_pattern_matches(&pattern, domain)) {
			return true;
		}
	}
	return false;
}

/* A login that sign.logins lets sign for DOMAIN; NULL: there is none. */
static const char *find_login(struct doctor *doctor, const char *domain)
{
	for (unsigned i = 0; i < doctor->conf->sign.login_count; i++) {
		const struct conf_login *entry = &doctor->conf->sign.logins[i];
		const char *login = entry->login;

		if (strcmp(login, "*") == 0)
			login = arena_printf(doctor->arena, "postmaster@%s", domain);
		else if (strncmp(login, "*@", 2) == 0)
			login = arena_printf(doctor->arena, "postmaster%s", login + 1);
		if (entry_has_domain(doctor, entry, domain,
				     domain_of_address(doctor->arena, login)))
			return login;
	}
	return NULL;
}

/* Chooses what makes the probe's mail the host's own: loopback, or a login where that does not
 * count (policy/outbound.h). False: nothing does. */
static bool choose_login(struct doctor *doctor, struct probe *probe, const char *domain)
{
	const struct conf *conf = doctor->conf;
	struct ip client;

	if (conf->sign.login_count > 0)
		probe->login = find_login(doctor, domain);
	else if (!ip_parse(span_of(probe->client), &client) ||
		 !ip_in_any(&client, conf->trusted_networks.items, conf->trusted_networks.count))
		probe->login = arena_printf(doctor->arena, "postmaster@%s", domain);
	return conf->sign.login_count == 0 || probe->login != NULL;
}

static void probe_domain(struct doctor *doctor, struct dkimcheck_engine *engine, const char *domain)
{
	struct probe *probe =
	    new_probe(doctor, "127.0.0.1", arena_printf(doctor->arena, "postmaster@%s", domain));
	struct dns *dns = own_records(doctor, domain);
	struct arena *arena = arena_new(SIZE_MAX);
	struct verdict verdict = {.dkim_count = 0};
	struct why why;

	if (!choose_login(doctor, probe, domain))
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.logins",
			   "no login may sign for %s (sign.logins): its mail is not signed",
			   domain);
	else if (send_probe(doctor, probe, &why) == -1)
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_LOG),
			   "mail of %s: %s", domain, why.text);
	else
		verify_probe(probe, engine, dns, domain, arena, &verdict);
	for (unsigned i = 0; probe->answer != '\0' && i < doctor->keys.count; i++) {
		if (strcmp(signing_key_domain(doctor->keys.items[i].key), domain) == 0)
			judge_key(doctor, doctor->keys.items[i].key, &verdict);
	}
	arena_free(arena);
	dns_free(dns);
}

void doctor_probe_outbound(struct doctor *doctor)
{
	unsigned count;
	const char **domains = doctor_domains(doctor, &count);
	struct dkimcheck_engine *engine;
	unsigned before = doctor->count;
	struct why why;

	if (!doctor->conf->sign.enabled) {
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain sign.enabled",
			   "sign.enabled = false: nothing is signed");
		return;
	}
	engine = dkimcheck_engine_new(&why);
	if (engine == NULL) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%s", why.text);
		return;
	}
	for (unsigned i = 0; i < count && i < PROBED_MAX; i++)
		probe_domain(doctor, engine, domains[i]);
	if (count > PROBED_MAX)
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%u more domains were not tried",
			   count - PROBED_MAX);
	dkimcheck_engine_free(engine);
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_WARN, "countersign key list",
			   "no key is active: no mail is signed");
}

/* ---- judging ---- */

/* An address of the blocks for documentation (RFC 5737) that is not a trusted network here. */
static const char *untrusted_address(const struct doctor *doctor)
{
	static const char *const addresses[] = {"192.0.2.1", "198.51.100.1", "203.0.113.1"};
	const struct conf_networks *trusted = &doctor->conf->trusted_networks;
	struct ip ip;

	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
		if (ip_parse(span_of(addresses[i]), &ip) &&
		    !ip_in_any(&ip, trusted->items, trusted->count))
			return addresses[i];
	}
	return NULL;
}

static const char *results_field(const struct probe *probe)
{
	for (unsigned i = 0; i < probe->added_count; i++) {
		if (strcmp(probe->added[i].name, "Authentication-Results") == 0)
			return probe->added[i].value;
	}
	return NULL;
}

void doctor_probe_inbound(struct doctor *doctor)
{
	const char *client = untrusted_address(doctor);
	struct probe *probe;
	struct why why;

	if (client == NULL) {
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain trusted_networks",
			   "trusted_networks has everybody: no mail is judged");
		return;
	}
	probe = new_probe(doctor, client, "probe@countersign.invalid");
	if (send_probe(doctor, probe, &why) == -1)
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_LOG),
			   "mail of a stranger: %s", why.text);
	else if (results_field(probe) != NULL)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "mail of a stranger got its Authentication-Results");
	else if (probe->answer == 't' || *probe->text == '4')
		doctor_say(doctor, DOCTOR_WARN, "countersign doctor --only=dns",
			   "inbound mail was deferred: %s",
			   *probe->text == '\0' ? "451" : probe->text);
	else
		doctor_say(doctor, DOCTOR_ERROR, doctor_service(doctor, SERVICE_LOG),
			   "mail of a stranger came back without Authentication-Results%s%s",
			   *probe->text == '\0' ? "" : ": ", probe->text);
}
