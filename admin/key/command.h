/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the commands of `countersign key` share: their command line, the keys they are about, and
 * the records that these need in the DNS.
 */
#ifndef ADMIN_KEY_COMMAND_H
#define ADMIN_KEY_COMMAND_H

#include "admin/admin.h"
#include "context/keystore.h"
#include "keys/keyring.h"

enum {
	OPTION_SELECTOR = 256,
	OPTION_TYPE,
	OPTION_FORMAT,
	OPTION_KEYS,
	OPTION_ACTIVE,
	OPTION_FORCE,
	OPTION_AUTO,
	OPTION_OPENDKIM,
	OPTION_DRY,
	OPTION_SELECTORS,
	OPTION_TARGET,
	OPTION_ALL,
	OPTION_OLDER,
	OPTION_LIMIT,
	OPTION_PUBLISH,
	OPTION_PARTIAL
};

#define KEYS_OPTION                                                                                \
	{                                                                                          \
		"keys", OPTION_KEYS, "DIR", "where the keys are (default: sign.keys)"              \
	}
#define FORMAT_OPTION                                                                              \
	{                                                                                          \
		"format", OPTION_FORMAT, "FORM", "all, zone, line, nsupdate, cname or json"        \
	}
#define SELECTORS_OPTION                                                                           \
	{                                                                                          \
		"selectors", OPTION_SELECTORS, "NAME,NAME",                                        \
		    "use the first of these names that is free or whose key is revoked"            \
	}
#define TARGET_OPTION                                                                              \
	{                                                                                          \
		"target", OPTION_TARGET, "ZONE", "with --format=cname: the zone with the records"  \
	}

enum key_type { TYPE_RSA2048, TYPE_RSA3072, TYPE_RSA4096, TYPE_ED25519, TYPE_BOTH };
enum key_format {
	FORMAT_ALL,
	FORMAT_ZONE,
	FORMAT_LINE,
	FORMAT_NSUPDATE,
	FORMAT_CNAME,
	FORMAT_JSON
};

struct keycmd {
	struct admin *admin;
	const char *directory;  /* --keys, or NULL */
	struct keystore *store; /* where the keys are */
	const char *domain;     /* or NULL */
	const char *selector;   /* or NULL */
	enum key_type type;
	enum key_format format;
	const char *opendkim;  /* file, or NULL */
	const char *selectors; /* to choose from, between commas; or NULL */
	const char *target;    /* of CNAME records, or NULL */
	const char *publish;   /* a program that is told of records, or NULL */
	int64_t older;         /* seconds */
	unsigned limit;        /* domains; 0: all */
	bool active, force, automatic, dry, all, partial;
};

/* Options, then from MIN to MAX of DOMAIN and SELECTOR; MAX -1: the arguments are left to the
 * caller. 0, or the exit code. */
int keycmd_parse(struct keycmd *cmd, struct admin *admin, int argc, char **argv, int min, int max);

/* Opens the store of DIRECTORY, or of the settings, for as long as the command. 0, or the exit code
 * after the error was printed. keycmd_parse() does it. */
int keycmd_open_store(struct keycmd *cmd);

/* A key and what to publish for it. */
struct keycmd_key {
	const struct signing_key *key;
	struct keystatus status;
	const char *path;
	const char *name;
	const char *value; /* of a revoked key: with an empty p= */
};

struct keycmd_keys {
	struct keycmd_key *items;
	unsigned count;
	unsigned faults; /* keys among those asked for that cannot be used, each told on stderr */
	const struct keyring *keyring;
};

/* The keys asked for, by domain and selector; they live as long as the command. 0, or the exit
 * code after the error was printed. */
int keycmd_load(const struct keycmd *cmd, struct keycmd_keys *keys);

/* The same; none is an error, and so is DOMAIN or SELECTOR with nothing but faulty keys. */
int keycmd_load_some(const struct keycmd *cmd, struct keycmd_keys *keys);

/* Makes a key (BITS 0: ed25519) and says so. SELECTOR NULL: the next free one, of SELECTORS if
 * those are given. */
int keycmd_generate(const struct keycmd *cmd, const char *selector, unsigned bits,
		    struct keystatus status, struct keycmd_key *made);

/* What is published for KEY when its state is STATUS. */
struct keycmd_key keycmd_record(struct admin *admin, const struct signing_key *key,
				const char *path, struct keystatus status);

/* Prints records in the form asked for. */
void keycmd_print(const struct keycmd *cmd, const char *schema, const struct keycmd_key *keys,
		  unsigned count);

/* The daemon's key process loads the keys again, through a reload. */
void keycmd_tell_daemon(const struct keycmd *cmd);

const char *keycmd_type(const struct signing_key *key); /* "rsa", "ed25519" */

#endif
