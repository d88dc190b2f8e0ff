/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gathering the facts: what audit/look_*.c share. Each part first starts the lookups that it knows,
 * so that those of all parts are under way together, and then takes the answers.
 */
#ifndef AUDIT_LOOK_H
#define AUDIT_LOOK_H

#include "audit/audit.h"

struct look {
	const struct audit_settings *settings;
	struct dns_scope *scope;
	struct arena *arena;
	const char *domain;
	struct audit_facts *facts;
};

void look_start(const struct look *look, const char *name, enum dns_type type);
struct audit_answer look_ask(const struct look *look, const char *name, enum dns_type type);
const char *look_name(const struct look *look, const char *prefix); /* PREFIX.DOMAIN */

/* CNAME, A and AAAA of HOST. */
void look_start_host(const struct look *look, const char *name);
void look_host(const struct look *look, const char *name, struct audit_host *host);

/* Text of a TXT record in the arena, NUL-terminated. */
struct span look_text(const struct dns_record *record);

enum look_answer { LOOK_NO, LOOK_YES, LOOK_UNKNOWN };

/* Whether mail can be sent to HOST (RFC 5321 section 5.1, RFC 7505). */
enum look_answer look_takes_mail(const struct look *look, const char *host);

void look_start_mail(const struct look *look);
void look_mail(const struct look *look);
void look_spf(const struct look *look, const char *name, struct audit_spf *spf);
void look_start_dkim(const struct look *look);
void look_dkim(const struct look *look);
/* The organizational domain; NULL: not known. */
const char *look_org(const struct look *look);
void look_start_dmarc(const struct look *look);
void look_dmarc(const struct look *look);
void look_start_tls(const struct look *look);
void look_tls(const struct look *look);
void look_zone(const struct look *look);
/* The same servers without validation, with what is left of the budget. */
struct look_direct {
	struct dns *dns; /* NULL: see WHY */
	struct look look;
	struct why why;
};
bool look_direct_open(const struct look *look,
		      struct look_direct *direct); /* false: there is none */
void look_direct_close(const struct look *look, struct look_direct *direct);

void look_chain(const struct look *look);        /* after the others */
void look_name_servers(const struct look *look); /* last: it takes what the budget leaves */
void look_start_services(const struct look *look);
void look_services(const struct look *look);

#endif
