/* SPDX-License-Identifier: BSD-2-Clause */
#include "report/page/page.h"

#include "lib/clock.h"
#include "report/page/chart.h"
#include "report/page/domains.h"
#include "report/page/html.h"
#include "report/page/others.h"
#include "report/page/script.h"

/* Colours have a contrast of 4.5 or more on their ground (WCAG 2.2, 1.4.3), 3 where they fill
 * (1.4.11). */
static const char style[] =
    ":root{color-scheme:light dark;--ground:#fff;--text:#1b1f24;--dim:#57606a;--line:#d0d7de;"
    "--good:#1a7f37;--doubt:#9a6700;--bad:#cf222e;--held:#6639ba;--hatch:#fff}"
    "@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--text:#e6edf3;--dim:#9198a1;"
    "--line:#3d444d;--good:#3fb950;--doubt:#d29922;--bad:#ff7b72;--held:#bc8cff;--hatch:#0d1117}}"
    "*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:64rem;background:"
    "var(--ground);color:var(--text);font:16px/1.5 system-ui,sans-serif}"
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.25rem;margin:2rem 0 .5rem;border-bottom:1px solid "
    "var(--line)}h3{font-size:1.05rem;margin:1.5rem 0 .5rem;overflow-wrap:anywhere}"
    "nav ul,.advice,.domains{list-style:none;padding:0;margin:.25rem 0}nav li,.advice li{display:"
    "inline-block;margin-right:1rem}.domains>li{margin:.75rem 0;overflow-wrap:anywhere}"
    "a{color:inherit}.dim{color:var(--dim)}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}"
    "caption{text-align:left;color:var(--dim);font-size:.85rem}"
    "th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top;overflow-wrap:anywhere;min-width:6.5rem}th{font-weight:600}"
    ".n,.days td,.days "
    "th+th{text-align:right;font-variant-numeric:tabular-nums;overflow-wrap:normal;min-width:0}"
    ".finding td{color:var(--doubt)}th button{border:0;padding:0;background:none;color:inherit;"
    "font-weight:inherit;cursor:pointer;text-align:inherit;text-decoration:underline dotted}"
    "th[aria-sort=ascending] button::after{content:\" \\2191\"}"
    "th[aria-sort=descending] button::after{content:\" \\2193\"}[hidden]{display:none}"
    ".badge{border:1px solid currentColor;border-radius:.6rem;padding:0 .45rem;font-size:.85em;"
    "white-space:nowrap}.b-good{color:var(--good)}.b-doubt{color:var(--doubt)}.b-bad{color:"
    "var(--bad)}.b-none{color:var(--dim)}"
    "figure{margin:.5rem 0}.chart{width:100%;height:6rem;border-bottom:1px solid var(--line);"
    "display:block}figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;color:"
    "var(--dim);font-size:.8rem}.legend{font-size:.85rem;margin:.25rem 0}"
    "label{display:inline-block;margin:.25rem .75rem .25rem "
    "0}input,button{font:inherit;max-width:100%}"
    ".defs{position:absolute}.s-good,rect.good{fill:var(--good)}.s-doubt{fill:url(#doubt)}"
    ".s-bad{fill:url(#bad)}.s-held{fill:url(#held)}rect.doubt{fill:var(--doubt)}rect.bad{fill:"
    "var(--bad)}rect.held{fill:var(--held)}.hatch{stroke:var(--hatch);stroke-width:1}"
    "@media print{:root{--ground:#fff;--text:#000;--dim:#444;--line:#bbb;--good:#1a7f37;--doubt:"
    "#9a6700;--bad:#cf222e;--held:#6639ba;--hatch:#fff}body{font-size:10pt;max-width:none;padding:"
    "0}nav{display:none}tr,figure{break-inside:avoid}h2,h3{break-after:avoid}"
    ".filter{display:none}th button{text-decoration:none}"
    ".wide{overflow:visible}@page{size:A4;margin:15mm}}";

/* ---- for the parts ---- */

