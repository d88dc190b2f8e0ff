/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Postfix's configuration says, as postconf tells it. Nothing is changed here.
 */
#ifndef ADMIN_SETUP_POSTFIX_H
#define ADMIN_SETUP_POSTFIX_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/arena.h"
#include "lib/span.h"
#include "lib/why.h"

struct postfix {
	const char *config;                            /* its directory */
	const char *settings;                          /* "name = value" a line */
	const char *smtpd_milters, *non_smtpd_milters; /* with $name replaced */
	const char *services;                          /* master.cf, a service a line */
	const char *parameters; /* master.cf's -o: "service/type/name = value" a line */
	const char *expanded_settings, *expanded_parameters; /* the same, with $name replaced */
	const char *queue;                                   /* directory */
	bool chrooted;                                       /* smtpd or cleanup runs in it */
	const char *user;                                    /* of its processes; "postfix" */
	uid_t uid;
	gid_t gid;
	const char *group; /* of that user; its name, or "postfix" */
};

/* Whether there is one: postconf, and a main.cf in CONFIG (NULL: its default directory). */
bool postfix_there(const char *config);

/* -1 with the reason when postconf fails. CONFIG NULL: the default one. */
int postfix_look(struct arena *arena, const char *config, struct postfix *postfix, struct why *why);

/* The value of a setting in main.cf or its default; "" when it is empty or not one of those that
 * postfix_look reads. */
const char *postfix_setting(const struct postfix *postfix, struct arena *arena, const char *name);

/* The next service of *REST (begin with span_of(services)) that runs COMMAND; NULL: any. */
struct postfix_service {
	struct span name, type, command;
	bool chrooted;
};
bool postfix_next_service(const struct postfix *postfix, struct span *rest, const char *command,
			  struct postfix_service *service);

/* What -o gives SERVICE for the setting NAME; NULL: nothing. */
const char *postfix_override(const struct postfix *postfix, struct arena *arena,
			     const struct postfix_service *service, const char *name);

/* What holds for SERVICE: its -o, else main.cf's or the default, with $name replaced (postconf -x).
 */
const char *postfix_value(const struct postfix *postfix, struct arena *arena,
			  const struct postfix_service *service, const char *name);

/* Whether it serves mail programs of own users, as its name or port tells: submission, smtps. */
bool postfix_is_submission(const struct postfix_service *service);

/* PATH, of a socket, as Postfix's processes name it: what is in the queue directory without that.
 */
const char *postfix_path(const struct postfix *postfix, const char *path);

#endif
