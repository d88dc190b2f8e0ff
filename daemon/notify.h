/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages to the service manager: the sd_notify protocol (datagrams to the socket that
 * NOTIFY_SOCKET names). Without that variable nothing happens.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* "READY=1\nSTATUS=..."; one datagram. */
void notify_send(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The watchdog interval that the service manager set for this process, in nanoseconds; 0: none. */
int64_t notify_watchdog(void);

#endif
