/* SPDX-License-Identifier: BSD-2-Clause */
/* conf/: every type of value, every kind of mistake with its place, files beside files, and text
 * that is read back to the same settings. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "lib/clock.h"
#include "t/lib/tap.h"

/* ---- values ---- */

static const struct {
	const char *text;
	const char *option;
	const char *value; /* as written back */
} good[] = {
    {"sign: { enabled = false; };", "sign.enabled", "false"},
    {"sign = { enabled = FALSE };", "sign.enabled", "false"},
    {"dns: { budget = 0x40; };", "dns.budget", "64"},
    {"dns: { budget = 64L; };", "dns.budget", "64"},
    {"dns: { timeout = \"500ms\"; };", "dns.timeout", "\"500ms\""},
    {"dns: { timeout = \"2000ms\"; };", "dns.timeout", "\"2s\""},
    {"dns: { timeout = \"1m\"; };", "dns.timeout", "\"1m\""},
    {"store: { keep = \"48h\"; };", "store.keep", "\"2d\""},
    {"store: { shared = \"postgresql://u@h/d\"; };", "store.shared", "\"postgresql://u@h/d\""},
    {"store: { shared = \"postgresql://u:s@e:c@h/d\"; };", "store.shared",
     "\"postgresql://u:***@h/d\""},
    {"store: { shared = \"postgres://h/d?password=s&x=1\"; };", "store.shared",
     "\"postgres://h/d?password=***&x=1\""},
    {"store: { shared = \"postgresql:///d?host=/r&sslpassword=s\"; };", "store.shared",
     "\"postgresql:///d?host=/r&sslpassword=***\""},
    {"sign: { expire = \"0d\"; };", "sign.expire", "\"0s\""},
    {"max_header_bytes = \"64KiB\";", "max_header_bytes", "\"64KiB\""},
    {"max_header_bytes = \"65537B\";", "max_header_bytes", "\"65537B\""},
    {"max_header_bytes = \"2048KiB\";", "max_header_bytes", "\"2MiB\""},
    {"socket_mode = \"0600\";", "socket_mode", "\"0600\""},
    {"socket_mode = \"777\";", "socket_mode", "\"0777\""},
    {"dmarc: { enforce = \"strict\"; };", "dmarc.enforce", "\"strict\""},
    {"reports: { contact = \"a \\\"b\\\" \\\\ \xc3\xa9\"; };", "reports.contact",
     "\"a \\\"b\\\" \\\\ \xc3\xa9\""},
    {"reports: { contact = \"one \" \"text\"; };", "reports.contact", "\"one text\""},
    {"dns: { trust_anchor = \"/x y\"; };", "dns.trust_anchor", "\"/x y\""},
    {"dns: { servers = [ \"192.0.2.1\", \"2001:db8::53@5353\" ]; };", "dns.servers",
     "[ \"192.0.2.1\", \"2001:db8::53@5353\" ]"},
    {"dns: { servers = [ \"fe80::1%eth0\", \"fe80::1%eth0@53\" ]; };", "dns.servers",
     "[ \"fe80::1%eth0\", \"fe80::1%eth0@53\" ]"},
    {"reports: { via = \"smtp://[fe80::1%eth0]:25\"; };", "reports.via",
     "\"smtp://[fe80::1%eth0]:25\""},
    {"dns: { servers = ( \"192.0.2.1\" ); };", "dns.servers", "[ \"192.0.2.1\" ]"},
    {"listen = [ \"inet:8891@127.0.0.1\", \"unix:/a\", \"inet:1\", \"inet6:25@::1\" ];", "listen",
     "[ \"inet:8891@127.0.0.1\", \"unix:/a\", \"inet:1\", \"inet6:25@::1\" ]"},
    {"listen = [ \"inet:[::1]:8891\", \"inet:localhost:8892\" ];", "listen",
     "[ \"inet:[::1]:8891\", \"inet:localhost:8892\" ]"},
    {"listen = ( \"local:/a\", { socket = \"inet:1@[::1]\"; role = \"submission\"; } );", "listen",
     "(\n  { socket = \"local:/a\"; role = \"auto\"; },\n  { socket = \"inet:1@[::1]\"; role = "
     "\"submission\"; }\n)"},
    {"listen = [ \"inet6:8891@[::1]\", \"inet:8892@[127.0.0.1]\" ];", "listen",
     "[ \"inet6:8891@[::1]\", \"inet:8892@[127.0.0.1]\" ]"},
    {"trusted_networks = [ \"192.0.2.0/24\", \"2001:DB8::/32\", \"::ffff:192.0.2.1\" ];",
     "trusted_networks", "[ \"192.0.2.0/24\", \"2001:db8::/32\", \"192.0.2.1\" ]"},
    {"trusted_networks = [ ];", "trusted_networks", "[ ]"},
    {"trusted_networks = [ \"10.0.0.0/8\", \"!10.1.0.0/16\", \"!::ffff:10.2.0.1\" ];",
     "trusted_networks", "[ \"10.0.0.0/8\", \"!10.1.0.0/16\", \"!10.2.0.1\" ]"},
    {"dmarc: { psd_domains = [ \"github.io\", \"b\xc3\xbc"
     "cher.example\" ]; };",
     "dmarc.psd_domains",
     "[ \"github.io\", \"b\xc3\xbc"
     "cher.example\" ]"},
    {"dmarc: { actions = ( { domain = \"*\"; action = \"accept\"; } ); };", "dmarc.actions",
     "(\n  { domain = \"*\"; recipient = \"*\"; policy = \"any\"; spf = \"any\";"
     " dkim = \"any\"; aligned = \"any\"; action = \"accept\"; }\n)"},
    {"dmarc: { actions = ( { domain = \"*\"; recipient = \"*.a.example\";"
     " spf = \"softfail\"; dkim = \"none\"; action = \"reject\"; } ); };",
     "dmarc.actions",
     "(\n  { domain = \"*\"; recipient = \"*.a.example\"; policy = \"any\"; spf = \"softfail\";"
     " dkim = \"none\"; aligned = \"any\"; action = \"reject\"; }\n)"},
    {"dmarc: { trusted_forwarders = [ \"192.0.2.0/24\", \"2001:db8::1\", \"fwd.example\","
     " \"*.fwd.example\", \"host:mx.fwd.example\", \"host:*.fwd.example\" ]; };",
     "dmarc.trusted_forwarders",
     "[ \"192.0.2.0/24\", \"2001:db8::1\", \"fwd.example\", \"*.fwd.example\","
     "\n  \"host:mx.fwd.example\", \"host:*.fwd.example\" ]"},
    {"arc: { trusted_sealers = [ \"lists.example\", \"*.relay.example\" ]; };",
     "arc.trusted_sealers", "[ \"lists.example\", \"*.relay.example\" ]"},
    {"arc: { seal = \"example.com\"; };", "arc.seal", "[ \"example.com\" ]"},
    {"arc: { seal = [ \"example.com\", \"example.org\" ]; };", "arc.seal",
     "[ \"example.com\", \"example.org\" ]"},
    {"arc: { seal = \"\"; };", "arc.seal", "[ ]"},
    {"dmarc: { mailing_lists = [ \"dev.lists.example\" ]; };", "dmarc.mailing_lists",
     "[ \"dev.lists.example\" ]"},
    {"sign: { logins = ( { login = \"a\"; domains = [ \"x.example\", \"y.example\" ]; },"
     " { login = \"b\"; domains = [ \"z.example\" ]; } ); };",
     "sign.logins",
     "(\n  { login = \"a\"; domains = [ \"x.example\", \"y.example\" ]; },\n"
     "  { login = \"b\"; domains = [ \"z.example\" ]; }\n)"},
    {"store: { url = \"\"; };", "store.url", "\"\""},
    {"sign: { headers = [ \"Subject\", \"FROM\" ]; };", "sign.headers",
     "[ \"Subject\", \"FROM\" ]"},
    {"/* log: { */ # \"\n// @include \"/\"\nlog: { level = \"debug\"; }", "log.level", "\"debug\""},
    {"\xef\xbb\xbf"
     "drain = \"1s\";\r\n",
     "drain", "\"1s\""},
    {"reports: { contact = \"@include 99999999999 /* # { \"; };", "reports.contact",
     "\"@include 99999999999 /* # { \""},
};

