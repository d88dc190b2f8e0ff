#include <stdio.h>

int main(void)
{
	fprintf(stderr, "countersignd %s\n", VERSION);
	return 70;
}
