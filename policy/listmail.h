/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mail that a list manager of this host sends on. It is signed with a key of the list where the
 * author's domain has none here, and sealed (RFC 8617) with what was found out about it when it
 * arrived.
 *
 * A List-Id proves nothing: everybody can write one. Beside it, it takes that the client is the
 * list manager's, that MAIL FROM is the list's (a content filter hands a stranger's message back
 * with the stranger's), and that the message carries the results of its arrival, bound to it
 * (policy/binding.h), with a recipient of that list.
 */
#ifndef POLICY_LISTMAIL_H
#define POLICY_LISTMAIL_H

#include "lib/arena.h"
#include "lib/ip.h"
#include "policy/arc/seal.h"
#include "policy/binding.h"

struct list_host {
	const char *id; /* a domain: List-Id is it or below it, as are the recipients of lists */
	const struct ip_network *from;
	unsigned from_count;
	const char *sign; /* the domain whose keys sign */
	bool seal;        /* they seal, too */
};

struct list_rules {
	const struct list_host *items;
	unsigned count;
};

/* The lists that a message goes to. */
struct list_hosts {
	const struct list_host *items[BINDING_MAX]; /* more are left out */
	unsigned count;
};

/* Adds those that a recipient in DOMAIN (or NULL) is of, each once. */
void listmail_add_recipient(const struct list_rules *rules, const char *domain,
			    struct list_hosts *lists);

struct listmail;

/* NULL: the client is not a list manager. ON_SOCKET: it counts as loopback. RULES stay; the rest
 * lives in ARENA. */
struct listmail *listmail_new(const struct list_rules *rules, const struct ip *client,
			      bool on_socket, struct arena *arena, int64_t now);

/* Each field, from the top, and those that carry our name. */
void listmail_header(struct listmail *mail, struct span name, struct span value);
void listmail_own_results(struct listmail *mail, struct span value);

/* After the header. SECRET: of policy/binding.h, or NULL; AUTHOR: domain of From; ENVELOPE: of MAIL
 * FROM, or NULL. The list that the message is of; NULL with the reason in *WHY, which is NULL where
 * it is not a list's message at all. */
const struct list_host *listmail_prove(struct listmail *mail, const char *secret,
				       const char *author, const char *envelope, const char **why);

/* For a message that was proven: begins its seal. Then the body; at its end the ARC set. WHY is
 * empty where the chain says that it is not to go on. *LATER: as arcseal_finish(). */
void listmail_begin_seal(struct listmail *mail, const struct signing_key *key);
void listmail_body(struct listmail *mail, struct span chunk);
int listmail_seal(struct listmail *mail, struct arcseal_fields *out, bool *later, struct why *why);

#endif
