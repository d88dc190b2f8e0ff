/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/bimi/read.h"

#include "mail/domain.h"
#include "policy/bimi/selector.h"

int bimi_read_domain(struct admin *admin, const char *text, const char **domain)
{
	struct why why;

	*domain = domain_parse(admin->arena, span_of(text), &why);
	if (*domain != NULL)
		return ADMIN_DONE;
	admin_error(admin, "%s", why.text);
	return ADMIN_BAD_INPUT;
}

int bimi_read_selector(struct admin *admin, const char *text, const char **selector)
{
	*selector = bimi_selector_parse(admin->arena,
					span_of(arena_printf(admin->arena, "v=BIMI1; s=%s", text)));
	if (*selector != NULL)
		return ADMIN_DONE;
	admin_error(admin, "\"%s\" is not a valid selector", text);
	return ADMIN_BAD_INPUT;
}

static int read_trusted(struct admin *admin, const char *path, bool logs, struct span *pem)
{
	const struct conf *conf;

	*pem = span_of("");
	if (path == NULL) {
		conf = admin_conf(admin);
		if (conf == NULL)
			return ADMIN_CONFIG;
		path = logs ? conf->bimi.logs : conf->bimi.roots;
	}
	return *path == '\0' ? ADMIN_DONE : admin_read_file(admin, path, pem);
}

int bimi_read_roots(struct admin *admin, const char *path, struct span *pem)
{
	return read_trusted(admin, path, false, pem);
}

int bimi_read_logs(struct admin *admin, const char *path, struct span *pem)
{
	return read_trusted(admin, path, true, pem);
}
