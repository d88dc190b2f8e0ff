/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The syntax of values that have one of their own, and what several values must be together. Where
 * lib/ or mail/ has the parser with which the value is used later, that parser decides here, too.
 * Whether a socket can be made or a server answers is found out by whoever uses it.
 */
#include "conf/check.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/endpoint.h"
#include "lib/ip.h"
#include "lib/url.h"
#include "mail/address.h"
#include "mail/authres_read.h"
#include "mail/domain.h"
#include "mail/peer.h"

int conf_check_socket(struct span text, struct why *why)
{
	struct endpoint endpoint;

	return endpoint_parse(text, &endpoint, why);
}

int conf_check_http(struct span text, struct why *why)
{
	struct endpoint endpoint;

	return endpoint_parse_http(text, &endpoint, why);
}

/* What a web server of this host reaches, and no other host does. */
int conf_check_page_listen(struct span text, struct why *why)
{
	struct endpoint endpoint;
	struct ip ip;

	if (span_istarts(text, "unix:"))
		return endpoint_parse(text, &endpoint, why);
	if (endpoint_parse_http(text, &endpoint, why) != 0)
		return -1;
	if (ip_parse(endpoint.host, &ip) && ip_is_loopback(&ip))
		return 0;
	return why_set(why, "pages are served on a loopback address or a local socket only, as in"
			    " 127.0.0.1:9819 or unix:/run/countersign/page.sock");
}

/* Empty: none. */
int conf_check_store(struct span text, struct why *why)
{
	struct span path;

	return span_empty(text) ? 0 : url_parse_sqlite(text, &path, why);
}

/* postgresql://...; empty: none. What is wrong is not repeated: it may hold a password. */
int conf_check_shared(struct span text, struct why *why)
{
	if (span_empty(text) || span_istarts(text, "postgresql://") ||
	    span_istarts(text, "postgres://"))
		return 0;
	return why_set(why, "not a valid shared store; use postgresql://USER@HOST/DATABASE");
}

/* ---- addresses and days ---- */

int conf_check_ip(struct span text, struct why *why)
{
	struct ip ip;

	if (ip_parse(text, &ip))
		return 0;
	return why_set(why, "\"%.*s\" is not an IP address", (int)span_len(text), text.p);
}

int conf_check_day(struct span text, struct why *why)
{
	int32_t day;

	if (clock_day_parse(text, &day))
		return 0;
	return why_set(why, "\"%.*s\" is not a day, such as 2027-01-31", (int)span_len(text),
		       text.p);
}

/* ---- names ---- */

int conf_check_domain(struct span text, struct why *why)
{
	struct arena *arena = arena_new(0);
	bool good = domain_parse(arena, text, why) != NULL;

	arena_free(arena);
	return good ? 0 : -1;
}

int conf_check_domain_or_none(struct span text, struct why *why)
{
	return span_empty(text) ? 0 : conf_check_domain(text, why);
}

/* A domain, "*." and a domain, or "*". */
int conf_check_pattern(struct span text, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct domain_pattern pattern;
	bool good = domain_pattern_parse(arena, text, &pattern);

	arena_free(arena);
	if (good)
		return 0;
	return why_set(why, "\"%.*s\" is not a valid domain", (int)span_len(text), text.p);
}

int conf_check_forwarder(struct span text, struct why *why)
{
	struct arena *arena = arena_new(0);
	struct peer peer;
	int result = peer_parse(arena, text, &peer, why);

	arena_free(arena);
	return result;
}

/* RFC 5322 section 3.6.8: ftext = %d33-57 / %d59-126 */
int conf_check_field(struct span text, struct why *why)
{
	bool good = !span_empty(text);

	for (const char *p = text.p; p < text.end; p++)
		good = good && *p >= 33 && *p <= 126 && *p != ':';
	if (good)
		return 0;
	return why_set(why, "\"%.*s\" is not a valid header field name", (int)span_len(text),
		       text.p);
}

/* What needs no quotes in an Authentication-Results field, and is no longer than a domain. */
int conf_check_authserv_id(struct span text, struct why *why)
{
	if (authres_is_token(text) && span_len(text) <= 253)
		return 0;
	return why_set(why, "\"%.*s\" is not a valid authserv-id; use a host name",
		       (int)span_len(text), text.p);
}

/* The name of an MTA's service, with or without "*" at its end. */
int conf_check_service(struct span text, struct why *why)
{
	const char *star = memchr(text.p, '*', span_len(text));

	if (span_empty(text) || span_eq(text, "*"))
		return why_set(why, "\"%.*s\" would match every service", (int)span_len(text),
			       text.p);
	if (star != NULL && star + 1 != text.end)
		return why_set(why, "\"%.*s\": only the end of a name can be \"*\"",
			       (int)span_len(text), text.p);
	return 0;
}

