/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where things are on this machine: the MTA, the socket on which it reaches us, our user. What
 * `setup` and `doctor` both need to know.
 */
#ifndef ADMIN_SETUP_PLACE_H
#define ADMIN_SETUP_PLACE_H

#include <sys/stat.h>

#include "admin/admin.h"
#include "admin/setup/postfix.h"

#define PLACE_USER     "countersign"
#define PLACE_KEY_USER "countersign-keys" /* and group, where the daemon is PLACE_USER */

enum place_mta { PLACE_NONE, PLACE_POSTFIX, PLACE_SENDMAIL };

struct place {
	enum place_mta mta;
	struct postfix postfix;
	const char *sendmail; /* directory of sendmail.mc */
};

/* POSTFIX, SENDMAIL: directories of their configuration, or NULL. MTA PLACE_NONE: whichever is
 * there. -1 with the reason when an MTA is there and its settings cannot be read. */
int place_look(struct arena *arena, enum place_mta mta, const char *postfix, const char *sendmail,
	       struct place *place, struct why *why);

/* The path of a listen address; NULL if it is not a local socket. */
const char *place_path(const char *listen);

/* LISTEN as the MTA has it in its settings: "unix:countersign/milter.sock", "inet:HOST:PORT". */
const char *place_address(const struct place *place, struct arena *arena, const char *listen);

/* Whether the MTA can reach LISTEN at all: outside the queue directory no chrooted Postfix can. */
bool place_reachable(const struct place *place, const char *listen);

/* The first address of LISTENS that it can; NULL: none. */
const char *place_listen(const struct place *place, const struct conf_strings *listens);

/* The key of the DNS root that a package has put here (dns-root-data, unbound); NULL: none. */
const char *place_trust_anchor(void);

/* The command that has countersignd validate with ANCHOR; CONF: path of countersign.conf. */
const char *place_anchor_command(struct arena *arena, const char *anchor, const char *conf);

/* DIR's name without its last part, in ARENA. */
const char *place_parent(struct arena *arena, const char *path);

/* Whether only root decides where PATH leads: each directory on the way to its last part belongs to
 * root and can be changed by nobody else, links and what they lead to included. -1 with the reason:
 * who can change it could have root make PATH anywhere. What does not exist yet is fine. */
int place_check_way(struct arena *arena, const char *path, struct why *why);

/* The owner's and the group's name, or their number. */
const char *place_user(struct arena *arena, uid_t uid);
const char *place_group(struct arena *arena, gid_t gid);

#endif
