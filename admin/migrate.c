/*
 * One table for each program: every documented option, with a conversion or the reason why there is
 * none. What a conversion makes is read back by our own parser before it is believed.
 */
#include "admin/migrate.h"

#include <string.h>

#include "admin/opendkim.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "lib/buf.h"
#include "policy/domain.h"

enum { SETTINGS_MAX = 64, ITEMS_MAX = 4096 };

struct setting {
	const char *name;  /* "dmarc.enforce" */
	const char *value; /* as written in a file */
};

/* A list that grows with several lines. */
struct items {
	const char *name; /* of the setting */
	struct buf text;  /* "a", "b" */
	unsigned count;
};

struct migrate {
	struct arena *arena;
	migrate_read *read;
	void *arg;
	struct buf comments;
	struct setting settings[SETTINGS_MAX];
	unsigned setting_count, dropped, unknown;
	struct items networks, forwarders, quiet;
	bool keys, subdomains, table;
	const char *note; /* of the line under way: what was left out, or NULL */
};

/* -1 with the reason: VALUE has no form here. */
struct option;
typedef int convert(struct migrate *migrate, const struct option *option, struct span value,
		    struct why *why);

struct option {
	const char *name;
	convert *convert;    /* NULL: no counterpart, WHAT says why */
	const char *setting; /* of ours */
	const char *what;    /* for people */
};

/* ---- settings of ours ---- */

static const char *quoted(struct migrate *migrate, const char *text)
{
	struct buf out;

	buf_init(&out, migrate->arena, 0);
	conf_quote(text, &out);
	return buf_text(&out);
}

/* "dmarc: { enforce = x; };" */
static const char *as_file(struct migrate *migrate, const struct setting *setting)
{
	const char *dot = strchr(setting->name, '.');

	if (dot == NULL)
		return arena_printf(migrate->arena, "%s = %s;\n", setting->name, setting->value);
	return arena_printf(migrate->arena, "%.*s: { %s = %s; };\n", (int)(dot - setting->name),
			    setting->name, dot + 1, setting->value);
}

/* What was set before is replaced. */
static int set(struct migrate *migrate, const char *name, const char *value, struct why *why)
{
	struct setting made = {name, value};
	struct conf_errors errors;
	struct conf *conf = conf_parse("migrated", as_file(migrate, &made), &errors);
	unsigned i = 0;

	if (conf == NULL)
		why_set(why, "%s", errors.count > 0 ? errors.items[0].text : "not understood");
	conf_errors_free(&errors);
	if (conf == NULL)
		return -1;
	conf_free(conf);
	while (i < migrate->setting_count && strcmp(migrate->settings[i].name, name) != 0)
		i++;
	if (i == SETTINGS_MAX)
		return why_set(why, "too many settings");
	migrate->settings[i] = made;
	migrate->setting_count += i == migrate->setting_count;
	return 0;
}

static const char *text_of(struct migrate *migrate, struct span value)
{
	return arena_span(migrate->arena, value);
}

/* ---- simple values ---- */

static int take_text(struct migrate *m, const struct option *option, struct span value,
		     struct why *why)
{
	return set(m, option->setting, quoted(m, text_of(m, value)), why);
}

static int take_number(struct migrate *m, const struct option *option, struct span value,
		       struct why *why)
{
	return set(m, option->setting, text_of(m, value), why);
}

static int take_seconds(struct migrate *m, const struct option *option, struct span value,
			struct why *why)
{
	return set(m, option->setting, arena_printf(m->arena, "\"%ss\"", text_of(m, value)), why);
}

/* 1 yes, 0 no, -1 neither. */
static int truth(struct span value)
{
	static const struct name_code words[] = {{"yes", 1}, {"true", 1}, {"1", 1},
						 {"on", 1},  {"no", 0},   {"false", 0},
						 {"0", 0},   {"off", 0},  {NULL, 0}};

	return name_code(words, value, -1);
}

static int take_bool(struct migrate *m, const struct option *option, struct span value,
		     struct why *why)
{
	int yes = truth(value);

	if (yes == -1)
		return why_set(why, "neither yes nor no");
	m->subdomains = m->subdomains || strcmp(option->setting, "sign.subdomains") == 0;
	return set(m, option->setting, yes ? "true" : "false", why);
}

