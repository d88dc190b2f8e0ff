/* SPDX-License-Identifier: BSD-2-Clause */
#include "dns/wire.h"

#include <string.h>

#include "lib/span.h"

enum { LABEL_MAX = 63 };

static char *put_octet(char *text, uint8_t octet)
{
	if (octet > ' ' && octet < 127 && octet != '.' && octet != '\\') {
		*text++ = (char)char_lower(octet);
		return text;
	}
	*text++ = '\\';
	*text++ = (char)('0' + octet / 100);
	*text++ = (char)('0' + octet / 10 % 10);
	*text++ = (char)('0' + octet % 10);
	return text;
}

size_t wire_name_text(const uint8_t *data, size_t size, char text[WIRE_TEXT_MAX])
{
	size_t at = 0;
	char *out = text;

	if (size > WIRE_NAME_MAX)
		size = WIRE_NAME_MAX;
	while (at < size && data[at] != 0) {
		uint8_t label = data[at++];

		if (label > LABEL_MAX || label >= size - at)
			return 0;
		if (out != text)
			*out++ = '.';
		for (; label > 0; label--)
			out = put_octet(out, data[at++]);
	}
	if (at == size)
		return 0;
	if (out == text)
		*out++ = '.';
	*out = '\0';
	return at + 1;
}

size_t wire_name_make(const char *name, size_t length, uint8_t wire[WIRE_NAME_MAX])
{
	size_t used = 0;

	if (length > WIRE_NAME_MAX - 2)
		return 0;
	while (length > 0) {
		const char *dot = memchr(name, '.', length);
		size_t label = dot == NULL ? length : (size_t)(dot - name);

		if (label == 0 || label > LABEL_MAX || (dot != NULL && label + 1 == length))
			return 0;
		wire[used++] = (uint8_t)label;
		memcpy(wire + used, name, label);
		used += label;
		label += dot != NULL;
		name += label;
		length -= label;
	}
	wire[used++] = 0;
	return used;
}

/* RFC 1035 section 4.1.4: a pointer is two octets, the upper two bits of the first are ones; it
 * names an earlier place. Only its own end is asked for, so nothing is followed twice. */
bool wire_name_skip(const uint8_t *packet, size_t size, size_t *offset)
{
	size_t at = *offset;

	while (at < size && at - *offset < WIRE_NAME_MAX) {
		uint8_t label = packet[at];

		if ((label & 0xc0) == 0xc0) {
			if (size - at < 2 || (size_t)((label & 0x3f) << 8 | packet[at + 1]) >= at)
				return false;
			*offset = at + 2;
			return true;
		}
		if (label > LABEL_MAX || at - *offset + 1 + label > WIRE_NAME_MAX)
			return false;
		at += 1 + (size_t)label;
		if (label == 0) {
			*offset = at;
			return true;
		}
	}
	return false;
}
