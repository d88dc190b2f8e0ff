/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A configuration's key as 32 hexadecimal digits, and back.
 */
#include "store/sql/driver.h"

#include <string.h>

#include "lib/span.h"

void driver_config_text(const unsigned char config[DRIVER_KEY_LEN], char text[LEDGER_CONFIG_MAX])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < DRIVER_KEY_LEN; i++) {
		text[2 * i] = digits[config[i] >> 4];
		text[2 * i + 1] = digits[config[i] & 15];
	}
	text[2 * DRIVER_KEY_LEN] = '\0';
}

bool driver_config_parse(const char *text, unsigned char config[DRIVER_KEY_LEN])
{
	if (strlen(text) != 2 * DRIVER_KEY_LEN)
		return false;
	for (unsigned i = 0; i < DRIVER_KEY_LEN; i++) {
		int high = char_hex((unsigned char)text[2 * i]);
		int low = char_hex((unsigned char)text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		config[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}
