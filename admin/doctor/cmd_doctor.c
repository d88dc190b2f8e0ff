/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * countersign doctor: the whole chain, from the settings to the mailbox's field, looked at link by
 * link. The table below is all there is; what a check needs and has not is said, never passed over.
 */
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "admin/doctor/doctor.h"
#include "lib/jsonout.h"
#include "admin/out.h"
#include "admin/program.h"
#include "admin/progress.h"
#include "context/context.h"
#include "context/keysource.h"
#include "lib/url.h"
#include "milter/protocol/client.h"

static const struct doctor_check checks[] = {
    {"settings", "settings", "the settings can be used", 0, DOCTOR_CONF, doctor_settings},
    {"dns.answers", "dns", "each resolver answers", DOCTOR_DNS, DOCTOR_DNS, doctor_resolver},
    {"dns.tcp", "dns", "and does over TCP, for large records", DOCTOR_DNS, 0, doctor_tcp},
    {"dns.nxdomain", "dns", "a name that does not exist gets NXDOMAIN", DOCTOR_DNS, 0,
     doctor_nxdomain},
    {"dns.dnssec", "dns", "answers are validated", DOCTOR_DNS, 0, doctor_dnssec},
    {"keys.files", "keys", "who may read and change the keys", DOCTOR_CONF, DOCTOR_KEYS,
     doctor_key_files},
    {"keys.published", "keys", "the DNS shows the record of each key", DOCTOR_KEYS | DOCTOR_DNS, 0,
     doctor_published},
    {"keys.age", "keys", "how old the keys are", DOCTOR_KEYS, 0, doctor_key_ages},
    {"daemon.runs", "daemon", "the daemon answers", DOCTOR_CONF, DOCTOR_DAEMON, doctor_daemon_runs},
    {"daemon.version", "daemon", "it is the version of this command", DOCTOR_DAEMON, 0,
     doctor_daemon_version},
    {"daemon.confined", "daemon", "its processes have given up what they do not need",
     DOCTOR_DAEMON, 0, doctor_confined},
    {"daemon.unsigned", "daemon", "mail of yours that was not signed, and why", DOCTOR_DAEMON, 0,
     doctor_unsigned},
    {"probe.outbound", "daemon", "outbound mail comes back signed, and verifies",
     DOCTOR_DAEMON | DOCTOR_KEYS, 0, doctor_probe_outbound},
    {"probe.inbound", "daemon", "inbound mail comes back with results", DOCTOR_DAEMON, 0,
     doctor_probe_inbound},
    {"socket.files", "socket", "the sockets and their directories", DOCTOR_CONF, 0, doctor_sockets},
    {"socket.mta", "socket", "the MTA's user reaches the socket, in its chroot",
     DOCTOR_CONF | DOCTOR_ROOT | DOCTOR_POSTFIX, 0, doctor_socket_mta},
    {"mta.smtpd_milters", "mta", "Postfix passes SMTP mail to countersignd",
     DOCTOR_CONF | DOCTOR_POSTFIX, 0, doctor_smtpd_milters},
    {"mta.non_smtpd_milters", "mta", "and mail from the sendmail command",
     DOCTOR_CONF | DOCTOR_POSTFIX, 0, doctor_local_milters},
    {"mta.default_action", "mta", "what it does while countersignd is not running",
     DOCTOR_CONF | DOCTOR_POSTFIX, 0, doctor_default_action},
    {"mta.protocol", "mta", "the version of the milter protocol", DOCTOR_POSTFIX, 0,
     doctor_protocol},
    {"mta.others", "mta", "other filters, and their order", DOCTOR_CONF | DOCTOR_POSTFIX, 0,
     doctor_other_filters},
    {"mta.submission", "mta", "whose mail comes through which service", DOCTOR_POSTFIX, 0,
     doctor_daemon_names},
    {"mta.rewriting", "mta", "what changes mail after it was signed", DOCTOR_POSTFIX, 0,
     doctor_rewriting},
    {"mta.bounces", "mta", "bounces are signed or not", DOCTOR_POSTFIX, 0, doctor_bounces},
    {"mta.content_filter", "mta", "no content filter bypasses countersignd",
     DOCTOR_CONF | DOCTOR_POSTFIX, 0, doctor_content_filter},
    {"mta.logins", "mta", "logins are bound to the senders they may use",
     DOCTOR_CONF | DOCTOR_KEYS | DOCTOR_POSTFIX, 0, doctor_logins},
    {"mta.bare_newline", "mta", "bare line feeds cannot hide a second message", DOCTOR_POSTFIX, 0,
     doctor_bare_newline},
    {"tls.postfix", "tls", "Postfix asks the policy service for TLS", DOCTOR_CONF | DOCTOR_POSTFIX,
     0, doctor_tls_postfix},
    {"tls.answer", "tls", "and gets an answer", DOCTOR_CONF | DOCTOR_POSTFIX | DOCTOR_ROOT, 0,
     doctor_tls_answer},
    {"tls.resolver", "tls", "Postfix's resolver validates DNSSEC", DOCTOR_CONF | DOCTOR_POSTFIX, 0,
     doctor_tls_resolver},
    {"mta.sendmail", "mta", "sendmail.mc contains the filter", DOCTOR_CONF | DOCTOR_SENDMAIL, 0,
     doctor_sendmail},
    {"domain.spf", "domain", "the domains with keys have SPF records", DOCTOR_KEYS | DOCTOR_DNS, 0,
     doctor_domain_spf},
    {"domain.dmarc", "domain", "and DMARC records", DOCTOR_KEYS | DOCTOR_DNS, 0,
     doctor_domain_dmarc},
    {"clock", "host", "the clock is right", 0, 0, doctor_clock},
    {"ledger.file", "ledger", "the daemon can write the ledger", DOCTOR_CONF | DOCTOR_LEDGER, 0,
     doctor_ledger_file},
    {"ledger.whole", "ledger", "the ledger is whole", DOCTOR_CONF | DOCTOR_LEDGER, 0,
     doctor_ledger_whole},
    {"ledger.lost", "ledger", "no result was lost", DOCTOR_CONF | DOCTOR_LEDGER, 0,
     doctor_ledger_lost},
    {"ledger.disk", "ledger", "there is room on its disk", DOCTOR_CONF | DOCTOR_LEDGER, 0,
     doctor_disk},
    {"opinion.keep", "opinion", "messages on which the second opinion differs are kept",
     DOCTOR_CONF, 0, doctor_opinion},
    {"reports", "reports", "reports go out", DOCTOR_CONF | DOCTOR_LEDGER, 0, doctor_reports},
    {"marks", "marks", "mail that is marked gets sorted", DOCTOR_CONF, 0, doctor_marks},
};
enum { CHECKS = sizeof checks / sizeof *checks };

