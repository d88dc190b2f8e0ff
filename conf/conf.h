/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The settings: read from countersign.conf (libconfig's grammar), checked against one table, held
 * as plain values. This room knows no other but lib: programs turn settings into policy objects.
 *
 * Each option is declared once, in conf/options.c: name, type, field, range, default, unit, doc.
 * The table drives reading, `countersign config check|show|defaults|explain`, the sample file and
 * the manual.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/ip.h"
#include "lib/span.h"
#include "lib/why.h"

struct conf_strings {
	const char *const *items;
	unsigned count;
};

struct conf_networks {
	const struct ip_network *items;
	unsigned count;
};

enum conf_enforce { CONF_ENFORCE_OBSERVE, CONF_ENFORCE_RFC, CONF_ENFORCE_STRICT };
enum conf_quarantine { CONF_QUARANTINE_HEADER, CONF_QUARANTINE_HOLD };
enum conf_durability { CONF_DURABILITY_PROCESS, CONF_DURABILITY_POWER };
enum conf_failure { CONF_FAILURE_TEMPFAIL, CONF_FAILURE_ACCEPT };
enum conf_discovery { CONF_DISCOVERY_TREEWALK, CONF_DISCOVERY_PSL };
enum conf_bimi { CONF_BIMI_OFF, CONF_BIMI_REPORT, CONF_BIMI_ON };
enum conf_bimi_require { CONF_BIMI_CERTIFICATE, CONF_BIMI_RECORD };
enum conf_engine { CONF_ENGINE_NATIVE, CONF_ENGINE_LIBSPF2, CONF_ENGINE_BOTH };
enum conf_dkim_engine { CONF_DKIM_NATIVE, CONF_DKIM_OPENDKIM, CONF_DKIM_BOTH };
enum conf_format { CONF_FORMAT_RFC9990, CONF_FORMAT_RFC7489 };
enum conf_worth { CONF_WORTH_ALL, CONF_WORTH_ACCEPTED, CONF_WORTH_PASSED };
enum conf_tls { CONF_TLS_OFFERED, CONF_TLS_REQUIRED, CONF_TLS_VERIFIED };
enum conf_caps { CONF_CAPS_AUTO, CONF_CAPS_ON, CONF_CAPS_OFF };
enum conf_milter_engine { CONF_MILTER_NATIVE, CONF_MILTER_LIBMILTER };
enum conf_every { CONF_EVERY_DAY, CONF_EVERY_WEEK };
enum conf_envelope { CONF_ENVELOPE_NULL, CONF_ENVELOPE_VERP };
enum conf_log_target { CONF_LOG_AUTO, CONF_LOG_SYSLOG, CONF_LOG_STDERR };
enum conf_log_format { CONF_LOG_TEXT, CONF_LOG_JSON };
enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARNING, CONF_LOG_INFO, CONF_LOG_DEBUG };
enum conf_canon {
	CONF_CANON_SIMPLE_SIMPLE,
	CONF_CANON_SIMPLE_RELAXED,
	CONF_CANON_RELAXED_SIMPLE,
	CONF_CANON_RELAXED_RELAXED
};
enum conf_action {
	CONF_ACTION_PUBLISHED,
	CONF_ACTION_ACCEPT,
	CONF_ACTION_QUARANTINE,
	CONF_ACTION_REJECT
};
enum conf_policy {
	CONF_POLICY_ANY = -1,
	CONF_POLICY_NONE,
	CONF_POLICY_QUARANTINE,
	CONF_POLICY_REJECT,
	CONF_POLICY_ABSENT
};
enum conf_spf_reject { CONF_SPF_NEVER, CONF_SPF_NOMAIL, CONF_SPF_NO_DMARC };
enum conf_result {
	CONF_RESULT_ANY = -1,
	CONF_RESULT_NONE,
	CONF_RESULT_PASS,
	CONF_RESULT_FAIL,
	CONF_RESULT_SOFTFAIL,
	CONF_RESULT_NEUTRAL,
	CONF_RESULT_PERMERROR
};

enum conf_aligned { CONF_ALIGNED_ANY, CONF_ALIGNED_NONE, CONF_ALIGNED_SPF };

/* One line of dmarc.actions: { domain = "example.com"; policy = "reject"; action = "accept"; } */
struct conf_dmarc_action {
	const char *domain;    /* of the author */
	const char *recipient; /* domain of all recipients; "*": any */
	enum conf_policy policy;
	enum conf_result spf;
	enum conf_result dkim; /* any, none, pass or fail */
	enum conf_aligned aligned;
	enum conf_action action;
};

/* One line of sign.logins: { login = "alice"; domains = [ "example.com" ]; } */
struct conf_login {
	const char *login;           /* or "*", "*@example.com" */
	struct conf_strings domains; /* patterns, and "$login": the login's own domain */
};
#define CONF_LOGIN_DOMAIN "$login"

