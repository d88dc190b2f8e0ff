#include <stdio.h>

int main(void)
{
	fprintf(stderr, "countersign %s\n", VERSION);
	return 70;
}