static void test_values(void)
{
	struct arena *arena = arena_new(0);

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int option = conf_option_find(span_of(good[i].option));
		struct conf_errors errors;
		struct conf *conf = conf_parse("x", good[i].text, &errors);

		if (ok(conf != NULL && option >= 0, "%s", good[i].text))
			is_text(conf_value(conf, (unsigned)option, arena), good[i].value, "%s",
				good[i].option);
		else
			tap_note("%s", errors.count > 0 ? errors.items[0].text : "?");
		conf_free(conf);
		conf_errors_free(&errors);
	}
	arena_free(arena);
}

/* The fields themselves, once for each type. */
static void test_fields(void)
{
	struct conf_errors errors;
	struct conf *conf =
	    conf_parse("x",
		       "dns: { timeout = \"1500ms\"; budget = 50; };"
		       "max_header_bytes = \"3MiB\"; socket_mode = \"0640\";"
		       "spf: { engine = \"both\"; };"
		       "dkim: { engine = \"opendkim\"; accept_partial_body = true; };"
		       "trusted_networks = [ \"192.0.2.0/25\" ];"
		       "dmarc: { actions = ( { domain = \"a.example\"; policy = \"reject\";"
		       " action = \"quarantine\"; }, { domain = \"*.b.example\";"
		       " action = \"published\"; } ); };"
		       "sign: { logins = ( { login = \"u\"; domains = [ \"c.example\" ]; } ); };",
		       &errors);

	if (!ok(conf != NULL, "a file of all types"))
		return;
	is_int(conf->dns.timeout, 1500 * CLOCK_MS, "a duration is in nanoseconds");
	is_int(conf->dns.budget, 50, "an integer");
	is_int(conf->max_header_bytes, 3 << 20, "a size is in bytes");
	is_int(conf->socket_mode, 0640, "a mode is octal");
	is_int(conf->spf.engine, CONF_ENGINE_BOTH, "a choice");
	is_int(conf->dkim.engine, CONF_DKIM_OPENDKIM, "another");
	ok(conf->dkim.accept_partial_body, "a boolean");
	is_int(conf->trusted_networks.count, 1,
	       "a list replaces the default, it does not add to it");
	is_int(conf->trusted_networks.items[0].bits, 25, "a network's length");
	is_int(conf->dmarc.action_count, 2, "records");
	is_text(conf->dmarc.actions[0].domain, "a.example", "a record's text");
	is_int(conf->dmarc.actions[0].policy, CONF_POLICY_REJECT, "its choice");
	is_int(conf->dmarc.actions[0].action, CONF_ACTION_QUARANTINE, "its other choice");
	is_int(conf->dmarc.actions[1].policy, CONF_POLICY_ANY, "a key that was left out");
	is_int(conf->sign.login_count, 1, "logins");
	is_text(conf->sign.logins[0].domains.items[0], "c.example", "a list in a record");
	is_int(conf->drain, 30 * CLOCK_SECOND, "what is not set has its default");
	conf_free(conf);
	conf_errors_free(&errors);
}

static void test_defaults(void)
{
	struct conf *conf = conf_default();

	is_int(conf->listen.count, 1, "one socket");
	ok(strncmp(conf->listen.items[0], "local:/", 7) == 0, "of the local kind");
	is_text(conf->authserv_id, "auto", "authserv_id");
	is_int(conf->trusted_networks.count, 2, "trusted_networks");
	is_int(conf->dns.timeout, 8 * CLOCK_SECOND, "dns.timeout");
	is_int(conf->dns.cache_entries, 65536, "dns.cache_entries");
	is_int(conf->dmarc.enforce, CONF_ENFORCE_RFC, "dmarc.enforce");
	is_int(conf->dmarc.temperror, CONF_FAILURE_TEMPFAIL, "dmarc.temperror");
	is_int(conf->store.on_failure, CONF_FAILURE_ACCEPT, "store.on_failure");
	is_int(conf->store.keep, 90 * 86400 * CLOCK_SECOND, "store.keep");
	is_int(conf->sign.oversign.count, 9, "sign.oversign");
	is_int(conf->sign.canonicalization, CONF_CANON_RELAXED_RELAXED, "sign.canonicalization");
	is_int(conf->max_header_bytes, 1 << 20, "max_header_bytes");
	is_int(conf->dkim.min_rsa_bits, 1024, "dkim.min_rsa_bits");
	ok(conf->sign.enabled && conf->sign.subdomains && conf->dmarc.reject_bad_from &&
	       conf->dkim.accept_testing_keys && !conf->dkim.accept_partial_body,
	   "booleans");
	conf_free(conf);
}

/* ---- mistakes: each text has exactly this one ---- */

