/* SPDX-License-Identifier: BSD-2-Clause */
#include "lib/format.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

struct text {
	char *out;
	size_t room, length;
	va_list ap;
};

static void put_bytes(struct text *text, const char *data, size_t length)
{
	if (text->length < text->room) {
		size_t rest = text->room - text->length;

		memcpy(text->out + text->length, data, length < rest ? length : rest);
	}
	text->length += length;
}

static void put_number(struct text *text, uint64_t number, bool negative)
{
	char digits[24], *at = digits + sizeof digits;

	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	if (negative)
		*--at = '-';
	put_bytes(text, at, (size_t)(digits + sizeof digits - at));
}

static void put_signed(struct text *text, int64_t number)
{
	put_number(text, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0);
}

static void put_char(struct text *text, char c)
{
	put_bytes(text, &c, 1);
}

/* "l", "ll" or "z", then "u" or "d"; *FORMAT is there. */
static bool put_long(struct text *text, const char **format)
{
	bool longer = (*format)[0] == 'l' && (*format)[1] == 'l', size = **format == 'z';
	char kind = (*format)[longer ? 2 : 1];

	if (kind != 'u' && kind != 'd')
		return false;
	*format += longer ? 3 : 2;
	if (kind == 'd' && longer)
		put_signed(text, va_arg(text->ap, long long));
	else if (kind == 'd')
		put_signed(text, size ? va_arg(text->ap, ssize_t) : va_arg(text->ap, long));
	else if (longer)
		put_number(text, va_arg(text->ap, unsigned long long), false);
	else
		put_number(text, size ? va_arg(text->ap, size_t) : va_arg(text->ap, unsigned long),
			   false);
	return true;
}

/* "%.*s" */
static bool put_part(struct text *text, const char **format)
{
	const char *part;
	int most;

	if (strncmp(*format, ".*s", 3) != 0)
		return false;
	*format += 3;
	most = va_arg(text->ap, int);
	part = va_arg(text->ap, const char *);
	if (most > 0)
		put_bytes(text, part, strnlen(part, (size_t)most));
	return most >= 0;
}

/* *FORMAT points after the "%". */
static bool put_argument(struct text *text, const char **format)
{
	const char *string;

	switch (*(*format)++) {
	case 's':
		string = va_arg(text->ap, const char *);
		if (string != NULL)
			put_bytes(text, string, strlen(string));
		return string != NULL;
	case 'u':
		put_number(text, va_arg(text->ap, unsigned), false);
		return true;
	case 'd':
		put_signed(text, va_arg(text->ap, int));
		return true;
	case 'c':
		put_char(text, (char)va_arg(text->ap, int));
		return true;
	case '%':
		put_char(text, '%');
		return true;
	default:
		--*format;
		return **format == '.'
			   ? put_part(text, format)
			   : (**format == 'l' || **format == 'z') && put_long(text, format);
	}
}

static bool put_all(struct text *text, const char *format)
{
	for (;;) {
		const char *percent = strchr(format, '%');

		put_bytes(text, format,
			  percent == NULL ? strlen(format) : (size_t)(percent - format));
		if (percent == NULL)
			return true;
		format = percent + 1;
		if (!put_argument(text, &format))
			return false;
	}
}

size_t format_text(char *out, size_t room, const char *format, va_list ap)
{
	struct text text = {.out = out, .room = room};
	bool done;
	int length;

	va_copy(text.ap, ap);
	done = put_all(&text, format);
	va_end(text.ap);
	if (!done) {
		length = vsnprintf(out, room, format, ap);
		assert(length >= 0);
		return (size_t)length;
	}
	if (room > 0)
		out[text.length < room ? text.length : room - 1] = '\0';
	return text.length;
}
