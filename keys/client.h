/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker's end of its link with the key process (keys/wire.h): signs for any thread, several
 * requests in flight. When the key process is gone the requests wait for the next one, which
 * keyclient_attach() brings, and are sent again; after KEYCLIENT_PATIENCE they fail.
 */
#ifndef KEYS_CLIENT_H
#define KEYS_CLIENT_H

#include "keys/sign.h"
#include "lib/clock.h"

struct keyclient;

#define KEYCLIENT_PATIENCE (10 * CLOCK_SECOND)

/* FD: the link, which it takes; -1: it comes later. WAITS is called by a thread that waits for
 * longer than a signature takes; NULL: not. */
struct keyclient *keyclient_new(int fd, void (*waits)(void));

/* Another key process takes over. Takes FD. */
void keyclient_attach(struct keyclient *client, int fd);

/* No other one will: from now on requests do not wait for it. */
void keyclient_supersede(struct keyclient *client);

/* For publickeys_read(); the client is freed when its last signer is released. A new client counts
 * for one of them. */
struct key_signer keyclient_signer(struct keyclient *client);
struct keyclient *keyclient_take(struct keyclient *client);
void keyclient_drop(struct keyclient *client); /* NULL is OK */

#endif