enum { OPTION_POSTFIX = 256, OPTION_SENDMAIL, OPTION_USER, OPTION_ONLY };

static const struct admin_option options[] = {
    {"only", OPTION_ONLY, "NAME", "make only the checks of this topic, or this one check"},
    {"postfix", OPTION_POSTFIX, "DIR", "where Postfix has main.cf"},
    {"sendmail", OPTION_SENDMAIL, "DIR", "where Sendmail has sendmail.mc"},
    {"user", OPTION_USER, "NAME", "the daemon's user (default: who runs it, or " PLACE_USER ")"},
    {NULL, 0, NULL, NULL},
};

void doctor_say(struct doctor *doctor, enum doctor_level level, const char *fix, const char *format,
		...)
{
	struct doctor_finding *old = doctor->findings;
	va_list ap;

	if (doctor->count == doctor->room) {
		doctor->room = doctor->room == 0 ? 64 : doctor->room * 2;
		doctor->findings = arena_array(doctor->arena, doctor->room, sizeof *old);
		if (doctor->count > 0)
			memcpy(doctor->findings, old, doctor->count * sizeof *old);
	}
	va_start(ap, format);
	doctor->findings[doctor->count++] =
	    (struct doctor_finding){.check = doctor->check,
				    .level = level,
				    .text = arena_vprintf(doctor->arena, format, ap),
				    .fix = fix};
	va_end(ap);
}

const char *doctor_service(const struct doctor *doctor, enum service_act act)
{
	const struct service_facts facts = {.pid = doctor->daemon.pid,
					    .user =
						doctor->user == NULL ? PLACE_USER : doctor->user,
					    .conf = admin_conf_path(doctor->admin)};

	return service_command(doctor->arena, act, &facts);
}

