/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/audit/zone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/watch/summary.h"
#include "context/context.h"
#include "mail/domain.h"

/* The nearest name at or above DOMAIN with name servers; DOMAIN itself where DNS shows none. */
static const char *find_zone(struct dns *dns, const struct conf *conf, struct arena *arena,
			     const char *domain)
{
	struct dns_scope *scope =
	    dns_scope_new(dns, (unsigned)conf->audit.budget, conf->audit.timeout);
	const char *name, *found = domain;

	for (name = domain; name != NULL && domain_labels(name) > 1; name = domain_parent(name)) {
		if (dns_wait(dns_start(scope, name, DNS_TYPE_NS))->status == DNS_DATA) {
			found = name;
			break;
		}
	}
	dns_scope_free(scope);
	return arena_string(arena, found);
}

struct dns *zone_open(struct admin *admin, const struct conf *conf, struct dns *dns,
		      const char *domain, const char *file)
{
	struct dns_settings settings = context_dns(conf);
	char *path = realpath(file, NULL);
	struct why why = {""};
	struct dns *changed;

	if (path == NULL || access(path, R_OK) == -1) {
		admin_error(admin, "%s: %s", file, strerror(errno));
		free(path);
		return NULL;
	}
	settings.zone = find_zone(dns, conf, admin->arena, domain);
	settings.zone_file = path;
	settings.trust_anchor = NULL;
	admin_verbose(admin, "%s is taken for the zone %s", file, settings.zone);
	changed = dns_new_unbound(&settings, &why);
	if (changed == NULL) {
		admin_error(admin, "%s: %s", file, why.text);
		admin_hint(admin, "named-checkzone %s %s", settings.zone, file);
	}
	free(path);
	return changed;
}

static bool has_finding(const struct audit_findings *findings, const struct audit_finding *wanted)
{
	for (unsigned i = 0; i < findings->count; i++) {
		const struct audit_finding *one = &findings->items[i];

		if (one->rule == wanted->rule && one->level == wanted->level &&
		    strcmp(one->subject, wanted->subject) == 0)
			return true;
	}
	return false;
}

struct audit_findings zone_compare(const struct audit_settings *settings,
				   const struct audit_result *before,
				   const struct audit_result *after, struct arena *arena)
{
	struct summary *old = summary_make(settings, before->facts, NULL, arena);
	struct summary *now = summary_make(settings, after->facts, old, arena);
	struct audit_findings differences = summary_compare(settings, old, now, arena);
	struct audit_findings all = {.count = 0};

	all.room = after->findings.count + differences.count;
	all.items = arena_array(arena, all.room + 1, sizeof *all.items);
	for (unsigned i = 0; i < after->findings.count; i++) {
		const struct audit_finding *one = &after->findings.items[i];

		if (one->level != AUDIT_INFO && !has_finding(&before->findings, one))
			all.items[all.count++] = *one;
	}
	for (unsigned i = 0; i < differences.count; i++)
		all.items[all.count++] = differences.items[i];
	return all;
}
