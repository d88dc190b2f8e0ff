/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints the list of metrics for countersign-metrics(7), in mdoc, from the tables of the daemon.
 * See update-docs in Makefile.am; t/docs.sh holds the manual to it.
 */
#include <stdio.h>

#include "metrics/counters.h"
#include "metrics/exposition.h"

static void print_values(const struct metric_label *label)
{
	if (label->values == NULL)
		return;
	printf(".br\n.Ar %s :\n", label->name);
	for (unsigned i = 0; i < label->count; i++)
		printf("%s%s\n", label->values[i].name, i + 1 < label->count ? "," : "");
}

static void print(const struct metric_family *family)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	const struct metric_label *labels = family->labels;

	printf(".It Cm %s%s", family->bare ? "" : "countersign_", family->name);
	for (unsigned i = 0; i < METRIC_LABELS_MAX && labels[i].name != NULL; i++)
		printf("%s Ar %s", i == 0 ? "" : " ,", labels[i].name);
	printf("\n.Pq %s\n%s\n", types[family->type], family->help);
	for (unsigned i = 0; i < METRIC_LABELS_MAX && labels[i].name != NULL; i++)
		print_values(&labels[i]);
}

int main(void)
{
	printf(".Bl -tag -width Ds\n");
	print(&exposition_extras[EXTRA_BUILD]);
	for (unsigned metric = 0; metric < METRICS; metric++)
		print(&metric_families[metric]);
	for (unsigned extra = EXTRA_BUILD + 1; extra < EXTRAS; extra++)
		print(&exposition_extras[extra]);
	printf(".El\n");
	return 0;
}