/* Commas or blanks between them. */
static bool next_item(struct span *rest, struct span *item)
{
	while (rest->p < rest->end && (*rest->p == ',' || char_is_space((unsigned char)*rest->p)))
		rest->p++;
	item->p = rest->p;
	while (rest->p < rest->end && *rest->p != ',' && !char_is_space((unsigned char)*rest->p))
		rest->p++;
	item->end = rest->p;
	return !span_empty(*item);
}

static int take_list(struct migrate *m, const struct option *option, struct span value,
		     struct why *why)
{
	struct span item;
	struct buf out;

	buf_init(&out, m->arena, 0);
	while (next_item(&value, &item))
		buf_printf(&out, "%s%s", out.len == 0 ? "" : ", ", quoted(m, text_of(m, item)));
	return set(m, option->setting, arena_printf(m->arena, "[ %s ]", buf_text(&out)), why);
}

/* ---- OpenDKIM's own forms ---- */

static int take_authserv(struct migrate *m, const struct option *option, struct span value,
			 struct why *why)
{
	if (span_ieq(value, "HOSTNAME"))
		return set(m, option->setting, "\"auto\"", why);
	return take_text(m, option, value, why);
}

/* "relaxed" is for the header; the body is simple (opendkim.conf(5)). */
static int take_canonicalization(struct migrate *m, const struct option *option, struct span value,
				 struct why *why)
{
	const char *text = arena_lower(m->arena, value);

	if (strchr(text, '/') == NULL)
		text = arena_printf(m->arena, "%s/simple", text);
	return set(m, option->setting, quoted(m, text), why);
}

static int take_mode(struct migrate *m, const struct option *option, struct span value,
		     struct why *why)
{
	bool signs = !span_empty(value) && memchr(value.p, 's', span_len(value)) != NULL;

	if (span_empty(value))
		return why_set(why, "no value");
	if (memchr(value.p, 'v', span_len(value)) == NULL)
		m->note = "mail of others is verified in any case";
	return set(m, option->setting, signs ? "true" : "false", why);
}

static int take_umask(struct migrate *m, const struct option *option, struct span value,
		      struct why *why)
{
	unsigned mask = 0;

	for (const char *p = value.p; p < value.end; p++) {
		if (*p < '0' || *p > '7' || mask > 0777)
			return why_set(why, "not a mask");
		mask = mask * 8 + (unsigned)(*p - '0');
	}
	return set(m, option->setting, arena_printf(m->arena, "\"0%03o\"", 0666 & ~mask), why);
}

static int take_min_bits(struct migrate *m, const struct option *option, struct span value,
			 struct why *why)
{
	uint64_t bits;

	if (span_number(value, 1023, &bits)) {
		m->note = "less than 1024 bits are forbidden (RFC 8301 section 3.2)";
		value = span_of("1024");
	}
	return take_number(m, option, value, why);
}

static int take_key(struct migrate *m, const struct option *option, struct span value,
		    struct why *why)
{
	(void)value;
	(void)why;
	m->keys = true;
	m->table = m->table || strcmp(option->name, "SigningTable") == 0;
	return 0;
}

static int take_sign_headers(struct migrate *m, const struct option *option, struct span value,
			     struct why *why)
{
	if (memchr(value.p, '*', span_len(value)) != NULL ||
	    memchr(value.p, '+', span_len(value)) != NULL)
		return why_set(why, "changes of OpenDKIM's own list; see: countersign config "
				    "explain sign.headers");
	return take_list(m, option, value, why);
}

/* ---- lists that several lines fill ---- */

static void add_item(struct migrate *m, struct items *items, struct span item)
{
	if (items->count++ < ITEMS_MAX)
		buf_printf(&items->text, "%s%s", items->text.len == 0 ? "" : ", ",
			   quoted(m, text_of(m, item)));
}

static void left_out(struct migrate *m, struct span item, const char *reason)
{
	if (m->note == NULL)
		m->note = arena_printf(m->arena, "left out: %s (%s)", text_of(m, item), reason);
	else if (strlen(m->note) < 400)
		m->note = arena_printf(m->arena, "%s, %s", m->note, text_of(m, item));
}

static void add_network(struct migrate *m, struct span item)
{
	struct ip_network network;

	if (ip_network_parse(item, &network))
		add_item(m, &m->networks, item);
	else if (!span_ieq(item, "localhost"))
		left_out(m, item, "only addresses and networks can be named");
}