static const struct {
	const char *text;
	unsigned line;
	const char *error; /* a part of it */
} bad[] = {
    {"dmarc: {\n enforec = \"rfc\"; };", 2,
     "unknown key dmarc.enforec; did you mean dmarc.enforce?"},
    {"\n\nenforce = \"rfc\";", 3, "unknown key enforce; did you mean dmarc.enforce?"},
    {"spf: { timeout = \"8s\"; };", 1, "unknown key spf.timeout; did you mean dns.timeout?"},
    {"dmrac: { enforce = 1; x = 2; };", 1, "unknown key dmrac; did you mean dmarc?"},
    {"xyzzy = 1;", 1, "unknown key xyzzy"},
    {"dmarc = \"rfc\";", 1, "dmarc is a section: write dmarc: { ... };"},
    {"listen: { };", 1, "listen: wanted a list such as [ \"a\", \"b\" ], this is a section"},
    {"listen = \"local:/x\";", 1, "listen: wanted a list: write it as [ \"local:/x\" ]"},
    {"listen = [ ];", 1, "listen: must not be empty"},
    {"listen = [ 5 ];", 1, "listen: wanted a text in quotes, this is a number"},
    {"listen = [ \"local:/x\",\n \"/y\" ];", 2, "listen: \"/y\" is not a valid socket"},
    {"listen = [ \"local:x\" ];", 1, "begins with \"/\""},
    {"listen = [ \"local:/run/\" ];", 1, "needs a file name"},
    {"listen = [ \"local:/a\", \"local:/a\" ];", 1, "\"local:/a\" is listed twice"},
    {"listen = [ \"inet:65536@127.0.0.1\" ];", 1, "is not a valid port (0 .. 65535)"},
    {"listen = ( { role = \"inbound\"; } );", 1, "the key socket is missing"},
    {"listen = ( { socket = \"/a\"; } );", 1, "\"/a\" is not a valid socket"},
    {"listen = ( { socket = \"local:/a\"; role = \"out\"; } );", 1, "\"out\" is not one of"},
    {"listen = [ \"inet:::1:8891\" ];", 1, "is not a valid port"},
    {"listen = [ \"inet:8891@\" ];", 1, "the host after \"@\" is missing"},
    {"listen = [ \"inet:8891@a b\" ];", 1, "\"a b\" is not a valid host"},
    {"listen = [ \"inet6:8891@[::1\" ];", 1, "\"[::1\" is not a valid host"},
    {"listen = [ \"inet6:8891@[]\" ];", 1, "only an address may be in brackets"},
    {"listen = [ \"inet6:8891@[localhost]\" ];", 1, "only an address may be in brackets"},
    {"listen = [ \"local:/0123456789012345678901234567890123456789012345678901234567890123456789"
     "01234567890123456789012345678901234567890\" ];",
     1, "at most 107 characters"},
    {"dns: { budget = \"100\"; };", 1, "dns.budget: wanted a number, this is a text in quotes"},
    {"dns: { budget = 100.5; };", 1, "this is a number with a fraction"},
    {"dns: { budget = 9; };", 1, "dns.budget: 9 is out of range (40 .. 1000)"},
    {"dns: { budget = -1; };", 1, "dns.budget: -1 is out of range"},
    {"second_opinion: { sample = 1.01; };", 1, "second_opinion.sample: is out of range (0 .. 1)"},
    {"second_opinion: { sample = -1; };", 1, "second_opinion.sample: is out of range (0 .. 1)"},
    {"second_opinion: { sample = \"1\"; };", 1,
     "second_opinion.sample: wanted a number from 0 to 1, such as 0.01, this is a text"},
    {"dns: { budget = true; };", 1, "this is true or false"},
    {"dns: { timeout = 8; };", 1,
     "dns.timeout: wanted a duration in quotes, such as \"8s\", this is a number"},
    {"dns: { timeout = \"8\"; };", 1,
     "\"8\" is not a valid duration; use a whole number directly followed by"},
    {"dns: { timeout = \"8 s\"; };", 1, "one of d, h, m, s, ms"},
    {"dns: { timeout = \"8S\"; };", 1, "\"8S\" is not a valid duration"},
    {"dns: { timeout = \"s\"; };", 1, "\"s\" is not a valid duration"},
    {"dns: { timeout = \"1.5s\"; };", 1, "\"1.5s\" is not a valid duration"},
    {"dns: { timeout = \"-8s\"; };", 1, "\"-8s\" is not a valid duration"},
    {"dns: { timeout = \"61s\"; };", 1, "dns.timeout: 61s is out of range (100ms .. 1m)"},
    {"dns: { timeout = \"106752d\"; };", 1, "\"106752d\" is too large"},
    {"dns: { timeout = \"99999999999999999999s\"; };", 1, "is too large"},
    {"max_header_bytes = \"1MB\";", 1,
     "\"1MB\" is not a valid size; use a whole number directly followed by one of GiB, MiB, KiB, "
     "B"},
    {"max_header_bytes = 65536;", 1, "wanted a size in quotes"},
    {"max_header_bytes = \"8589934592GiB\";", 1, "is too large"},
    {"max_header_bytes = \"17MiB\";", 1, "17MiB is out of range (64KiB .. 16MiB)"},
    {"socket_mode = 0660;", 1, "wanted a file mode in quotes, such as \"0660\""},
    {"socket_mode = \"0680\";", 1, "\"0680\" is not a valid file mode"},
    {"socket_mode = \"1777\";", 1, "is not a valid file mode"},
    {"socket_mode = \"60\";", 1, "is not a valid file mode"},
    {"sign: { enabled = \"yes\"; };", 1,
     "sign.enabled: wanted true or false, this is a text in quotes"},
    {"sign: { enabled = 1; };", 1, "wanted true or false, this is a number"},
    {"arc: { seal = \"a b\"; };", 1, "arc.seal: \"a b\" is not a valid domain"},
    {"arc: { trusted_sealers = [ \"a b\" ]; };", 1,
     "arc.trusted_sealers: \"a b\" is not a valid domain"},
    {"dmarc: { enforce = \"strickt\"; };", 1,
     "\"strickt\" is not one of \"observe\", \"rfc\", \"strict\"; did you mean \"strict\"?"},
    {"dmarc: { enforce = \"RFC\"; };", 1, "did you mean \"rfc\"?"},
    {"dmarc: { enforce = true; };", 1,
     "wanted one of \"observe\", \"rfc\", \"strict\", this is true or false"},
    {"dmarc: { enforce = rfc; };", 1, "syntax error at: dmarc: { enforce = rfc; };"},
    {"sign: { keys = \"keys\"; };", 1, "sign.keys: \"keys\" does not begin with \"/\""},
    {"sign: { keys = \"\"; };", 1, "sign.keys: must not be empty"},
    {"reports: { contact = \"a\\nb\"; };", 1, "reports.contact: has a control character"},
    {"authserv_id = \"a b\";", 1, "authserv_id: \"a b\" is not a valid authserv-id"},
    {"authserv_id = \"\";", 1, "is not a valid authserv-id"},
    {"trusted_networks = [ \"192.0.2.0/33\" ];", 1, "\"192.0.2.0/33\" is not a valid network"},
    {"trusted_networks = [ \"!!192.0.2.0\" ];", 1, "\"!!192.0.2.0\" is not a valid network"},
    {"trusted_networks = [ \"192.0.2.0/24\", \"!192.0.2.1\" ];\n"
     "lists = ( { id = \"l.example\"; from = [ \"192.0.2.0/30\" ]; sign = \"l.example\"; } );",
     2, "lists: 192.0.2.0 is not in trusted_networks: mail from there is checked, not signed"},
    {"trusted_networks = [ \"::1\",\n\n \"localhost\" ];", 3,
     "\"localhost\" is not a valid network"},
    {"dns: { servers = [ \"localhost\" ]; };", 1, "\"localhost\" is not a valid DNS server"},
    {"dns: { servers = [ \"192.0.2.1@\" ]; };", 1, "\"\" is not a valid port"},
    {"dns: { servers = [ \"192.0.2.1@65536\" ]; };", 1, "\"65536\" is not a valid port"},
    {"dmarc: { psd_domains = [ \"a..b\" ]; };", 1, "\"a..b\" is not a valid domain"},
    {"dmarc: { psd_domains = [ \"a b.example\" ]; };", 1, "is not a valid domain"},
    {"dmarc: { psd_domains = [ \"[192.0.2.1]\" ]; };", 1, "is not a valid domain"},
    {"dmarc: { actions = { domain = \"*\"; }; };", 1,
     "wanted a list such as ( { ... }, { ... } ), this is a section"},
    {"dmarc: { actions = ( \"*\" ); };", 1, "wanted { domain = ...; }, this is a text in quotes"},
    {"dmarc: { actions = (\n{ domain = \"*\"; } ); };", 2,
     "dmarc.actions: the key action is missing"},
    {"dmarc: { actions = ( { domain = \"*\"; polcy = \"none\"; action = \"accept\"; } ); };", 1,
     "dmarc.actions: unknown key polcy; did you mean policy?"},
    {"dmarc: { actions = ( { domain = \"**\"; action = \"accept\"; } ); };", 1,
     "domain: \"**\" is not a valid domain"},
    {"dmarc: { actions = ( { domain = \"*\"; recipient = \"a@b.example\";"
     " action = \"accept\"; } ); };",
     1, "recipient: \"a@b.example\" is not a valid domain"},
    {"dmarc: { actions = ( { domain = \"*\"; spf = \"temperror\"; action = \"accept\"; } ); };", 1,
     "\"temperror\" is not one of \"any\", \"none\", \"pass\""},
    {"dmarc: { actions = ( { domain = \"*\"; dkim = \"softfail\"; action = \"accept\"; } ); };", 1,
     "\"softfail\" is not one of"},
    {"dmarc: { trusted_forwarders = [ \"192.0.2.0/33\" ]; };", 1,
     "\"192.0.2.0/33\" is not a valid forwarder; use a network"},
    {"dmarc: { trusted_forwarders = [ \"fwd.example\",\n \"0.0.0.0/0\" ]; };", 2,
     "\"0.0.0.0/0\" matches everybody"},
    {"dmarc: { trusted_forwarders = [ \"::/0\" ]; };", 1, "\"::/0\" matches everybody"},
    {"dmarc: { trusted_forwarders = [ \"*\" ]; };", 1, "\"*\" is not a valid forwarder"},
    {"dmarc: { trusted_forwarders = [ \"192.0.2\" ]; };", 1,
     "\"192.0.2\" is not a valid forwarder"},
    {"dmarc: { trusted_forwarders = [ \"host:\" ]; };", 1, "\"host:\" is not a valid forwarder"},
    {"dmarc: { trusted_forwarders = [ \"host:192.0.2.1\" ]; };", 1, "is not a valid forwarder"},
    {"dmarc: { trusted_forwarders = \"fwd.example\"; };", 1, "wanted a list"},
    {"dmarc: { mailing_lists = [ \"<dev.lists.example>\" ]; };", 1,
     "\"<dev.lists.example>\" is not a valid domain"},
    {"dmarc: { mailing_lists = [ \"*\" ]; };", 1, "\"*\" is not a valid domain"},
    {"tls: { listen = [ \"unix:/x\" ]; };", 1, "dns.trust_anchor is not"},
    {"tls: { reports = true; };", 1, "tls.listen is not set"},
    {"tls: { report_socket = \"inet:25@127.0.0.1\"; };", 1, "not a local socket"},
    {"tls: { exceptions = ( { domain = \"a.example\"; level = \"strong\"; } ); };", 1,
     "\"strong\" is not one of default"},
    {"submission_services = [ \"*\" ];", 1, "\"*\" would match every service"},
    {"inbound_services = [ \"a*b\" ];", 1, "\"a*b\": only the end of a name can be \"*\""},
    {"lists = ( { id = \"l.example\"; sign = \"l.example\"; from = [ \"192.0.2.1\" ]; } );", 1,
     "lists: 192.0.2.1 is not in trusted_networks: mail from there is checked, not signed"},
    {"lists = ( { id = \"l.example\"; sign = \"l.example\"; from = [ \"0.0.0.0/0\" ]; } );", 1,
     "lists: 0.0.0.0 is not in trusted_networks"},
    {"lists = ( { id = \"a b\"; sign = \"l.example\"; from = [ \"::1\" ]; } );", 1,
     "id: \"a b\" is not a valid domain"},
    {"lists = ( { id = \"l.example\"; sign = \"l.example\"; from = [ \"::1\" ]; } );"
     "store: { url = \"\"; };",
     1, "lists: is set, but store.url is empty"},
    {"relays = ( { client = \"skip\"; } );", 1, "the key from is missing"},
    {"relays = ( { from = [ ]; } );", 1, "from: must not be empty"},
    {"relays = ( { from = [ \"0.0.0.0/1\" ]; } );", 1, "0.0.0.0/1 matches everybody"},
    {"relays = ( { from = [ \"192.0.2.1\" ]; client = \"connected\"; } );", 1,
     "\"connected\" is not one of \"received\", \"skip\""},
    {"relays = ( { from = [ \"192.0.2.1\" ]; results_of = \"a b\"; } );", 1,
     "\"a b\" is not a valid authserv-id"},
    {"relays = ( { from = [ \"192.0.2.1\" ]; client = \"skip\"; results_of = \"a\"; } );", 1,
     "results_of has no use with client = \"skip\""},
    {"sign: { logins = ( { login = \"\"; domains = [ \"a.example\" ]; } ); };", 1,
     "login: must not be empty"},
    {"dmarc: { reject_text = \"%{author}\"; };", 1, "only %{domain} and %{client} can follow"},
    {"dmarc: { reject_text = \"nö\"; };", 1, "only printable ASCII can be sent in a reply"},
    {"sign: { logins = ( { login = \"al*\"; domains = [ \"*\" ]; } ); };", 1,
     "\"al*\" is not a valid login; use alice, *@example.com or *"},
    {"sign: { sender = \"any\"; logins = ( { login = \"a\"; domains = [ \"*\" ]; } ); };", 1,
     "sign.sender: is \"any\", but sign.logins"},
    {"sign: { logins = ( { login = \"a\"; domains = [ ]; } ); };", 1, "domains: must not be empty"},
    {"sign: { oversign = [ \"a b\" ]; };", 1, "\"a b\" is not a valid header field name"},
    {"sign: { expire = \"1500ms\"; };", 1, "sign.expire: must be whole seconds"},
    {"store: { keep = \"50h\"; };", 1, "store.keep: must be whole days"},
    {"store: { shared = \"host=x password=y\"; };", 1,
     "store.shared: not a valid shared store; use postgresql://USER@HOST/DATABASE"},
    {"store: { url = \"\"; shared = \"postgresql://h/d\"; };", 1,
     "store.shared: is set, but store.url is empty: what is shipped is counted there"},
    {"store: { keys = true; };", 1,
     "store.keys: is set, but store.shared is not: the keys are kept there"},
    {"sign: { logins = ( { login = \"a\"; domains = [ \"*a\" ]; } ); };", 1,
     "\"*a\" is not a valid domain"},
    {"sign: { headers = [ \"to\" ]; };", 1, "sign.headers: \"from\" must be among them"},
    {"store: { url = \"postgresql:x\"; };", 1,
     "\"postgresql:x\" is not a valid store; use sqlite:/path"},
    {"store: { url = \"sqlite:x\"; };", 1, "begins with \"/\""},
    {"reports: { from = \"x\"; org = \"o\"; };", 1, "\"x\" is not a valid e-mail address"},
    {"reports: { send = true; };", 1, "reports.send: is true, but reports.org is not set"},
    {"store: { url = \"\"; }; reports: { org = \"o\"; from = \"a@b.example\"; send = true; };", 1,
     "reports.send: is true, but store.url is empty"},
    {"reports: { start = \"15h\"; spread = \"9h\"; };", 1,
     "reports.spread: ends later than 23 hours after midnight"},
    {"reports: { via = \"127.0.0.1:25\"; };", 1, "is not a valid mail server"},
    {"reports: { via = \"smtp://\"; };", 1, "is not a valid mail server"},
    {"reports: { via = \"smtp://a/b\"; };", 1, "is not a valid mail server"},
    {"reports: { via = \"smtp://user@a\"; };", 1, "is not a valid mail server"},
    {"dns: { servers = [ \"fe80::1%\" ]; };", 1, "\"fe80::1%\" is not a valid DNS server"},
    {"dns: { servers = [ \"192.0.2.1%eth0\" ]; };", 1, "is not a valid DNS server"},
    {"reports: { quiet = [ \"x\" ]; };", 1, "is not a valid e-mail address"},
    {"page: { mail = [ \"a@b.example\" ]; };", 1, "page.mail: is set, but reports.from is not"},
    {"audit: { mail = [ \"a@b.example\" ]; };", 1, "audit.mail: is set, but reports.from is not"},
    {"page: { mail = [ \"b\" ]; };", 1, "page.mail: "},
    {"reports: { org = \"o\"; };", 1, "reports.org: is set, but reports.from is not"},
    {"reports: {\n from = \"a@b.example\"; };", 2, "reports.from: is set, but reports.org is not"},
    {"drain = \"1s\";\ndrain = \"2s\";", 2, "duplicate setting name at: drain = \"2s\";"},
    /* the grammar, and what the scan in front of it finds */
    {"dns: { budget = 4294967396; };", 1, "4294967396 is too large for a number"},
    {"dns: { budget = 2147483648; };", 1, "2147483648 is too large for a number"},
    {"dns: { budget = -2147483649; };", 1, "-2147483649 is too large for a number"},
    {"dns: { budget = 0x100000064; };", 1, "0x100000064 is too large for a number"},
    {"dns: {\n budget = 18446744073709551716L; };", 2, "is too large for a number"},
    {"dns: { budget = 4294967396L; };", 1, "4294967396 is out of range (40 .. 1000)"},
    {"drain = \"1s", 1, "this text has no end"},
    {"\n/* drain", 2, "this comment has no end"},
    {"dns: {\n budget = 100;\n", 3, "a bracket that was opened is not closed"},
    {"x = ((((((((((((((((((1))))))))))))))))));", 1, "brackets are nested too deeply"},
    {"@include \"x.conf\"", 1, "@include is not possible here"},
    {"log: {\n  @include \"/tmp\"\n};", 2, "@include is not possible here"},
    {"a = 1; @include \"x.conf\"", 1, "syntax error"},
    {"= 5;", 1, "syntax error at: = 5;"},
};

