/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that takes TLS reports by HTTP POST (inbox.post_listen), as the supervisor sees it.
 * It writes the spool's directory and nothing else; the report reader reads what is in it.
 */
#ifndef DAEMON_HTTP_RECEIVER_H
#define DAEMON_HTTP_RECEIVER_H

#include "daemon/helper.h"

extern const struct helper_kind receiver_kind;

#endif