static int take_networks(struct migrate *m, const struct option *option, struct span value,
			 struct why *why)
{
	struct span where, text, item, name, rest;
	enum opendkim_kind kind = opendkim_dataset(value, &where);
	unsigned line = 0;

	(void)option;
	if (kind == OPENDKIM_OTHER)
		return why_set(why, "only files and lists are read");
	if (kind == OPENDKIM_LIST) {
		while (next_item(&where, &item))
			add_network(m, item);
		return 0;
	}
	if (m->read(m->arg, text_of(m, where), &text, why) == -1)
		return -1;
	while (opendkim_line(&text, &line, &name, &rest))
		add_network(m, name);
	return 0;
}

static int take_skip(struct migrate *m, const struct option *option, struct span value,
		     struct why *why)
{
	struct span item;

	(void)option;
	(void)why;
	while (next_item(&value, &item))
		add_network(m, item);
	return 0;
}

static int take_forwarders(struct migrate *m, const struct option *option, struct span value,
			   struct why *why)
{
	struct ip_network network;
	struct span item;

	(void)option;
	(void)why;
	while (next_item(&value, &item)) {
		if (ip_network_parse(item, &network) || domain_to_ascii(m->arena, item) != NULL)
			add_item(m, &m->forwarders, item);
		else
			left_out(m, item, "neither network nor domain");
	}
	return 0;
}

static int take_quiet(struct migrate *m, const struct option *option, struct span value,
		      struct why *why)
{
	struct span item;

	(void)option;
	(void)why;
	while (next_item(&value, &item)) {
		if (domain_of_address(m->arena, text_of(m, item)) != NULL &&
		    memchr(item.p, '"', span_len(item)) == NULL)
			add_item(m, &m->quiet, item);
		else
			left_out(m, item, "not an address");
	}
	return 0;
}

/* ---- OpenDMARC's own forms ---- */

static int take_reject(struct migrate *m, const struct option *option, struct span value,
		       struct why *why)
{
	int yes = truth(value);

	if (yes == -1)
		return why_set(why, "neither yes nor no");
	return set(m, option->setting, yes ? "\"strict\"" : "\"observe\"", why);
}

static int take_hold(struct migrate *m, const struct option *option, struct span value,
		     struct why *why)
{
	int yes = truth(value);

	if (yes == -1)
		return why_set(why, "neither yes nor no");
	return set(m, option->setting, yes ? "\"hold\"" : "\"header\"", why);
}

/* ---- the tables ---- */

#define LUA     "there are no scripts; dmarc.actions names domains, recipients and results"
#define LDAP    "keys are files: keys/DOMAIN/SELECTOR.key"
#define VBR     "Vouch By Reference is not evaluated"
#define STATS   "the ledger counts, and countersign stats shows it"
#define RESTART "a worker that dies is replaced at once, always"
#define UNIT    "the unit and countersignd -u say it"
#define LOGGED  "one line for each message, always, with the reason; facility mail"
#define ARF     "failure reports have settings of their own: countersign config explain failures"
#define ONKEY   "import them: countersign key import --from-opendkim FILE"
#define RESULTS                                                                                    \
	"an error is never a fact: it is written, and DMARC's policy decides; see dmarc.temperror"
#define RESIGN  "mail that was judged here is not signed again; for lists and forwarders see arc"
#define SOCKETS "our socket is our own: countersign setup"
#define OWNSPF  "SPF is evaluated here, always; no field is trusted"
#define SPFACT                                                                                     \
	"SPF alone rejects nothing; it counts for DMARC. dmarc.actions can ask for spf = \"fail\""

