/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OpenDKIM: opendkim.conf(5) of version 2.11.0. What its options do was tried with Debian's package
 * where the manual leaves it open: a later line replaces an earlier one; an entry of InternalHosts
 * with bits after its prefix never matches.
 */
#include <string.h>

#include "admin/migrate/opendkim_text.h"
#include "admin/migrate/table.h"

enum { HEADER_MIN = 64 << 10, HEADER_MAX = 16 << 20, NUMBER_MAX = 1 << 30 };

/* ---- signing ---- */

static int take_canonicalization(struct migrate *m, const struct migrate_option *option,
				 struct span value, struct why *why)
{
	const char *text = arena_lower(m->arena, value);

	if (strchr(text, '/') == NULL)
		text = arena_printf(m->arena, "%s/simple", text);
	return migrate_set(m, option->ours, migrate_quote(m, text), why);
}

int migrate_take_mode(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	bool signs = !span_empty(value) && memchr(value.p, 's', span_len(value)) != NULL;
	bool verifies = !span_empty(value) && memchr(value.p, 'v', span_len(value)) != NULL;

	if (!signs && !verifies)
		return why_set(why, "neither s nor v");
	return migrate_set(m, option->ours, signs ? "true" : "false", why);
}

/* The field From is signed in any case (RFC 6376 section 5.4). */
int migrate_take_sign_headers(struct migrate *m, const struct migrate_option *option,
			      struct span value, struct why *why)
{
	struct span item, where;
	bool from = false;
	struct buf out;

	if (opendkim_dataset(value, &where) != OPENDKIM_LIST)
		return why_set(why, "only a list on the line itself is read");
	buf_init(&out, m->arena, 0);
	while (migrate_next_item(&where, &item)) {
		if (memchr("*+-", *item.p, 3) != NULL)
			return why_set(why,
				       "it changes OpenDKIM's own list; see: countersign config "
				       "explain sign.headers");
		from = from || span_ieq(item, "from");
		buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ",
			   migrate_quote(m, arena_span(m->arena, item)));
	}
	if (!from)
		buf_printf(&out, "%s\"from\"", out.len == 0 ? "" : ", ");
	return migrate_set(m, option->ours, arena_printf(m->arena, "[ %s ]", buf_text(&out)), why);
}

int migrate_note_subdomains(struct migrate *m, const struct migrate_option *option,
			    struct span value, struct why *why)
{
	(void)option;
	if (migrate_truth(value) == -1)
		return why_set(why, "neither yes nor no");
	m->signer.subdomains = migrate_note(m, value);
	return 0;
}

/* ---- limits ---- */

int migrate_take_min_bits(struct migrate *m, const struct migrate_option *option, struct span value,
			  struct why *why)
{
	const char *said = migrate_find(m, option->ours);
	uint64_t bits, others;

	if (span_number(value, 1023, &bits)) /* RFC 8301 section 3.2 */
		value = span_of("1024");
	if (said != NULL && span_number(span_of(said), NUMBER_MAX, &others) &&
	    span_number(value, NUMBER_MAX, &bits) && bits < others)
		return 0; /* another program asks for more */
	return migrate_take_number(m, option, value, why);
}

int migrate_take_max_header(struct migrate *m, const struct migrate_option *option,
			    struct span value, struct why *why)
{
	uint64_t bytes;

	if (!span_number(value, INT64_MAX, &bytes))
		return why_set(why, "not a number of bytes");
	if (bytes == 0 || bytes > HEADER_MAX)
		return why_set(why,
			       "here a header always has a limit: 1 MiB, or what max_header_bytes "
			       "says, up to 16 MiB");
	if (bytes < HEADER_MIN) {
		migrate_leave(m, NULL, "64 KiB is the smallest limit for a header");
		bytes = HEADER_MIN;
	}
	return migrate_set(
	    m, option->ours,
	    arena_printf(m->arena, "\"%lluKiB\"", (unsigned long long)(bytes / 1024)), why);
}

static int take_max_signatures(struct migrate *m, const struct migrate_option *option,
			       struct span value, struct why *why)
{
	uint64_t number;

	if (span_number(value, 1 << 20, &number) && number > 50)
		value = span_of("50");
	return migrate_take_number(m, option, value, why);
}

/* ---- whose mail is signed ---- */

int migrate_read_hosts(struct migrate *m, struct migrate_hosts *hosts, struct span value,
		       struct why *why)
{
	struct span where, text, item, rest;
	enum opendkim_kind kind = opendkim_dataset(value, &where);
	unsigned line = 0;

