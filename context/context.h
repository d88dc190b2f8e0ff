/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Settings as policy objects: the context in which messages are judged and signed. Used by both
 * programs, so it knows neither libmilter nor sessions.
 */
#ifndef CONTEXT_CONTEXT_H
#define CONTEXT_CONTEXT_H

#include "conf/conf.h"
#include "lib/why.h"
#include "policy/check.h"
#include "policy/outbound.h"
#include "report/sender.h"

/* Immutable and reference-counted: a session keeps the one it began with. */
struct context {
	const struct conf *conf;
	struct check_rules check;       /* for inbound messages */
	struct outbound_rules outbound; /* for the others; holds the keyring */
	struct psl *psl;
	const char *const *seal_domains; /* arc.seal */
	unsigned seal_count;
	const char *report_from;  /* reports.from, or "" */
	const char *const *quiet; /* reports.quiet */
	unsigned quiet_count;
	const char *const *inbox; /* inbox.addresses */
	unsigned inbox_count;
	const char *inbox_spool; /* where mail to them is put; NULL: there are none */
	struct arena *arena;
	_Atomic unsigned references;
};

/* Settings and keys as a worker would use them, with the private keys in this process: for a
 * command. NULL with a reason when they cannot be. CONF is borrowed and outlives the context,
 * unless context_own is called. */
struct context *context_new(const struct conf *conf, struct dkimcheck_engine *engine,
			    struct why *why);

/* The same with KEYRING, which it takes (also on failure); NULL: these settings use no keys. */
struct context *context_new_with(const struct conf *conf, struct dkimcheck_engine *engine,
				 struct keyring *keyring, struct why *why);
void context_own(struct context *context, struct conf *conf); /* CONF is freed with CONTEXT */

/* The key that seals inbound mail to RECIPIENTS (the domain of all of them; NULL: they have not
 * one) now; borrowed, or in ARENA. NULL: none. */
const struct signing_key *context_seal_key(const struct context *context, const char *recipients,
					   struct arena *arena);

/* A conf_verify: adds an error for each setting that a start or a reload would refuse although its
 * value is well-formed (a file that is missing, a domain without a key ...). Both programs use
 * this check. A faulty key is not an error of the settings. */
void context_check(const struct conf *conf, struct conf_errors *errors);

/* The same without what only a process that may read the keys can tell: context_load_keys(). */
void context_check_settings(const struct conf *conf, struct conf_errors *errors);

/* Which keys the settings want, for the process that holds them. */
struct context_keys {
	const char *path;
	enum keyring_access access;
	bool required; /* PATH must exist */
	bool dkim;     /* keys sign our own mail */
	bool shared;   /* store.keys: they come from the shared store; PATH has .sealing-key */
	unsigned max_rate;

	/* Domains, a blank after each: whose keys seal, and which must have one. */
	const char *seal;       /* arc.seal */
	const char *seal_lists; /* lists with seal = true */
	const char *sign_lists; /* lists */
};
bool context_uses_keys(const struct conf *conf);
struct context_keys context_keys(const struct conf *conf,
				 struct arena *arena); /* points into CONF, too */

/* The keys themselves, as context_check() has them. NULL: *OPTION cannot be used. */
struct keyring *context_load_keys(const struct context_keys *keys, const char **option,
				  struct why *why);

/* Each key below sign.keys that would be left out. */
typedef void context_fault_visit(void *arg, const struct keyring_fault *fault);
void context_each_fault(const struct conf *conf, context_fault_visit *visit, void *arg);

/* Who may read key files, by these settings. */
enum keyring_access context_key_access(const struct conf *conf);

/* What reports are sent with; points into CONF and CONTEXT, the rest lives in ARENA. What is not
 * set is made of the host's name. */
struct sender_settings context_sender(const struct conf *conf, const struct context *context,
				      struct arena *arena);

/* Where reports are made and kept: the shared store where there is one and not LOCAL, else the
 * ledger's file. For reading; points into CONF. -1: there is none. */
int context_store(const struct conf *conf, bool local, struct ledger_settings *settings,
		  struct why *why);

/* Where received reports and the outbound tally are read, and decisions about sources written: the
 * shared store where there is one, else the ledger's file. NULL with WHY. */
struct sql *context_received(const struct conf *conf, bool read_only, struct why *why);

/* The share of inbound messages, of CONF_SHARE_ALL, that get a second opinion. */
int64_t context_opinion_share(const struct conf *conf);

/* The libraries are in another process, which is asked where they decide: CONTEXT itself has the
 * native engines only. Before anybody else has CONTEXT. */
void context_leave_opinion(struct context *context);

/* Another holder. */
struct context *context_take(struct context *context);
void context_drop(struct context *context); /* the last one frees it; NULL is allowed */

/* What the resolver is made with; points into CONF. */
struct dns_settings context_dns(const struct conf *conf);

#endif
