/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of DNS: the resolvers, and what the world sees of our domains.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "admin/doctor/doctor.h"
#include "context/context.h"
#include "dns/forward.h"
#include "dns/wire.h"
#include "lib/clock.h"
#include "policy/dmarc/record.h"
#include "policy/spf/record.h"

enum { YEAR_DAYS = 365, PENDING_DAYS = 7, DOMAINS_MAX = 50, KEYS_MAX = 100, NAMES_MAX = 3 };

#define RESOLVER            "countersign config explain dns.servers"
#define RESOLVER_OF_POSTFIX "install unbound on this host, and name 127.0.0.1 in /etc/resolv.conf"

/* ---- one answer ---- */

struct asked {
	struct dns_scope *scope;
	const struct dns_answer *answer;
};

static struct asked ask_dns(const struct doctor *doctor, const char *name, enum dns_type type)
{
	int64_t timeout = doctor->conf->dns.timeout;
	struct asked asked = {.scope = dns_scope_new(doctor->dns, 1, timeout)};

	asked.answer = dns_wait(dns_start(asked.scope, name, type));
	return asked;
}

static void forget_answer(struct asked *asked)
{
	dns_scope_free(asked->scope);
}

/* A name that nobody has made. */
static const char *absent_name(const struct doctor *doctor, const char *below)
{
	return arena_printf(doctor->arena, "x%llx-countersign.%s",
			    (unsigned long long)clock_mono() * 2654435761u & 0xffffffffu, below);
}

static const char *some_domain(const struct doctor *doctor)
{
	unsigned count;
	const char **domains = doctor_domains(doctor, &count);

	return count > 0 ? domains[0] : "example.com";
}

/* ---- resolvers ---- */

static void ask_server(struct doctor *doctor, const char *server)
{
	struct dns_settings settings = context_dns(doctor->conf);
	const char *name = some_domain(doctor);
	struct doctor one = *doctor;
	struct asked asked;
	int64_t start = clock_mono();
	struct why why;

	settings.servers = &server;
	settings.server_count = 1;
	settings.trust_anchor = NULL;
	one.dns = dns_new_unbound(&settings, &why);
	if (one.dns == NULL) {
		doctor_say(doctor, DOCTOR_ERROR, RESOLVER, "%s: %s", server, why.text);
		return;
	}
	asked = ask_dns(&one, name, DNS_TYPE_TXT);
	if (asked.answer->status == DNS_TEMPFAIL)
		doctor_say(doctor, DOCTOR_ERROR, RESOLVER, "%s: TXT %s: %s", server, name,
			   asked.answer->reason);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s answers in %lld ms", server,
			   (long long)((clock_mono() - start) / CLOCK_MS));
	if (settings.caps == DNS_CAPS_AUTO && !dns_caps(one.dns))
		doctor_say(
		    doctor, DOCTOR_WARN, "countersign config explain dns.caps",
		    "%s changes the case of questions: they have no random case, and a forged "
		    "answer has less to guess",
		    server);
	forget_answer(&asked);
	dns_free(one.dns);
}

typedef void each_server(struct doctor *doctor, const char *server);

static void ask_servers(struct doctor *doctor, const struct dns_settings *settings,
			each_server *each)
{
	struct forward_servers servers = {.count = 0};
	struct span rest, server;
	bool more = true;
	struct why why;

	if (forward_servers(&servers, settings, &why) == -1)
		doctor_say(doctor, DOCTOR_ERROR, RESOLVER, "%s", why.text);
	rest = buf_view(&servers.text);
	while (!span_empty(buf_view(&servers.text)) && span_split(&rest, &more, ',', &server))
		each(doctor, arena_span(doctor->arena, span_trim(server)));
	buf_free(&servers.text);
}

static void for_each_server(struct doctor *doctor, each_server *each)
{
	struct dns_settings settings = context_dns(doctor->conf);

	ask_servers(doctor, &settings, each);
}

/* Without any that answers, the other checks would only wait. */
void doctor_resolver(struct doctor *doctor)
{
	unsigned before = doctor->count;

	for_each_server(doctor, ask_server);
	for (unsigned i = before; i < doctor->count; i++) {
		if (doctor->findings[i].level == DOCTOR_OK)
			return;
	}
	doctor->dns = NULL;
	doctor->dns_fault = "no resolver answers";
}