static void test_mistakes(void)
{
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct conf_errors errors;
		struct conf *conf = conf_parse("the name", bad[i].text, &errors);

		ok(conf == NULL && errors.count > 0, "is refused: %.60s", bad[i].error);
		if (errors.count > 0) {
			ok(strstr(errors.items[0].text, bad[i].error) != NULL, "the reason");
			if (strstr(errors.items[0].text, bad[i].error) == NULL)
				tap_note("have: %s", errors.items[0].text);
			is_int(errors.items[0].line, bad[i].line, "the line");
			is_text(errors.items[0].file, "the name", "the file");
		}
		is_int(errors.count, 1, "and nothing else");
		conf_free(conf);
		conf_errors_free(&errors);
	}
}

/* To the parser the letter behind the number begins the next key. */
static void test_two_passes(void)
{
	struct conf_errors errors;

	conf_free(conf_parse("x", "dns: { budget = 100 };\nx = 99999999999y = 1;", &errors));
	is_int(errors.count, 3, "the number and two keys");
	if (errors.count > 0)
		ok(strstr(errors.items[0].text, "99999999999 is too large for a number") != NULL,
		   "the number first");
	conf_errors_free(&errors);
}

static void test_all_at_once(void)
{
	static const char *const wanted[] = {"1: drain: wanted a duration",
					     "2: unknown key nonsense",
					     "3: dns.budget: 5 is out of range",
					     "4: 4294967296 is too large",
					     "4: unknown key dns.bar",
					     "6: sign.headers: \"from\" must",
					     "7: unknown key last"};
	struct conf_errors errors;
	char text[200];

	conf_free(conf_parse(
	    "x",
	    "drain = 3;\nnonsense = 1;\ndns: { budget = 5;\n"
	    "cache_entries = 4294967296; bar = 1; };\nsign: { \n headers = [ \"to\" ]; };\n"
	    "last = 1;",
	    &errors));
	is_int(errors.count, 7, "seven mistakes, seven errors");
	for (unsigned i = 0; i < errors.count && i < 7; i++) {
		snprintf(text, sizeof text, "%u: %s", errors.items[i].line, errors.items[i].text);
		ok(strncmp(text, wanted[i], strlen(wanted[i])) == 0, "%s", wanted[i]);
	}
	conf_errors_free(&errors);
}