/* A login, "*", or "*@" and a domain. */
int conf_check_login(struct span text, struct why *why)
{
	if (span_eq(text, "*") || memchr(text.p, '*', span_len(text)) == NULL)
		return 0;
	if (span_istarts(text, "*@") &&
	    conf_check_domain((struct span){text.p + 2, text.end}, why) == 0)
		return 0;
	return why_set(why, "\"%.*s\" is not a valid login; use alice, *@example.com or *",
		       (int)span_len(text), text.p);
}

int conf_check_login_domain(struct span text, struct why *why)
{
	return span_eq(text, CONF_LOGIN_DOMAIN) ? 0 : conf_check_pattern(text, why);
}

/* Empty: none. */
int conf_check_results_of(struct span text, struct why *why)
{
	return span_empty(text) ? 0 : conf_check_authserv_id(text, why);
}

/* Empty: none. */
int conf_check_address(struct span text, struct why *why)
{
	struct arena *arena;
	struct address address;
	int result;

	if (span_empty(text))
		return 0;
	arena = arena_new(0);
	result = address_parse_plain(arena, text, &address, why);
	arena_free(arena);
	return result;
}

int conf_check_smtp(struct span text, struct why *why)
{
	struct url_server server;

	return url_parse_server(text, &server, why);
}

int conf_check_imap(struct span text, struct why *why)
{
	struct url_server server;

	return span_empty(text) ? 0 : url_parse_imap(text, &server, why);
}

/* Other characters are written in modified UTF-7 (RFC 3501 section 5.1.3). */
int conf_check_folder(struct span text, struct why *why)
{
	for (const char *p = text.p; p < text.end; p++)
		if (*p < ' ' || *p > '~')
			return why_set(why, "a folder's name has printable ASCII characters only");
	return span_empty(text) ? why_set(why, "the name of a folder is missing") : 0;
}

int conf_check_folder_or_none(struct span text, struct why *why)
{
	return span_empty(text) ? 0 : conf_check_folder(text, why);
}

/* ---- sections ---- */

/* Where the option was set; the line is 0 where it was not. */
static struct conf_line place_of(const struct conf *conf, const struct conf_option *option)
{
	return conf->origins[option - conf_options];
}

static const struct conf_option *find_option(const char *name)
{
	return &conf_options[conf_option_find(span_of(name))];
}

/* No site has a network larger than 10.0.0.0/8 or fc00::/7 (RFC 1918, RFC 4193). */
static bool is_everybody(const struct ip_network *network)
{
	return !network->excluded && network->bits < (network->ip.family == 6 ? 7 : 8);
}

static void check_trusted_networks(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *networks = find_option("trusted_networks");
	char text[IP_TEXT_MAX];

	for (unsigned i = 0; i < conf->trusted_networks.count && !conf->trust_everybody; i++) {
		const struct ip_network *network = &conf->trusted_networks.items[i];

		if (is_everybody(network))
			conf_option_error(
			    reader, networks, place_of(conf, networks),
			    "%s/%u matches everybody, and their mail would be signed; if "
			    "that is meant, set trust_everybody = true",
			    ip_text(&network->ip, text), network->bits);
	}
}

static void check_relays(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *relays = find_option("relays");
	char text[IP_TEXT_MAX];

	for (unsigned i = 0; i < conf->relay_count; i++) {
		const struct conf_relay *relay = &conf->relays[i];

		for (unsigned k = 0; k < relay->from.count; k++) {
			const struct ip_network *network = &relay->from.items[k];

			if (is_everybody(network))
				conf_option_error(reader, relays, place_of(conf, relays),
						  "%s/%u matches everybody, who could then write "
						  "any Received field",
						  ip_text(&network->ip, text), network->bits);
		}
		if (relay->client == CONF_CLIENT_SKIP && *relay->results_of != '\0')
			conf_option_error(reader, relays, place_of(conf, relays),
					  "results_of has no use with client = \"skip\"");
	}
}

static void check_lists(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *lists = find_option("lists");
	char text[IP_TEXT_MAX];

	for (unsigned i = 0; i < conf->list_count; i++) {
		const struct conf_list *list = &conf->lists[i];

		for (unsigned k = 0; k < list->from.count; k++)
			if (!list->from.items[k].excluded &&
			    !ip_network_in_any(&list->from.items[k], conf->trusted_networks.items,
					       conf->trusted_networks.count))
				conf_option_error(
				    reader, lists, place_of(conf, lists),
				    "%s is not in trusted_networks: mail from there is checked, "
				    "not signed",
				    ip_text(&list->from.items[k].ip, text));
	}
	if (conf->list_count > 0 && *conf->store.url == '\0')
		conf_option_error(reader, lists, place_of(conf, lists),
				  "is set, but store.url is empty: the secret is kept there");
}