const char **doctor_domains(const struct doctor *doctor, unsigned *count)
{
	const char **domains = arena_array(doctor->arena, doctor->keys.count + 1u, sizeof *domains);

	*count = 0;
	for (unsigned i = 0; i < doctor->keys.count; i++) {
		const struct signing_key *key = doctor->keys.items[i].key;

		if (signing_key_status(key).state <= KEYSTATE_ACTIVE &&
		    (*count == 0 || strcmp(domains[*count - 1], signing_key_domain(key)) != 0))
			domains[(*count)++] = signing_key_domain(key);
	}
	return domains;
}

/* ---- running ---- */

/* Why a check cannot be made, and which of its needs is not there; NULL: it can. */
static const char *find_missing(const struct doctor *doctor, unsigned needs,
				enum doctor_needs *need)
{
	const struct {
		enum doctor_needs need;
		bool absent;
		const char *why;
	} table[] = {
	    {DOCTOR_CONF, doctor->conf == NULL, "the settings cannot be read"},
	    {DOCTOR_ROOT, geteuid() != 0, "only root can do that"},
	    {DOCTOR_DAEMON, doctor->daemon.listen == NULL, "the daemon does not answer here"},
	    {DOCTOR_KEYS, doctor->keys_fault != NULL, "the keys cannot be read"},
	    {DOCTOR_DNS, doctor->dns == NULL, doctor->dns_fault},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		*need = table[i].need;
		if ((needs & table[i].need) != 0 && table[i].absent)
			return table[i].why;
	}
	return NULL;
}

static bool is_asked_for(const struct doctor *doctor, const struct doctor_check *check,
			 const char *only)
{
	if (only != NULL && strcmp(only, check->id) != 0 && strcmp(only, check->topic) != 0)
		return false;
	if ((check->needs & DOCTOR_POSTFIX) != 0 && doctor->place.mta != PLACE_POSTFIX)
		return false;
	if ((check->needs & DOCTOR_SENDMAIL) != 0 && doctor->place.mta != PLACE_SENDMAIL)
		return false;
	return (check->needs & DOCTOR_LEDGER) == 0 ||
	       (doctor->conf != NULL && url_sqlite_path(doctor->conf->store.url, NULL) != NULL);
}

bool doctor_follows(struct doctor *doctor, enum doctor_needs need, const char *text)
{
	if ((doctor->told & need) == 0)
		return false;
	doctor_say(doctor, DOCTOR_SKIP, NULL, "%s", text);
	doctor->findings[doctor->count - 1].follows = true;
	return true;
}

/* What the check that has just run found missing needs no second word. */
static void note_told(struct doctor *doctor, unsigned before)
{
	for (unsigned i = before; i < doctor->count; i++) {
		if (doctor->findings[i].level != DOCTOR_OK)
			doctor->told |= doctor->check->tells;
	}
}

static void run_check(struct doctor *doctor, const struct doctor_check *check)
{
	enum doctor_needs need;
	const char *fault = find_missing(doctor, check->needs, &need);
	unsigned before = doctor->count;

	doctor->check = check;
	if (fault == NULL)
		check->run(doctor);
	else if (!doctor_follows(doctor, need, fault))
		doctor_say(doctor, DOCTOR_SKIP, NULL, "not looked at: %s", fault);
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "nothing to look at");
	note_told(doctor, before);
}

/* A check that asks others may take seconds: what is under way is shown before. */
static void run_checks(struct doctor *doctor, const char *only)
{
	struct progress progress;
	unsigned all = 0, done = 0;

	for (unsigned i = 0; i < CHECKS; i++)
		all += is_asked_for(doctor, &checks[i], only);
	progress_begin(&progress, doctor->admin, "checks");
	for (unsigned i = 0; i < CHECKS; i++) {
		if (!is_asked_for(doctor, &checks[i], only))
			continue;
		if ((checks[i].needs & (DOCTOR_DNS | DOCTOR_DAEMON)) != 0)
			progress_draw(&progress, done, all);
		else
			progress_show(&progress, done, all);
		run_check(doctor, &checks[i]);
		done++;
	}
	progress_end(&progress);
}

/* ---- what checks share ---- */