static const struct option opendkim_options[] = {
    {"AllowSHA1Only", NULL, NULL, "SHA-1 is forbidden (RFC 8301 section 3.1)"},
    {"AlwaysAddARHeader", NULL, NULL, "each judged message gets an Authentication-Results"},
    {"AuthservID", take_authserv, "authserv_id", NULL},
    {"AuthservIDWithJobID", NULL, NULL, "no job id is written; the log line has it"},
    {"AutoRestart", NULL, NULL, RESTART},
    {"AutoRestartCount", NULL, NULL, RESTART},
    {"AutoRestartRate", NULL, NULL, RESTART},
    {"Background", NULL, NULL, "countersignd -f stays in the foreground"},
    {"BaseDirectory", NULL, NULL, UNIT},
    {"BodyLengthDB", NULL, NULL, "no signature has l=: what it leaves out anybody may add"},
    {"BogusKey", NULL, NULL, "an answer that DNSSEC finds forged is a temporary error"},
    {"Canonicalization", take_canonicalization, "sign.canonicalization", NULL},
    {"CaptureUnknownErrors", NULL, NULL, "no message is put aside for an error of ours"},
    {"ChangeRootDirectory", NULL, NULL, UNIT},
    {"ClockDrift", NULL, NULL, "300 seconds are granted"},
    {"DNSConnect", NULL, NULL, "TCP is used where an answer needs it"},
    {"DNSTimeout", take_seconds, "dns.timeout", NULL},
    {"DiagnosticDirectory", NULL, NULL, "countersign verify -v shows each step"},
    {"Diagnostics", NULL, NULL, "no z= is written: it shows the header to everybody"},
    {"DisableCryptoInit", NULL, NULL, "nothing of that kind is needed"},
    {"Domain", take_key, NULL, ONKEY},
    {"DomainKeysCompat", NULL, NULL, "DomainKeys is historic (RFC 4870)"},
    {"DontSignMailTo", NULL, NULL, "all mail of ours is signed, whoever gets it"},
    {"EnableCoredumps", NULL, NULL, "never: keys are in that memory"},
    {"ExemptDomains", NULL, NULL, "all mail is judged; dmarc.actions can accept a domain's"},
    {"ExternalIgnoreList", NULL, NULL, "there is no such warning; see trusted_networks"},
    {"FinalPolicyScript", NULL, NULL, LUA},
    {"FixCRLF", NULL, NULL, "a bare LF counts as a line end, always"},
    {"IdentityHeader", NULL, NULL, "no i= is written"},
    {"IdentityHeaderRemove", NULL, NULL, "no i= is written"},
    {"IgnoreMalformedMail", NULL, NULL, "see dmarc.reject_bad_from"},
    {"Include", NULL, NULL, "migrate that file too"},
    {"InternalHosts", take_networks, "trusted_networks", NULL},
    {"KeepAuthResults", NULL, NULL, "fields that bear our name go, always (RFC 8601 section 5)"},
    {"KeepTemporaryFiles", NULL, NULL, "there are no temporary files"},
    {"KeyFile", take_key, NULL, ONKEY},
    {"KeyTable", take_key, NULL, ONKEY},
    {"LDAPAuthMechanism", NULL, NULL, LDAP},
    {"LDAPAuthName", NULL, NULL, LDAP},
    {"LDAPAuthRealm", NULL, NULL, LDAP},
    {"LDAPAuthUser", NULL, NULL, LDAP},
    {"LDAPBindPassword", NULL, NULL, LDAP},
    {"LDAPBindUser", NULL, NULL, LDAP},
    {"LDAPDisableCache", NULL, NULL, LDAP},
    {"LDAPKeepaliveIdle", NULL, NULL, LDAP},
    {"LDAPKeepaliveInterval", NULL, NULL, LDAP},
    {"LDAPKeepaliveProbes", NULL, NULL, LDAP},
    {"LDAPTimeout", NULL, NULL, LDAP},
    {"LDAPUseTLS", NULL, NULL, LDAP},
    {"LogResults", NULL, NULL, LOGGED},
    {"LogWhy", NULL, NULL, LOGGED},
    {"MTA", NULL, NULL,
     "mail is ours by login, by trusted_networks, or by a {daemon_name} of ORIGINATING, MSA or "
     "MSP"},
    {"MTACommand", NULL, NULL, "reports are sent by SMTP: reports.via"},
    {"MacroList", NULL, NULL,
     "mail is ours by login, by trusted_networks, or by a {daemon_name} of ORIGINATING, MSA or "
     "MSP"},
    {"MaximumHeaders", take_number, "max_header_bytes", NULL},
    {"MaximumSignaturesToVerify", take_number, "dkim.max_signatures", NULL},
    {"MaximumSignedBytes", NULL, NULL, "the whole body is signed"},
    {"MilterDebug", NULL, NULL, "log.level = \"debug\" shows more"},
    {"Minimum", NULL, NULL, "see dkim.accept_partial_body"},
    {"MinimumKeyBits", take_min_bits, "dkim.min_rsa_bits", NULL},
    {"Mode", take_mode, "sign.enabled", NULL},
    {"MultipleSignatures", NULL, NULL, "each active key of the domain signs"},
    {"MustBeSigned", NULL, NULL, "covered is what h= names; dmarc.actions can ask for dkim"},
    {"Nameservers", take_list, "dns.servers", NULL},
    {"NoHeaderB", NULL, NULL, "header.b is written, always (RFC 6008)"},
    {"OmitHeaders", NULL, NULL, "sign.headers names what is signed; what breaks is not among it"},
    {"On-BadSignature", NULL, NULL, RESULTS},
    {"On-DNSError", NULL, NULL, RESULTS},
    {"On-Default", NULL, NULL, RESULTS},
    {"On-InternalError", NULL, NULL, RESULTS},
    {"On-KeyNotFound", NULL, NULL, RESULTS},
    {"On-NoSignature", NULL, NULL, RESULTS},
    {"On-Security", NULL, NULL, RESULTS},
    {"On-SignatureError", NULL, NULL, RESULTS},
    {"OversignHeaders", take_list, "sign.oversign", NULL},
    {"POPDBFile", NULL, NULL, "POP before SMTP is not known; use SMTP AUTH"},
    {"PeerList", NULL, NULL, "each message is judged or signed; see trusted_networks"},
    {"PidFile", NULL, NULL, UNIT},
    {"Quarantine", NULL, NULL, "see dmarc.quarantine"},
    {"QueryCache", NULL, NULL, "answers are cached, always: dns.cache_entries"},
    {"RedirectFailuresTo", NULL, NULL, "no message gets other recipients"},
    {"RemoveARAll", NULL, NULL, "fields of others are left: they are others' to judge"},
    {"RemoveARFrom", NULL, NULL, "only our own name is ours to remove (RFC 8601 section 5)"},
    {"RemoveOldSignatures", NULL, NULL, "signatures of others stay"},
    {"ReplaceHeaders", NULL, NULL, "what the MTA rewrites it rewrites before us, or not at all"},
    {"ReplaceRules", NULL, NULL, "what the MTA rewrites it rewrites before us, or not at all"},
    {"ReportAddress", NULL, NULL, ARF},
    {"ReportBccAddress", NULL, NULL, ARF},
    {"RequestReports", NULL, NULL, "no r= is written: RFC 6651 is not used"},
    {"RequireSafeKeys", NULL, NULL, "a key that others can read is refused, always"},
    {"RequiredHeaders", take_bool, "dmarc.reject_bad_from", NULL},
    {"ResignAll", NULL, NULL, RESIGN},
    {"ResignMailTo", NULL, NULL, RESIGN},
    {"ResolverConfiguration", NULL, NULL, "see dns.servers"},
    {"ResolverTracing", NULL, NULL, "countersign verify -v shows each lookup"},
    {"SMTPURI", NULL, NULL, "reports are sent by SMTP: reports.via"},
    {"ScreenPolicyScript", NULL, NULL, LUA},
    {"SelectCanonicalizationHeader", NULL, NULL, "one way for all: sign.canonicalization"},
    {"Selector", take_key, NULL, ONKEY},
    {"SendReports", NULL, NULL, ARF},
    {"SenderHeaders", NULL, NULL, "the author is who stands in From, as for DMARC"},
    {"SenderMacro", NULL, NULL, "the author is who stands in From, as for DMARC"},
    {"SetupPolicyScript", NULL, NULL, LUA},
    {"SignHeaders", take_sign_headers, "sign.headers", NULL},
    {"SignatureAlgorithm", NULL, NULL, "the key says it; SHA-256 always"},
    {"SignatureTTL", take_seconds, "sign.expire", NULL},
    {"SigningTable", take_key, NULL, ONKEY},
    {"Socket", NULL, NULL, SOCKETS},
    {"SoftStart", NULL, NULL, RESTART},
    {"SoftwareHeader", NULL, NULL, "no field tells what runs here"},
    {"Statistics", NULL, NULL, STATS},
    {"StatisticsName", NULL, NULL, STATS},
    {"StatisticsPolicyScript", NULL, NULL, STATS},
    {"StatisticsPrefix", NULL, NULL, STATS},
    {"StrictHeaders", take_bool, "dmarc.reject_bad_from", NULL},
    {"StrictTestMode", NULL, NULL, "there is no test mode for libraries"},
    {"SubDomains", take_bool, "sign.subdomains", NULL},
    {"Syslog", NULL, NULL, LOGGED},
    {"SyslogFacility", NULL, NULL, LOGGED},
    {"SyslogName", NULL, NULL, LOGGED},
    {"SyslogSuccess", NULL, NULL, LOGGED},
    {"TemporaryDirectory", NULL, NULL, "there are no temporary files"},
    {"TestDNSData", NULL, NULL, "see dns.servers"},
    {"TestPublicKeys", NULL, NULL, "see dns.servers"},
    {"TrustAnchorFile", take_text, "dns.trust_anchor", NULL},
    {"TrustSignaturesFrom", NULL, NULL, "alignment decides, as DMARC wants it"},
    {"UMask", take_umask, "socket_mode", NULL},
    {"UnprotectedKey", NULL, NULL, "a key without DNSSEC counts like any other"},
    {"UserID", NULL, NULL, UNIT},
    {"VBR-Certifiers", NULL, NULL, VBR},
    {"VBR-PurgeFields", NULL, NULL, VBR},
    {"VBR-TrustedCertifiers", NULL, NULL, VBR},
    {"VBR-TrustedCertifiersOnly", NULL, NULL, VBR},
    {"VBR-Type", NULL, NULL, VBR},
    {"WeakSyntaxChecks", NULL, NULL, "what cannot be read without doubt has no author"},
    {NULL, NULL, NULL, NULL},
};

