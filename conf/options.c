/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * THE option table. What is not here does not exist; what is here is read, checked, written,
 * explained and in the manual without another line anywhere.
 *
 * The order is that of the sample file: keys outside sections first, then section by section.
 */
#include "conf/options.h"

#include <stddef.h>

#include "conf/check.h"
#include "lib/clock.h"
#include "mail/smtp_reply.h"

#define SECONDS(n) ((n)*CLOCK_SECOND)
#define DAYS(n)    ((n)*86400 * CLOCK_SECOND)
#define KIB(n)     (INT64_C(1024) * (n))
#define MIB(n)     (INT64_C(1048576) * (n))

#ifdef HAVE_EPOLL_CREATE1
#define NATIVE_OR_NOT "\"native\""
#else
#define NATIVE_OR_NOT "\"libmilter\""
#endif

/* ---- words ---- */

static const struct name_code engines[] = {{"native", CONF_ENGINE_NATIVE},
					   {"libspf2", CONF_ENGINE_LIBSPF2},
					   {"both", CONF_ENGINE_BOTH},
					   {NULL, 0}};
static const struct name_code dkim_engines[] = {{"native", CONF_DKIM_NATIVE},
						{"opendkim", CONF_DKIM_OPENDKIM},
						{"both", CONF_DKIM_BOTH},
						{NULL, 0}};
static const struct name_code caps[] = {
    {"auto", CONF_CAPS_AUTO}, {"on", CONF_CAPS_ON}, {"off", CONF_CAPS_OFF}, {NULL, 0}};
static const struct name_code milter_engines[] = {
    {"native", CONF_MILTER_NATIVE}, {"libmilter", CONF_MILTER_LIBMILTER}, {NULL, 0}};
static const struct name_code enforcements[] = {{"observe", CONF_ENFORCE_OBSERVE},
						{"rfc", CONF_ENFORCE_RFC},
						{"strict", CONF_ENFORCE_STRICT},
						{NULL, 0}};
static const struct name_code quarantines[] = {
    {"header", CONF_QUARANTINE_HEADER}, {"hold", CONF_QUARANTINE_HOLD}, {NULL, 0}};
static const struct name_code failures[] = {
    {"tempfail", CONF_FAILURE_TEMPFAIL}, {"accept", CONF_FAILURE_ACCEPT}, {NULL, 0}};
static const struct name_code durabilities[] = {
    {"process", CONF_DURABILITY_PROCESS}, {"power", CONF_DURABILITY_POWER}, {NULL, 0}};
static const struct name_code bimi_modes[] = {
    {"off", CONF_BIMI_OFF}, {"report", CONF_BIMI_REPORT}, {"on", CONF_BIMI_ON}, {NULL, 0}};
static const struct name_code bimi_requires[] = {
    {"certificate", CONF_BIMI_CERTIFICATE}, {"record", CONF_BIMI_RECORD}, {NULL, 0}};
static const struct name_code discoveries[] = {
    {"treewalk", CONF_DISCOVERY_TREEWALK}, {"psl", CONF_DISCOVERY_PSL}, {NULL, 0}};
static const struct name_code canons[] = {{"simple/simple", CONF_CANON_SIMPLE_SIMPLE},
					  {"simple/relaxed", CONF_CANON_SIMPLE_RELAXED},
					  {"relaxed/simple", CONF_CANON_RELAXED_SIMPLE},
					  {"relaxed/relaxed", CONF_CANON_RELAXED_RELAXED},
					  {NULL, 0}};
static const struct name_code formats[] = {
    {"rfc9990", CONF_FORMAT_RFC9990}, {"rfc7489", CONF_FORMAT_RFC7489}, {NULL, 0}};
static const struct name_code worths[] = {{"all", CONF_WORTH_ALL},
					  {"accepted", CONF_WORTH_ACCEPTED},
					  {"passed", CONF_WORTH_PASSED},
					  {NULL, 0}};
static const struct name_code tls_choices[] = {{"offered", CONF_TLS_OFFERED},
					       {"required", CONF_TLS_REQUIRED},
					       {"verified", CONF_TLS_VERIFIED},
					       {NULL, 0}};
static const struct name_code periods[] = {
    {"day", CONF_EVERY_DAY}, {"week", CONF_EVERY_WEEK}, {NULL, 0}};
static const struct name_code envelopes[] = {
    {"null", CONF_ENVELOPE_NULL}, {"verp", CONF_ENVELOPE_VERP}, {NULL, 0}};
static const struct name_code targets[] = {
    {"auto", CONF_LOG_AUTO}, {"syslog", CONF_LOG_SYSLOG}, {"stderr", CONF_LOG_STDERR}, {NULL, 0}};
static const struct name_code log_formats[] = {
    {"text", CONF_LOG_TEXT}, {"json", CONF_LOG_JSON}, {NULL, 0}};
static const struct name_code levels[] = {{"error", CONF_LOG_ERROR},
					  {"warning", CONF_LOG_WARNING},
					  {"info", CONF_LOG_INFO},
					  {"debug", CONF_LOG_DEBUG},
					  {NULL, 0}};
static const struct name_code actions[] = {{"published", CONF_ACTION_PUBLISHED},
					   {"accept", CONF_ACTION_ACCEPT},
					   {"quarantine", CONF_ACTION_QUARANTINE},
					   {"reject", CONF_ACTION_REJECT},
					   {NULL, 0}};
static const struct name_code policies[] = {{"any", CONF_POLICY_ANY},
					    {"none", CONF_POLICY_NONE},
					    {"quarantine", CONF_POLICY_QUARANTINE},
					    {"reject", CONF_POLICY_REJECT},
					    {"absent", CONF_POLICY_ABSENT},
					    {NULL, 0}};
static const struct name_code spf_results[] = {{"any", CONF_RESULT_ANY},
					       {"none", CONF_RESULT_NONE},
					       {"pass", CONF_RESULT_PASS},
					       {"fail", CONF_RESULT_FAIL},
					       {"softfail", CONF_RESULT_SOFTFAIL},
					       {"neutral", CONF_RESULT_NEUTRAL},
					       {"permerror", CONF_RESULT_PERMERROR},
					       {NULL, 0}};
static const struct name_code dkim_results[] = {{"any", CONF_RESULT_ANY},
						{"none", CONF_RESULT_NONE},
						{"pass", CONF_RESULT_PASS},
						{"fail", CONF_RESULT_FAIL},
						{NULL, 0}};

static const struct name_code clients[] = {
    {"received", CONF_CLIENT_RECEIVED}, {"skip", CONF_CLIENT_SKIP}, {NULL, 0}};

static const struct name_code spf_rejects[] = {{"never", CONF_SPF_NEVER},
					       {"nomail", CONF_SPF_NOMAIL},
					       {"no-dmarc", CONF_SPF_NO_DMARC},
					       {NULL, 0}};
static const struct name_code roles[] = {{"auto", CONF_ROLE_AUTO},
					 {"submission", CONF_ROLE_SUBMISSION},
					 {"inbound", CONF_ROLE_INBOUND},
					 {NULL, 0}};
static const struct name_code senders[] = {{"login", CONF_SENDER_LOGIN},
					   {"envelope", CONF_SENDER_ENVELOPE},
					   {"any", CONF_SENDER_ANY},
					   {NULL, 0}};

static const struct name_code danes[] = {
    {"dane-only", CONF_DANE_ONLY}, {"dane", CONF_DANE_FALLBACK}, {NULL, 0}};

static const struct name_code alignments[] = {
    {"any", CONF_ALIGNED_ANY}, {"none", CONF_ALIGNED_NONE}, {"spf", CONF_ALIGNED_SPF}, {NULL, 0}};

/* ---- records ---- */

static const struct conf_option action_fields[] = {
    {.name = "domain",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_dmarc_action, domain),
     .check = conf_check_pattern,
     .required = true},
    {.name = "recipient",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_dmarc_action, recipient),
     .check = conf_check_pattern},
    {.name = "policy",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_dmarc_action, policy),
     .choices = policies},
    {.name = "spf",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_dmarc_action, spf),
     .choices = spf_results},
    {.name = "dkim",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_dmarc_action, dkim),
     .choices = dkim_results},
    {.name = "aligned",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_dmarc_action, aligned),
     .choices = alignments},
    {.name = "action",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_dmarc_action, action),
     .choices = actions,
     .required = true}};
static const struct conf_dmarc_action action_initial = {"",
							"*",
							CONF_POLICY_ANY,
							CONF_RESULT_ANY,
							CONF_RESULT_ANY,
							CONF_ALIGNED_ANY,
							CONF_ACTION_PUBLISHED};
static const struct conf_record action_record = {action_fields, 7, sizeof action_initial,
						 &action_initial};

static const struct conf_option listener_fields[] = {
    {.name = "socket",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_listener, socket),
     .check = conf_check_socket,
     .required = true},
    {.name = "role",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_listener, role),
     .choices = roles}};
static const struct conf_listener listener_initial = {"", CONF_ROLE_AUTO};
static const struct conf_record listener_record = {listener_fields, 2, sizeof listener_initial,
						   &listener_initial};

static const struct conf_option login_fields[] = {{.name = "login",
						   .type = &conf_type_text,
						   .offset = offsetof(struct conf_login, login),
						   .min = 1,
						   .check = conf_check_login,
						   .required = true},
						  {.name = "domains",
						   .type = &conf_type_texts,
						   .offset = offsetof(struct conf_login, domains),
						   .min = 1,
						   .check = conf_check_login_domain,
						   .required = true}};
static const struct conf_login login_initial = {"", {NULL, 0}};
static const struct conf_record login_record = {login_fields, 2, sizeof login_initial,
						&login_initial};

static const struct conf_option alias_fields[] = {{.name = "domain",
						   .type = &conf_type_text,
						   .offset = offsetof(struct conf_alias, domain),
						   .check = conf_check_domain,
						   .required = true},
						  {.name = "aliases",
						   .type = &conf_type_texts,
						   .offset = offsetof(struct conf_alias, aliases),
						   .min = 1,
						   .check = conf_check_pattern,
						   .required = true}};
static const struct conf_alias alias_initial = {"", {NULL, 0}};
static const struct conf_record alias_record = {alias_fields, 2, sizeof alias_initial,
						&alias_initial};

static const struct conf_option selector_fields[] = {
    {.name = "domains",
     .type = &conf_type_texts,
     .offset = offsetof(struct conf_bimi_selector, domains),
     .min = 1,
     .check = conf_check_pattern,
     .required = true},
    {.name = "selector",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_bimi_selector, selector),
     .required = true}};