	*hosts = (struct migrate_hosts){.at = m->at, .takes_away = hosts->takes_away};
	if (kind == OPENDKIM_LIST) {
		while (migrate_next_item(&where, &item))
			migrate_add_host(m, hosts, item);
		return 0;
	}
	if (kind == OPENDKIM_OTHER)
		why_set(why, "only files and lists are read");
	if (kind == OPENDKIM_OTHER ||
	    m->read(m->arg, arena_span(m->arena, where), &text, why) == -1) {
		hosts->unsayable = arena_span(m->arena, value);
		return -1;
	}
	while (opendkim_line(&text, &line, &item, &rest))
		migrate_add_host(m, hosts, item);
	return 0;
}

int migrate_note_internal(struct migrate *m, const struct migrate_option *option, struct span value,
			  struct why *why)
{
	(void)option;
	return migrate_read_hosts(m, &m->signer.internal, value, why);
}

static int note_peers(struct migrate *m, const struct migrate_option *option, struct span value,
		      struct why *why)
{
	(void)option;
	m->signer.peers.takes_away = true;
	return migrate_read_hosts(m, &m->signer.peers, value, why);
}

static void add_service(struct migrate *m, struct span name)
{
	const char *text = arena_span(m->arena, name);

	if (memchr(name.p, '*', span_len(name)) != NULL)
		migrate_leave(m, NULL, "the service %s is left out: its \"*\" would be a pattern",
			      text);
	else
		buf_printf(&m->signer.services, "%s%s", m->signer.services.len == 0 ? "" : ", ",
			   migrate_quote(m, text));
}

/* "daemon_name|value1|value2", with or without braces; *REST is what follows the name. */
bool migrate_is_service(struct span item, struct span *rest, bool *more)
{
	struct span name;

	*rest = item;
	*more = true;
	return span_split(rest, more, '|', &name) && *more &&
	       (span_eq(name, "daemon_name") || span_eq(name, "{daemon_name}"));
}

static int take_services(struct migrate *m, const struct migrate_option *option, struct span value,
			 struct why *why)
{
	struct span where, item;

	(void)option;
	if (opendkim_dataset(value, &where) != OPENDKIM_LIST)
		return why_set(why, "only a list on the line itself is read");
	while (migrate_next_item(&where, &item))
		add_service(m, item);
	return 0;
}

/* "name" / "name|value1|value2" */
int migrate_take_macros(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	struct span where, item, part;

	(void)option;
	if (opendkim_dataset(value, &where) != OPENDKIM_LIST)
		return why_set(why, "only a list on the line itself is read");
	while (migrate_next_item(&where, &item)) {
		struct span rest;
		bool more, good = migrate_is_service(item, &rest, &more);

		while (good && span_split(&rest, &more, '|', &part))
			add_service(m, part);
		if (!good)
			migrate_leave(
			    m, NULL,
			    "mail is not signed because of the macro %s: only the names of "
			    "services (daemon_name) can be listed",
			    arena_span(m->arena, item));
	}
	return 0;
}

static const char *find_file(const struct migrate *m)
{
	const char *file = m->files[MIGRATE_OPENDKIM];

	return file != NULL ? file : m->files[MIGRATE_DKIMPY];
}

void migrate_finish_services(struct migrate *m)
{
	const struct {
		const char *setting;
		struct buf *names;
	} lists[] = {{"submission_services", &m->signer.services},
		     {"inbound_services", &m->signer.inbound}};
	struct why why;

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		if (lists[i].names->len > 0 &&
		    migrate_set(m, lists[i].setting,
				arena_printf(m->arena, "[ %s ]", buf_text(lists[i].names)),
				&why) != 0)
			migrate_leave(m, find_file(m), "%s", why.text);
	}
	if (m->signer.unsigned_mail == NULL)
		return;
	migrate_leave(m, m->signer.unsigned_mail,
		      "cannot tell which mail this exempts from signing, so nothing is signed: set "
		      "inbound_services by hand, and sign.enabled to true");
	migrate_put(m, "sign.enabled", "false");
}

/* What a file that cannot be read would say of InternalHosts is not known. */
static int take_include(struct migrate *m, const struct migrate_option *option, struct span value,
			struct why *why)
{
	int result = migrate_include(m, MIGRATE_OPENDKIM, value, why);