static const struct option opendmarc_options[] = {
    {"AuthservID", take_authserv, "authserv_id", NULL},
    {"AuthservIDWithJobID", NULL, NULL, "no job id is written; the log line has it"},
    {"AutoRestart", NULL, NULL, RESTART},
    {"AutoRestartCount", NULL, NULL, RESTART},
    {"AutoRestartRate", NULL, NULL, RESTART},
    {"Background", NULL, NULL, "countersignd -f stays in the foreground"},
    {"BaseDirectory", NULL, NULL, UNIT},
    {"ChangeRootDirectory", NULL, NULL, UNIT},
    {"CopyFailuresTo", NULL, NULL, "no message gets other recipients"},
    {"DNSTimeout", take_seconds, "dns.timeout", NULL},
    {"DomainWhitelist", take_list, "arc.trusted_sealers", NULL},
    {"DomainWhitelistFile", NULL, NULL, "list its domains in arc.trusted_sealers"},
    {"DomainWhitelistSize", NULL, NULL, "lists have no size to be told"},
    {"EnableCoredumps", NULL, NULL, "never: keys are in that memory"},
    {"FailureReports", NULL, NULL, ARF},
    {"FailureReportsBcc", NULL, NULL, ARF},
    {"FailureReportsOnNone", NULL, NULL, ARF},
    {"FailureReportsSentBy", NULL, NULL, ARF},
    {"HistoryFile", NULL, NULL, "the ledger is made at the first start; a history is not imported"},
    {"HoldQuarantinedMessages", take_hold, "dmarc.quarantine", NULL},
    {"IgnoreAuthenticatedClients", NULL, NULL,
     "mail of a client that logged in is signed, not judged"},
    {"IgnoreHosts", take_networks, "trusted_networks", NULL},
    {"IgnoreMailFrom", NULL, NULL,
     "all mail is counted; countersign report suppress DOMAIN stops reports about a domain"},
    {"IgnoreMailTo", take_quiet, "reports.quiet", NULL},
    {"MilterDebug", NULL, NULL, "log.level = \"debug\" shows more"},
    {"PidFile", NULL, NULL, UNIT},
    {"PublicSuffixList", NULL, NULL,
     "the tree walk of RFC 9989 needs no list; dmarc.discovery = \"psl\" would use libpsl's"},
    {"RecordAllMessages", NULL, NULL, "what a report can be made of is counted"},
    {"RejectFailures", take_reject, "dmarc.enforce", NULL},
    {"RejectMultiValueFrom", take_bool, "dmarc.reject_bad_from", NULL},
    {"RejectString", NULL, NULL, "550 5.7.1 with the domain (RFC 9989 section 7.2)"},
    {"ReportCommand", NULL, NULL, "reports are sent by SMTP: reports.via"},
    {"RequiredHeaders", take_bool, "dmarc.reject_bad_from", NULL},
    {"SPFIgnoreResults", NULL, NULL, OWNSPF},
    {"SPFSelfValidate", NULL, NULL, OWNSPF},
    {"Socket", NULL, NULL, SOCKETS},
    {"SoftwareHeader", NULL, NULL, "no field tells what runs here"},
    {"Syslog", NULL, NULL, LOGGED},
    {"SyslogFacility", NULL, NULL, LOGGED},
    {"TrustedAuthservIDs", NULL, NULL,
     "no result is taken from a header: one process has them all"},
    {"UMask", take_umask, "socket_mode", NULL},
    {"UserID", NULL, NULL, UNIT},
    {NULL, NULL, NULL, NULL},
};

