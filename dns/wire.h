/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain names in the form of the wire: labels with a length in front, ended by an empty one.
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_NAME_MAX = 255, /* octets, RFC 1035 section 2.3.4 */
	WIRE_TEXT_MAX = 1024 /* every octet as \DDD, the dots and a NUL */
};

/* The name at DATA as text: lower case, no final dot, "." for the root; an octet that is not
 * printable ASCII, and a blank, dot or backslash inside a label, becomes \DDD. Returns the octets
 * it takes (the whole name: no compression), 0 when it is not a name. */
size_t wire_name_text(const uint8_t *data, size_t size, char text[WIRE_TEXT_MAX]);

/* Text to wire, where every byte stands for itself; LENGTH 0 is the root. 0: DNS cannot carry it.
 */
size_t wire_name_make(const char *name, size_t length, uint8_t wire[WIRE_NAME_MAX]);

/* Moves OFFSET behind the name of a packet, which may end in a pointer (compression; it must lead
 * backwards, and is not followed). False when it is not a name. */
bool wire_name_skip(const uint8_t *packet, size_t size, size_t *offset);

#endif