/* One line of sign.aliases: { domain = "example.com"; aliases = [ "example.org" ]; } */
struct conf_alias {
	const char *domain;
	struct conf_strings aliases;
};

/* One line of bimi.selectors */
struct conf_bimi_selector {
	struct conf_strings domains;
	const char *selector;
};

/* What mail through a listen address is. */
enum conf_role { CONF_ROLE_AUTO, CONF_ROLE_SUBMISSION, CONF_ROLE_INBOUND };

enum conf_sender { CONF_SENDER_LOGIN, CONF_SENDER_ENVELOPE, CONF_SENDER_ANY };
enum conf_client { CONF_CLIENT_RECEIVED, CONF_CLIENT_SKIP };

/* One line of relays: { from = [ "192.0.2.53" ]; client = "received"; results_of = "gw.example"; }
 */
struct conf_relay {
	struct conf_networks from;
	enum conf_client client;
	const char *results_of; /* "": none */
};

/* One line of lists: { id = "lists.example.org"; from = [ "127.0.0.1" ]; sign = "example.org"; } */
struct conf_list {
	const char *id; /* a domain */
	struct conf_networks from;
	const char *sign; /* a domain */
	bool seal;
};

enum conf_dane { CONF_DANE_ONLY, CONF_DANE_FALLBACK };

/* One line of tls.exceptions. */
struct conf_tls_exception {
	const char *domain; /* a pattern */
	const char *level;  /* of Postfix, or "default" */
};

/* One line of audit.silence. */
struct conf_silence {
	const char *rule;   /* "spf.void" */
	const char *domain; /* a pattern; "*": any */
	const char *reason;
	const char *until; /* the last day, 2027-01-31 */
};

enum { CONF_SHARE_ALL = 1000000 /* a share is kept in millionths */ };

/* Durations are nanoseconds, sizes bytes. Everything lives in the conf's own arena. */
struct conf {
	struct conf_strings listen;         /* "local:/path", "unix:/path", "inet:8891@127.0.0.1" */
	const enum conf_role *listen_roles; /* of each */
	const char *authserv_id;            /* "auto": the MTA's own name */
	struct conf_networks trusted_networks;
	struct conf_strings submission_services, inbound_services; /* names, or "MSP*" */
	const struct conf_relay *relays;
	unsigned relay_count;
	const struct conf_list *lists;
	unsigned list_count;
	bool trust_everybody;      /* whether one of them may be as large as the Internet */
	int64_t socket_mode;       /* of local sockets: 0660 */
	int64_t max_header_bytes;  /* of one message's header, all fields together */
	int64_t max_header_fields; /* of one message */
	int64_t max_recipients;    /* of one message */
	int64_t max_memory;        /* bytes, of all messages of a worker together */
	int64_t drain;             /* how long a stop waits for messages under way */

	struct {
		enum conf_milter_engine engine;
	} milter;

	struct {
		struct conf_strings servers;
		const char *resolv_conf;
		int64_t timeout; /* a message's deadline */
		int64_t budget;  /* lookups for one message */
		int64_t cache_entries;
		const char *trust_anchor; /* "" : no DNSSEC validation */
		enum conf_caps caps;
	} dns;

	struct {
		enum conf_engine engine;
		enum conf_spf_reject reject, helo_reject;
	} spf;

	struct {
		int64_t sample;   /* of CONF_SHARE_ALL */
		const char *keep; /* directory, or "" */
	} second_opinion;

	struct {
		enum conf_dkim_engine engine;
		int64_t max_signatures;
		int64_t min_rsa_bits;
		bool accept_partial_body;
		bool accept_testing_keys;
		bool accept_added_fields;
	} dkim;

	struct {
		struct conf_strings seal; /* domains; none: nothing is sealed */
		struct conf_strings trusted_sealers;
	} arc;

	struct {
		enum conf_enforce enforce;
		enum conf_quarantine quarantine;
		enum conf_failure temperror;
		enum conf_discovery discovery;
		const char *psl_file; /* "" : libpsl's own */
		struct conf_strings psd_domains;
		bool reject_bad_from;
		const char *reject_text;
		struct conf_strings trusted_forwarders;
		struct conf_strings mailing_lists;
		const struct conf_dmarc_action *actions;
		unsigned action_count;
	} dmarc;

	struct {
		enum conf_bimi mode;
		const char *roots; /* file; "": none */
		const char *logs;  /* likewise */
		enum conf_bimi_require require;
		bool indicator;
		int64_t max_per_hour, max_per_domain, max_per_host; /* records that are fetched */
		struct conf_strings allow, deny;
		const struct conf_bimi_selector *selectors;
		unsigned selector_count;
	} bimi;

