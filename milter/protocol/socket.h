/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The sockets the MTA connects to. The supervisor opens one for each listen address and keeps it;
 * every worker of that address accepts on the same one, so that a connection waits in its queue
 * while a worker is replaced.
 *
 * Addresses are those of endpoint_parse(): "local:/path", "inet:PORT@HOST", "inet6:PORT@HOST".
 */
#ifndef MILTER_PROTOCOL_SOCKET_H
#define MILTER_PROTOCOL_SOCKET_H

#include <sys/socket.h>
#include <sys/types.h>

#include "lib/why.h"

struct socket_listener {
	int fd;     /* listening, close-on-exec */
	int family; /* AF_UNIX, AF_INET, AF_INET6 */
	char *name; /* "local:/path", "inet:8891@127.0.0.1": with the real port where 0 was asked */
	char *path; /* of a local socket, else NULL */
	dev_t dev;  /* of what was bound there: see socket_remove */
	ino_t ino;
};

/*
 * Opens ADDRESS. A local socket appears under its name complete: bound, with MODE, listening; it
 * replaces what a dead daemon left there. -1: the address is wrong, another daemon answers there,
 * a file that is not a socket is there, or the system refused.
 */
int socket_open(struct socket_listener *listener, const char *address, mode_t mode,
		struct why *why);

/*
 * Takes the listening sockets that a service manager has passed (sd_listen_fds(3)). socket_open()
 * uses that of its address, with the mode that it has, and never removes it: connections wait there
 * while no daemon runs. socket_disinherit() closes what was not used, and says how many they were.
 */
void socket_inherit(void);
unsigned socket_disinherit(void);

int socket_set_mode(const struct socket_listener *listener, mode_t mode, struct why *why);

/* Takes the name of a local socket away, if it is still this socket's. */
void socket_remove(const struct socket_listener *listener);

/* Where it is reached from this host; FD: the listening socket. -1 with errno. */
struct socket_address {
	struct sockaddr_storage storage;
	socklen_t len;
};
int socket_address(const struct socket_listener *listener, int fd, struct socket_address *address);
int socket_call(const struct socket_address *address); /* a blocking connection to there, or -1 */

void socket_close(struct socket_listener *listener); /* frees; removes nothing */

#endif
