/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ships what a ledger holds, as the daemon does, until all is shipped; for tests:
 *   shipper PATH URL NAME [STEPS]
 * Prints the steps it took. 0: all is shipped; 1: failed; 75: another process ships.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/ship/ship.h"

static void say_notice(const char *text)
{
	fprintf(stderr, "%s\n", text);
}

int main(int argc, char **argv)
{
	struct ship_settings settings;
	struct why why = {""};
	struct ship *ship;
	int result = 1, steps, max = argc > 4 ? atoi(argv[4]) : 1000000;
	bool busy;

	if (argc < 4)
		return 64;
	settings = (struct ship_settings){
	    .path = argv[1], .shared = argv[2], .name = argv[3], .notice = say_notice};
	ship = ship_open(&settings, &busy, &why);
	if (ship == NULL) {
		fprintf(stderr, "%s\n", why.text);
		return busy ? 75 : 1;
	}
	for (steps = 0; result == 1 && steps < max; steps++)
		result = ship_step(ship, &why);
	if (result < 0)
		fprintf(stderr, "%s\n", why.text);
	else
		printf("%d\n", steps);
	ship_close(ship);
	return result < 0 ? 1 : 0;
}
