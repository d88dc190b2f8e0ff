/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that serves page.listen, as the supervisor sees it. It reads the ledger, holds no key
 * and no mail, and changes nothing; no message waits for it.
 */
#ifndef DAEMON_HTTP_PAGES_H
#define DAEMON_HTTP_PAGES_H

#include "daemon/helper.h"

extern const struct helper_kind pages_kind;

/* The public keys (keys/publickeys.h), or NULL, for those that begin from now on; they must live
 * on. */
void pages_use_keys(const char *keys);

#endif