static void test_limits(void)
{
	struct conf_errors errors;
	struct buf text;

	buf_init(&text, NULL, 0);
	for (int i = 0; i < 500; i++)
		buf_printf(&text, "a%d = 1;\n", i);
	conf_free(conf_parse("x", buf_text(&text), &errors));
	is_int(errors.count, 201, "not more errors than anybody reads");
	ok(strstr(errors.items[200].text, "too many errors") != NULL, "and that is said");
	conf_errors_free(&errors);
	for (int i = 500; i < 1001; i++)
		buf_printf(&text, "a%d = 1;\n", i);
	conf_free(conf_parse("x", buf_text(&text), &errors));
	is_int(errors.count, 1, "a section of very many keys is not looked at");
	is_text(errors.items[0].text, "more than 1000 keys in one section", "the reason");
	is_int(errors.items[0].line, 1001, "its line");
	conf_errors_free(&errors);
	for (int i = 0; i < 100000; i++)
		buf_string(&text, "# a comment\n");
	conf_free(conf_parse("x", buf_text(&text), &errors));
	is_int(errors.count > 0, 1, "a text of more than 1 MiB is refused");
	conf_errors_free(&errors);
	buf_free(&text);
}

/* ---- files ---- */

static const char *directory;
static char path[100];

static void put_file(const char *name, const char *text)
{
	char full[128];
	FILE *f;

	snprintf(full, sizeof full, "%s/%s", directory, name);
	f = fopen(full, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static void make_directory(const char *name)
{
	char full[128];

	snprintf(full, sizeof full, "%s/%s", directory, name);
	if (mkdir(full, 0700) < 0)
		abort();
}

/* "file:line: text" of error I, the directory left out. */
static const char *error_text(const struct conf_errors *errors, unsigned i)
{
	size_t length = strlen(directory);
	const char *file;

	if (i >= errors->count)
		return "(no such error)";
	file = errors->items[i].file;
	if (strncmp(file, directory, length) == 0 && file[length] == '/')
		file += length + 1;
	return arena_printf(errors->arena, "%s:%u: %s", file, errors->items[i].line,
			    errors->items[i].text);
}

static bool came_from(const struct conf *conf, const char *option, const char *name, unsigned at)
{
	const char *file = "";
	unsigned line = 0;
	size_t n = strlen(directory) + 1;

	return conf_origin(conf, (unsigned)conf_option_find(span_of(option)), &file, &line) &&
	       strlen(file) > n && strcmp(file + n, name) == 0 && line == at;
}

typedef struct conf *loader(const char *path, struct conf_errors *errors);

static void test_directory(loader *load)
{
	struct conf_errors errors;
	struct conf *conf;

	put_file("main.conf", "drain = \"1s\";\ndns: {\n budget = 111;\n timeout = \"1s\";\n};\n"
			      "listen = [ \"local:/a\", \"local:/b\" ];\n");
	put_file("conf.d/10-a.conf", "dns: { budget = 112; };");
	put_file("conf.d/9-b.conf", "\ndns: { budget = 113; };\nlisten = [ \"local:/c\" ];");
	put_file("conf.d/README", "this is not a file of settings");
	put_file("conf.d/.hidden.conf", "neither is this");
	conf = load(path, &errors);
	if (!ok(conf != NULL, "a file with conf.d beside it"))
		tap_note("%s", error_text(&errors, 0));
	else {
		is_int(conf->dns.budget, 113, "the last in the order of names counts");
		is_int(conf->dns.timeout, CLOCK_SECOND,
		       "keys of one section come from several files");
		is_int(conf->listen.count, 1, "a later list replaces an earlier one");
		is_int(conf->drain, CLOCK_SECOND, "what nobody replaced stays");
		ok(came_from(conf, "dns.budget", "conf.d/9-b.conf", 2), "the origin is known");
		ok(came_from(conf, "dns.timeout", "main.conf", 4), "of each key");
		ok(!came_from(conf, "sign.keys", "main.conf", 0), "a default has none");
	}
	conf_free(conf);
	conf_errors_free(&errors);

	put_file("conf.d/10-a.conf", "\nnonsense = 1;");
	put_file("conf.d/9-b.conf", "syntax");
	put_file("main.conf", "\n\nxyzzy = 1;");
	conf = load(path, &errors);
	ok(conf == NULL, "mistakes in three files");
	is_int(errors.count, 3, "are all told");
	is_text(error_text(&errors, 0), "main.conf:3: unknown key xyzzy",
		"in the order of reading");
	is_text(error_text(&errors, 1), "conf.d/10-a.conf:2: unknown key nonsense", "the second");
	is_text(error_text(&errors, 2), "conf.d/9-b.conf:1: syntax error at: syntax", "the third");
	conf_errors_free(&errors);
	put_file("conf.d/10-a.conf", "");
	put_file("conf.d/9-b.conf", "");
}

static void test_include(loader *load)
{
	struct conf_errors errors;
	struct conf *conf;

	put_file("main.conf", "# first\n  @include \"inc/a.conf\" drain = \"2s\";\nspf: {\n"
			      "@include \"inc/empty.conf\"\nengine = \"both\"; };\n");
	put_file("inc/a.conf", "log: {\n@include \"b.conf\"\n};");
	put_file("inc/b.conf", "level = \"debug\";");
	put_file("inc/empty.conf", "");
	conf = load(path, &errors);
	if (!ok(conf != NULL, "files that include files"))
		tap_note("%s", error_text(&errors, 0));
	else {
		is_int(conf->log.level, CONF_LOG_DEBUG, "two deep, from the includer's directory");
		is_int(conf->drain, 2 * CLOCK_SECOND, "what follows on the line");
		ok(came_from(conf, "log.level", "inc/b.conf", 1), "the place in the included file");
		ok(came_from(conf, "drain", "main.conf", 2), "the place behind it");
		ok(came_from(conf, "spf.engine", "main.conf", 5), "and further on");
	}
	conf_free(conf);
	conf_errors_free(&errors);

	put_file("main.conf", "drain = \"1s\";\n@include \"/tmp\"\nnonsense = 1;");
	conf = load(path, &errors);
	ok(conf == NULL, "a directory is included");
	is_text(error_text(&errors, 0), "main.conf:2: @include: /tmp is a directory", "the reason");
	is_text(error_text(&errors, 1), "main.conf:3: unknown key nonsense",
		"reading goes on behind it");
	conf_errors_free(&errors);

	put_file("main.conf", "@include \"main.conf\"\n");
	conf = load(path, &errors);
	ok(conf == NULL, "a file includes itself");
	is_text(error_text(&errors, 0), "main.conf:1: more than 10 files include each other",
		"the reason");
	conf_errors_free(&errors);

	put_file("main.conf", "@include \"inc/many.conf\"\n");
	put_file("inc/many.conf",
		 "@include \"ten.conf\"\n@include \"ten.conf\"\n@include \"ten.conf\"\n"
		 "@include \"ten.conf\"\n@include \"ten.conf\"\n@include \"ten.conf\"\n"
		 "@include \"ten.conf\"\n@include \"ten.conf\"\n@include \"ten.conf\"\n"
		 "@include \"ten.conf\"\n");
	put_file("inc/ten.conf",
		 "@include \"empty.conf\"\n@include \"empty.conf\"\n@include \"empty.conf\"\n"
		 "@include \"empty.conf\"\n@include \"empty.conf\"\n@include \"empty.conf\"\n"
		 "@include \"empty.conf\"\n@include \"empty.conf\"\n@include \"empty.conf\"\n"
		 "@include \"empty.conf\"\n");
	conf = load(path, &errors);
	ok(conf == NULL &&
	       strstr(error_text(&errors, 0), "more than 100 files are included") != NULL,
	   "very many includes");
	conf_errors_free(&errors);

	put_file("main.conf", "\n@include \"inc/none.conf\"\n@include inc\n");
	put_file("inc/c.conf", "drain = \"1s\";\ndrain = 4294967296;\n");
	conf = load(path, &errors);
	ok(conf == NULL, "an included file is missing");
	ok(strstr(error_text(&errors, 0), "none.conf cannot be opened: No such file") != NULL,
	   "the reason");
	is_text(error_text(&errors, 1), "main.conf:3: @include wants the name of a file in quotes",
		"a name without quotes");
	conf_errors_free(&errors);

	put_file("main.conf", "@include \"inc/c.conf\"\n");
	conf = load(path, &errors);
	ok(conf == NULL, "mistakes in an included file");
	is_text(error_text(&errors, 0), "inc/c.conf:2: 4294967296 is too large for a number",
		"a number");
	is_text(error_text(&errors, 1),
		"inc/c.conf:2: duplicate setting name at: drain = 4294967296;", "a duplicate");
	conf_errors_free(&errors);
}

static void test_absent(loader *load)
{
	struct conf_errors errors;

	ok(load("/nonexistent/x.conf", &errors) == NULL, "a file that is not there");
	is_text(error_text(&errors, 0),
		"/nonexistent/x.conf:0: cannot be opened: No such file or directory", "the reason");
	conf_errors_free(&errors);
	ok(load(directory, &errors) == NULL, "a directory as the file");
	ok(strstr(error_text(&errors, 0), ": is a directory") != NULL, "the reason");
	conf_errors_free(&errors);
	ok(load("/dev/zero", &errors) == NULL, "a file without end");
	ok(strstr(error_text(&errors, 0), "is larger than 1 MiB") != NULL, "the reason");
	conf_errors_free(&errors);
}

/* ---- text and back ---- */

static void round_trip(const struct conf *conf, enum conf_write_style style, const char *name)
{
	struct conf_errors errors;
	struct arena *arena = arena_new(0);
	struct buf text, again;
	struct conf *back;

	buf_init(&text, arena, 0);
	buf_init(&again, arena, 0);
	conf_write(conf, style, &text);
	back = conf_parse(name, buf_text(&text), &errors);
	if (!ok(back != NULL, "%s: is read back", name))
		tap_note("%s", error_text(&errors, 0));
	for (unsigned i = 0; back != NULL && i < conf_option_count(); i++) {
		struct conf_option_info info;

		conf_option_info(i, arena, &info);
		is_text(conf_value(back, i, arena), conf_value(conf, i, arena), "%s: %s", name,
			info.name);
	}
	if (back != NULL) {
		conf_write(back, style, &again);
		if (style != CONF_WRITE_SHOW)
			is_text(buf_text(&again), buf_text(&text), "%s: is written the same", name);
	}
	conf_free(back);
	conf_errors_free(&errors);
	arena_free(arena);
}

static const char everything[] =
    "listen = ( \"inet:8891@127.0.0.1\", { socket = \"local:/a/b\"; role = \"inbound\"; } ); "
    "socket_mode = \"0666\";\n"
    "submission_services = [ \"IN*\" ]; inbound_services = [ \"OUT\" ];\n"
    "relays = ( { from = [ \"192.0.2.53\" ]; client = \"skip\"; },\n"
    "{ from = [ \"2001:db8::/32\" ]; results_of = \"gw.example.com\"; } );\n"
    "lists = ( { id = \"lists.example\"; from = [ \"192.0.2.7\" ]; sign = \"example.com\"; "
    "seal = true; } );\n"
    "authserv_id = \"mx.example.com\"; trusted_networks = [ \"192.0.2.0/24\", \"2001:db8::/48\" "
    "];\n"
    "trust_everybody = true; max_header_bytes = \"100KiB\"; max_header_fields = 500; "
    "max_recipients = 200; max_memory = \"9MiB\"; drain = \"1500ms\";\n"
    "dns: { servers = [ \"192.0.2.53\", \"2001:db8::53@5353\" ]; timeout = \"250ms\"; budget = "
    "41;\n"
    "  cache_entries = 2000; resolv_conf = \"/r\"; trust_anchor = \"/root \\\"key\\\"\"; caps = "
    "\"off\"; };\n"
    "milter: { engine = \"libmilter\"; };\n"
    "spf: { engine = \"libspf2\"; reject = \"nomail\"; helo_reject = \"no-dmarc\"; };\n"
    "dkim: { engine = \"both\"; max_signatures = 3; min_rsa_bits = 2048; "
    "accept_partial_body = true;\n"
    "  accept_testing_keys = false; accept_added_fields = true; };\n"
    "arc: { trusted_sealers = [ \"s.example\" ]; seal = \"a.example\"; }; "
    "bimi: { max_per_hour = 7; max_per_domain = 8; max_per_host = 9; mode = \"report\"; roots = "
    "\"/x\"; logs = \"/l\"; selectors = ( { domains = [ "
    "\"*.s.example\" ]; "
    "selector = \"winter\"; } ); require = \"record\"; indicator = "
    "true;\n"
    "allow = [ \"a.example\" ]; deny = [ \"b.example\" ]; };\n"
    "dmarc: { enforce = \"observe\"; quarantine = \"hold\"; temperror = \"accept\"; discovery = "
    "\"psl\";"
    "  psl_file = \"/psl.dat\"; psd_domains = [ \"a.example\", \"b.example\" ]; reject_text = "
    "\"x\"; reject_bad_from = "
    "false;\n"
    "  trusted_forwarders = [ \"192.0.2.0/24\", \"host:*.f.example\" ]; mailing_lists = [ "
    "\"l.example\" ];\n"
    "  actions = ( { domain = \"*.a.example\"; recipient = \"c.example\"; policy = \"none\"; "
    "action = \"reject\"; },\n"
    "    { domain = \"*\"; action = \"published\"; } ); };\n"
    "sign: { enabled = false; keys = \"/k\"; readable_keys = true; subdomains = false; "
    "canonicalization = "
    "\"simple/relaxed\";\n"
    "  oversign = [ \"from\" ]; expire = \"14d\"; cfbl_address = \"c@example.com\"; also = "
    "\"also.example\"; fallback = "
    "\"fall.example\";\n"
    "  headers = [ \"from\", \"x-a-rather-long-field-name-1\", \"x-a-rather-long-field-name-2\",\n"
    "    \"x-a-rather-long-field-name-3\", \"x-a-rather-long-field-name-4\" ];\n"
    "  logins = ( { login = \"a\\\\b\"; domains = [ \"*.c.example\", \"*\" ]; } );\n"
    "  aliases = ( { domain = \"a.example\"; aliases = [ \"*.b.example\" ]; } );"
    " sender = \"envelope\"; mta_checks_sender = true; unclean_bodies = true;"
    " on_failure = \"accept\"; max_rate = 7; };\n"
    "store: { url = \"sqlite:/x.db\"; durability = \"power\"; wait = \"0s\"; on_failure = "
    "\"tempfail\"; keep = \"3d\"; max_size = \"65MiB\"; max_rows = 200;"
    " shared = \"postgresql://x/\"; keys = true; ship_every = \"1s\"; grace = \"1h\"; lease = "
    "\"1m\"; };\n"
    "messages: { keep = \"1d\"; max_rows = 5000; max_size = \"2MiB\"; };\n"
    "reports: { org = \"Example \xc3\x96rg\"; from = \"a@b.example\"; send = true;"
    " via = \"smtps://mail.example\"; tls = \"verified\"; tls_ca = \"/ca\"; user = \"u\";"
    " password_file = \"/pw\"; timeout = \"1m\"; envelope = \"null\"; bcc = [ \"c@d.example\" ]; "
    "suppress_lists = [ \"l.example\" ]; start = \"2h\"; spread = \"1h\"; max_per_day "
    "= 1;"
    " max_per_destination = 1; max_size = \"1MiB\"; max_addresses = 2; suppress = \"2h\"; format = "
    "\"rfc7489\";"
    " domains = \"passed\"; quiet = [ \"d@b.example\" ]; contact = "
    "\"https://b.example/\"; };\n"
    "failures: { send = true; redact = false; body = \"1KiB\"; max_per_hour = 1; max_per_day = 2;"
    " max_per_domain = 3; };\n"
    "second_opinion: { sample = 0.25; keep = \"/cases\"; };\n"
    "tls: { listen = [ \"unix:/x/tls.sock\" ]; dane = \"dane\"; ca_file = \"/ca\"; own_policies = "
    "\"/p\";"
    " reports = true; report_socket = \"unix:/x/r.sock\"; report_log = \"/var/log/mail.log\";"
    " exceptions = ( { domain = \"*.b.example\"; level = \"may\"; } ); };\n"
    "audit: { addresses = [ \"192.0.2.25\" ]; helo = \"a.example\"; block_lists = [ \"b.example\" "
    "];"
    " key_days = 1; budget = 100; timeout = \"1s\"; state = \"/a\"; mail = [ \"b@c.example\" ]; "
    "silence = ( { rule = \"a.b\"; "
    "domain = "
    "\"b.example\";"
    " reason = \"c\"; until = \"2027-01-31\"; } ); };\n"
    "inbox: { addresses = [ \"a@example.com\" ]; own_hosts = [ \"192.0.2.25\" ]; "
    "reporters = [ \"a.example\" ]; deliver = false; "
    "max_spool = \"1MiB\"; max_files "
    "= 10; max_message = \"64KiB\"; keep = \"30d\"; keep_personal = \"7d\"; hash_addresses = "
    "false; imap = \"imaps://a\"; imap_user = \"u\"; imap_password_file = \"/pw\"; imap_ca = "
    "\"/ca\"; imap_folder = \"F\"; imap_done = \"\"; imap_authserv_id = \"a\"; post_listen = [ "
    "\"127.0.0.1:1\" ]; };\n"
    "log: { target = \"stderr\"; format = \"json\"; level = \"error\"; recipients = true; };\n"
    "control: { socket = \"/run/c.sock\"; group = \"adm\"; };\n"
    "http: { listen = [ \"127.0.0.1:9817\", \"[::1]:0\" ]; };\n"
    "page: { listen = [ \"unix:/run/page.sock\" ]; group = \"www-data\"; mail = [ \"b@c.example\" "
    "]; mail_every = \"day\"; };\n";

/* The sample with its settings no longer commented out. */
static void test_sample(void)
{
	struct arena *arena = arena_new(0);
	struct conf *defaults = conf_default(), *conf;
	struct conf_errors errors;
	struct buf sample, live;
	struct span rest, line;
	bool more = true;

	buf_init(&sample, arena, 0);
	buf_init(&live, arena, 0);
	conf_write(defaults, CONF_WRITE_SAMPLE, &sample);
	rest = buf_view(&sample);
	while (span_split(&rest, &more, '\n', &line)) {
		struct span text = span_trim(line);

		if (span_len(text) > 1 && text.p[0] == '#' &&
		    (text.p[1] != ' ' || (span_len(text) > 3 && text.p[2] == ' ')))
			text.p++;
		buf_span(&live, text);
		buf_char(&live, '\n');
		if (span_len(line) > 100)
			ok(false, "a line of the sample is longer than 100: %.20s", line.p);
	}
	conf = conf_parse("sample", buf_text(&live), &errors);
	if (!ok(conf != NULL, "the sample's settings are right"))
		tap_note("%s", error_text(&errors, 0));
	for (unsigned i = 0; conf != NULL && i < conf_option_count(); i++) {
		const char *file;
		unsigned at;

		if (!conf_origin(conf, i, &file, &at) || conf_changed(conf, i))
			ok(false, "option %u of the sample is missing or not its default", i);
	}
	conf_free(conf);
	conf_free(defaults);
	conf_errors_free(&errors);
	arena_free(arena);
}

static void test_round_trips(void)
{
	struct conf_errors errors;
	struct conf *conf = conf_default();

	round_trip(conf, CONF_WRITE_VALUES, "defaults");
	round_trip(conf, CONF_WRITE_SAMPLE, "sample");
	round_trip(conf, CONF_WRITE_CHANGED, "changes of the defaults");
	conf_free(conf);
	conf = conf_parse("x", everything, &errors);
	if (ok(conf != NULL, "a file with everything changed")) {
		for (unsigned i = 0; i < conf_option_count(); i++)
			ok(conf_changed(conf, i), "option %u is changed", i);
		round_trip(conf, CONF_WRITE_VALUES, "everything");
		round_trip(conf, CONF_WRITE_SHOW, "everything, with comments");
		round_trip(conf, CONF_WRITE_CHANGED, "all changes");
	} else {
		tap_note("%s", error_text(&errors, 0));
	}
	conf_free(conf);
	conf_errors_free(&errors);
}

/* The line of EVERYTHING in which TEXT is. */
static unsigned line_of(const char *text)
{
	const char *at = strstr(everything, text);
	unsigned line = 1;

	for (const char *p = everything; at != NULL && p < at; p++)
		line += *p == '\n';
	return line;
}

static void test_guard(void)
{
	struct conf_errors errors;
	struct conf *conf;

	put_file("main.conf", everything);
	conf = conf_load_guarded(path, &errors);
	ok(conf != NULL, "settings come out of the child");
	if (conf != NULL) {
		round_trip(conf, CONF_WRITE_VALUES, "guarded");
		ok(came_from(conf, "log.level", "main.conf", line_of("log: {")),
		   "their origins too");
	}
	conf_free(conf);
	conf_errors_free(&errors);
	signal(SIGCHLD, SIG_IGN);
	conf = conf_load_guarded(path, &errors);
	ok(conf != NULL, "also when children are reaped by the system");
	signal(SIGCHLD, SIG_DFL);
	conf_free(conf);
	conf_errors_free(&errors);
	is_int(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
}

/* ---- the table ---- */

static void test_table(void)
{
	struct arena *arena = arena_new(0);
	struct conf_option_info info;

	for (unsigned i = 0; i < conf_option_count(); i++) {
		conf_option_info(i, arena, &info);
		ok(info.doc != NULL && strlen(info.doc) > 20 &&
		       info.doc[strlen(info.doc) - 1] == '.',
		   "%s has documentation", info.name);
		is_int(conf_option_find(span_of(info.name)), i, "%s is found", info.name);
	}
	conf_option_info((unsigned)conf_option_find(span_of("dns.timeout")), arena, &info);
	is_text(info.type, "duration", "a type");
	is_text(info.range, "100ms .. 1m", "a range");
	is_text(info.def, "\"8s\"", "a default");
	is_text(conf_option_nearest(span_of("dns.timeuot")), "dns.timeout", "the nearest name");
	is_text(conf_option_nearest(span_of("sgin")), "sign", "a section");
	is_text(conf_option_nearest(span_of("spf.oversign")), "sign.oversign", "a wrong section");
	is_text(conf_option_nearest(span_of("frobnicate")), NULL, "nothing near");
	arena_free(arena);
}

int main(void)
{
	test_values();
	test_fields();
	test_defaults();
	test_mistakes();
	test_two_passes();
	test_all_at_once();
	test_limits();
	test_round_trips();
	test_sample();
	test_table();
	directory = tap_directory();
	make_directory("conf.d");
	make_directory("inc");
	snprintf(path, sizeof path, "%s/main.conf", directory);
	test_directory(conf_load);
	test_directory(conf_load_guarded);
	test_include(conf_load);
	test_include(conf_load_guarded);
	test_absent(conf_load);
	test_absent(conf_load_guarded);
	test_guard();
	return tap_done();
}