static const struct conf_bimi_selector selector_initial = {{NULL, 0}, ""};
static const struct conf_record selector_record = {selector_fields, 2, sizeof selector_initial,
						   &selector_initial};

static const struct conf_option relay_fields[] = {
    {.name = "from",
     .type = &conf_type_networks,
     .offset = offsetof(struct conf_relay, from),
     .min = 1,
     .required = true},
    {.name = "client",
     .type = &conf_type_choice,
     .offset = offsetof(struct conf_relay, client),
     .choices = clients},
    {.name = "results_of",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_relay, results_of),
     .check = conf_check_results_of}};
static const struct conf_relay relay_initial = {{NULL, 0}, CONF_CLIENT_RECEIVED, ""};
static const struct conf_record relay_record = {relay_fields, 3, sizeof relay_initial,
						&relay_initial};

static const struct conf_option list_fields[] = {
    {.name = "id",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_list, id),
     .check = conf_check_domain,
     .required = true},
    {.name = "from",
     .type = &conf_type_networks,
     .offset = offsetof(struct conf_list, from),
     .min = 1,
     .required = true},
    {.name = "sign",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_list, sign),
     .check = conf_check_domain,
     .required = true},
    {.name = "seal", .type = &conf_type_bool, .offset = offsetof(struct conf_list, seal)}};
static const struct conf_list list_initial = {"", {NULL, 0}, "", false};
static const struct conf_record list_record = {list_fields, 4, sizeof list_initial, &list_initial};

static const struct conf_option silence_fields[] = {
    {.name = "rule",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_silence, rule),
     .min = 1,
     .required = true},
    {.name = "domain",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_silence, domain),
     .check = conf_check_pattern},
    {.name = "reason",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_silence, reason),
     .min = 1,
     .required = true},
    {.name = "until",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_silence, until),
     .check = conf_check_day,
     .required = true}};
static const struct conf_silence silence_initial = {"", "*", "", ""};
static const struct conf_record silence_record = {silence_fields, 4, sizeof silence_initial,
						  &silence_initial};

static const struct conf_option exception_fields[] = {
    {.name = "domain",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_tls_exception, domain),
     .check = conf_check_pattern,
     .required = true},
    {.name = "level",
     .type = &conf_type_text,
     .offset = offsetof(struct conf_tls_exception, level),
     .check = conf_check_tls_level,
     .required = true}};
static const struct conf_tls_exception exception_initial = {"", ""};
static const struct conf_record exception_record = {exception_fields, 2, sizeof exception_initial,
						    &exception_initial};

/* ---- the table ---- */

/* clang-format off */
#define FIELD(member) .offset = offsetof(struct conf, member)