void page_table_begin(struct buf *to, const char *caption, const char *const *headings,
		      unsigned count)
{
	buf_string(to, "<section class=\"wide\" tabindex=\"0\" aria-label=\"");
	html_text(to, caption);
	buf_string(to, "\"><table><caption>");
	html_short(to, caption, 2 * PAGE_NAME_MAX);
	buf_string(to, "</caption><thead><tr>");
	for (unsigned i = 0; i < count; i++) {
		bool number = headings[i][0] == '>';

		buf_string(to, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
		html_text(to, headings[i] + number);
		buf_string(to, "</th>");
	}
	buf_string(to, "</tr></thead><tbody>\n");
}

void page_table_end(struct buf *to)
{
	buf_string(to, "</tbody></table></section>\n");
}

void page_cell(struct buf *to, const char *text)
{
	buf_string(to, "<td>");
	html_short(to, text, PAGE_NAME_MAX);
	buf_string(to, "</td>");
}

void page_number_cell(struct buf *to, int64_t number)
{
	buf_string(to, "<td class=\"n\">");
	html_number(to, number);
	buf_string(to, "</td>");
}

void page_day_cell(struct buf *to, int32_t day)
{
	buf_string(to, "<td>");
	html_day(to, day);
	buf_string(to, "</td>");
}

void page_badge(struct buf *to, const char *look, const char *text)
{
	buf_printf(to, "<span class=\"badge b-%s\">", look);
	html_text(to, text);
	buf_string(to, "</span>");
}

/* ---- the whole ---- */

/* What a reader may go to from each page. */
static void put_ways(struct buf *to, const struct page_frame *frame)
{
	static const char *const ways[][2] = {
	    {"./", "All domains"}, {"reports", "Reports"}, {"messages", "Messages"}};

	buf_string(to, "<nav aria-label=\"Pages\"><ul>");
	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		buf_printf(to, "<li><a href=\"%s%s\">%s</a></li>", frame->root, ways[i][0],
			   ways[i][1]);
	buf_string(to, "</ul></nav>\n");
}

void page_begin(struct buf *to, const struct page_frame *frame)
{
	char text[CLOCK_TEXT_MAX];

	buf_string(to, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
		       "<meta http-equiv=\"Content-Security-Policy\" content=\"");
	script_policy(to, frame->form);
	buf_string(to,
		   "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		   "\n<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	html_text(to, frame->title);
	buf_string(to, "</title>\n<style>");
	buf_string(to, style);
	buf_string(to, "</style></head><body>\n");
	if (frame->charts)
		chart_patterns(to);
	buf_string(to, "<header>");
	if (frame->root != NULL)
		put_ways(to, frame);
	buf_string(to, "<h1>");
	html_short(to, frame->title, 2 * PAGE_NAME_MAX);
	buf_string(to, "</h1><p class=\"dim\">");
	if (frame->days > 0) {
		html_day(to, frame->first_day);
		buf_string(to, " to ");
		html_day(to, frame->first_day + (int32_t)frame->days - 1);
		buf_string(to, ", UTC. ");
	}
	buf_printf(to, "Made %s by countersign ", clock_utc_text(frame->generated, text));
	html_text(to, frame->version);
	buf_string(to, ".</p></header>\n");
}

void page_end(struct buf *to)
{
	buf_string(to, "</main>");
	script_write(to);
	buf_string(to, "</body></html>\n");
}

void page_link(struct buf *to, const char *root, const char *const *parts)
{
	buf_string(to, "<a href=\"");
	buf_string(to, root);
	for (unsigned i = 0; parts[i] != NULL; i++) {
		buf_string(to, i == 0 ? "" : "/");
		html_path(to, parts[i]);
	}
	buf_string(to, "\">");
}

static void put_contents(struct buf *to)
{
	static const char *const parts[][2] = {
	    {"verdicts", "Domains"},  {"changes", "Changes"}, {"sources", "Sources"},
	    {"received", "Received"}, {"tls", "TLS"},         {"complaints", "Complaints"},
	    {"keys", "Keys"},         {"posture", "Posture"}, {"reporters", "Reporters"},
	    {"daemon", "Daemon"}};

	buf_string(to, "<nav aria-label=\"Contents\"><ul>");
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		buf_printf(to, "<li><a href=\"#%s\">%s</a></li>", parts[i][0], parts[i][1]);
	buf_string(to, "</ul></nav>\n<main>\n");
}

void page_write(struct buf *to, const struct page_facts *facts, struct arena *arena)
{
	const struct page_frame frame = {
	    .title =
		arena_printf(arena, "Mail of %s", facts->only == NULL ? facts->host : facts->only),
	    .root = facts->root,
	    .charts = true,
	    .first_day = facts->first_day,
	    .days = facts->days,
	    .generated = facts->generated,
	    .version = facts->version};

	page_begin(to, &frame);
	put_contents(to);
	if (facts->without_dns)
		buf_string(to, "<p><b>Not complete:</b> the DNS did not answer in time about every "
			       "source. Load the page again.</p>\n");
	page_verdicts(to, facts);
	page_changes(to, facts, arena);
	page_sources(to, facts, arena);
	page_received(to, facts);
	page_tls(to, facts);
	page_complaints(to, facts);
	page_keys(to, facts);
	page_posture(to, facts);
	page_reporters(to, facts);
	page_daemon(to, facts);
	page_end(to);
}