	(void)option;
	if (result == -1) {
		m->signer.internal.at = m->at;
		m->signer.internal.unsayable = arena_span(m->arena, value);
	}
	return result;
}

/* ---- trusted_networks ---- */

struct listing {
	struct migrate *m;
	struct buf text;
	struct hostset set; /* what TEXT lists */
	bool full;
};

static void add_network(void *arg, const struct ip_network *network)
{
	struct listing *listing = arg;
	const char *text = hostset_text(listing->m->arena, network);

	if (hostset_add(&listing->set, listing->m->arena, span_of(text), NULL) == -1)
		listing->full = true;
	else
		buf_printf(&listing->text, "%s%s", listing->text.len == 0 ? "" : ", ",
			   migrate_quote(listing->m, text));
}

/* As they are listed: the exclusions mean the same here. A list from which the peers are taken
 * needs the walk: an entry of the one may be more precise than one of the other. */
static void add_entries(struct listing *listing, const struct hostset *set)
{
	for (unsigned i = 0; i < set->count; i++)
		buf_printf(
		    &listing->text, "%s%s", i == 0 ? "" : ", ",
		    migrate_quote(
			listing->m,
			arena_printf(listing->m->arena, "%s%s", set->items[i].excluded ? "!" : "",
				     hostset_text(listing->m->arena, &set->items[i].network))));
}

static void leave_networks(struct migrate *m, const char *at, const char *what)
{
	migrate_leave(m, at,
		      "cannot tell which addresses \"%s\" means, so no network is "
		      "trusted: set trusted_networks by hand",
		      what);
	migrate_put(m, "trusted_networks", "[ ]");
}

static void list_networks(struct migrate *m)
{
	const struct migrate_hosts *internal = &m->signer.internal, *peers = &m->signer.peers;
	struct listing listing = {.m = m};
	struct hostset initial = {NULL, 0, 0}; /* InternalHosts' default */

	hostset_add(&initial, m->arena, span_of("127.0.0.1"), NULL);
	buf_init(&listing.text, m->arena, 0);
	hostset_each(internal->at == NULL ? &initial : &internal->set, &peers->set, add_network,
		     &listing);
	if (internal->at != NULL && peers->set.count == 0) {
		buf_clear(&listing.text);
		add_entries(&listing, &internal->set);
	} else if (listing.full) {
		leave_networks(m, internal->at, "a list of so many networks");
		return;
	}
	migrate_put(m, "trusted_networks",
		    listing.text.len == 0
			? "[ ]"
			: arena_printf(m->arena, "[ %s ]", buf_text(&listing.text)));
	m->trusted = listing.set;
}

void migrate_finish_networks(struct migrate *m)
{
	const struct migrate_hosts *internal = &m->signer.internal, *peers = &m->signer.peers;

	if (internal->unsayable != NULL)
		leave_networks(m, internal->at, internal->unsayable);
	else if (peers->unsayable != NULL)
		leave_networks(m, peers->at, peers->unsayable);
	else if (internal->at != NULL || peers->at != NULL)
		list_networks(m);
	hostset_add(&m->trusted, m->arena, span_of("127.0.0.0/8"), NULL);
	hostset_add(&m->trusted, m->arena, span_of("::1"), NULL);
}

/* ---- the table ---- */

#define LUA   "there are no scripts; dmarc.actions selects by domain, recipient and result"
#define LDAP  "keys are files: keys/DOMAIN/SELECTOR.key; import them by hand"
#define VBR   "Vouch By Reference is not evaluated"
#define STATS "results are counted in the ledger: countersign stats"
#define REPORT                                                                                     \
	"no report about failed signatures (RFC 6651) is sent; DMARC failure reports: "            \
	"failures.send"
#define KEYS "copied by: countersign key import --from-opendkim FILE"
#define ACTION                                                                                     \
	"a signature alone decides nothing (RFC 6376 section 6.1): DMARC does; see dmarc.actions"
#define RESIGN   "inbound mail is not signed again; lists and forwarders: see lists, arc.seal"
#define REWRITES "the filter must see a message as it leaves: rewrite it before the filter"

