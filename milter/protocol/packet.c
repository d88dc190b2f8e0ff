/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every reader looks at (pointer, end) only, and takes nothing when not all of it is there.
 */
#include "milter/protocol/packet.h"

#include <assert.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "milter/protocol/protocol.h"

enum { NUMBER = 4 };

/* ---- reading ---- */

bool packet_number(struct span *data, uint32_t *number)
{
	uint32_t wire;

	if (span_len(*data) < NUMBER)
		return false;
	memcpy(&wire, data->p, NUMBER);
	*number = ntohl(wire);
	data->p += NUMBER;
	return true;
}

int packet_take(struct span *input, struct packet *packet)
{
	struct span rest = *input;
	uint32_t length;

	if (!packet_number(&rest, &length))
		return 0;
	if (length == 0 || length > PROTOCOL_PACKET_MAX)
		return -1;
	if (span_len(rest) < length)
		return 0;
	packet->kind = *rest.p;
	packet->data = span_make(rest.p + 1, length - 1);
	input->p = packet->data.end;
	return 1;
}

bool packet_text(struct span *data, const char **text)
{
	const char *nul = span_empty(*data) ? NULL : memchr(data->p, '\0', span_len(*data));

	if (nul == NULL)
		return false;
	*text = data->p;
	data->p = nul + 1;
	return true;
}

static bool inet_address(const char *text, in_port_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in inet = {.sin_family = AF_INET, .sin_port = port};

	if (inet_pton(AF_INET, text, &inet.sin_addr) != 1)
		return false;
	memcpy(address, &inet, sizeof inet);
	return true;
}

/* Sendmail writes "IPv6:" in front. */
static bool inet6_address(const char *text, in_port_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in6 inet6 = {.sin6_family = AF_INET6, .sin6_port = port};

	if (span_istarts(span_of(text), "IPv6:"))
		text += 5;
	if (inet_pton(AF_INET6, text, &inet6.sin6_addr) != 1)
		return false;
	memcpy(address, &inet6, sizeof inet6);
	return true;
}

bool packet_address(struct span data, struct sockaddr_storage *address, bool *known)
{
	in_port_t port;
	const char *text;
	char family;

	memset(address, 0, sizeof *address);
	*known = false;
	if (span_empty(data))
		return false;
	family = *data.p++;
	if (family == 'U')
		return true;
	if (span_len(data) < sizeof port)
		return false;
	memcpy(&port, data.p, sizeof port);
	data.p += sizeof port;
	if (!packet_text(&data, &text))
		return false;
	*known = true;
	if (family == '4')
		return inet_address(text, port, address);
	if (family == '6')
		return inet6_address(text, port, address);
	address->ss_family = AF_UNIX; /* whose path does not matter */
	return family == 'L';
}

/* ---- writing ---- */

void packet_add_number(struct buf *out, uint32_t number)
{
	uint32_t wire = htonl(number);

	buf_add(out, &wire, NUMBER);
}

size_t packet_begin(struct buf *out, char kind)
{
	size_t begun = out->len;

	packet_add_number(out, 0);
	buf_char(out, kind);
	return begun;
}

void packet_add_text(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

void packet_end(struct buf *out, size_t begun)
{
	uint32_t wire = htonl((uint32_t)(out->len - begun - NUMBER));

	assert(out->failed || out->len > begun + NUMBER);
	if (!out->failed)
		memcpy(out->data + begun, &wire, NUMBER);
}

void packet_put(struct buf *out, char kind)
{
	packet_end(out, packet_begin(out, kind));
}