static const struct option spf_options[] = {
    {"Authserv_Id", take_authserv, "authserv_id", NULL},
    {"Domain_Whitelist", take_forwarders, "dmarc.trusted_forwarders", NULL},
    {"Domain_Whitelist_PTR", NULL, NULL, "see dmarc.trusted_forwarders: host:*.example.com"},
    {"HELO_Whitelist", NULL, NULL, "a HELO proves nothing; see dmarc.trusted_forwarders"},
    {"HELO_pass_restriction", NULL, NULL, "restrictions are Postfix's"},
    {"HELO_reject", NULL, NULL, SPFACT},
    {"Header_Type", NULL, NULL, "one Authentication-Results has all results"},
    {"Hide_Receiver", NULL, NULL, "there is no Received-SPF"},
    {"Lookup_Time", NULL, NULL, "one deadline for all lookups: dns.timeout"},
    {"Mail_From_pass_restriction", NULL, NULL, "restrictions are Postfix's"},
    {"Mail_From_reject", NULL, NULL, SPFACT},
    {"Mock", NULL, NULL, "countersign verify judges a message without an MTA"},
    {"No_Mail", NULL, NULL, SPFACT},
    {"PermError_reject", NULL, NULL, SPFACT},
    {"Prospective", NULL, NULL, "outbound mail is not judged"},
    {"Reason_Message", NULL, NULL, "550 5.7.1 with the domain"},
    {"Reject_Not_Pass_Domains", NULL, NULL, SPFACT},
    {"SPF_Enhanced_Status_Codes", NULL, NULL, "as RFC 7372 has them"},
    {"TempError_Defer", NULL, NULL, "see dmarc.temperror"},
    {"TestOnly", NULL, NULL, "see dmarc.enforce = \"observe\""},
    {"Void_Limit", NULL, NULL, "2, as RFC 7208 section 4.6.4 has it"},
    {"Whitelist", take_forwarders, "dmarc.trusted_forwarders", NULL},
    {"Whitelist_Lookup_Time", NULL, NULL, "one deadline for all lookups: dns.timeout"},
    {"debugLevel", NULL, NULL, "log.level = \"debug\" shows more"},
    {"defaultSeedOnly", NULL, NULL, "see dmarc.enforce = \"observe\""},
    {"skip_addresses", take_skip, "trusted_networks", NULL},
    {NULL, NULL, NULL, NULL},
};