/* ---- TCP ---- */

enum { TYPE_SOA = 6, FLAG_AD = 0x20, RCODE = 0x0f };

/* A question with its length in front (RFC 1035 section 4.2.2), which wants to know whether the
 * answer was validated (RFC 6840 section 5.7). Its size. */
static size_t make_question(const char *name, uint8_t type, uint8_t out[WIRE_NAME_MAX + 32])
{
	static const uint8_t head[] = {0x4a, 0x17, 1, FLAG_AD, 0, 1, 0, 0, 0, 0, 0, 0};
	const uint8_t tail[] = {0, type, 0, 1};
	size_t n = 2 + sizeof head;

	memcpy(out + 2, head, sizeof head);
	n += wire_name_make(name, strlen(name), out + n);
	memcpy(out + n, tail, sizeof tail);
	n += sizeof tail;
	out[0] = (uint8_t)((n - 2) >> 8);
	out[1] = (uint8_t)(n - 2);
	return n;
}

/* FLAGS: the second octet of those of the answer. */
static int ask_over_tcp(int fd, const char *name, uint8_t type, uint8_t *flags)
{
	uint8_t question[WIRE_NAME_MAX + 32], answer[6];
	size_t size = make_question(name, type, question), have = 0;
	ssize_t n;

	if (send(fd, question, size, MSG_NOSIGNAL) != (ssize_t)size)
		return -1;
	while (have < sizeof answer) {
		n = recv(fd, answer + have, sizeof answer - have, 0);
		if (n <= 0) {
			errno = n == 0 ? ECONNRESET : errno;
			return -1;
		}
		have += (size_t)n;
	}
	errno = EPROTO;
	*flags = answer[5];
	return memcmp(answer + 2, question + 2, 2) == 0 && (answer[4] & 0x80) != 0 ? 0 : -1;
}

/* "address", "address@port" */
static int call_server(struct doctor *doctor, const char *server)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST},
			*found = NULL;
	struct timeval patience = {.tv_sec = 3};
	const char *at = strchr(server, '@');
	const char *host = arena_printf(doctor->arena, "%.*s", (int)strcspn(server, "@"), server);
	int fd = -1;

	if (getaddrinfo(host, at == NULL ? "53" : at + 1, &wanted, &found) != 0)
		return -1;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, found->ai_addr, found->ai_addrlen) == -1) {
		int error = errno;

		close(fd);
		errno = error == EINPROGRESS ? ETIMEDOUT : error;
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static void ask_by_tcp(struct doctor *doctor, const char *server)
{
	int fd = call_server(doctor, server);
	uint8_t flags;
	bool works = fd != -1 && ask_over_tcp(fd, some_domain(doctor), DNS_TYPE_TXT, &flags) == 0;

	if (works)
		doctor_say(doctor, DOCTOR_OK, NULL, "%s answers over TCP", server);
	else
		doctor_say(doctor, DOCTOR_ERROR,
			   "let TCP port 53 through to the resolver, or set dns.servers",
			   "%s does not answer over TCP (%s): records that are too large for UDP, "
			   "such as long keys, cannot be read",
			   server, strerror(errno));
	if (fd != -1)
		close(fd);
}

void doctor_tcp(struct doctor *doctor)
{
	for_each_server(doctor, ask_by_tcp);
}

/* ---- DNSSEC, as Postfix sees it ---- */

static bool is_loopback(const char *server)
{
	return strncmp(server, "127.", 4) == 0 || strcmp(server, "::1") == 0 ||
	       strncmp(server, "::1@", 4) == 0;
}

/* The root is signed. */
static void ask_validated(struct doctor *doctor, const char *server)
{
	int fd = call_server(doctor, server);
	uint8_t flags = 0;
	bool answers = fd != -1 && ask_over_tcp(fd, "", TYPE_SOA, &flags) == 0;

	if (fd != -1)
		close(fd);
	if (!answers || (flags & RCODE) != 0)
		doctor_say(doctor, DOCTOR_WARN, RESOLVER_OF_POSTFIX,
			   "%s does not say whether the root zone is signed", server);
	else if ((flags & FLAG_AD) == 0)
		doctor_say(doctor, DOCTOR_ERROR, RESOLVER_OF_POSTFIX,
			   "%s, which Postfix asks, does not validate DNSSEC: mail to domains with "
			   "DANE is deferred",
			   server);
	else if (!is_loopback(server))
		doctor_say(doctor, DOCTOR_WARN, RESOLVER_OF_POSTFIX,
			   "%s, which Postfix asks, validates DNSSEC, but is not on this host: "
			   "whoever is on the way can change its answers",
			   server);
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "%s validates DNSSEC", server);
}