static void find_daemon(struct doctor *doctor)
{
	const struct conf_strings *listens = &doctor->conf->listen;
	struct milter_client m;
	struct why why;

	for (unsigned i = 0; i < listens->count && doctor->daemon.listen == NULL; i++) {
		if (milter_client_open(&m, listens->items[i], &why) == 0) {
			struct ucred peer = {0};
			socklen_t size = sizeof peer;

			doctor->daemon.listen = listens->items[i];
			if (place_path(listens->items[i]) != NULL &&
			    getsockopt(m.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
				doctor->daemon.pid = peer.pid;
				doctor->daemon.uid = peer.uid;
				doctor->daemon.gid = peer.gid;
			}
		}
		milter_client_close(&m);
	}
	if (doctor->user == NULL)
		doctor->user = doctor->daemon.pid == 0
				   ? PLACE_USER
				   : place_user(doctor->arena, doctor->daemon.uid);
}

static void count_key(void *arg, const struct signing_key *key, const char *path)
{
	struct doctor *doctor = arg;

	if (path == NULL)
		path = "the shared store";
	doctor->keys.items[doctor->keys.count++] =
	    keycmd_record(doctor->admin, key, path, signing_key_status(key));
}

static void drop_keyring(void *keyring)
{
	keyring_free(keyring);
}

static void find_keys(struct doctor *doctor)
{
	struct keyring *keyring;
	struct why why;

	keyring = keysource_all(doctor->conf, &why);
	if (keyring == NULL) {
		doctor->keys_fault = arena_string(doctor->arena, why.text);
		return;
	}
	arena_on_free(doctor->arena, drop_keyring, keyring);
	doctor->keys.items =
	    arena_array(doctor->arena, keyring_count(keyring) + 1u, sizeof *doctor->keys.items);
	doctor->keys.keyring = keyring;
	keyring_each(keyring, count_key, doctor);
}

static void close_dns(void *dns)
{
	dns_free(dns);
}

static void find_dns(struct doctor *doctor)
{
	struct dns_settings settings = context_dns(doctor->conf);
	struct why why;

	doctor->dns = dns_new_unbound(&settings, &why);
	if (doctor->dns == NULL)
		doctor->dns_fault = arena_string(doctor->arena, why.text);
	else
		arena_on_free(doctor->arena, close_dns, doctor->dns);
}

static void collect_facts(struct doctor *doctor, const char *postfix, const char *sendmail)
{
	struct why why;

	doctor->dns_fault = "the settings cannot be read";
	doctor->keys_fault = doctor->dns_fault;
	doctor->conf = admin_conf(doctor->admin);
	if (place_look(doctor->arena, PLACE_NONE, postfix, sendmail, &doctor->place, &why) == -1) {
		doctor->place_fault = arena_string(doctor->arena, why.text);
		doctor->place.mta = PLACE_NONE;
	}
	if (doctor->conf == NULL)
		return;
	doctor->keys_fault = NULL;
	find_daemon(doctor);
	find_keys(doctor);
	find_dns(doctor);
}

/* ---- telling ---- */

static const char *const level_text[] = {"ok", "skip", "warn", "ERROR"};
static const char *const level_json[] = {"ok", "skipped", "warning", "error"};
static const enum out_style level_style[] = {OUT_GOOD, OUT_DIM, OUT_WARN, OUT_BAD};

static void print_finding(const struct doctor *doctor, const struct doctor_finding *finding,
			  bool first)
{
	bool color = admin_color(doctor->admin, stdout);

	printf("  %-22s%s%-6s%s ", first ? finding->check->id : "",
	       out_on(level_style[finding->level], color), level_text[finding->level],
	       out_off(level_style[finding->level], color));
	out_text(stdout, finding->text);
	printf("\n");
	if (finding->fix != NULL) {
		printf("  %-29sfix: ", "");
		out_text(stdout, finding->fix);
		printf("\n");
	}
}

static bool is_shown(const struct doctor *doctor, const struct doctor_finding *finding)
{
	if (doctor->admin->quiet && finding->level < DOCTOR_WARN)
		return false;
	return !finding->follows || doctor->admin->verbose;
}

static void print_summary(const struct doctor *doctor, const unsigned counts[])
{
	unsigned following = 0;

	for (unsigned i = 0; i < doctor->count; i++)
		following += doctor->findings[i].follows;
	printf("%u error%s, %u warning%s", counts[DOCTOR_ERROR],
	       counts[DOCTOR_ERROR] == 1 ? "" : "s", counts[DOCTOR_WARN],
	       counts[DOCTOR_WARN] == 1 ? "" : "s");
	if (counts[DOCTOR_SKIP] > 0)
		printf(", %u not looked at", counts[DOCTOR_SKIP]);
	if (following > 0 && !doctor->admin->verbose)
		printf(" (%u for what is reported above; -v names them)", following);
	printf("\n");
	if (geteuid() != 0)
		printf("Another user than root cannot see all, and cannot fix it: run this as "
		       "root.\n");
}

static void print_findings(const struct doctor *doctor, const unsigned counts[])
{
	const struct doctor_check *last = NULL;

	for (unsigned i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		if (!is_shown(doctor, finding))
			continue;
		print_finding(doctor, finding, last != finding->check);
		last = finding->check;
	}
	print_summary(doctor, counts);
}

static void json_findings(const struct doctor *doctor, const unsigned counts[])
{
	struct jsonout *out = jsonout_new(doctor->arena, "doctor");

	jsonout_array(out, "findings");
	for (unsigned i = 0; i < doctor->count; i++) {
		const struct doctor_finding *finding = &doctor->findings[i];

		jsonout_object(out, NULL);
		jsonout_text(out, "id", finding->check->id);
		jsonout_text(out, "topic", finding->check->topic);
		jsonout_text(out, "what", finding->check->what);
		jsonout_text(out, "status", level_json[finding->level]);
		jsonout_text(out, "text", finding->text);
		jsonout_text(out, "fix", finding->fix);
		jsonout_end(out);
	}
	jsonout_end(out);
	jsonout_int(out, "errors", counts[DOCTOR_ERROR]);
	jsonout_int(out, "warnings", counts[DOCTOR_WARN]);
	jsonout_int(out, "skipped", counts[DOCTOR_SKIP]);
	admin_print_json(doctor->admin, out);
}

/* ---- the command ---- */

static bool is_name(const char *only)
{
	for (unsigned i = 0; i < CHECKS; i++) {
		if (strcmp(checks[i].id, only) == 0 || strcmp(checks[i].topic, only) == 0)
			return true;
	}
	return false;
}

static void list_checks(struct admin *admin)
{
	static const char *const headings[] = {"CHECK", "TOPIC", "WHAT IS LOOKED AT"};
	struct out_table *table = out_table_new(admin->arena, headings, 3);

	for (unsigned i = 0; i < CHECKS; i++) {
		out_cell(table, OUT_PLAIN, "%s", checks[i].id);
		out_cell(table, OUT_PLAIN, "%s", checks[i].topic);
		out_cell(table, OUT_PLAIN, "%s", checks[i].what);
	}
	out_table_print(table, stdout, admin_color(admin, stdout));
}

static int run_doctor(struct admin *admin, int argc, char **argv)
{
	struct doctor doctor = {.admin = admin, .arena = admin->arena};
	const char *postfix = NULL, *sendmail = NULL, *only = NULL;
	unsigned counts[DOCTOR_ERROR + 1] = {0};
	int letter;

	while ((letter = admin_getopt(admin, argc, argv)) != -1) {
		if (letter == '?')
			return ADMIN_USAGE;
		*(letter == OPTION_POSTFIX    ? &postfix
		  : letter == OPTION_SENDMAIL ? &sendmail
		  : letter == OPTION_USER     ? &doctor.user
					      : &only) = optarg;
	}
	if (argc > optind)
		return admin_usage(admin, "unexpected argument \"%s\"", argv[optind]);
	if (only != NULL && !is_name(only)) {
		list_checks(admin);
		return admin_usage(admin, "unknown check \"%s\"", only);
	}
	program_path();
	collect_facts(&doctor, postfix, sendmail);
	run_checks(&doctor, only);
	for (unsigned i = 0; i < doctor.count; i++)
		counts[doctor.findings[i].level]++;
	(admin->json ? json_findings : print_findings)(&doctor, counts);
	return counts[DOCTOR_ERROR] > 0 ? ADMIN_NO : ADMIN_DONE;
}

const struct admin_verb cmd_doctor[] = {
    {"doctor", NULL, "", "Check the whole setup and suggest fixes", run_doctor, options, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, false},
};