const struct conf_option conf_options[] = {
	{.name = "listen", .type = &conf_type_listeners, FIELD(listen), .min = 1, .max = 16,
	 .count_offset = offsetof(struct conf, listen_roles), .record = &listener_record,
	 .check = conf_check_socket,
	 .def = "[ \"local:" RUNDIR "/milter.sock\" ]",
	 .doc = "The sockets on which countersignd listens for the MTA: local:/path or unix:/path for a "
		"socket in the file system, inet:PORT@HOST for TCP (inet:8891@127.0.0.1, inet:8891@[::1]), or "
		"in Postfix's order inet:HOST:PORT (inet:[::1]:8891). An entry "
		"can also be a record of a socket and its role, in a list in parentheses. "
		"role: submission treats all mail through this socket like mail through one of "
		"submission_services; inbound checks all mail through it but that of logins, "
		"whatever the name of the service and even from trusted_networks; auto, the default, decides by service and address. A socket "
		"with a role must be used only by the service of the MTA that it is for. If "
		"Postfix runs chrooted, as on Debian, add one inside its queue directory: "
		"local:/var/spool/postfix/countersign/milter.sock.",
	 .example = "listen = ( { socket = \"inet:8892@[::1]\"; role = \"submission\"; } );"},
	{.name = "socket_mode", .type = &conf_type_mode, FIELD(socket_mode), .max = 0777,
	 .def = "\"0660\"",
	 .doc = "The permissions of local sockets. The MTA's user needs write permission, usually through the "
		"socket's group, which is that of its directory if the directory has the set-group-ID bit."},
	{.name = "authserv_id", .type = &conf_type_text, FIELD(authserv_id), .min = 1,
	 .check = conf_check_authserv_id, .what = "name",
	 .def = "\"auto\"",
	 .doc = "The name of this host in Authentication-Results fields. Fields with this name in an incoming "
		"message are forged and are removed. auto is the MTA's own host name. All hosts that serve the "
		"same domain should use the same name."},
	{.name = "trusted_networks", .type = &conf_type_networks, FIELD(trusted_networks),
	 .def = "[ \"127.0.0.0/8\", \"::1\" ]",
	 .doc = "Clients whose mail is treated as outbound: it is signed, not checked. The same applies to mail "
		"from authenticated clients and through submission services, whatever their address. Each entry "
		"is an address, or an address with a prefix length; with ! before it, it is excluded from a larger "
		"network in the list. The entry with the longest prefix decides. Host names are not possible, because "
		"whoever can forge a DNS answer could then have mail signed, and an excluded host would be trusted "
		"whenever DNS does not answer. An empty list means nobody: if a proxy or a "
		"port forward in front of the MTA makes every client appear as 127.0.0.1, leave out loopback. A "
		"client on a local socket counts as loopback. Mail from a client whose address the MTA does not "
		"know is never treated as outbound. Mail that comes in over loopback but has been on another "
		"host, such as mail from a content filter, is signed only if MAIL FROM is in a domain with a "
		"key.",
	 .example = "trusted_networks = [ \"::1\", \"192.0.2.0/24\", \"!192.0.2.5\" ];"},
	{.name = "trust_everybody", .type = &conf_type_bool, FIELD(trust_everybody),
	 .def = "false",
	 .doc = "Whether trusted_networks may contain a network that is larger than any site's: an IPv4 prefix "
		"shorter than /8 or an IPv6 prefix shorter than /7, in particular 0.0.0.0/0. Anyone who can "
		"reach the MTA from there can get mail signed with the keys of this host. Without this setting "
		"such a network is an error."},
	{.name = "submission_services", .type = &conf_type_texts, FIELD(submission_services), .max = 64,
	 .check = conf_check_service, .what = "list of names",
	 .def = "[ \"ORIGINATING\", \"MSA\", \"MSP*\" ]",
	 .doc = "The services of the MTA through which users submit mail, by the name that the MTA passes in the macro "
		"{daemon_name} (Postfix: milter_macro_daemon_name, Sendmail: Name= in DaemonPortOptions). Mail through them "
		"is signed, not checked. A * at the end matches all names that begin so; the case does not matter. "
		"Do not list a service that accepts mail from outside."},
	{.name = "inbound_services", .type = &conf_type_texts, FIELD(inbound_services), .max = 64,
	 .check = conf_check_service, .what = "list of names",
	 .def = "[ ]",
	 .doc = "Services whose clients are not trusted because of their address: mail through them is checked even if "
		"it comes from trusted_networks, such as a service to which a proxy on this host passes on mail. A client that has "
		"logged in is not affected.",
	 .example = "inbound_services = [ \"VERIFYING\" ];"},
	{.name = "relays", .type = &conf_type_records, FIELD(relays), .max = 256,
	 .count_offset = offsetof(struct conf, relay_count), .record = &relay_record,
	 .def = "( )",
	 .doc = "Hosts that forward mail to this one but are neither its own nor strangers, such as a backup MX, "
		"a mail gateway or a scanner. Mail from them is never signed, even if it comes with a login or "
		"from an address that is also in trusted_networks. from: their addresses. client: received, the "
		"default, checks a message against the client that sent it to the relay. For this the relay must "
		"add a Received field of its own at the top, as every MTA does. The address in the first such "
		"field that is neither a relay nor loopback is used for SPF, iprev, trusted_forwarders and "
		"reports; if no field contains one, SPF is a temporary error. skip: mail is neither checked nor "
		"signed, and only forged fields are removed; use it only if the relay checks mail itself. "
		"results_of: the name (authserv-id) with which the relay adds Authentication-Results fields. Its "
		"SPF result for the domain of MAIL FROM is used instead of checking SPF here, if it is above the "
		"Received field that names the client. No other result is used: DKIM and DMARC are evaluated "
		"here.",
	 .example = "relays = ( { from = [ \"192.0.2.53\" ]; results_of = \"gw.example.com\"; } );"},
	{.name = "lists", .type = &conf_type_records, FIELD(lists), .max = 256,
	 .count_offset = offsetof(struct conf, list_count), .record = &list_record,
	 .def = "( )",
	 .doc = "Mailing lists that this host serves. Mail whose author's domain has no key here is "
		"signed as the list's. id: the domain of the lists; the List-Id and the recipients of their mail are in it "
		"or in a subdomain. from: the addresses from which the list manager hands its mail to the MTA; they must "
		"be in trusted_networks. sign: the domain whose keys sign. seal: whether the same key also seals the message "
		"(ARC), with the results that it had on arrival. For this, "
		"mail with a recipient in id gets a property policy.binding in the "
		"Authentication-Results field, an HMAC that binds the results to the list, From, Message-ID and the "
		"ARC chain for 14 days. Mail from the list manager is signed and sealed only if it still has that field, and MAIL FROM "
		"is in id or sign, and not in the domain with which the message arrived. Arrival and departure must "
		"pass through the same host, and store.url must be set: the secret for the HMAC is kept there.",
	 .example = "lists = ( { id = \"l.example.org\"; from = [ \"::1\" ]; sign = \"l.example.org\"; } );"},
	{.name = "max_header_bytes", .type = &conf_type_size, FIELD(max_header_bytes),
	 .min = KIB(64), .max = MIB(16),
	 .def = "\"1MiB\"",
	 .doc = "The maximum size of a message's header, all fields together. A message with a larger header is "
		"rejected with 552."},
	{.name = "max_header_fields", .type = &conf_type_integer, FIELD(max_header_fields),
	 .min = 100, .max = 10000,
	 .def = "1000",
	 .doc = "The maximum number of header fields in a message. A message with more is rejected with 552."},
	{.name = "max_recipients", .type = &conf_type_integer, FIELD(max_recipients),
	 .min = 100, .max = 1000000,
	 .def = "10000",
	 .doc = "The maximum number of recipients of a message. A message with more is rejected with 552. MTAs "
		"have a limit of their own, which is usually lower."},
	{.name = "max_memory", .type = &conf_type_size, FIELD(max_memory),
	 .min = MIB(8), .max = MIB(65536),
	 .def = "\"64MiB\"",
	 .doc = "The maximum amount of memory for all messages that a worker process is handling. There is a "
		"worker for each socket in listen. A message that exceeds the limit is answered with 451, and "
		"the sender tries again later. A message takes about as much memory as the size of its header, "
		"regardless of the size of its body."},
	{.name = "drain", .type = &conf_type_duration, FIELD(drain), .max = SECONDS(600),
	 .def = "\"30s\"",
	 .doc = "How long to wait for messages in progress when the daemon is stopped or restarted."},

	{.name = "milter.engine", .type = &conf_type_choice, FIELD(milter.engine),
	 .choices = milter_engines,
	 .def = NATIVE_OR_NOT,
	 .doc = "The implementation of the milter protocol. native is countersign's own layer: it costs less, "
		"and a message that waits for DNS does not delay others (Linux only; elsewhere the default is "
		"libmilter). libmilter is Sendmail's library. A change needs a restart."},

	{.name = "dns.servers", .type = &conf_type_texts, FIELD(dns.servers), .max = 16,
	 .check = ip_check_server, .what = "list of DNS servers",
	 .def = "[ ]",
	 .doc = "The addresses of the DNS servers to query: 192.0.2.53, or 192.0.2.53@5353 for a port other than "
		"53. If empty, those in resolv_conf are used. A resolver on this host works best: public "
		"resolvers are slow, and many block lists refuse them."},
	{.name = "dns.resolv_conf", .type = &conf_type_path, FIELD(dns.resolv_conf),
	 .def = "\"/etc/resolv.conf\"",
	 .doc = "The file whose nameserver lines are used if servers is empty. Changes to the file take effect "
		"within a few seconds; messages in progress are completed with the previous resolvers. With "
		"systemd-resolved, /run/systemd/resolve/resolv.conf lists the actual servers."},
	{.name = "dns.timeout", .type = &conf_type_duration, FIELD(dns.timeout),
	 .min = 100 * CLOCK_MS, .max = SECONDS(60),
	 .def = "\"8s\"",
	 .doc = "The DNS timeout for a message, for all its lookups together. Anything not known by then is a "
		"temporary error, because of which no policy is applied. It should be well below the time for "
		"which the MTA waits for a milter."},
	{.name = "dns.budget", .type = &conf_type_integer, FIELD(dns.budget), .min = 40, .max = 1000,
	 .def = "100",
	 .doc = "The maximum number of DNS lookups for a message. It limits the queries that a hostile message "
		"can cause: half of it is for SPF, a fifth for keys, the rest for DMARC. The worst message that "
		"the tests know (ten mx of ten hosts in HELO and in MAIL FROM, a hundred names for the client, "
		"sixty signatures, twenty authors of nine labels) causes 52 of the 100 queries, and is answered "
		"when dns.timeout expires."},
	{.name = "dns.cache_entries", .type = &conf_type_integer, FIELD(dns.cache_entries),
	 .min = 1024, .max = 16777216,
	 .def = "65536",
	 .doc = "The number of answers that are kept in memory, each for at most its TTL."},
	{.name = "dns.trust_anchor", .type = &conf_type_path, FIELD(dns.trust_anchor),
	 .def = "\"\"",
	 .doc = "A file with the key of the DNS root, such as /usr/share/dns/root.key. If set, answers are "
		"validated with DNSSEC, and a forged answer counts as a temporary error. Empty: no validation."},
	{.name = "dns.caps", .type = &conf_type_choice, FIELD(dns.caps), .choices = caps,
	 .def = "\"auto\"",
	 .doc = "Whether queries use letters in random case, which the answer must repeat, so that forging an "
		"answer requires guessing more than an ID and a port. auto: yes, unless a server changes the "
		"case of a test query at startup. With on or auto, a name whose answer has a different case is "
		"queried again without random case, several times, and the answers must be identical."},

	{.name = "spf.engine", .type = &conf_type_choice, FIELD(spf.engine), .choices = engines,
	 .def = "\"native\"",
	 .doc = "The implementation of SPF. native is countersign's own evaluator. libspf2 is the library of that "
		"name, in the process of the second opinion: each message waits for it, up to 5 s, and keeps the native "
		"result when no answer comes or the body is larger than 1 MiB. both uses the native result and "
		"takes a second opinion of every message (see second_opinion)."},

	{.name = "spf.reject", .type = &conf_type_choice, FIELD(spf.reject), .choices = spf_rejects,
	 .def = "\"never\"",
	 .doc = "What is done with mail for whose MAIL FROM SPF says fail, when the author's domain has no "
		"DMARC record. never: it is accepted. nomail: it is rejected with 550 5.7.23 where the SPF record is "
		"exactly \"v=spf1 -all\", which says that the domain sends no mail. no-dmarc: it is rejected "
		"whatever the record is. Mail with a DKIM signature that passes, mail through "
		"dmarc.trusted_forwarders, mailing_lists and arc.trusted_sealers, and all mail with dmarc.enforce = "
		"\"observe\" is not rejected. Where there is a DMARC record, that decides: see dmarc.actions. "
		"Forwarding breaks SPF, so that forwarded mail is lost with no-dmarc."},
	{.name = "spf.helo_reject", .type = &conf_type_choice, FIELD(spf.helo_reject), .choices = spf_rejects,
	 .def = "\"never\"",
	 .doc = "The same for the name in HELO or EHLO."},

	{.name = "dkim.engine", .type = &conf_type_choice, FIELD(dkim.engine), .choices = dkim_engines,
	 .def = "\"native\"",
	 .doc = "The implementation of DKIM verification. native is countersign's own verifier. opendkim is the library "
		"libopendkim, which is slower and cannot verify every form that RFC 6376 allows: such a "
		"signature is neutral; it runs and is waited for as spf.engine says of libspf2. both uses the native "
		"result and takes a second opinion of every message (see second_opinion)."},
	{.name = "dkim.max_signatures", .type = &conf_type_integer, FIELD(dkim.max_signatures),
	 .min = 1, .max = 50,
	 .def = "10",
	 .doc = "The maximum number of signatures that are verified in a message. Those of the author's domain "
		"come first; the others are reported as not checked. The body is hashed only once for each "
		"canonicalization, regardless of the number of signatures: a message of 5 MB with a hundred "
		"signatures takes 40 ms of CPU time, with one signature 30 ms; with the engine opendkim and 50 "
		"signatures it can take 2 s."},
	{.name = "dkim.min_rsa_bits", .type = &conf_type_integer, FIELD(dkim.min_rsa_bits),
	 .min = 1024, .max = 4096,
	 .def = "1024",
	 .doc = "The minimum size of RSA keys; signatures with shorter keys do not pass. RFC 8301 forbids less "
		"than 1024 bits; many senders still use 1024."},
	{.name = "dkim.accept_partial_body", .type = &conf_type_bool, FIELD(dkim.accept_partial_body),
	 .def = "false",
	 .doc = "Whether a signature that covers only the beginning of the body (l=) can pass. Anyone can "
		"append text to such a message."},
	{.name = "dkim.accept_testing_keys", .type = &conf_type_bool, FIELD(dkim.accept_testing_keys),
	 .def = "true",
	 .doc = "Whether a signature can pass if its key is marked as a test key (t=y). If it fails, this is "
		"never held against the message."},
	{.name = "dkim.accept_added_fields", .type = &conf_type_bool, FIELD(dkim.accept_added_fields),
	 .def = "false",
	 .doc = "Whether a signature can pass when a field that a message has once (Subject, To, Date, "
		"Content-Type ...) occurs more often than the signature covers. Anyone can add a second Subject "
		"to such a message and send it again. false: the result is policy, and the signature is ignored. "
		"Signatures that name a field once more than it occurs, as those made by countersign do, cannot "
		"be abused in this way."},

	{.name = "arc.trusted_sealers", .type = &conf_type_texts, FIELD(arc.trusted_sealers),
	 .max = 1000,
	 .check = conf_check_pattern, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "Domains whose ARC results are trusted for mail that fails DMARC here because they forwarded or "
		"changed it, as in the d= of their ARC-Seal. *.example.org matches that domain and all its "
		"subdomains. The chain must be valid, and all its seals, from the newest down to the one with "
		"the result that the message was authentic, must be from these domains. The report to the "
		"author's domain says local_policy, with the chain as the comment. A trusted sealer can get any "
		"mail accepted: list only those that you would trust with your policy.",
	 .example = "trusted_sealers = [ \"lists.example.org\", \"*.forwarder.example\" ];"},
	{.name = "arc.seal", .type = &conf_type_texts, FIELD(arc.seal), .max = 1000, .single = true,
	 .check = conf_check_domain, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "The domains with whose keys inbound mail is sealed when it is accepted, for hosts to which it may "
		"be forwarded. It is useful on hosts where aliases or users forward mail elsewhere. Of several, the one "
		"that the domain of all recipients is, or is a subdomain of, seals the message, otherwise the first one. "
		"Receivers trust sealers by name: a single one that they know is better than many. Each domain "
		"needs a key below sign.keys; an RSA key is preferred. Sealing works even if sign.enabled is "
		"false. Changes to the message after this filter break the seal. Empty: mail is not sealed. A single "
		"domain can be written without brackets.",
	 .example = "seal = [ \"example.com\" ];"},

	{.name = "dmarc.enforce", .type = &conf_type_choice, FIELD(dmarc.enforce),
	 .choices = enforcements,
	 .def = "\"rfc\"",
	 .doc = "What to do with mail that fails DMARC. observe: nothing, regardless of all other settings; "
		"results are added and counted. rfc: what the domain's policy requests, except that p=reject "
		"quarantines, because RFC 9989 forbids rejecting mail because of the policy alone. strict: "
		"exactly what the policy requests; mail through mailing lists and forwarders is then lost, "
		"except for those in mailing_lists and trusted_forwarders."},
	{.name = "dmarc.quarantine", .type = &conf_type_choice, FIELD(dmarc.quarantine),
	 .choices = quarantines,
	 .def = "\"header\"",
	 .doc = "How a message is quarantined. header: it is delivered with the field X-Countersign-Quarantine: "
		"yes, so that a mailbox filter can file it into a folder; such a field in incoming mail is "
		"always removed. hold: the MTA keeps it in its hold queue until an administrator releases it."},
	{.name = "dmarc.temperror", .type = &conf_type_choice, FIELD(dmarc.temperror),
	 .choices = failures,
	 .def = "\"tempfail\"",
	 .doc = "What to do if DNS failed for a message that would otherwise be rejected or quarantined. "
		"tempfail: the sender is told to try again. accept: it is delivered. If DNS failed to tell "
		"whether a failing message comes through a trusted forwarder or a mailing list, or whether an "
		"entry of actions matches, tempfail defers it as well; with accept it is handled as if that were "
		"not the case."},
	{.name = "dmarc.discovery", .type = &conf_type_choice, FIELD(dmarc.discovery),
	 .choices = discoveries,
	 .def = "\"treewalk\"",
	 .doc = "How the organizational domain is found. treewalk: with the DNS tree walk of RFC 9989. psl: with "
		"the public suffix list, as in RFC 7489; psd= in records is then ignored."},
	{.name = "dmarc.psl_file", .type = &conf_type_path, FIELD(dmarc.psl_file),
	 .def = "\"\"",
	 .doc = "The public suffix list for discovery = \"psl\". Empty: the list installed with the system's "
		"libpsl."},
	{.name = "dmarc.psd_domains", .type = &conf_type_texts, FIELD(dmarc.psd_domains),
	 .check = conf_check_domain, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "Domains that are public suffixes although their records do not say so (psd=y): such a record "
		"does not make the names below it belong together."},
	{.name = "dmarc.reject_bad_from", .type = &conf_type_bool, FIELD(dmarc.reject_bad_from),
	 .def = "true",
	 .doc = "Whether to reject a message with no From field, with several, with one that contains no "
		"address, or with one in which two mail programs may see different domains. DMARC cannot protect "
		"such a message. A malformed field in which every reader sees the same domain is checked against "
		"that domain. Bounces (with the null sender) and mail through trusted_forwarders, mailing_lists "
		"and arc.trusted_sealers are not rejected for this reason."},
	{.name = "dmarc.reject_text", .type = &conf_type_text, FIELD(dmarc.reject_text), .min = 1,
	 .check = smtp_reply_check, .what = "text",
	 .def = "\"Email rejected per DMARC policy for %{domain}\"",
	 .doc = "The text of a rejection by DMARC, after 550 5.7.1. %{domain} stands for the author's domain, "
		"%{client} for the client's address. One line of printable ASCII, up to 200 characters.",
	 .example = "reject_text = \"DMARC fails for %{domain}, see https://help.example.com/dmarc\";"},
	{.name = "dmarc.trusted_forwarders", .type = &conf_type_texts,
	 FIELD(dmarc.trusted_forwarders), .max = 1000,
	 .check = conf_check_forwarder, .what = "list of networks and domains",
	 .def = "[ ]",
	 .doc = "Forwarders whose mail is accepted although it fails DMARC; the report to the author's domain "
		"says trusted_forwarder. 192.0.2.0/24 or an address: the client. forwarder.example: a DKIM "
		"signature of that domain passed, or SPF passed for that domain in MAIL FROM or HELO. "
		"host:mx.forwarder.example: the verified name of the client's address (iprev). "
		"*.forwarder.example and host:*.forwarder.example: the same, including subdomains. List only "
		"forwarders, not providers whose customers can send anything. These entries take precedence over "
		"actions.",
	 .example = "trusted_forwarders = [ \"192.0.2.0/24\", \"forwarder.example\", "
		    "\"host:*.gateway.example\" ];"},
	{.name = "dmarc.mailing_lists", .type = &conf_type_texts, FIELD(dmarc.mailing_lists),
	 .max = 1000,
	 .check = conf_check_domain, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "Mailing lists whose mail is accepted although it fails DMARC; the report says mailing_list. An "
		"entry is the ID of a list as in its List-Id field, without < and >, or the domain with which "
		"the IDs of many lists end: lists.example.org. Because anybody can write a List-Id, a DKIM "
		"signature or SPF must also have passed for that domain, for a subdomain or for a parent domain "
		"(example.org).",
	 .example = "mailing_lists = [ \"lists.example.org\", \"dev.groups.example.net\" ];"},
	{.name = "dmarc.actions", .type = &conf_type_records, FIELD(dmarc.actions),
	 .count_offset = offsetof(struct conf, dmarc.action_count), .record = &action_record,
	 .def = "( )",
	 .doc = "What to do with other failing mail from certain author domains, instead of what enforce says; "
		"the first matching entry applies. domain: example.com, *.example.com for it and all subdomains, "
		"or * for all. recipient: the same for the domains of the recipients; every recipient of the "
		"message must match, because the action applies to all of them. policy: the published policy to "
		"which the entry applies (none, quarantine, reject), or absent for mail from domains without a "
		"DMARC record, whether or not a signature or SPF passes; any does not include absent. spf: the result for MAIL FROM (none, pass, "
		"fail, softfail, neutral, permerror). dkim: whether a signature passes (pass), all of them fail "
		"(fail) or there is none (none). aligned: none if neither a signature nor SPF passes for the "
		"author's domain, spf if only SPF does; without a DMARC record that is the same domain, or with "
		"discovery = \"psl\" the same organizational domain. With spf, the entry also applies to mail that "
		"passes DMARC by SPF alone, unless an entry before it accepts that mail. A condition that is omitted, or any, or * for recipient, always "
		"matches. action: accept, quarantine, reject, or published for exactly what the policy requests.",
	 .example = "actions = ( { domain = \"example.com\"; spf = \"fail\"; action = \"published\"; } );"},

	{.name = "bimi.mode", .type = &conf_type_choice, FIELD(bimi.mode), .choices = bimi_modes,
	 .def = "\"off\"",
	 .doc = "Whether BIMI records are looked up for inbound mail. report: Authentication-Results and the log "
		"say with bimi= whether a message may show a logo and whether there is a record for it; nothing is "
		"fetched. on: another process fetches the logo and the mark certificate that a record names, and "
		"checks both; the first message with a record has bimi=skipped (not yet checked), later ones the "
		"result, and with bimi=pass the fields BIMI-Location and BIMI-Logo-Preference. This needs store.url, beside whose file the "
		"results are kept. Fields that show a logo (BIMI-Location, BIMI-Indicator, BIMI-Logo-Preference) "
		"are removed from inbound mail in any mode."},
	{.name = "bimi.require", .type = &conf_type_choice, FIELD(bimi.require), .choices = bimi_requires,
	 .def = "\"certificate\"",
	 .doc = "What a domain must have for bimi=pass. certificate: a mark certificate (VMC or CMC) that leads to one of "
		"bimi.roots. record: a record and a valid logo; anybody can publish a logo that looks like that of "
		"another."},
	{.name = "bimi.allow", .type = &conf_type_texts, FIELD(bimi.allow),
	 .check = conf_check_pattern, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "Organizational domains that need no mark certificate, whatever bimi.require says."},
	{.name = "bimi.deny", .type = &conf_type_texts, FIELD(bimi.deny),
	 .check = conf_check_pattern, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "Organizational domains whose logos are not shown."},
	{.name = "bimi.indicator", .type = &conf_type_bool, FIELD(bimi.indicator),
	 .def = "false",
	 .doc = "Whether the logo itself is added, too (BIMI-Indicator, up to 45 KB), for mail programs that do not "
		"fetch it."},
	{.name = "bimi.roots", .type = &conf_type_path, FIELD(bimi.roots),
	 .def = "\"\"",
	 .doc = "The mark roots (PEM) that mark certificates must lead to. The root certificates of the system are not used: "
		"they do not vouch for marks. countersign bimi roots shows the fingerprints."},
	{.name = "bimi.logs", .type = &conf_type_path, FIELD(bimi.logs),
	 .def = "\"\"",
	 .doc = "The public keys (PEM) of the certificate logs that you recognize. A mark certificate must then have a proof "
		"(SCT) that one of them signed. Without this setting, a proof must be there, but is not verified. "
		"countersign bimi roots shows the IDs of the logs."},

	{.name = "bimi.max_per_hour", .type = &conf_type_integer, FIELD(bimi.max_per_hour),
	 .min = 1, .max = 1000000, .def = "600",
	 .doc = "How many records of other domains are fetched in an hour, with their logos and mark certificates. Whoever "
		"sends mail chooses these; beyond the limits a record stays \"not yet checked\" until a later message. What "
		"was not used in the last hour may be used at once."},
	{.name = "bimi.max_per_domain", .type = &conf_type_integer, FIELD(bimi.max_per_domain),
	 .min = 1, .max = 1000000, .def = "30",
	 .doc = "The same for the records of one domain and all that is below it."},
	{.name = "bimi.max_per_host", .type = &conf_type_integer, FIELD(bimi.max_per_host),
	 .min = 1, .max = 1000000, .def = "240",
	 .doc = "The same for what is on one web server, by its name. Issuers keep the certificates of many domains on one."},
	{.name = "bimi.selectors", .type = &conf_type_records, FIELD(bimi.selectors),
	 .count_offset = offsetof(struct conf, bimi.selector_count), .record = &selector_record,
	 .def = "( )",
	 .doc = "Which of their logos outbound mail of these domains shows: a field BIMI-Selector is added and signed with "
		"the message, unless the message has one or is not signed. The first entry that has the author's domain counts. "
		"The logo is that of the record selector._bimi.domain.",
	 .example = "selectors = ( { domains = [ \"example.com\", \"*.example.com\" ]; selector = \"winter\"; } );"},

	{.name = "sign.enabled", .type = &conf_type_bool, FIELD(sign.enabled),
	 .def = "true",
	 .doc = "Whether outbound mail is signed. Mail of a domain without a key is not signed in any case."},
	{.name = "sign.keys", .type = &conf_type_path, FIELD(sign.keys), .min = 1,
	 .def = "\"" SYSCONFDIR "/keys\"",
	 .doc = "The key directory, with one file for each key: DOMAIN/SELECTOR.key. There is no table of keys: "
		"see countersign key gen."},
	{.name = "sign.readable_keys", .type = &conf_type_bool, FIELD(sign.readable_keys),
	 .def = "false",
	 .doc = "Whether key files that every user of this host can read are used, as when containers mount "
		"secrets with mode 0444. A file that the group or others can change is never used. Set this only "
		"if no other users or services share the host."},
	{.name = "sign.subdomains", .type = &conf_type_bool, FIELD(sign.subdomains),
	 .def = "true",
	 .doc = "Whether mail from a subdomain without a key of its own is signed with a key of its parent "
		"domain."},
	{.name = "sign.canonicalization", .type = &conf_type_choice, FIELD(sign.canonicalization),
	 .choices = canons,
	 .def = "\"relaxed/relaxed\"",
	 .doc = "The canonicalization of header and body. Signatures with anything but relaxed/relaxed break if "
		"a server on the way refolds a line."},
	{.name = "sign.oversign", .type = &conf_type_texts, FIELD(sign.oversign),
	 .check = conf_check_field, .what = "list of field names",
	 .def = "[ \"from\", \"to\", \"cc\", \"subject\", \"date\", \"reply-to\", \"mime-version\", "
		"\"content-type\", \"content-transfer-encoding\" ]",
	 .doc = "Header fields that are listed in the signature once more than they occur, so that none can be "
		"added later. A missing Date or Message-ID is not listed, because the MTA may add it."},
	{.name = "sign.headers", .type = &conf_type_texts, FIELD(sign.headers),
	 .check = conf_check_field, .what = "list of field names",
	 .def = "[ ]",
	 .doc = "Header fields to sign if they occur. Empty: those that RFC 6376 section 5.4.1 recommends. From "
		"must be among them."},
	{.name = "sign.expire", .type = &conf_type_duration, FIELD(sign.expire), .max = DAYS(3650),
	 .def = "\"0s\"",
	 .doc = "How long signatures are valid (x=). 0s: they do not expire. Mail can wait in a queue for days, "
		"so some signatures fail if this is less than a week."},
	{.name = "sign.sender", .type = &conf_type_choice, FIELD(sign.sender), .choices = senders,
	 .def = "\"login\"",
	 .doc = "What allows an authenticated client to have mail signed for a domain. login: its login is in that "
		"domain, or logins or aliases allow it. envelope: that, or MAIL FROM is in the signing domain; only if the MTA "
		"restricts each login to its own MAIL FROM (see mta_checks_sender). any: nothing; every client "
		"that may submit mail can use every domain with a key, as with OpenDKIM. It cannot be "
		"combined with logins. A client of a submission service that has not logged in needs "
		"MAIL FROM in the signing domain, or the null sender, which bounces and automatic replies have."},
	{.name = "sign.logins", .type = &conf_type_records, FIELD(sign.logins),
	 .count_offset = offsetof(struct conf, sign.login_count), .record = &login_record,
	 .def = "( )",
	 .doc = "The author domains for which mail of a login is signed. As soon as there is an entry, mail of "
		"an authenticated client is signed only if an entry for its login contains the domain: "
		"example.com, *.example.com for it and all subdomains, $login for the login's own domain, or * for "
		"all. The login * matches every login, *@example.com those of that domain. "
		"Without any entry, the login must be in the author's domain: alice@example.com may use "
		"any address in example.com, in its subdomains that have no key of their own, and in its "
		"aliases; see also mta_checks_sender.",
	 .example = "logins = ( { login = \"alice\"; domains = [ \"example.com\" ]; } );"},
	{.name = "sign.also", .type = &conf_type_text, FIELD(sign.also),
	 .check = conf_check_domain_or_none, .what = "domain",
	 .def = "\"\"",
	 .doc = "A domain, such as the provider's, whose keys sign each message that is signed for its author, too, as "
		"feedback loops want it. It adds a second signature and never makes a message signed that otherwise is "
		"not. Its key waits for its DNS record like others. Empty: none.",
	 .example = "also = \"provider.example\";"},
	{.name = "sign.cfbl_address", .type = &conf_type_text, FIELD(sign.cfbl_address),
	 .check = conf_check_address, .what = "mail address",
	 .def = "\"\"",
	 .doc = "The address to which mailbox providers may send complaints about mail that is signed here (RFC 9477). It "
		"is added as CFBL-Address, with a CFBL-Feedback-ID by which a complaint finds its message, and signed, "
		"if a key of its domain signs, or if its domain is that of From or below it. Messages that have such a "
		"field keep theirs. Put it into inbox.addresses, too. Empty: neither field is added.",
	 .example = "cfbl_address = \"complaints@example.com\";"},
	{.name = "sign.fallback", .type = &conf_type_text, FIELD(sign.fallback),
	 .check = conf_check_domain_or_none, .what = "domain",
	 .def = "\"\"",
	 .doc = "A domain, such as the provider's, whose keys sign mail of an author whose domain has no key here at all, "
		"pending or retired ones included. The sender must be allowed to use the author's domain as with a "
		"key. Such a signature does not pass DMARC for the author, but shows who sent the message. Empty: "
		"such mail is not signed.",
	 .example = "fallback = \"provider.example\";"},
	{.name = "sign.aliases", .type = &conf_type_records, FIELD(sign.aliases),
	 .count_offset = offsetof(struct conf, sign.alias_count), .record = &alias_record,
	 .def = "( )",
	 .doc = "Domains that belong together: logins in domain (alice@example.com, or the realm of a login) may "
		"also use its aliases, which have the same form as the domains in logins. Not used if logins has "
		"an entry.",
	 .example = "aliases = ( { domain = \"example.com\"; aliases = [ \"example.org\" ]; } );"},
	{.name = "sign.mta_checks_sender", .type = &conf_type_bool, FIELD(sign.mta_checks_sender),
	 .def = "false",
	 .doc = "Declares that the MTA restricts each login to its own MAIL FROM addresses: Postfix with "
		"reject_sender_login_mismatch and smtpd_sender_login_maps, Sendmail with a check_mail rule set. "
		"Mail of a login without a domain (alice) is then signed if the domain of MAIL FROM is the "
		"signing domain or a subdomain of it. If this is false, such a login is not bound to a domain, "
		"and its mail is signed only because of an entry in logins. Do not set this unless the MTA makes "
		"that check: otherwise every login could get mail signed for every domain."},
	{.name = "sign.unclean_bodies", .type = &conf_type_bool, FIELD(sign.unclean_bodies),
	 .def = "false",
	 .doc = "Whether to sign a message whose body contains a NUL, a CR without LF or a LF without CR. "
		"Servers on the way and verifiers treat these differently (RFC 5322 section 2.3): the signature "
		"often does not verify, and it is uncertain what it covers."},
	{.name = "sign.on_failure", .type = &conf_type_choice, FIELD(sign.on_failure),
	 .choices = failures,
	 .def = "\"tempfail\"",
	 .doc = "What to do with a message that must be signed (or sealed, see arc.seal) but cannot be now, "
		"because the key process did not answer in time or refused to sign. tempfail: the sender is "
		"told to try again. accept: it is accepted without the signature."},
	{.name = "sign.max_rate", .type = &conf_type_integer, FIELD(sign.max_rate),
	 .min = 0, .max = 1000000,
	 .def = "5000",
	 .doc = "The maximum number of signatures that the key process makes with one key in a second; "
		"sign.on_failure applies to messages beyond that. It limits what an attacker who has taken over "
		"a worker can get signed. 0: no limit."},

	{.name = "store.url", .type = &conf_type_text, FIELD(store.url), .check = conf_check_store,
	 .what = "URL",
	 .def = "\"sqlite:" STATEDIR "/countersign.db\"",
	 .doc = "Where results are counted: sqlite: and the path of a file on a local disk, which is created if "
		"it does not exist. Empty: nothing is counted, and no reports can be made. A change needs a "
		"restart."},
	{.name = "store.durability", .type = &conf_type_choice, FIELD(store.durability),
	 .choices = durabilities,
	 .def = "\"process\"",
	 .doc = "What the result of a message survives once the message has been answered. process: the end of "
		"countersignd, even by kill -9; after a power failure, the counts of the last second or two may "
		"be missing from the reports. power: a power failure as well, at the cost of one or more disk "
		"writes for which each answer waits. A change needs a restart."},
	{.name = "store.wait", .type = &conf_type_duration, FIELD(store.wait),
	 .max = SECONDS(60),
	 .def = "\"2s\"",
	 .doc = "How long the answer to a message waits until its result is stored safely (see durability)."},
	{.name = "store.on_failure", .type = &conf_type_choice, FIELD(store.on_failure),
	 .choices = failures,
	 .def = "\"accept\"",
	 .doc = "What to do with a message whose result could not be stored. accept: it is delivered and not "
		"counted; if the ledger cannot be opened, the daemon runs without it, reports this in its log "
		"and in countersign status, and tries again. tempfail: the sender is told to try again. The "
		"default is accept: results are statistics, and reports that lack some messages do less harm "
		"than a full disk that stops all mail. With durability process, space for about 20000 messages "
		"per worker is reserved at startup before anything is lost; after that, or immediately with "
		"durability power, the log says that messages are not counted and, in the end, how many. Choose "
		"tempfail if every message must be counted, and monitor countersign_store_failing."},
	{.name = "store.keep", .type = &conf_type_duration, FIELD(store.keep),
	 .min = DAYS(2), .max = DAYS(3650),
	 .def = "\"90d\"",
	 .doc = "How long results are kept, in whole days. Results that are still to be reported are kept for at "
		"least five days. A change needs a restart."},
	{.name = "store.max_size", .type = &conf_type_size, FIELD(store.max_size),
	 .min = MIB(64), .max = MIB(1048576),
	 .def = "\"2GiB\"",
	 .doc = "The maximum size of the ledger's file. When it is reached, the counts of the oldest "
		"days are deleted, but not those of yesterday and today. If that is not enough, on_failure applies to new mail, and countersign status reports "
		"it. A change needs a restart."},
	{.name = "store.max_rows", .type = &conf_type_integer, FIELD(store.max_rows),
	 .min = 100, .max = 1000000,
	 .def = "3000",
	 .doc = "The maximum number of rows for a policy domain and day. Anyone can send mail with a domain's "
		"name that differs in every message. Beyond this number the rows with the fewest messages are "
		"merged: first those from the same source, without envelope and signatures, then those from all "
		"further sources, into one row with the source 0.0.0.0. Such rows are marked in the report, no "
		"message is lost from the counts, and the sources with the most messages keep their rows. A "
		"change needs a restart."},
	{.name = "store.shared", .type = &conf_type_url, FIELD(store.shared), .check = conf_check_shared,
	 .what = "URL",
	 .def = "\"\"",
	 .doc = "The PostgreSQL database that several hosts share, so that they send one report and not one "
		"each. Results still go to store.url first and are shipped from there: mail never waits for this "
		"database. Do not put a password here, but into a file that libpq reads (passfile=/path in the "
		"URL) or into a service file (service=NAME). A change needs a restart.",
	 .example = "shared = \"postgresql://countersign@db.example.net/countersign\";"},
	{.name = "store.keys", .type = &conf_type_bool, FIELD(store.keys),
	 .def = "false",
	 .doc = "Whether the signing keys are in store.shared instead of sign.keys, so that all hosts sign with the "
		"same ones, and a new domain needs no reload. Private keys are in the database only sealed with "
		"the key in the file .sealing-key of sign.keys, which every host must have. Each host keeps a copy "
		"of the sealed keys beside store.url: mail never waits for the database. To move the keys of "
		"sign.keys there: countersign key seal."},
	{.name = "store.ship_every", .type = &conf_type_duration, FIELD(store.ship_every),
	 .min = CLOCK_SECOND / 10, .max = SECONDS(3600),
	 .def = "\"10s\"",
	 .doc = "How often new results are shipped to store.shared."},
	{.name = "store.grace", .type = &conf_type_duration, FIELD(store.grace),
	 .max = DAYS(2),
	 .def = "\"6h\"",
	 .doc = "With store.shared, a day is reported when every host has shipped it, or this long after its "
		"end. Results that a host ships later go into a separate report."},
	{.name = "store.lease", .type = &conf_type_duration, FIELD(store.lease),
	 .min = CLOCK_SECOND, .max = DAYS(1),
	 .def = "\"15m\"",
	 .doc = "With store.shared, one host at a time sends reports. If it has not been heard from for this "
		"long, another host takes over; sending a single mail must take less time than this."},

	{.name = "messages.keep", .type = &conf_type_duration, FIELD(messages.keep),
	 .max = DAYS(3650),
	 .def = "\"7d\"",
	 .doc = "How long the log line of each message is kept, in a file of its own beside the ledger's (its "
		"name with -messages appended), where countersign message find looks for it. The file may be "
		"deleted at any time. 0s: no lines are kept, and the file is removed. A change needs a restart."},
	{.name = "messages.max_rows", .type = &conf_type_integer, FIELD(messages.max_rows),
	 .min = 1000, .max = 100000000,
	 .def = "200000",
	 .doc = "The maximum number of log lines to keep; the oldest are deleted first. Each takes about 500 "
		"bytes. A change needs a restart."},
	{.name = "messages.max_size", .type = &conf_type_size, FIELD(messages.max_size),
	 .min = MIB(1), .max = MIB(65536),
	 .def = "\"24MiB\"",
	 .doc = "The maximum size of the file with the log lines; the oldest are deleted first, and the file "
		"shrinks when this is lowered. Raise it on a busy host that needs more than the last 40,000 "
		"messages. A change needs a restart."},

	{.name = "inbox.addresses", .type = &conf_type_texts, FIELD(inbox.addresses),
	 .check = conf_check_address, .what = "list of mail addresses",
	 .max = 100,
	 .def = "[]",
	 .doc = "Your addresses to which other sites send reports: those in your rua=, ruf= and TLS-RPT records, and "
		"in CFBL-Address. Mail to them that passes is read as a report and stored in the ledger, which "
		"needs store.url. It does not cause reports, as with reports.quiet.",
	 .example = "addresses = [ \"dmarc@example.com\", \"tls-reports@example.com\" ];"},
	{.name = "inbox.own_hosts", .type = &conf_type_networks, FIELD(inbox.own_hosts),
	 .def = "[]",
	 .doc = "The addresses from which your mail leaves for other sites, as those see them. With those of this "
		"host's interfaces, audit.addresses and trusted_networks they tell your own hosts from others in "
		"received reports.",
	 .example = "own_hosts = [ \"192.0.2.25\", \"2001:db8::/64\" ];"},
	{.name = "inbox.reporters", .type = &conf_type_texts, FIELD(inbox.reporters), .max = 1000,
	 .check = conf_check_domain, .what = "list of domains",
	 .def = "[ \"google.com\", \"microsoft.com\", \"dmarc.yahoo.com\", \"corp.mail.ru\", \"fastmaildmarc.com\", "
		"\"sicher.gmx.net\", \"sicher.web.de\", \"amazonses.com\", \"linkedin.com\" ]",
	 .doc = "The domains from which large receivers mail their reports, including subdomains. Their reports count for "
		"countersign inbox advice; those of others only as far as mail went from here to addresses in their "
		"domain. List only domains in which strangers cannot have an address."},
	{.name = "inbox.deliver", .type = &conf_type_bool, FIELD(inbox.deliver),
	 .def = "true",
	 .doc = "Whether mail to inbox.addresses is delivered, too. false: the MTA discards what was taken, if all of "
		"its recipients are inbox.addresses."},
	{.name = "inbox.max_spool", .type = &conf_type_size, FIELD(inbox.max_spool),
	 .min = MIB(1), .max = MIB(65536),
	 .def = "\"256MiB\"",
	 .doc = "How much mail waits to be read as reports at most, in the directory whose name is that of the ledger's "
		"file with -inbox. What finds no room is delivered, not taken, and the log says so."},
	{.name = "inbox.max_files", .type = &conf_type_integer, FIELD(inbox.max_files),
	 .min = 10, .max = 1000000,
	 .def = "10000",
	 .doc = "The same for the number of mails."},
	{.name = "inbox.max_message", .type = &conf_type_size, FIELD(inbox.max_message),
	 .min = KIB(64), .max = MIB(64),
	 .def = "\"16MiB\"",
	 .doc = "The maximum size of a mail that is taken as a report; larger ones are only delivered."},
	{.name = "inbox.keep", .type = &conf_type_duration, FIELD(inbox.keep),
	 .min = DAYS(1), .max = DAYS(3650),
	 .def = "\"90d\"",
	 .doc = "How long reports that others sent, and their rows, are kept in the ledger's file; countersign "
		"inbox expire deletes those that are older. The sums of each day stay."},
	{.name = "inbox.keep_personal", .type = &conf_type_duration, FIELD(inbox.keep_personal),
	 .min = DAYS(1), .max = DAYS(3650),
	 .def = "\"30d\"",
	 .doc = "The same for failure reports, complaints and mail that could not be read. They are about single "
		"messages, and are kept in a file of their own beside the ledger's, which only its owner can read."},
	{.name = "inbox.hash_addresses", .type = &conf_type_bool, FIELD(inbox.hash_addresses),
	 .def = "true",
	 .doc = "Whether the local parts of addresses in failure reports and complaints are stored as a hash, the "
		"same one each time."},
	{.name = "inbox.imap", .type = &conf_type_text, FIELD(inbox.imap),
	 .check = conf_check_imap, .what = "URL",
	 .def = "\"\"",
	 .doc = "The IMAP server from whose mailbox countersign inbox fetch reads reports: imaps://host, or imap://host "
		"with STARTTLS. A valid certificate is required in both cases. Empty: none.",
	 .example = "imap = \"imaps://imap.example.com\";"},
	{.name = "inbox.imap_user", .type = &conf_type_text, FIELD(inbox.imap_user),
	 .def = "\"\"",
	 .doc = "The user name for the login at inbox.imap."},
	{.name = "inbox.imap_password_file", .type = &conf_type_path, FIELD(inbox.imap_password_file),
	 .def = "\"\"",
	 .doc = "The file whose first line is the password. It must not be readable by everybody: chmod 0600. Empty: the "
		"systemd credential imap-password, which countersign-fetch.service loads from the file with that name "
		"beside these settings."},
	{.name = "inbox.imap_ca", .type = &conf_type_path, FIELD(inbox.imap_ca),
	 .def = "\"\"",
	 .doc = "A file with the CA certificates (PEM) for the server's certificate. Empty: those of the system."},
	{.name = "inbox.imap_folder", .type = &conf_type_text, FIELD(inbox.imap_folder),
	 .check = conf_check_folder, .what = "folder",
	 .def = "\"INBOX\"",
	 .doc = "The folder that is read."},
	{.name = "inbox.imap_done", .type = &conf_type_text, FIELD(inbox.imap_done),
	 .check = conf_check_folder_or_none, .what = "folder",
	 .def = "\"Reports-read\"",
	 .doc = "The folder to which a mail is moved as soon as its reports are stored; it is created if it does not exist. "
		"Empty: the mail is deleted then."},
	{.name = "inbox.imap_authserv_id", .type = &conf_type_text, FIELD(inbox.imap_authserv_id),
	 .def = "\"\"",
	 .doc = "The name with which the provider of that mailbox begins its Authentication-Results. Set it only if the "
		"provider removes fields with this name that come from outside; their DMARC results are then "
		"believed. Empty: authserv_id."},
	{.name = "inbox.post_listen", .type = &conf_type_texts, FIELD(inbox.post_listen), .max = 8,
	 .check = conf_check_http, .what = "list of addresses with port",
	 .def = "[ ]",
	 .doc = "The addresses on which TLS reports are taken by HTTP POST, at /tlsrpt. A web server with a certificate "
		"passes them on. Such reports are unverified. Empty: none are taken.",
	 .example = "post_listen = [ \"127.0.0.1:9818\" ];"},

	{.name = "reports.org", .type = &conf_type_text, FIELD(reports.org),
	 .def = "\"\"",
	 .doc = "The name of the organization in the reports to other domains, such as its "
		"domain name."},
	{.name = "reports.from", .type = &conf_type_text, FIELD(reports.from),
	 .check = conf_check_address, .what = "mail address",
	 .def = "\"\"",
	 .doc = "The address from which reports are sent, such as noreply-dmarc@reports.example.com. Its domain "
		"should not request reports itself: two such senders would report on each other's reports "
		"forever."},
	{.name = "reports.contact", .type = &conf_type_text, FIELD(reports.contact),
	 .def = "\"\"",
	 .doc = "Contact information for the people who read the reports: a URL or an address."},
	{.name = "reports.format", .type = &conf_type_choice, FIELD(reports.format), .choices = formats,
	 .def = "\"rfc9990\"",
	 .doc = "The format of the reports. rfc9990: the current one. rfc7489: the previous one, for recipients "
		"whose programs do not support the current one yet; it cannot contain np, t, how the record was "
		"found, and the disposition \"pass\"."},
	{.name = "reports.domains", .type = &conf_type_choice, FIELD(reports.domains), .choices = worths,
	 .def = "\"all\"",
	 .doc = "Which domains get reports. all: every domain that requests them. accepted: those with at least "
		"one message on that day that was not rejected. passed: those with at least one message that "
		"passed DMARC; a domain that is only spoofed gets no report. RFC 9990 wants a report for each policy "
		"domain, with the counts of all messages that were received, even if they were blocked: who is spoofed learns "
		"it only from those. So all is the default. It includes senders of spam that publish a record; if their "
		"reports are a burden, use passed."},
	{.name = "reports.send", .type = &conf_type_bool, FIELD(reports.send),
	 .def = "false",
	 .doc = "Whether countersignd sends reports, each day after midnight UTC. This requires reports.org and "
		"reports.from, and a key for the domain of reports.from, because reports must pass DMARC "
		"themselves. To see what would be sent, use countersign report send --dry-run."},
	{.name = "reports.via", .type = &conf_type_text, FIELD(reports.via),
	 .check = conf_check_smtp, .what = "URL",
	 .def = "\"smtp://127.0.0.1:25\"",
	 .doc = "The mail server to which reports are submitted. It should use this milter and sign mail from "
		"this host, such as the local MTA. With smtp:, reports.tls determines the use of TLS. smtps: "
		"requires TLS and a valid certificate."},
	{.name = "reports.tls", .type = &conf_type_choice, FIELD(reports.tls), .choices = tls_choices,
	 .def = "\"offered\"",
	 .doc = "STARTTLS with a server that reports.via names with smtp:. offered: use it if the server offers "
		"it, regardless of its certificate. required: send nothing without it. verified: the certificate "
		"must also be valid for the name in reports.via."},
	{.name = "reports.tls_ca", .type = &conf_type_path, FIELD(reports.tls_ca),
	 .def = "\"\"",
	 .doc = "A file with the CA certificates (PEM) for the server's certificate. Empty: those of the system."},
	{.name = "reports.user", .type = &conf_type_text, FIELD(reports.user),
	 .def = "\"\"",
	 .doc = "The user name for SMTP AUTH. Empty: no login. Unless the server is on this host, a login "
		"requires smtps:, or reports.tls set to required or verified."},
	{.name = "reports.password_file", .type = &conf_type_path, FIELD(reports.password_file),
	 .def = "\"\"",
	 .doc = "The file whose first line is the password for reports.user. It must be readable by the daemon's "
		"user but not by everybody: chown root:countersign, chmod 0640. The password itself appears in "
		"no log and no setting."},
	{.name = "reports.timeout", .type = &conf_type_duration, FIELD(reports.timeout),
	 .min = SECONDS(1), .max = SECONDS(3600),
	 .def = "\"5m\"",
	 .doc = "The timeout for sending one mail, from the connection to the server's final reply."},
	{.name = "reports.envelope", .type = &conf_type_choice, FIELD(reports.envelope),
	 .choices = envelopes,
	 .def = "\"verp\"",
	 .doc = "The envelope sender of reports. verp: reports.from with a secret token in its local part "
		"(name+bounce-TOKEN@domain) that stands for the recipient. Bounces to it are detected as they pass "
		"through the milter, and an undeliverable address is suppressed (reports.suppress). The MTA must accept "
		"mail to such addresses (Postfix: recipient_delimiter = +), and pass its own bounces to the milter "
		"(Postfix: internal_mail_filter_classes = bounce, and the milter in non_smtpd_milters); countersign doctor "
		"checks this. If the local part of reports.from is too long for a token, it is used as it is. null: the null "
		"sender, so that no bounces come back and dead addresses are found only by refusals; the server "
		"must treat this host as trusted (trusted_networks), or reports are not signed."},
	{.name = "reports.bcc", .type = &conf_type_texts, FIELD(reports.bcc), .max = 8,
	 .check = conf_check_address, .what = "list of mail addresses",
	 .def = "[ ]",
	 .doc = "Your own addresses to which a copy of each aggregate report goes once the mail server has taken the report. "
		"A copy that is not taken is logged, and not sent again. List these addresses in reports.quiet too if "
		"they receive mail through this host.",
	 .example = "bcc = [ \"dmarc-copies@example.com\" ];"},
	{.name = "reports.suppress_lists", .type = &conf_type_texts, FIELD(reports.suppress_lists), .max = 8,
	 .check = conf_check_domain, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "DNS lists of domains to which no reports are sent, such as those whose report addresses are dead. The domain "
		"of each address is looked up in each list (example.com in list.example.net: the name "
		"example.com.list.example.net). An address in 127.0.0.0/8 means that it is listed (RFC 5782); such a delivery is "
		"suppressed. If a list does not answer, the report is sent.",
	 .example = "suppress_lists = [ \"dead.example.net\" ];"},
	{.name = "reports.start", .type = &conf_type_duration, FIELD(reports.start),
	 .max = SECONDS(20 * 3600),
	 .def = "\"10m\"",
	 .doc = "How long after midnight UTC countersignd begins to send the reports of the day before, and other mail of its "
		"own. Messages that are counted later (with less than ten minutes, some are) go into a further report."},
	{.name = "reports.spread", .type = &conf_type_duration, FIELD(reports.spread),
	 .max = SECONDS(20 * 3600),
	 .def = "\"4h\"",
	 .doc = "The time over which the reports of a day are spread evenly, starting at reports.start."},
	{.name = "reports.max_per_day", .type = &conf_type_integer, FIELD(reports.max_per_day),
	 .min = 0, .max = 10000000,
	 .def = "20000",
	 .doc = "The maximum number of mails with reports in a day; 0: no limit. The remaining ones are sent the "
		"next day."},
	{.name = "reports.max_per_destination", .type = &conf_type_integer,
	 FIELD(reports.max_per_destination),
	 .min = 0, .max = 10000000,
	 .def = "2000",
	 .doc = "The maximum number of these to addresses of one host; 0: no limit."},
	{.name = "reports.max_addresses", .type = &conf_type_integer, FIELD(reports.max_addresses),
	 .min = 1, .max = 10,
	 .def = "10",
	 .doc = "The maximum number of addresses in a domain's record that get a report; the first ones are "
		"used."},
	{.name = "reports.max_size", .type = &conf_type_size, FIELD(reports.max_size),
	 .min = KIB(16), .max = MIB(1024),
	 .def = "\"20MiB\"",
	 .doc = "The maximum size of a mail with a report; most servers refuse larger ones. A report that would "
		"be larger is cut: the rows with the most messages are listed, all others are summed in a few "
		"records, and the report says so."},
	{.name = "reports.suppress", .type = &conf_type_duration, FIELD(reports.suppress),
	 .min = SECONDS(3600), .max = DAYS(365),
	 .def = "\"30d\"",
	 .doc = "How long no report is sent to an address after a bounce reported it as undeliverable, or after "
		"three refusals in a row; twice as long the next time, and so on. See countersign report "
		"suppress."},
	{.name = "reports.quiet", .type = &conf_type_texts, FIELD(reports.quiet),
	 .check = conf_check_address, .what = "list of mail addresses",
	 .max = 1000,
	 .def = "[]",
	 .doc = "Your own addresses that receive reports, such as those in your own DMARC records. Mail to them "
		"and to reports.from is counted, but does not cause a report: two sites would report on each "
		"other's reports forever. The same applies to mail that has the form of a report, unless a "
		"policy was applied to it.",
	 .example = "quiet = [ \"dmarc@example.com\" ];"},

	{.name = "failures.send", .type = &conf_type_bool, FIELD(failures.send),
	 .def = "false",
	 .doc = "Whether failure reports (RFC 9991) are sent: one for each message that failed, soon after it "
		"arrived, to the addresses that the author's domain lists in ruf, under the conditions in fo. "
		"They reveal to others who writes to you; most sites do not send them. They require "
		"reports.send. No failure reports are sent about reports, bounces and mail with the null sender, "
		"or to public suffixes."},
	{.name = "failures.redact", .type = &conf_type_bool, FIELD(failures.redact),
	 .def = "true",
	 .doc = "Whether the local parts of addresses are replaced by hashes (RFC 6590). The same address always "
		"has the same hash."},
	{.name = "failures.body", .type = &conf_type_size, FIELD(failures.body), .max = KIB(256),
	 .def = "\"0KiB\"",
	 .doc = "How much of a message's body is included. 0: nothing, only the header."},
	{.name = "failures.max_per_hour", .type = &conf_type_integer, FIELD(failures.max_per_hour),
	 .min = 1, .max = 1000000,
	 .def = "60",
	 .doc = "The maximum number of failure reports in an hour. Further failures are not reported."},
	{.name = "failures.max_per_day", .type = &conf_type_integer, FIELD(failures.max_per_day),
	 .min = 1, .max = 1000000,
	 .def = "500",
	 .doc = "The maximum number of failure reports in a day."},
	{.name = "failures.max_per_domain", .type = &conf_type_integer, FIELD(failures.max_per_domain),
	 .min = 1, .max = 1000000,
	 .def = "10",
	 .doc = "The maximum number of failure reports about one domain in a day."},

	{.name = "second_opinion.sample", .type = &conf_type_share, FIELD(second_opinion.sample),
	 .def = "0.01",
	 .doc = "The share of inbound messages whose SPF and DKIM results are compared with those of libspf2 and "
		"libopendkim, after the message has been answered: 0.01 is one message in a hundred, 0 none, 1 all. "
		"The libraries run in a process of their own without keys, network and files. Every disagreement "
		"is logged and counted (countersign_engine_disagreements_total). When the process is busy, or the "
		"body is larger than 1 MiB, the message is skipped."},
	{.name = "second_opinion.keep", .type = &conf_type_path, FIELD(second_opinion.keep),
	 .def = "\"\"",
	 .doc = "An existing directory, writable by the daemon's user, in which messages are kept on which the "
		"results differ, or at which the libraries crashed: a file each, with the whole message, the DNS "
		"answers and both results. When there are 100 files or 64 MiB, no more are added. Empty: none is "
		"kept.",
	 .example = "keep = \"" STATEDIR "/cases\";"},

	{.name = "tls.listen", .type = &conf_type_texts, FIELD(tls.listen), .max = 8,
	 .check = conf_check_socket, .what = "list of sockets",
	 .def = "[ ]",
	 .doc = "The sockets on which countersignd answers Postfix's smtp_tls_policy_maps, in the form of listen: "
		"which connections must be protected, as the recipient's domain demands by DANE (RFC 7672) and "
		"MTA-STS (RFC 8461). Empty: there is no such service. It needs dns.trust_anchor: without DNSSEC, "
		"MTA-STS would take the place of DANE.",
	 .example = "listen = [ \"unix:/var/spool/postfix/countersign/tls.sock\" ];"},
	{.name = "tls.dane", .type = &conf_type_choice, FIELD(tls.dane), .choices = danes,
	 .def = "\"dane-only\"",
	 .doc = "What Postfix is told about a domain all of whose hosts have TLSA records. dane-only: mail is sent "
		"to a host only if its TLSA records match. dane: Postfix looks at the records again, and delivers "
		"unauthenticated if its own resolver does not validate them. With dane-only it defers mail to "
		"such domains in that case. Both need smtp_dns_support_level = dnssec."},
	{.name = "tls.exceptions", .type = &conf_type_records, FIELD(tls.exceptions), .max = 1000,
	 .count_offset = offsetof(struct conf, tls.exception_count), .record = &exception_record,
	 .def = "( )",
	 .doc = "Domains whose own demands are not followed. domain: a domain, or *.domain with its subdomains; the "
		"first entry that matches counts. level: none, may, encrypt, dane, dane-only, verify or secure, as "
		"in Postfix's TLS_README, or default, as if there were no policy service.",
	 .example = "exceptions = ( { domain = \"example.com\"; level = \"may\"; } );"},
	{.name = "tls.ca_file", .type = &conf_type_path, FIELD(tls.ca_file),
	 .def = "\"\"",
	 .doc = "The root certificates that the web servers of MTA-STS policies are verified with. Empty: those of the "
		"system."},
	{.name = "tls.own_policies", .type = &conf_type_path, FIELD(tls.own_policies),
	 .def = "\"\"",
	 .doc = "The directory with the MTA-STS policies of your own domains, a file DOMAIN.txt for each, as countersign "
		"tls sts make writes them. They are served on the addresses of http.listen at "
		"/.well-known/mta-sts.txt, by the name in the Host field, for a web server that has the "
		"certificates (doc/tls.md). They are read at start and at each reload. Empty: none are served.",
	 .example = "own_policies = \"/srv/mta-sts\";"},
	{.name = "tls.reports", .type = &conf_type_bool, FIELD(tls.reports),
	 .def = "false",
	 .doc = "Whether TLS sessions with other domains' mail servers are counted, and reports about them (RFC 8460) "
		"are sent to the domains that ask for them, each day after midnight UTC. This requires tls.listen, "
		"store.url and reports.send, and tls.report_socket or tls.report_log. Without one of those two only "
		"failures to fetch policies and of DNSSEC are reported."},
	{.name = "tls.report_socket", .type = &conf_type_text, FIELD(tls.report_socket),
	 .check = conf_check_local_socket, .what = "local socket",
	 .def = "\"\"",
	 .doc = "The socket to which Postfix 3.10 and later reports its TLS sessions (smtp_tlsrpt_socket_name), below "
		"Postfix's queue directory.",
	 .example = "report_socket = \"unix:/var/spool/postfix/countersign/tlsrpt.sock\";"},
	{.name = "tls.report_log", .type = &conf_type_path, FIELD(tls.report_log),
	 .def = "\"\"",
	 .doc = "The log file of a Postfix before 3.10, from which its TLS sessions are read; "
		"smtp_tls_loglevel must be 1. The daemon's user must be able to read it. What was logged while the "
		"daemon was not running is not counted.",
	 .example = "report_log = \"/var/log/mail.log\";"},

	{.name = "audit.addresses", .type = &conf_type_texts, FIELD(audit.addresses), .max = 16,
	 .check = conf_check_ip, .what = "list of addresses",
	 .def = "[ ]",
	 .doc = "The addresses from which your mail is sent: countersign audit checks their names (PTR) and "
		"whether they are on a block list.",
	 .example = "addresses = [ \"192.0.2.25\" ];"},
	{.name = "audit.helo", .type = &conf_type_text, FIELD(audit.helo),
	 .def = "\"\"",
	 .doc = "The MTA's HELO name. Empty: countersign audit does not check it."},
	{.name = "audit.block_lists", .type = &conf_type_texts, FIELD(audit.block_lists), .max = 16,
	 .check = conf_check_domain, .what = "list of domains",
	 .def = "[ ]",
	 .doc = "The DNS zones of block lists (RFC 5782) in which countersign audit looks up the addresses of MX "
		"hosts and those in addresses. Observe the terms of use of each list.",
	 .example = "block_lists = [ \"zen.example.org\" ];"},
	{.name = "audit.key_days", .type = &conf_type_integer, FIELD(audit.key_days), .max = 10000,
	 .def = "365",
	 .doc = "The age in days from which countersign audit reports a signing key as old. 0: never."},
	{.name = "audit.budget", .type = &conf_type_integer, FIELD(audit.budget), .min = 100, .max = 10000,
	 .def = "400",
	 .doc = "The maximum number of DNS lookups that countersign audit makes for a domain."},
	{.name = "audit.timeout", .type = &conf_type_duration, FIELD(audit.timeout),
	 .min = SECONDS(1), .max = SECONDS(600),
	 .def = "\"30s\"",
	 .doc = "The DNS timeout of countersign audit for a domain, for all lookups together."},
	{.name = "audit.state", .type = &conf_type_path, FIELD(audit.state),
	 .def = "\"" STATEDIR "/audit\"",
	 .doc = "The directory in which countersign audit keeps what it has seen: when a TLSA record was first "
		"there, and the last state of each watched domain. Empty: nothing is kept.",
	 .example = "state = \"" STATEDIR "/audit\";"},
	{.name = "audit.mail", .type = &conf_type_texts, FIELD(audit.mail), .max = 8,
	 .check = conf_check_address, .what = "list of addresses",
	 .def = "[ ]",
	 .doc = "The addresses to which countersign audit --watch sends what has changed: a mail from reports.from, "
		"sent by the daemon to reports.via. Where hosts share a store and find the same, it is sent once. Needs "
		"store.url and reports.from.",
	 .example = "mail = [ \"postmaster@example.com\" ];"},
	{.name = "audit.silence", .type = &conf_type_records, FIELD(audit.silence),
	 .count_offset = offsetof(struct conf, audit.silence_count), .record = &silence_record,
	 .def = "( )",
	 .doc = "Findings of countersign audit that are known and accepted. Each entry has a rule, the reason, "
		"and the last day on which it is silenced; domain is a domain, *.domain (with its "
		"subdomains), or * for all, the default. A silenced finding is shown with -v and does not "
		"affect the exit status.",
	 .example = "silence = ( { rule = \"mx.one-only\"; reason = \"small site\"; until = \"2027-01-31\"; } );"},

	{.name = "log.target", .type = &conf_type_choice, FIELD(log.target), .choices = targets,
	 .def = "\"auto\"",
	 .doc = "Where to log. auto: to the journal if standard error is connected to it, to standard error if "
		"it is a terminal, otherwise to syslog. syslog uses the facility mail."},
	{.name = "log.format", .type = &conf_type_choice, FIELD(log.format), .choices = log_formats,
	 .def = "\"text\"",
	 .doc = "The format of log lines. text: the queue ID, then key=value pairs. json: one object on each "
		"line with the same keys. The journal has them as fields in either case: QUEUE_ID, "
		"COUNTERSIGN_DMARC and so on."},
	{.name = "log.level", .type = &conf_type_choice, FIELD(log.level), .choices = levels,
	 .def = "\"info\"",
	 .doc = "The lowest level that is logged. At info there is one line for each message."},
	{.name = "log.recipients", .type = &conf_type_bool, FIELD(log.recipients),
	 .def = "false",
	 .doc = "Whether the line of a message includes its recipients: rcpt=, up to 1000 bytes of them, and "
		"rcpts=, their number. The message log in the ledger contains the same, so that countersign "
		"message find --rcpt can find them."},

	{.name = "http.listen", .type = &conf_type_texts, FIELD(http.listen), .max = 8,
	 .check = conf_check_http, .what = "list of addresses with port",
	 .def = "[ ]",
	 .doc = "The addresses on which metrics are served for Prometheus at /metrics, and the readiness of the "
		"daemon at /healthz: 127.0.0.1:9817 or [::1]:9817. There is no password: restrict access to this "
		"host or to an internal network. Empty: nothing is served; countersign status --prometheus "
		"prints the same metrics.",
	 .example = "listen = [ \"127.0.0.1:9817\" ];"},

	{.name = "page.listen", .type = &conf_type_texts, FIELD(page.listen), .max = 8,
	 .check = conf_check_page_listen, .what = "list of addresses",
	 .def = "[ ]",
	 .doc = "Where the pages of countersign page are served by HTTP, for a web server that asks for a login "
		"(doc/page.md): 127.0.0.1:9819, [::1]:9819 or unix:/path. Other addresses than loopback are "
		"refused. Everybody on this host can connect to a port; a local socket is for the daemon's group, "
		"or page.group. Empty: nothing is served. Needs store.url.",
	 .example = "listen = [ \"unix:" RUNDIR "/page.sock\" ];"},
	{.name = "page.group", .type = &conf_type_text, FIELD(page.group),
	 .def = "\"\"",
	 .doc = "The group that may connect to local sockets of page.listen: that of the web server. The daemon's "
		"user must be a member."},

	{.name = "page.mail", .type = &conf_type_texts, FIELD(page.mail), .max = 8,
	 .check = conf_check_address, .what = "list of addresses",
	 .def = "[ ]",
	 .doc = "The addresses to which the daemon sends the page of countersign page: a mail from reports.from, "
		"sent to reports.via, with a summary as text and the page attached. Where hosts share a store, one "
		"of them sends it. Needs store.url and reports.from.",
	 .example = "mail = [ \"postmaster@example.com\" ];"},
	{.name = "page.mail_every", .type = &conf_type_choice, FIELD(page.mail_every), .choices = periods,
	 .def = "\"week\"",
	 .doc = "When page.mail is sent: each day after midnight UTC, or each Monday."},

	{.name = "control.socket", .type = &conf_type_path, FIELD(control.socket),
	 .def = "\"" RUNDIR "/control.sock\"",
	 .doc = "The socket with which countersign status, reload, log-level and cache talk to the "
		"daemon. Root and the daemon's user may use it. Empty: no socket."},
	{.name = "control.group", .type = &conf_type_text, FIELD(control.group),
	 .def = "\"\"",
	 .doc = "A group whose members may also use it. The daemon's user must be a member."},

	{.name = NULL},
};
/* clang-format on */