	struct {
		bool enabled;
		const char *keys;   /* directory */
		bool readable_keys; /* by every user of the host */
		bool subdomains;
		enum conf_canon canonicalization;
		const char *cfbl_address; /* "": none */
		struct conf_strings oversign;
		struct conf_strings headers;
		int64_t expire; /* 0: no x= */
		const struct conf_login *logins;
		unsigned login_count;
		const struct conf_alias *aliases;
		unsigned alias_count;
		enum conf_sender sender;
		const char *also;     /* a domain whose keys sign all our mail, too; "": none */
		const char *fallback; /* likewise, where the author's has none */
		bool mta_checks_sender;
		bool unclean_bodies;
		enum conf_failure on_failure;
		int64_t max_rate; /* of one key, signatures a second; 0: no limit */
	} sign;

	struct {
		const char *url; /* "sqlite:/path"; "" : no ledger */
		enum conf_durability durability;
		int64_t wait; /* until it is safe */
		enum conf_failure on_failure;
		int64_t keep;
		int64_t max_size;   /* of the file, bytes */
		int64_t max_rows;   /* of a policy domain and day */
		const char *shared; /* "postgresql://..."; "": none */
		bool keys;          /* the signing keys are there */
		int64_t ship_every;
		int64_t grace; /* for hosts that have not shipped a day */
		int64_t lease; /* of the host that sends reports */
	} store;

	struct {
		int64_t keep; /* 0: no log of messages */
		int64_t max_rows;
		int64_t max_size; /* bytes */
	} messages;

	struct {
		struct conf_strings addresses; /* to which reports are sent */
		struct conf_networks
		    own_hosts; /* from which own mail leaves, beside trusted_networks */
		struct conf_strings reporters; /* domains whose reports count without more */
		bool deliver;
		int64_t max_spool, max_files, max_message; /* of the spool: bytes, files, bytes */
		int64_t keep; /* reports that were received, and their rows */
		int64_t keep_personal;
		bool hash_addresses;
		const char *imap; /* "imaps://host", "imap://host"; "": none */
		const char *imap_user;
		const char *imap_password_file;
		const char *imap_ca; /* "": the system's */
		const char *imap_folder;
		const char *imap_done;        /* "": what was read is deleted */
		const char *imap_authserv_id; /* "": authserv_id */
		struct conf_strings post_listen;
	} inbox;

	struct {
		const char *org;
		const char *from;
		const char *contact;
		enum conf_format format;
		enum conf_worth domains; /* which are written to */
		bool send;               /* by the daemon, each day */
		const char *via;         /* "smtp://host:port", "smtps://host" */
		enum conf_tls tls;
		const char *tls_ca; /* "": the system's */
		const char *user;   /* "": no AUTH */
		const char *password_file;
		int64_t timeout; /* for one mail */
		enum conf_envelope envelope;
		struct conf_strings bcc;            /* of each mail */
		struct conf_strings suppress_lists; /* domains: DNS lists */
		int64_t start;                      /* after midnight UTC */
		int64_t spread;                     /* from start on */
		int64_t max_per_day;
		int64_t max_per_destination;
		int64_t max_size;          /* of a mail */
		int64_t suppress;          /* the first time */
		int64_t max_addresses;     /* of one domain's */
		struct conf_strings quiet; /* recipients whose mail does not cause a report */
	} reports;

	struct {
		bool send;
		bool redact;
		int64_t body; /* bytes of it that are shown */
		int64_t max_per_hour, max_per_day;
		int64_t max_per_domain; /* in a day */
	} failures;

	struct {
		struct conf_strings listen; /* as the milter's; none: no policy service */
		enum conf_dane dane;
		const struct conf_tls_exception *exceptions;
		unsigned exception_count;
		const char *ca_file;      /* "": the system's */
		const char *own_policies; /* a directory; "": none */
		bool reports;
		const char *report_socket; /* of datagrams; "": none */
		const char *report_log;    /* of Postfix; "": none */
	} tls;

	struct {
		struct conf_strings addresses; /* that mail leaves from */
		const char *helo;              /* "": not checked */
		struct conf_strings block_lists;
		int64_t key_days;
		int64_t budget;    /* lookups for one domain */
		int64_t timeout;   /* for one domain */
		const char *state; /* directory of what is kept between audits; "": nothing is */
		struct conf_strings mail; /* addresses that are told what has changed */
		const struct conf_silence *silence;
		unsigned silence_count;
	} audit;

	struct {
		enum conf_log_target target;
		enum conf_log_format format;
		enum conf_log_level level;
		bool recipients;
	} log;

	struct {
		struct conf_strings listen; /* "127.0.0.1:9817", "[::1]:9817" */
	} http;