/* clang-format off */
const struct migrate_option migrate_opendkim_options[] = {
	SAME("AllowSHA1Only", "verify without SHA-256 in the library", "SHA-256 is always available; SHA-1 never passes (RFC 8301 section 3.1)"),
	SAME("AlwaysAddARHeader", "results also for unsigned mail", "each inbound message gets an Authentication-Results field"),
	NOTE("AuthservID", "the name in Authentication-Results", signer.authserv, "authserv_id", NULL),
	UNLESS("AuthservIDWithJobID", "the queue id after that name", "no", "no job id is written: the log line has the queue id"),
	SAME("AutoRestart", "restart after a crash", RESTART),
	SAME("AutoRestartCount", "the maximum number of restarts", RESTART),
	SAME("AutoRestartRate", "the maximum rate of restarts", RESTART),
	SAME("Background", "run as a daemon", UNIT),
	SAME("BaseDirectory", "working directory", UNIT),
	LOST("BodyLengthDB", "recipients for whom l= is written", "l= is never written: anybody could add to the message (RFC 6376 section 8.2)"),
	UNLESS("BogusKey", "a passing signature whose key DNSSEC finds forged", "fail", "such a key is a temporary error, so the signature does not pass"),
	TAKE("Canonicalization", "canonicalization of header and body", take_canonicalization, "sign.canonicalization", NULL),
	UNLESS("CaptureUnknownErrors", "quarantine after an internal error", "no", "the MTA's default_action decides"),
	SAME("ChangeRootDirectory", "chroot", UNIT),
	UNLESS("ClockDrift", "tolerance for times in signatures", "300", "it is 300 seconds"),
	SAME("DNSConnect", "use TCP at once", "TCP is used if an answer needs it"),
	SAME("DNSTimeout", "how long one lookup may take", "dns.timeout, 8 s, is for all lookups of a message together"),
	SAME("DiagnosticDirectory", "reports about failed z= signatures", "countersign verify -v explains a message"),
	UNLESS("Diagnostics", "write z=", "no", "z= is never written: it shows the whole header to everybody"),
	SAME("DisableCryptoInit", "do not initialize OpenSSL", "OpenSSL needs no such setting"),
	NOTE("Domain", "domains to sign for", signer.key, NULL, KEYS),
	UNLESS("DomainKeysCompat", "accept keys of DomainKeys", "no", "DomainKeys is historic (RFC 4870)"),
	LOST("DontSignMailTo", "recipients whose mail is not signed", "signing does not depend on recipients: their mail is signed as well"),
	SAME("EnableCoredumps", "dump core", "core files are off: they could contain private keys"),
	LOST("ExemptDomains", "authors whose mail is neither signed nor verified", "it is checked, and signed if the domain has a key: do not import such a key"),
	SAME("ExternalIgnoreList", "hosts that may send as a domain without a warning", "there is no such warning"),
	LOST("FinalPolicyScript", "Lua after the message", LUA),
	SAME("FixCRLF", "a bare LF counts as CRLF", "it always does"),
	LOST("IdentityHeader", "a field that gives i=", "no i= is written"),
	SAME("IdentityHeaderRemove", "remove that field", "no i= is written"),
	UNLESS("IgnoreMalformedMail", "leave malformed mail alone", "no", "dmarc.reject_bad_from decides what is done with it"),
	TAKE("Include", "read another file", take_include, NULL, "its lines are above"),
	TAKE("InternalHosts", "clients whose mail is signed", migrate_note_internal, "trusted_networks", NULL),
	UNLESS("KeepAuthResults", "keep forged results", "no", "fields that carry our authserv-id are always removed (RFC 8601 section 5)"),
	SAME("KeepTemporaryFiles", "keep canonical forms", "there are no temporary files"),
	NOTE("KeyFile", "the private key", signer.key, NULL, KEYS),
	NOTE("KeyTable", "private keys by name", signer.keytable, NULL, KEYS),
	LOST("LDAPAuthMechanism", "LDAP: mechanism", LDAP),
	LOST("LDAPAuthName", "LDAP: name", LDAP),
	LOST("LDAPAuthRealm", "LDAP: realm", LDAP),
	LOST("LDAPAuthUser", "LDAP: user", LDAP),
	LOST("LDAPBindPassword", "LDAP: password", LDAP),
	LOST("LDAPBindUser", "LDAP: user", LDAP),
	SAME("LDAPDisableCache", "LDAP: no cache", LDAP),
	SAME("LDAPKeepaliveIdle", "LDAP: keepalive", LDAP),
	SAME("LDAPKeepaliveInterval", "LDAP: keepalive", LDAP),
	SAME("LDAPKeepaliveProbes", "LDAP: keepalive", LDAP),
	SAME("LDAPTimeout", "LDAP: timeout", LDAP),
	SAME("LDAPUseTLS", "LDAP: TLS", LDAP),
	SAME("LogResults", "log each signature's result", LOGGED),
	SAME("LogWhy", "log why a message is signed or not", LOGGED),
	TAKE("MTA", "services whose mail is signed", take_services, "submission_services", NULL),
	SAME("MTACommand", "the program that sends reports", "reports are sent by SMTP: reports.via"),
	TAKE("MacroList", "macros whose mail is signed", migrate_take_macros, "submission_services", "for the macro daemon_name"),
	TAKE("MaximumHeaders", "maximum size of a header", migrate_take_max_header, "max_header_bytes", NULL),
	TAKE("MaximumSignaturesToVerify", "maximum number of signatures", take_max_signatures, "dkim.max_signatures", "50 at most"),
	LOST("MaximumSignedBytes", "sign only the beginning of a body", "the whole body is signed (RFC 6376 section 8.2)"),
	SAME("MilterDebug", "log the milter protocol", "log.level = \"debug\" shows more"),
	UNLESS("Minimum", "how much of a body must be signed", "100%", "all of it must be, unless dkim.accept_partial_body is true"),
	TAKE("MinimumKeyBits", "shortest key that passes", migrate_take_min_bits, "dkim.min_rsa_bits", "1024 at least (RFC 8301 section 3.2)"),
	TAKE("Mode", "sign, verify, or both", migrate_take_mode, "sign.enabled", "inbound mail is verified in any case"),
	UNLESS("MultipleSignatures", "a signature for each matching line of SigningTable", "no", "each active key of the author's domain signs, no other"),
	LOST("MustBeSigned", "fields that a passing signature must cover", "for DMARC only From matters"),
	TAKE("Nameservers", "resolvers", migrate_take_list, "dns.servers", NULL),
	SAME("NoHeaderB", "leave header.b out", "header.b is always written (RFC 6008)"),
	LOST("OmitHeaders", "fields that are not signed", "sign.headers names the fields that are signed"),
	UNLESS("On-BadSignature", "what to do with a broken signature", "accept a", ACTION),
	UNLESS("On-DNSError", "what to do after a DNS error", "tempfail t accept a", "dmarc.temperror decides, if the error affects the result"),
	UNLESS("On-Default", "what to do after any error", "accept a", ACTION),
	UNLESS("On-InternalError", "what to do after an internal error", "tempfail t", "the MTA's default_action decides"),
	UNLESS("On-KeyNotFound", "what to do without the key", "accept a", ACTION),
	UNLESS("On-NoSignature", "what to do with unsigned mail", "accept a", ACTION),
	UNLESS("On-Security", "what to do with suspicious messages", "accept a tempfail t", ACTION),
	UNLESS("On-SignatureError", "what to do when signing fails", "accept a", "the message leaves unsigned, and the log says why"),
	TAKE("OversignHeaders", "fields that cannot be added later", migrate_take_list, "sign.oversign", NULL),
	LOST("POPDBFile", "POP before SMTP", "use SMTP AUTH"),
	TAKE("PeerList", "clients whose mail is neither signed nor verified", note_peers, "relays", "with client = skip if neither OpenDMARC nor policyd-spf rejects mail; otherwise it is checked; never signed"),
	SAME("PidFile", "file with the process id", UNIT),
	UNLESS("Quarantine", "quarantine mail that fails", "no", ACTION),
	SAME("QueryCache", "keep answers in memory", "answers are always cached: dns.cache_entries"),
	LOST("RedirectFailuresTo", "send failing mail to somebody else", "recipients are never changed"),
	UNLESS("RemoveARAll", "remove more results of others", "no", "fields with other names stay (RFC 8601 section 5)"),
	LOST("RemoveARFrom", "whose results are removed", "only those that carry our authserv-id (RFC 8601 section 5)"),
	UNLESS("RemoveOldSignatures", "remove signatures before signing", "no", "existing signatures stay"),
	LOST("ReplaceHeaders", "fields that are rewritten before signing", REWRITES),
	LOST("ReplaceRules", "how they are rewritten", REWRITES),
	SAME("ReportAddress", "sender of reports", REPORT),
	LOST("ReportBccAddress", "copies of reports", REPORT),
	UNLESS("RequestReports", "write r=y", "no", REPORT),
	SAME("RequireSafeKeys", "refuse a key that others can read", "it is always refused"),
	UNLESS("RequiredHeaders", "reject mail whose fields RFC 5322 forbids", "no", "dmarc.reject_bad_from rejects mail without exactly one readable From; other fields may occur any number of times"),
	UNLESS("ResignAll", "sign inbound mail again", "no", RESIGN),
	LOST("ResignMailTo", "recipients whose mail is signed again", RESIGN),
	LOST("ResolverConfiguration", "settings of the resolver", "see dns.servers"),
	SAME("ResolverTracing", "trace lookups", "countersign verify -v shows each lookup"),
	SAME("SMTPURI", "server for reports", "reports are sent by SMTP: reports.via"),
	LOST("ScreenPolicyScript", "Lua after the header", LUA),
	LOST("SelectCanonicalizationHeader", "a field that chooses the canonicalization", "there is one for all mail: sign.canonicalization"),
	NOTE("Selector", "the key's name in the DNS", signer.key, NULL, KEYS),
	UNLESS("SendReports", "report failed signatures", "no", REPORT),
	UNLESS("SenderHeaders", "fields that name the author", "From", "the author is the one in From, as for DMARC"),
	LOST("SenderMacro", "a macro that names the author", "the author is the one in From, as for DMARC"),
	LOST("SetupPolicyScript", "Lua that decides who is signed", LUA),
	TAKE("SignHeaders", "fields that are signed", migrate_take_sign_headers, "sign.headers", NULL),
	UNLESS("SignatureAlgorithm", "algorithm of signatures", "rsa-sha256 ed25519-sha256", "the key decides, always with SHA-256"),
	TAKE("SignatureTTL", "how long a signature is valid", migrate_take_seconds, "sign.expire", NULL),
	NOTE("SigningTable", "which key signs for whom", signer.signingtable, "sign.subdomains", KEYS),
	SAME("Socket", "where the MTA connects", "countersignd has its own socket: countersign setup"),
	SAME("SoftStart", "start without the database", "mail never waits for a database"),
	UNLESS("SoftwareHeader", "write DKIM-Filter", "no", "no field names the software"),
	SAME("Statistics", "file for statistics", STATS),
	SAME("StatisticsName", "this host's name in it", STATS),
	LOST("StatisticsPolicyScript", "Lua for statistics", STATS),
	SAME("StatisticsPrefix", "salt of its hashes", STATS),
	UNLESS("StrictHeaders", "refuse to verify mail whose fields RFC 5322 forbids", "no", "dmarc.reject_bad_from rejects mail without exactly one readable From; other fields may occur any number of times"),
	SAME("StrictTestMode", "test mode", "there is none"),
	TAKE("SubDomains", "sign for names below Domain", migrate_note_subdomains, "sign.subdomains", "not with a SigningTable, which names the domains itself"),
	SAME("Syslog", "log", LOGGED),
	SAME("SyslogFacility", "facility of the log", "it is mail"),
	SAME("SyslogName", "name in the log", "it is countersignd"),
	SAME("SyslogSuccess", "log successes", LOGGED),
	SAME("TemporaryDirectory", "place of temporary files", "there are none"),
	LOST("TestDNSData", "test: answers of DNS", "see dns.servers"),
	LOST("TestPublicKeys", "test: public keys", "see dns.servers"),
	TAKE("TrustAnchorFile", "key of the DNS root", migrate_take_text, "dns.trust_anchor", "on Debian the file belongs to dns-root-data: keep that package"),
	LOST("TrustSignaturesFrom", "whose third-party signatures count", "alignment with the author's domain decides, as in DMARC"),
	SAME("UMask", "permissions of the socket", "socket_mode is 0660: countersign setup gives the MTA's group access, others get none"),
	UNLESS("UnprotectedKey", "a passing signature whose key DNSSEC does not protect", "none", "it passes: DMARC does not ask for DNSSEC"),
	SAME("UserID", "user to run as", UNIT),
	LOST("VBR-Certifiers", "VBR: certifiers", VBR),
	SAME("VBR-PurgeFields", "VBR: remove fields", VBR),
	LOST("VBR-TrustedCertifiers", "VBR: trusted certifiers", VBR),
	SAME("VBR-TrustedCertifiersOnly", "VBR: trust only these", VBR),
	SAME("VBR-Type", "VBR: type", VBR),
	SAME("WeakSyntaxChecks", "go on after syntax errors", "mail with an ambiguous From has no author, and is not signed"),
	END,
};
/* clang-format on */
