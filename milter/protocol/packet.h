/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of the milter protocol: four bytes of length (of what follows, big-endian), a kind of one
 * byte, data. Only bytes: what they mean is in milter/native/wire.h.
 */
#ifndef MILTER_PROTOCOL_PACKET_H
#define MILTER_PROTOCOL_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/span.h"

struct packet {
	char kind;
	struct span data;
};

/* The first packet of *INPUT, which then begins after it: 1. Not yet complete: 0. Not a packet
 * (empty, or longer than PROTOCOL_PACKET_MAX): -1. */
int packet_take(struct span *input, struct packet *packet);

/* The front of a packet's data, taken off it. False: it is not there; *DATA is as before. */
bool packet_number(struct span *data, uint32_t *number);
bool packet_text(struct span *data, const char **text); /* up to its NUL; borrowed, never NULL */

/* Who the client is, as the data of a connect packet has it after the name: family, port, address
 * ("U": no more). *KNOWN: it is a TCP/IP or local socket's address. False: malformed. */
bool packet_address(struct span data, struct sockaddr_storage *address, bool *known);

/* Writing: begin, add, end. */
size_t packet_begin(struct buf *out, char kind);
void packet_add_number(struct buf *out, uint32_t number);
void packet_add_text(struct buf *out, const char *text); /* with its NUL */
void packet_end(struct buf *out, size_t begun);          /* what packet_begin returned */
void packet_put(struct buf *out, char kind);             /* without data */

#endif