/* Those of resolv.conf: Postfix has no others. */
void doctor_tls_resolver(struct doctor *doctor)
{
	if (doctor->conf->tls.listen.count > 0)
		ask_servers(doctor, &(struct dns_settings){.resolv_conf = "/etc/resolv.conf"},
			    ask_validated);
}

/* ---- truth ---- */

/* Under a resolver that answers for every name nothing is ever absent: no domain, no policy. */
void doctor_nxdomain(struct doctor *doctor)
{
	const char *names[NAMES_MAX] = {absent_name(doctor, "com"), absent_name(doctor, "invalid"),
					absent_name(doctor, "countersign.org")};
	unsigned seen[DNS_TEMPFAIL + 1] = {0};

	for (unsigned i = 0; i < NAMES_MAX && seen[DNS_DATA] == 0; i++) {
		struct asked asked = ask_dns(doctor, names[i], DNS_TYPE_A);

		if (seen[asked.answer->status]++ == 0 && asked.answer->status == DNS_DATA)
			doctor_say(doctor, DOCTOR_ERROR, RESOLVER,
				   "it has an address for %s, which does not exist: use a resolver "
				   "that tells the truth",
				   names[i]);
		forget_answer(&asked);
	}
	if (seen[DNS_DATA] == 0 && seen[DNS_NXDOMAIN] > 0)
		doctor_say(doctor, DOCTOR_OK, NULL, "names that do not exist do not exist");
	else if (seen[DNS_DATA] == 0)
		doctor_say(doctor, DOCTOR_WARN, RESOLVER,
			   "no answer says that a name does not exist");
}

/* Counts in DOCTOR's findings: nothing is said of a resolver on this host. */
static void look_at_server(struct doctor *doctor, const char *server)
{
	const char *anchor = place_trust_anchor();

	if (strncmp(server, "127.", 4) == 0 || strcmp(server, "::1") == 0 ||
	    strncmp(server, "::1@", 4) == 0)
		return;
	doctor_say(doctor, DOCTOR_WARN,
		   anchor == NULL ? "apt-get install dns-root-data && countersign setup"
				  : place_anchor_command(doctor->arena, anchor,
							 admin_conf_path(doctor->admin)),
		   "nothing is validated (dns.trust_anchor), and the resolver %s is not on this "
		   "host: who is on the way to it can have any mail pass",
		   server);
}

/* Without validation here, the resolver is believed, and all that is between it and us. */
static void look_at_path(struct doctor *doctor)
{
	unsigned before = doctor->count;

	for_each_server(doctor, look_at_server);
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL,
			   "not validated here (dns.trust_anchor); the resolver is on this host");
}

void doctor_dnssec(struct doctor *doctor)
{
	struct asked asked;

	if (doctor->conf->dns.trust_anchor[0] == '\0') {
		look_at_path(doctor);
		return;
	}
	asked = ask_dns(doctor, "org", DNS_TYPE_MX);
	if (asked.answer->status == DNS_TEMPFAIL)
		doctor_say(doctor, DOCTOR_ERROR, "countersign config explain dns.trust_anchor",
			   "the answer about org cannot be validated: %s", asked.answer->reason);
	else if (!asked.answer->secure)
		doctor_say(doctor, DOCTOR_WARN, "countersign config explain dns.trust_anchor",
			   "the answer about org, which is signed, is not validated");
	else
		doctor_say(doctor, DOCTOR_OK, NULL, "answers are validated");
	forget_answer(&asked);
}

/* ---- keys ---- */