	struct {
		struct conf_strings listen; /* 127.0.0.1:9819, unix:/path */
		const char *group;          /* of a local socket; "" : none */
		struct conf_strings mail;   /* addresses */
		enum conf_every mail_every;
	} page;

	struct {
		const char *socket; /* "" : none */
		const char *group;  /* whose members may use it, too; "" : none */
	} control;

	struct arena *arena;       /* owns all of it */
	struct conf_line *origins; /* see conf_origin */
};

/* One thing that is wrong with the settings. */
struct conf_error {
	const char *file; /* as given */
	unsigned line;    /* 0: not known */
	const char *text; /* "unknown key dmarc.enforec; did you mean dmarc.enforce?" */
};

struct conf_errors {
	struct arena *arena;
	struct conf_error *items; /* sorted by file, in the order of reading, and line */
	unsigned count;
	const char **files; /* every file that was read, or should have been */
	unsigned file_count;
};

/*
 * Reads PATH and, where it has them, conf.d/ *.conf beside it in the order of their names (a later
 * one replaces what an earlier one set). PATH NULL: the default file, which may be absent. NULL
 * when anything is wrong: ERRORS then has all of it. ERRORS is initialised here; free it with
 * conf_errors_free in either case.
 *
 * A daemon uses conf_load_guarded() and passes settings on as text (conf_write, conf_parse).
 */
struct conf *conf_load(const char *path, struct conf_errors *errors);
const char *conf_default_path(void);

/* What is right in a file that has errors, and defaults for the rest: never NULL. Not to work with,
 * only to find the daemon that has better settings. */
struct conf *conf_load_partly(const char *path);

/* The same from text; NAME stands for the file's name in errors. @include is an error here. */
struct conf *conf_parse(const char *name, const char *text, struct conf_errors *errors);

struct conf *conf_default(void);
void conf_free(struct conf *conf); /* NULL is OK */
void conf_errors_free(struct conf_errors *errors);

/* Loads PATH in a child process and returns the settings from their text form, so that nothing in
 * a file can end or stop this process (libconfig calls exit(2) in some cases). Waits for the child
 * itself; a SIGCHLD handler that reaps it does no harm. */
struct conf *conf_load_guarded(const char *path, struct conf_errors *errors);

/* The same; settings that are well-formed are then given to VERIFY, in the child, which may look at
 * files and add errors by conf_refuse(). */
typedef void conf_verify(const struct conf *conf, struct conf_errors *errors);
struct conf *conf_load_verified(const char *path, conf_verify *verify, struct conf_errors *errors);

/* An error about OPTION ("dns.servers"), where it was set. */
void conf_refuse(const struct conf *conf, struct conf_errors *errors, const char *option,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* All settings as a file that conf_parse reads back to the same values. */
enum conf_write_style {
	CONF_WRITE_VALUES, /* every key, its value */
	CONF_WRITE_SHOW,   /* the same, with a comment that says where each was set */
	CONF_WRITE_SAMPLE, /* every key with its documentation, its value commented out */
	CONF_WRITE_CHANGED /* keys that differ from the default */
};
void conf_write(const struct conf *conf, enum conf_write_style style, struct buf *out);

/* A value that comes from elsewhere, as a command's options do: "local:/path". 0, or -1 with the
 * reason. */
int conf_check_socket(struct span text, struct why *why);
int conf_check_local_socket(struct span text, struct why *why); /* or "" */

/* The options, for `explain`, completion and the manual. */
struct conf_option_info {
	const char *name;    /* "dmarc.enforce" */
	const char *type;    /* "choice", "duration", "list of networks" ... */
	const char *def;     /* default as written in a file */
	const char *range;   /* "1s .. 60s", "observe | rfc | strict", or NULL */
	const char *doc;     /* one or more sentences */
	const char *example; /* as written in a file, or NULL */
};
unsigned conf_option_count(void);
void conf_option_info(unsigned i, struct arena *arena, struct conf_option_info *info);

/* The value of the option as written in a file; whether that differs from the default; and where
 * it was set (false: nowhere; FILE lives as long as CONF). */
const char *conf_value(const struct conf *conf, unsigned i, struct arena *arena);
bool conf_changed(const struct conf *conf, unsigned i);
bool conf_origin(const struct conf *conf, unsigned i, const char **file, unsigned *line);

/* The option of that name, or -1; what NAME was most likely meant to be (an option, a section), or
 * NULL. */
int conf_option_find(struct span name);
const char *conf_option_nearest(struct span name);

/* The sections in their order, NULL behind the last; "" has the keys outside sections. */
const char *conf_section(unsigned i, const char **doc);
bool conf_option_section(unsigned i, const char *section); /* whether the option is in it */

#endif