static const struct option *const tables[] = {
    [MIGRATE_OPENDKIM] = opendkim_options,
    [MIGRATE_OPENDMARC] = opendmarc_options,
    [MIGRATE_SPF] = spf_options,
};

const char *migrate_option(enum migrate_source source, unsigned i, const char **what)
{
	const struct option *option = &tables[source][i];

	*what = option->convert != NULL && option->setting != NULL ? option->setting : option->what;
	return option->name;
}

/* ---- lines ---- */

static const struct option *find(enum migrate_source source, struct span name)
{
	for (const struct option *o = tables[source]; o->name != NULL; o++) {
		if (span_ieq(name, o->name))
			return o;
	}
	return NULL;
}

/* TEXT for a comment: one line, printable, of a bearable length. */
static const char *shown(struct migrate *migrate, struct span text)
{
	char *out;

	if (span_len(text) > 120)
		text.end = text.p + 120;
	out = arena_span(migrate->arena, text);
	for (char *p = out; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	}
	return out;
}

/* What became of the line, for its comment. */
static const char *outcome(struct migrate *m, const struct option *option, struct span value)
{
	struct why why = {""};

	if (option == NULL) {
		m->unknown++;
		return "NOT KNOWN: is it misspelt?";
	}
	if (option->convert == NULL) {
		m->dropped++;
		return arena_printf(m->arena, "no counterpart: %s", option->what);
	}
	if (option->convert(m, option, value, &why) == -1) {
		m->dropped++;
		return arena_printf(m->arena, "not taken over: %s", shown(m, span_of(why.text)));
	}
	if (option->setting == NULL)
		return option->what;
	return arena_printf(m->arena, "-> %s%s%s", option->setting, m->note == NULL ? "" : "; ",
			    m->note == NULL ? "" : shown(m, span_of(m->note)));
}

