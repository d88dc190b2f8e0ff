/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this host knows about itself and can ask the DNS, as the facts by which sources are
 * classified (report/sources/classify.h). For one thread.
 */
#ifndef CONTEXT_SITE_H
#define CONTEXT_SITE_H

#include "conf/conf.h"
#include "dns/dns.h"
#include "keys/keyring.h"
#include "report/sources/classify.h"
#include "report/sources/reporters.h"

struct site;

/* CONF and DNS are borrowed; KEYRING is taken, and may be NULL: not known. */
struct site *site_new(const struct conf *conf, struct dns *dns, struct keyring *keyring);
void site_free(struct site *site); /* NULL is OK */

/* Facts to be asked until site_facts() is called again. From DEADLINE on (clock_mono(); 0: none)
 * only what is known is told, without asking the DNS. Answers are kept for an hour. */
struct source_facts site_facts(struct site *site, int64_t deadline);

/* Whose reports count. */
const struct reporter_rules *site_reporter_rules(const struct site *site);

/* Something was not asked since the last site_facts(): its deadline had passed, or DNS had given no
 * answer for twice dns.timeout. */
bool site_was_late(const struct site *site);

/* Calls VISIT with each selector of the keyring. */
typedef void site_selector_visit(void *arg, const char *domain, const char *selector);
void site_selectors(const struct site *site, site_selector_visit *visit, void *arg);

const struct keyring *site_keyring(const struct site *site); /* or NULL */
const char *site_host(const struct site *site);              /* this host's name */

#endif
