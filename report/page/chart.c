/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A series is one path, a rectangle for each day: a page of many domains stays small.
 */
#include "report/page/chart.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "report/page/html.h"

enum { WIDTH = 600, HEIGHT = 90, GAP = 1 };

void chart_patterns(struct buf *to)
{
	static const char *const patterns[][2] = {
	    {"doubt", "M0 6L6 0"}, {"bad", "M0 0L6 6M0 6L6 0"}, {"held", "M0 3H6"}};

	buf_string(to, "<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>");
	for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
		buf_printf(to,
			   "<pattern id=\"%s\" width=\"6\" height=\"6\""
			   " patternUnits=\"userSpaceOnUse\"><rect width=\"6\" height=\"6\""
			   " class=\"%s\"/><path d=\"%s\" class=\"hatch\"/></pattern>",
			   patterns[i][0], patterns[i][0], patterns[i][1]);
	buf_string(to, "</defs></svg>\n");
}

static int64_t sum_day(const struct chart *chart, unsigned day)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < chart->count; i++)
		sum += chart->series[i].values[day];
	return sum;
}

static int64_t largest_day(const struct chart *chart)
{
	int64_t largest = 1;

	for (unsigned day = 0; day < chart->days; day++) {
		int64_t sum = sum_day(chart, day);

		largest = sum > largest ? sum : largest;
	}
	return largest;
}

/* Tenths of a unit from the bottom. */
static long scale_value(int64_t value, int64_t largest)
{
	return (long)((double)value / (double)largest * HEIGHT * 10.0 + 0.5);
}

static void put_length(struct buf *to, long tenths)
{
	if (tenths % 10 == 0)
		buf_printf(to, "%ld", tenths / 10);
	else
		buf_printf(to, "%s%ld.%ld", tenths < 0 ? "-" : "", labs(tenths) / 10,
			   labs(tenths) % 10);
}

/* The bars of series N, on top of those before it. */
static void put_series(struct buf *to, const struct chart *chart, unsigned n, int64_t largest)
{
	unsigned step = WIDTH / chart->days;
	unsigned wide = step > 2 * GAP ? step - GAP : step;

	buf_printf(to, "<path class=\"s-%s\" d=\"", chart->series[n].look);
	for (unsigned day = 0; day < chart->days; day++) {
		int64_t below = 0;
		long low, high;

		for (unsigned i = 0; i < n; i++)
			below += chart->series[i].values[day];
		low = scale_value(below, largest);
		high = scale_value(below + chart->series[n].values[day], largest);
		if (high == low)
			continue;
		buf_printf(to, "M%u ", day * step);
		put_length(to, HEIGHT * 10 - low);
		buf_printf(to, "h%uV", wide);
		put_length(to, HEIGHT * 10 - high);
		buf_printf(to, "h-%uz", wide);
	}
	buf_string(to, "\"/>");
}

static void put_legend(struct buf *to, const struct chart *chart)
{
	buf_string(to, "<p class=\"legend\">");
	for (unsigned i = 0; i < chart->count; i++) {
		buf_printf(to,
			   "<svg width=\"12\" height=\"12\" aria-hidden=\"true\"><path"
			   " class=\"s-%s\" d=\"M0 0h12v12h-12z\"/></svg> ",
			   chart->series[i].look);
		html_text(to, chart->series[i].name);
		buf_string(to, i + 1 < chart->count ? " &#160; " : "</p>\n");
	}
}

/* Days on which there was nothing are left out. */
static void put_table(struct buf *to, const struct chart *chart)
{
	buf_string(to, "<details><summary>Numbers by day: ");
	html_text(to, chart->title);
	buf_string(to, "</summary><table class=\"days\"><thead><tr><th scope=\"col\">Day</th>");
	for (unsigned i = 0; i < chart->count; i++) {
		buf_string(to, "<th scope=\"col\">");
		html_text(to, chart->series[i].name);
		buf_string(to, "</th>");
	}
	buf_string(to, "</tr></thead><tbody>");
	for (unsigned day = 0; day < chart->days; day++) {
		if (sum_day(chart, day) == 0)
			continue;
		buf_string(to, "<tr><th scope=\"row\">");
		html_day(to, chart->first_day + (int32_t)day);
		buf_string(to, "</th>");
		for (unsigned i = 0; i < chart->count; i++)
			buf_printf(to, "<td>%" PRId64 "</td>", chart->series[i].values[day]);
		buf_string(to, "</tr>");
	}
	buf_string(to, "</tbody></table></details>\n");
}

void chart_bars(struct buf *to, const struct chart *chart)
{
	int64_t largest = largest_day(chart);

	assert(chart->days > 0 && chart->days <= WIDTH && chart->count <= CHART_SERIES_MAX);
	buf_printf(to,
		   "<figure><svg class=\"chart\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\""
		   " role=\"img\" aria-labelledby=\"%s\"><title id=\"%s\">",
		   WIDTH, HEIGHT, chart->id, chart->id);
	html_text(to, chart->title);
	buf_string(to, "</title>");
	for (unsigned i = 0; i < chart->count; i++)
		put_series(to, chart, i, largest);
	buf_string(to, "</svg><figcaption><span>");
	html_day(to, chart->first_day);
	buf_printf(to, "</span> <span>up to %" PRId64 " a day</span> <span>", largest);
	html_day(to, chart->first_day + (int32_t)chart->days - 1);
	buf_string(to, "</span></figcaption></figure>\n");
	put_legend(to, chart);
	put_table(to, chart);
}