static void tell_key(struct doctor *doctor, const struct keylook *looked)
{
	static const enum doctor_level levels[] = {DOCTOR_OK, DOCTOR_WARN, DOCTOR_ERROR,
						   DOCTOR_WARN};
	const char *todo, *state = keystate_text(looked->key->status.state), *colon = NULL;
	enum keylook_finding finding = keylook_judge(doctor->admin, looked, &todo);
	enum doctor_level level = levels[finding];

	if (todo != NULL)
		colon = strstr(todo, ": ");
	if (finding == KEYLOOK_BAD && looked->key->status.state == KEYSTATE_PENDING)
		level = DOCTOR_WARN; /* it does not sign */
	doctor_say(doctor, level, colon == NULL ? NULL : colon + 2,
		   "%s, %s: published record: %s%s%s", looked->key->name, state,
		   published_text(looked->published), looked->detail == NULL ? "" : "; ",
		   looked->detail == NULL ? "" : looked->detail);
}

/* Of so many keys a person wants to know that there are more, not each. */
static void leave_keys(struct doctor *doctor, unsigned looked_at, const char *command)
{
	if (looked_at < doctor->keys.count)
		doctor_say(doctor, DOCTOR_SKIP, command, "%u more keys were not looked at",
			   doctor->keys.count - looked_at);
}

void doctor_published(struct doctor *doctor)
{
	unsigned count = doctor->keys.count < KEYS_MAX ? doctor->keys.count : KEYS_MAX;
	struct keylook *looked = keylook(doctor->admin, doctor->keys.items, count);

	if (looked == NULL) {
		doctor_say(doctor, DOCTOR_SKIP, NULL, "not looked at: no resolver");
		return;
	}
	for (unsigned i = 0; i < count; i++)
		tell_key(doctor, &looked[i]);
	leave_keys(doctor, count, "countersign key check");
}

static void tell_age(struct doctor *doctor, const struct keycmd_key *key)
{
	const char *domain = signing_key_domain(key->key),
		   *selector = signing_key_selector(key->key);
	int64_t days = key->status.since == 0 ? 0 : (clock_wall() - key->status.since) / 86400;

	if (key->status.state == KEYSTATE_ACTIVE && days > YEAR_DAYS)
		doctor_say(doctor, DOCTOR_WARN,
			   arena_printf(doctor->arena, "countersign key rotate %s", domain),
			   "%s of %s signs since %lld days: a key should be replaced once a year",
			   selector, domain, (long long)days);
	else if (key->status.state == KEYSTATE_PENDING && days > PENDING_DAYS)
		doctor_say(
		    doctor, DOCTOR_WARN,
		    arena_printf(doctor->arena, "countersign key show %s %s", domain, selector),
		    "%s of %s waits for its record since %lld days", selector, domain,
		    (long long)days);
	else if (key->status.state == KEYSTATE_RETIRED && key->status.since > 0 &&
		 keylook_is_old(key->status))
		doctor_say(
		    doctor, DOCTOR_WARN,
		    arena_printf(doctor->arena, "countersign key revoke %s %s", domain, selector),
		    "%s of %s is retired since %lld days: no mail that it signed is under "
		    "way",
		    selector, domain, (long long)days);
	if (signing_key_type(key->key) != CRYPT_ED25519 && key->status.state == KEYSTATE_ACTIVE &&
	    signing_key_bits(key->key) < 2048)
		doctor_say(doctor, DOCTOR_WARN,
			   arena_printf(doctor->arena, "countersign key rotate %s", domain),
			   "%s of %s has %u bits: 2048 are wanted (RFC 8301 section 3.2)", selector,
			   domain, signing_key_bits(key->key));
}

void doctor_key_ages(struct doctor *doctor)
{
	unsigned before = doctor->count, i;

	for (i = 0; i < doctor->keys.count && doctor->count - before < KEYS_MAX; i++)
		tell_age(doctor, &doctor->keys.items[i]);
	leave_keys(doctor, i, "countersign key list");
	if (doctor->count == before)
		doctor_say(doctor, DOCTOR_OK, NULL, "none is due for anything");
}

/* ---- domains ---- */

static bool is_spf(struct doctor *doctor, struct span text, struct why *why)
{
	(void)doctor;
	(void)why;
	return spf_record_is(text);
}