void conf_check_top(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *listen = find_option("listen");

	check_trusted_networks(reader, conf);
	check_relays(reader, conf);
	check_lists(reader, conf);
	for (unsigned i = 0; i < conf->listen.count; i++) {
		for (unsigned k = 0; k < i; k++) {
			if (strcmp(conf->listen.items[i], conf->listen.items[k]) == 0)
				conf_option_error(reader, listen, place_of(conf, listen),
						  "\"%s\" is listed twice", conf->listen.items[i]);
		}
	}
}

/* RFC 6376: the From field MUST be signed (section 5.4); x= is in seconds (section 3.5). */
void conf_check_sign(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *headers = find_option("sign.headers"),
				 *expire = find_option("sign.expire");
	bool from = conf->sign.headers.count == 0;

	for (unsigned i = 0; i < conf->sign.headers.count; i++)
		from = from || span_ieq(span_of(conf->sign.headers.items[i]), "from");
	if (!from)
		conf_option_error(reader, headers, place_of(conf, headers),
				  "\"from\" must be among them");
	if (conf->sign.sender == CONF_SENDER_ANY && conf->sign.login_count > 0)
		conf_option_error(
		    reader, find_option("sign.sender"), place_of(conf, find_option("sign.sender")),
		    "is \"any\", but sign.logins says which domains each login may use");
	if (conf->sign.expire % CLOCK_SECOND != 0)
		conf_option_error(reader, expire, place_of(conf, expire), "must be whole seconds");
}

/* What is kept is kept by days (store/ledger.h). */
void conf_check_ledger(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *keep = find_option("store.keep");

	if (conf->store.keep % (86400 * CLOCK_SECOND) != 0)
		conf_option_error(reader, keep, place_of(conf, keep), "must be whole days");
	if (*conf->store.shared != '\0' && *conf->store.url == '\0')
		conf_option_error(
		    reader, find_option("store.shared"),
		    place_of(conf, find_option("store.shared")),
		    "is set, but store.url is empty: what is shipped is counted there");
	if (conf->store.keys && *conf->store.shared == '\0')
		conf_option_error(reader, find_option("store.keys"),
				  place_of(conf, find_option("store.keys")),
				  "is set, but store.shared is not: the keys are kept there");
}

static void check_login(const struct conf_reader *reader, const struct conf *conf)
{
	bool user = *conf->reports.user != '\0', file = *conf->reports.password_file != '\0';
	struct url_server server;
	bool safe = url_parse_server(span_of(conf->reports.via), &server, NULL) != 0 ||
		    server.tls || server.this_host || conf->reports.tls != CONF_TLS_OFFERED;

	if (user && !file)
		conf_option_error(reader, find_option("reports.user"),
				  place_of(conf, find_option("reports.user")),
				  "is set, but reports.password_file is not");
	if (file && !user)
		conf_option_error(reader, find_option("reports.password_file"),
				  place_of(conf, find_option("reports.password_file")),
				  "is set, but reports.user is not");
	if (user && !safe)
		conf_option_error(
		    reader, find_option("reports.user"),
		    place_of(conf, find_option("reports.user")),
		    "the password would cross the network unencrypted: set reports.tls "
		    "to \"required\" or \"verified\", or use smtps:");
}

void conf_check_inbox(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *imap = find_option("inbox.imap"),
				 *done = find_option("inbox.imap_done");

	if (*conf->inbox.imap != '\0' && *conf->inbox.imap_user == '\0')
		conf_option_error(reader, imap, place_of(conf, imap),
				  "is set, but inbox.imap_user is not");
	if (strcasecmp(conf->inbox.imap_done, conf->inbox.imap_folder) == 0)
		conf_option_error(reader, done, place_of(conf, done),
				  "is the same folder as inbox.imap_folder");
}

