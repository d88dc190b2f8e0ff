/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The HTTP listener: /metrics and /healthz. Included by exporter.c, which runs it in a process of
 * its own.
 */
#ifndef DAEMON_HTTP_HTTP_H
#define DAEMON_HTTP_HTTP_H

#include "lib/why.h"

/* Serves on ADDRESS ("127.0.0.1:9817", "[::1]:9817"; port 0: any) in a thread, until the process
 * ends. The URL goes to the log. -1: why not. May be called for several addresses. */
int http_start(const char *address, struct why *why);

#endif