static bool is_dmarc(struct doctor *doctor, struct span text, struct why *why)
{
	struct dmarc_record record;

	return dmarc_record_parse(doctor->arena, text, &record, why) == 0;
}

typedef bool is_record(struct doctor *doctor, struct span text, struct why *why);

/* How many of NAME's records are of that kind; -1: the DNS did not say. *TEXT: the last one. */
static int find_record(struct doctor *doctor, const char *name, is_record *is, struct span *text)
{
	struct asked asked = ask_dns(doctor, name, DNS_TYPE_TXT);
	struct why why;
	int count = asked.answer->status == DNS_TEMPFAIL ? -1 : 0;

	for (unsigned i = 0; i < asked.answer->count; i++) {
		const struct dns_record *record = &asked.answer->records[i];

		if (!is(doctor, span_make(record->text, record->length), &why))
			continue;
		count++;
		*text = span_of(arena_copy(doctor->arena, record->text, record->length));
	}
	if (count == -1)
		doctor_say(doctor, DOCTOR_WARN, "countersign doctor --only=dns", "TXT %s: %s", name,
			   asked.answer->reason);
	forget_answer(&asked);
	return count;
}

static void look_at_spf(struct doctor *doctor, const char *domain)
{
	struct spf_record record;
	struct span text;
	int count = find_record(doctor, domain, is_spf, &text);
	struct why why;

	if (count == 0)
		doctor_say(
		    doctor, DOCTOR_WARN,
		    arena_printf(doctor->arena, "publish: %s TXT \"v=spf1 mx -all\"", domain),
		    "%s has no SPF record", domain);
	else if (count > 1)
		doctor_say(doctor, DOCTOR_ERROR,
			   arena_printf(doctor->arena, "leave one of them: dig TXT %s", domain),
			   "%s has %d SPF records: all are void (RFC 7208 section 4.5)", domain,
			   count);
	else if (count == 1 && spf_record_parse(text, &record, &why) == -1)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "SPF record of %s: %s", domain, why.text);
	else if (count == 1)
		doctor_say(doctor, DOCTOR_OK, NULL, "%s: %s", domain,
			   arena_span(doctor->arena, text));
}

static void look_at_dmarc(struct doctor *doctor, const char *domain)
{
	const char *name = arena_printf(doctor->arena, "_dmarc.%s", domain);
	struct dmarc_record record;
	struct span text;
	int count = find_record(doctor, name, is_dmarc, &text);
	struct why why = {""};

	if (count == 0)
		doctor_say(doctor, DOCTOR_WARN,
			   arena_printf(doctor->arena,
					"publish: %s TXT \"v=DMARC1; p=none; rua=mailto:dmarc@%s\"",
					name, domain),
			   "%s has no DMARC record", domain);
	else if (count > 1)
		doctor_say(doctor, DOCTOR_ERROR, NULL,
			   "%s has %d DMARC records: none counts (RFC 9989 section 4.10)", domain,
			   count);
	else if (count == 1 && dmarc_record_parse(doctor->arena, text, &record, &why) == 0 &&
		 !record.usable)
		doctor_say(doctor, DOCTOR_ERROR, NULL, "DMARC record of %s: %s", domain, why.text);
	else if (count == 1)
		doctor_say(doctor, record.faults == NULL ? DOCTOR_OK : DOCTOR_WARN, NULL,
			   "%s: %s%s%s", domain, record.text, record.faults == NULL ? "" : "; ",
			   record.faults == NULL ? "" : record.faults);
}

static void each_domain(struct doctor *doctor, void (*look)(struct doctor *, const char *))
{
	unsigned count;
	const char **domains = doctor_domains(doctor, &count);

	for (unsigned i = 0; i < count && i < DOMAINS_MAX; i++)
		look(doctor, domains[i]);
	if (count > DOMAINS_MAX)
		doctor_say(doctor, DOCTOR_SKIP, NULL, "%u more domains were not looked at",
			   count - DOMAINS_MAX);
}

void doctor_domain_spf(struct doctor *doctor)
{
	each_domain(doctor, look_at_spf);
}

void doctor_domain_dmarc(struct doctor *doctor)
{
	each_domain(doctor, look_at_dmarc);
}
