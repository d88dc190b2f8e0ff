/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/audit/change.h"

#include <string.h>

#include "keys/keyring.h"

static int read_certificate(struct admin *admin, const char *path, struct audit_change *out)
{
	struct certificates *chain;
	struct why why = {""};
	int status = admin_read_file(admin, path, &out->pem);

	if (status != ADMIN_DONE)
		return status;
	if (certificate_read(admin->arena, out->pem, &chain, &why) == -1) {
		admin_error(admin, "%s: %s", path, why.text);
		return ADMIN_BAD_INPUT;
	}
	out->chain = chain;
	return ADMIN_DONE;
}

/* "SELECTOR=FILE", or FILE alone as in the key directory: "SELECTOR.key". */
static int read_key(struct admin *admin, const char *text, struct audit_change *out)
{
	const char *equals = strchr(text, '='), *path = equals != NULL ? equals + 1 : text;
	const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
	struct why why = {""};

	out->selector = equals != NULL ? arena_copy(admin->arena, text, (size_t)(equals - text))
				       : arena_copy(admin->arena, base, strcspn(base, "."));
	if (keyring_check_names("example.com", out->selector, &why) == -1) {
		admin_error(admin, "--with-key: %s; write SELECTOR=FILE", why.text);
		return ADMIN_USAGE;
	}
	return admin_read_file(admin, path, &out->key);
}

int change_read(struct admin *admin, const struct change_wish *wish, struct audit_change *out)
{
	int status = ADMIN_DONE;

	out->hosts = wish->hosts;
	out->host_count = wish->host_count;
	out->waited = wish->waited;
	if (wish->certificate != NULL)
		status = read_certificate(admin, wish->certificate, out);
	if (status == ADMIN_DONE && wish->key != NULL)
		status = read_key(admin, wish->key, out);
	return status;
}