void conf_check_reports(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *org = find_option("reports.org"),
				 *from = find_option("reports.from");
	const struct conf_option *send = find_option("reports.send"),
				 *spread = find_option("reports.spread");
	const int64_t longest_sending = 23 * 3600 * CLOCK_SECOND;

	if (*conf->reports.org != '\0' && *conf->reports.from == '\0' &&
	    place_of(conf, from).line == 0)
		conf_option_error(reader, org, place_of(conf, org),
				  "is set, but reports.from is not: reports need both");
	if (*conf->reports.from != '\0' && *conf->reports.org == '\0' &&
	    place_of(conf, org).line == 0)
		conf_option_error(reader, from, place_of(conf, from),
				  "is set, but reports.org is not: reports need both");
	if (conf->reports.send && (*conf->reports.org == '\0' || *conf->reports.from == '\0'))
		conf_option_error(
		    reader, send, place_of(conf, send),
		    "is true, but reports.%s is not set: reports must say who sends them",
		    *conf->reports.org == '\0' ? "org" : "from");
	if (conf->reports.start + conf->reports.spread > longest_sending)
		conf_option_error(
		    reader, spread, place_of(conf, spread),
		    "ends later than 23 hours after midnight, counted from reports.start on");
	check_login(reader, conf);
	if (conf->reports.send && *conf->store.url == '\0')
		conf_option_error(reader, send, place_of(conf, send),
				  "is true, but store.url is empty: nothing is counted");
}

/* Mail to the people who run this site. */
static void check_mail(const struct conf_reader *reader, const struct conf *conf, const char *name,
		       const struct conf_strings *addresses)
{
	const struct conf_option *option = find_option(name);

	if (addresses->count == 0)
		return;
	if (*conf->reports.from == '\0')
		conf_option_error(reader, option, place_of(conf, option),
				  "is set, but reports.from is not: a mail must say who sends it");
	if (*conf->store.url == '\0')
		conf_option_error(
		    reader, option, place_of(conf, option),
		    "is set, but store.url is empty: mail waits in the ledger until it"
		    " is sent");
}

void conf_check_audit(const struct conf_reader *reader, const struct conf *conf)
{
	check_mail(reader, conf, "audit.mail", &conf->audit.mail);
}

void conf_check_page(const struct conf_reader *reader, const struct conf *conf)
{
	check_mail(reader, conf, "page.mail", &conf->page.mail);
}

void conf_check_failures(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *send = find_option("failures.send");

	if (conf->failures.send && !conf->reports.send)
		conf_option_error(reader, send, place_of(conf, send),
				  "is true, but reports.send is not: nothing would send them");
}

/* The levels of smtp_tls_policy_maps that need no attributes. */
int conf_check_tls_level(struct span text, struct why *why)
{
	static const char *const levels[] = {"default", "none",      "may",    "encrypt",
					     "dane",    "dane-only", "verify", "secure"};

	for (unsigned i = 0; i < sizeof levels / sizeof levels[0]; i++) {
		if (span_eq(text, levels[i]))
			return 0;
	}
	return why_set(why,
		       "\"%.*s\" is not one of default, none, may, encrypt, dane, dane-only, "
		       "verify, secure",
		       (int)(span_len(text) < 80 ? span_len(text) : 80), text.p);
}

int conf_check_local_socket(struct span text, struct why *why)
{
	struct endpoint endpoint;

	if (span_empty(text))
		return 0;
	if (endpoint_parse(text, &endpoint, why) != 0)
		return -1;
	return endpoint.family == AF_UNIX ? 0
					  : why_set(why, "it is not a local socket (unix:PATH)");
}

static void check_own_policies(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *policies = find_option("tls.own_policies");

	if (*conf->tls.own_policies != '\0' && conf->http.listen.count == 0)
		conf_option_error(reader, policies, place_of(conf, policies),
				  "is set, but http.listen is not: nothing would serve them");
}

static void check_tls_reports(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *reports = find_option("tls.reports");
	const char *missing = conf->tls.listen.count == 0  ? "tls.listen"
			      : conf->store.url[0] == '\0' ? "store.url"
			      : !conf->reports.send        ? "reports.send"
							   : NULL;

	if (conf->tls.reports && missing != NULL)
		conf_option_error(
		    reader, reports, place_of(conf, reports),
		    "is true, but %s is not set: nothing would be %s", missing,
		    conf->tls.listen.count > 0 && conf->store.url[0] != '\0' ? "sent" : "counted");
}

void conf_check_tls(const struct conf_reader *reader, const struct conf *conf)
{
	const struct conf_option *listen = find_option("tls.listen");

	if (conf->tls.listen.count > 0 && *conf->dns.trust_anchor == '\0')
		conf_option_error(reader, listen, place_of(conf, listen),
				  "is set, but dns.trust_anchor is not: without DNSSEC, MTA-STS "
				  "would take the place of DANE; on Debian, install dns-root-data "
				  "and set dns.trust_anchor to \"/usr/share/dns/root.key\"");
	check_own_policies(reader, conf);
	check_tls_reports(reader, conf);
}