void migrate_text(struct migrate *m, enum migrate_source source, const char *name, struct span text)
{
	struct span word, value;
	unsigned line = 0;

	buf_printf(&m->comments, "#\n# %s\n", shown(m, span_of(name)));
	if (source == MIGRATE_OPENDMARC)
		set(m, "dmarc.enforce", "\"observe\"", NULL); /* RejectFailures' default */
	while (opendkim_line(&text, &line, &word, &value)) {
		m->note = NULL;
		if (!span_empty(value) && *value.p == '=') { /* policyd-spf */
			value.p++;
			value = span_trim(value);
		}
		buf_printf(&m->comments, "# %u: %s %s\n#     %s\n", line, shown(m, word),
			   shown(m, value), outcome(m, find(source, word), value));
	}
	if (source == MIGRATE_OPENDKIM && !m->subdomains && !m->table && m->keys)
		set(m, "sign.subdomains", "false", NULL); /* SubDomains' default */
}

/* ---- the file ---- */

static void init_items(struct migrate *m, struct items *items, const char *name)
{
	items->name = name;
	buf_init(&items->text, m->arena, 0);
}

struct migrate *migrate_new(struct arena *arena, migrate_read *read, void *arg)
{
	struct migrate *m = arena_make(arena, struct migrate);

	m->arena = arena;
	m->read = read;
	m->arg = arg;
	buf_init(&m->comments, arena, 0);
	init_items(m, &m->networks, "trusted_networks");
	init_items(m, &m->forwarders, "dmarc.trusted_forwarders");
	init_items(m, &m->quiet, "reports.quiet");
	return m;
}

static void set_items(struct migrate *m, struct items *items)
{
	struct why why;

	if (items->count > 0 &&
	    set(m, items->name, arena_printf(m->arena, "[ %s ]", buf_text(&items->text)), &why) ==
		-1)
		buf_printf(&m->comments, "#\n# %s was left out: %s\n", items->name,
			   shown(m, span_of(why.text)));
}

static void write_section(const struct migrate *m, const char *section, struct buf *out)
{
	size_t n = strlen(section);
	bool open = false;

	for (unsigned i = 0; i < m->setting_count; i++) {
		const struct setting *s = &m->settings[i];
		const char *dot = strchr(s->name, '.');

		if (dot == NULL ? n != 0
				: (size_t)(dot - s->name) != n || memcmp(s->name, section, n) != 0)
			continue;
		if (dot != NULL && !open)
			buf_printf(out, "%s: {\n", section);
		open = dot != NULL;
		buf_printf(out, "%s%s = %s;\n", dot == NULL ? "" : "\t",
			   dot == NULL ? s->name : dot + 1, s->value);
	}
	if (open)
		buf_string(out, "};\n");
}

const char *migrate_result(struct migrate *m)
{
	const char *section, *doc;
	struct buf out;

	set_items(m, &m->networks);
	set_items(m, &m->forwarders);
	set_items(m, &m->quiet);
	buf_init(&out, m->arena, 0);
	buf_string(&out, "# countersign.conf(5), made by countersign migrate. What became of each "
			 "line:\n");
	buf_span(&out, buf_view(&m->comments));
	buf_char(&out, '\n');
	for (unsigned i = 0; (section = conf_section(i, &doc)) != NULL; i++)
		write_section(m, section, &out);
	return buf_text(&out);
}

unsigned migrate_dropped(const struct migrate *m)
{
	return m->dropped;
}

unsigned migrate_unknown(const struct migrate *m)
{
	return m->unknown;
}

bool migrate_has_keys(const struct migrate *m)
{
	return m->keys;
}
