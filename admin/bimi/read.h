/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments of `countersign bimi`. Each returns ADMIN_DONE, or a status after the error was
 * printed.
 */
#ifndef ADMIN_BIMI_READ_H
#define ADMIN_BIMI_READ_H

#include "admin/admin.h"
#include "lib/span.h"

int bimi_read_domain(struct admin *admin, const char *text, const char **domain);
int bimi_read_selector(struct admin *admin, const char *text, const char **selector);

/* PATH, or with NULL bimi.roots or bimi.logs; empty: neither is set. */
int bimi_read_roots(struct admin *admin, const char *path, struct span *pem);
int bimi_read_logs(struct admin *admin, const char *path, struct span *pem);

#endif
