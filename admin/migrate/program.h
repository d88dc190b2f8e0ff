/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of `countersign migrate` share: migrate.c reads lines and writes settings;
 * from_opendkim.c, from_dkimpy.c, from_openarc.c, from_opendmarc.c and from_policyd_spf.c know what
 * each option of one program means; signing.c reads OpenDKIM's tables of keys, and actions.c puts
 * together what policyd-spf and OpenDMARC refused.
 *
 * A line is converted when it is read. Where several lines (or programs) decide one setting, the
 * conversion only notes a fact below, and a finish function decides at the end.
 */
#ifndef ADMIN_MIGRATE_PROGRAM_H
#define ADMIN_MIGRATE_PROGRAM_H

#include <stddef.h>

#include "admin/migrate/hostset.h"
#include "admin/migrate/migrate.h"
#include "lib/buf.h"

struct migrate_option;

/* Takes VALUE over. -1 with the reason: it is left out. */
typedef int migrate_convert(struct migrate *m, const struct migrate_option *option,
			    struct span value, struct why *why);

/* A table ends with a NULL name. */
struct migrate_option {
	const char *name;
	const char *theirs;
	migrate_convert *convert; /* NULL: there is nothing to write */
	const char *ours;         /* NULL: none */
	const char *reason;       /* may be NULL with OURS */
	const char *same; /* without CONVERT: the values, between blanks, at which nothing is
			   * lost: words, "yes" and "no" for any spelling of them, "*" for all.
			   * NULL: something is lost at any value. */
	size_t fact;      /* for migrate_take_fact: where in struct migrate */
};

extern const struct migrate_option migrate_opendkim_options[];
extern const struct migrate_option migrate_opendmarc_options[];
extern const struct migrate_option migrate_spf_options[];
extern const struct migrate_option migrate_openarc_options[];
extern const struct migrate_option migrate_dkimpy_options[];
extern const struct migrate_option migrate_parsedmarc_options[];

/* A value and where it was given: "FILE:LINE: OPTION", or NULL where it was not. */
struct migrate_fact {
	const char *at;
	struct span value;
};

/* Clients, and the first of those in the list that a set of addresses cannot hold although leaving
 * it out would widen the set (an excluded name). */
struct migrate_hosts {
	const char *at;
	struct hostset set;
	const char *unsayable;
	bool takes_away; /* the set takes trust away: an included name would then be missing */
};

enum { MIGRATE_SETTINGS = 64 };

struct migrate {
	struct arena *arena;
	const char *hostname;
	const char *sender; /* sign.sender; NULL: nothing is stated */
	migrate_read *read;
	void *arg;
	const char *files[MIGRATE_SOURCES]; /* NULL: there is no such file */
	struct buf comments;
	struct migrate_setting {
		const char *name;  /* "dmarc.enforce" */
		const char *value; /* as written in a file */
	} settings[MIGRATE_SETTINGS];
	unsigned setting_count, unknown;
	const char **warnings; /* of the arena */
	unsigned warning_count, warning_room;
	const char *at;           /* of the line under way */
	unsigned depth, includes; /* of included files */

	struct {
		struct migrate_hosts internal, peers;
		struct buf services, inbound; /* names in quotes, between commas */
		struct migrate_fact key, keytable, signingtable, subdomains, authserv;
		const char *unsigned_mail; /* where mail is exempted from signing in words that
					    * cannot be said here, or NULL */
	} signer;                          /* OpenDKIM or dkimpy-milter */
	struct {
		struct migrate_hosts ignored;
		struct migrate_fact authserv, trusted;
		struct buf ignored_authors; /* domains, with a blank after each */
		bool rejects, holds, ignores_logins;
	} opendmarc;
	struct {
		struct migrate_hosts exempt; /* whose SPF is not asked for */
		const char *other_exempt;    /* where mail is exempted otherwise, or NULL */
		struct migrate_fact mail_from, helo, authserv;
		bool observes, permerror, writes_authres, no_mail;
	} spf;
	struct {
		struct migrate_fact authserv, domain, key, mode;
	} arc;
	struct {
		struct migrate_fact host, port, ssl;
		bool deletes;
	} parsedmarc;
	struct hostset
	    trusted; /* of trusted_networks and loopback, after migrate_finish_networks */
};

/* ---- settings ---- */

/* The value of a setting as it is written, or NULL. */
const char *migrate_find(const struct migrate *m, const char *name);

/* A setting, which replaces the same one of before. -1 with the reason that our parser gives. */
int migrate_set(struct migrate *m, const char *name, const char *value, struct why *why);

/* The same for a value that cannot be wrong. */
void migrate_put(struct migrate *m, const char *name, const char *value);

const char *migrate_quote(struct migrate *m, const char *text); /* as a text in a file */

/* Something was left out: a warning. In a finish function AT says where, elsewhere it is NULL. */
void migrate_leave(struct migrate *m, const char *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- values ---- */

migrate_convert migrate_take_text, migrate_take_number, migrate_take_seconds, migrate_take_list;

/* Notes the value as the fact that the option is. */
migrate_convert migrate_take_fact;

/* 1 yes, 0 no, -1 neither: only the first letter counts in these programs. */
int migrate_truth(struct span value);

/* The next item, between commas or blanks. */
bool migrate_next_item(struct span *rest, struct span *item);

struct migrate_fact migrate_note(const struct migrate *m, struct span value);

/* Adds an item to a list of clients: "localhost" says nothing, a name is left out with a warning.
 */
void migrate_add_host(struct migrate *m, struct migrate_hosts *hosts, struct span item);

/* Replaces HOSTS by those of a data set: a list, or a file. -1 with the reason: it is not known. */
int migrate_read_hosts(struct migrate *m, struct migrate_hosts *hosts, struct span value,
		       struct why *why);

/* What the configurations of OpenDKIM, dkimpy-milter and OpenARC have in common. */
migrate_convert migrate_take_mode, migrate_take_sign_headers, migrate_take_macros,
    migrate_take_min_bits, migrate_take_max_header, migrate_note_internal, migrate_note_subdomains;

/* An entry of MacroList: daemon_name|SERVICE|..., where *REST is what span_split has left. */
bool migrate_is_service(struct span item, struct span *rest, bool *more);

/* Takes over the lines of another file. -1 with the reason: it cannot be read. */
int migrate_include(struct migrate *m, enum migrate_source source, struct span path,
		    struct why *why);

/* The next line of parsedmarc.ini with an option, which is named SECTION.OPTION (or SECTION, of one
 * that is not taken over as a whole). False at the end. */
bool migrate_ini_line(struct migrate *m, struct span *text, unsigned *number, struct span *section,
		      struct span *name, struct span *value);

/* ---- what is decided at the end, in this order ---- */

void migrate_finish_networks(struct migrate *m);   /* trusted_networks */
void migrate_finish_services(struct migrate *m);   /* submission_services, inbound_services */
void migrate_finish_authserv(struct migrate *m);   /* authserv_id */
void migrate_finish_subdomains(struct migrate *m); /* sign.subdomains */
void migrate_finish_sealing(struct migrate *m);    /* arc.seal */
void migrate_finish_actions(struct migrate *m); /* dmarc.enforce, quarantine, actions, forwarders */
void migrate_finish_account(struct migrate *m); /* inbox.imap */

#endif