const struct conf_section conf_sections[] = {
    {"", "", conf_check_top},
    {"milter", "Connections from the MTA.", NULL},
    {"dns", "DNS lookups.", NULL},
    {"spf", "SPF, RFC 7208.", NULL},
    {"dkim", "Verifying DKIM signatures, RFC 6376.", NULL},
    {"arc", "ARC, RFC 8617: results of hosts that forwarded a message.", NULL},
    {"dmarc", "DMARC, RFC 9989: actions for mail that fails.", NULL},
    {"bimi", "BIMI: logos of senders.", NULL},
    {"sign", "Signing outbound mail with DKIM.", conf_check_sign},
    {"store", "The ledger, in which results are counted.", conf_check_ledger},
    {"messages", "The message log.", NULL},
    {"inbox", "Reports that others send, read by countersign inbox.", conf_check_inbox},
    {"reports", "Reports to other domains.", conf_check_reports},
    {"failures", "Failure reports about single messages.", conf_check_failures},
    {"second_opinion", "SPF and DKIM judged again by libspf2 and libopendkim.", NULL},
    {"tls", "TLS on the way to other hosts: the policy service for Postfix.", conf_check_tls},
    {"audit", "countersign audit: checks of your domains.", conf_check_audit},
    {"log", "Log lines.", NULL},
    {"http", "Metrics for Prometheus.", NULL},
    {"page", "Pages of reports, sources and messages, for a web server or by mail.",
     conf_check_page},
    {"control", "The daemon's control socket.", NULL},
    {NULL, NULL, NULL},
};
