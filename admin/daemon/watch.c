/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal is put into raw mode with a screen of its own, and given back by every way out. Each
 * look is parsed into an arena of its own; the one before is kept, for the rates.
 *
 * A daemon that does not answer for a while (it is restarted) is waited for; only one that did not
 * answer the first look ends the command.
 */
#include "admin/daemon/watch.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "admin/daemon/daemon.h"
#include "admin/daemon/status_print.h"
#include "admin/out.h"
#include "lib/clock.h"
#include "metrics/read.h"

enum { PAUSE_MS = 2000, HEADER_LINES = 6, WIDTH_LEAST = 40, HEIGHT_LEAST = 10 };

enum watch_order { ORDER_RATE, ORDER_TOTAL, ORDER_NAME };

static const struct {
	char key;
	const char *text;
} orders[] = {
    [ORDER_RATE] = {'r', "rate"}, [ORDER_TOTAL] = {'t', "total"}, [ORDER_NAME] = {'n', "name"}};

enum { ORDERS = sizeof orders / sizeof orders[0] };

/* One answer of the daemon. */
struct look {
	struct arena *arena; /* NULL: there was none yet */
	struct metrics_read status;
	int64_t at; /* clock_mono() */
};

/* A counter: "DKIM pass 12, 0.5 a second". */
struct row {
	const char *title, *value;
	double total, rate; /* rate below 0: not known */
};

struct watch {
	struct admin *admin;
	const char *socket;
	struct look now, before;
	const char *trouble; /* why the daemon did not answer, or NULL */
	struct row *rows;
	unsigned count;
	enum watch_order order;
	bool paused, ended;
	unsigned width, height;
};

static volatile sig_atomic_t signal_came, size_changed;

static void note_signal(int number)
{
	if (number == SIGWINCH)
		size_changed = 1;
	else
		signal_came = 1;
}

/* ---- the terminal ---- */

static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
	struct sigaction action = {.sa_handler = note_signal}; /* without SA_RESTART: poll() ends */

	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGTSTP, SIG_IGN); /* it would leave the terminal in raw mode */
	signal(SIGPIPE, SIG_IGN);
}

static bool enter_terminal(struct termios *before)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, before) != 0)
		return false;
	raw = *before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) != 0)
		return false;
	fputs("\033[?1049h\033[?25l", stdout); /* another screen, no cursor */
	return true;
}

static void leave_terminal(const struct termios *before)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
}

static void read_size(struct watch *watch)
{
	struct winsize size = {0};

	size_changed = 0;
	ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	watch->width = size.ws_col == 0            ? 80
		       : size.ws_col < WIDTH_LEAST ? WIDTH_LEAST
						   : size.ws_col;
	watch->height = size.ws_row == 0             ? 24
			: size.ws_row < HEIGHT_LEAST ? HEIGHT_LEAST
						     : size.ws_row;
}

/* TEXT as one line, cut to the width; what is not printable ASCII is "?". */
static void put_line(const struct watch *watch, enum out_style style, const char *text)
{
	bool color = admin_color(watch->admin, stdout);

	fputs(out_on(style, color), stdout);
	for (unsigned i = 0; i < watch->width && text[i] != '\0'; i++)
		putchar(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
	fputs(out_off(style, color), stdout);
	fputs("\033[K\n", stdout);
}

/* ---- a look ---- */

static void drop_look(struct look *look)
{
	if (look->arena != NULL)
		arena_free(look->arena);
	*look = (struct look){.arena = NULL};
}

/* 0, or the exit status, with the reason in WATCH. */
static int take_look(struct watch *watch)
{
	struct look look = {.arena = arena_new(0)};
	struct arena *whole = watch->admin->arena;
	struct daemon_answer answer;
	struct why why = {""};
	int status;

	watch->admin->arena = look.arena;
	status = daemon_ask(watch->admin, watch->socket, CONTROL_STATUS, "", &answer);
	watch->admin->arena = whole;
	watch->trouble = admin_held(watch->admin);
	if (status == ADMIN_DONE && metrics_read_parse(span_make(answer.body, answer.len),
						       look.arena, &look.status, &why) != 0) {
		watch->trouble = arena_string(whole, why.text);
		status = ADMIN_INTERNAL;
	}
	if (status != ADMIN_DONE) {
		drop_look(&look);
		return status;
	}
	look.at = clock_mono();
	drop_look(&watch->before);
	watch->before = watch->now;
	watch->now = look;
	return ADMIN_DONE;
}

/* ---- rows ---- */

/* BEFORE: the total at the look before this one. */
static double rate_of(const struct watch *watch, double before, double total)
{
	if (watch->before.arena == NULL || total < before) /* a daemon that was started again */
		return -1;
	return (total - before) * (double)CLOCK_SECOND / (double)(watch->now.at - watch->before.at);
}

static bool has_row(const struct watch *watch, const char *title, const char *value)
{
	for (unsigned i = 0; i < watch->count; i++) {
		if (strcmp(watch->rows[i].title, title) == 0 &&
		    strcmp(watch->rows[i].value, value) == 0)
			return true;
	}
	return false;
}

static void add_rows(struct watch *watch, const struct status_family *family)
{
	const struct metrics_read *status = &watch->now.status;

	for (unsigned i = 0; i < status->sample_count; i++) {
		const struct metrics_read_sample *sample = &status->samples[i];
		const char *value = metrics_read_label(sample, family->label);
		double total;

		if (!status_is_family(sample, family) || has_row(watch, family->title, value))
			continue;
		total = status_family_sum(status, family, value);
		if (total > 0)
			watch->rows[watch->count++] = (struct row){
			    family->title, value, total,
			    rate_of(watch, status_family_sum(&watch->before.status, family, value),
				    total)};
	}
}

static int compare_names(const struct row *a, const struct row *b)
{
	int order = strcmp(a->title, b->title);

	return order != 0 ? order : strcmp(a->value, b->value);
}

static int by_name(const void *a, const void *b)
{
	return compare_names(a, b);
}

static int by_total(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->total != y->total ? (x->total < y->total ? 1 : -1) : compare_names(x, y);
}

static int by_rate(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->rate != y->rate ? (x->rate < y->rate ? 1 : -1) : by_total(a, b);
}

static void sort_rows(struct watch *watch)
{
	static int (*const compare[])(const void *, const void *) = {
	    [ORDER_RATE] = by_rate, [ORDER_TOTAL] = by_total, [ORDER_NAME] = by_name};

	watch->rows =
	    arena_array(watch->now.arena, watch->now.status.sample_count + 1, sizeof *watch->rows);
	watch->count = 0;
	for (const struct status_family *f = status_families; f->title != NULL; f++)
		add_rows(watch, f);
	qsort(watch->rows, watch->count, sizeof *watch->rows, compare[watch->order]);
}

/* ---- the page ---- */

static double sum_all(const struct watch *watch, const char *name)
{
	return metrics_read_sum(&watch->now.status, name, NULL, NULL);
}

static void draw_header(struct watch *watch)
{
	const struct metrics_read *status = &watch->now.status;
	struct arena *arena = watch->now.arena;
	double messages = sum_all(watch, "messages_total");
	double rate = rate_of(
	    watch, metrics_read_sum(&watch->before.status, "messages_total", NULL, NULL), messages);
	char time[CLOCK_TEXT_MAX];

	put_line(watch, OUT_BOLD,
		 arena_printf(arena, "countersignd %s, process %s   %s%s",
			      metrics_read_text(status, "version"),
			      metrics_read_text(status, "pid"), clock_utc_text(clock_wall(), time),
			      watch->paused ? "   PAUSED" : ""));
	put_line(watch, OUT_PLAIN,
		 arena_printf(arena, "messages %.0f, %s a second; %.0f under way, %.0f connections",
			      messages, rate < 0 ? "-" : arena_printf(arena, "%.1f", rate),
			      sum_all(watch, "messages_under_way"), sum_all(watch, "connections")));
	if (watch->trouble != NULL)
		put_line(watch, OUT_BAD, watch->trouble);
	else if (!status_is_well(status))
		put_line(watch, OUT_BAD, "somebody should look: countersign status");
	else
		put_line(watch, OUT_GOOD, "all is well");
	put_line(watch, OUT_DIM,
		 arena_printf(arena,
			      "sorted by %s   keys: r rate, t total, n name, p pause, q quit",
			      orders[watch->order].text));
	put_line(watch, OUT_PLAIN, "");
	put_line(
	    watch, OUT_BOLD,
	    arena_printf(arena, "%-13s %-24s %12s %12s", "WHAT", "RESULT", "TOTAL", "A SECOND"));
}

static void draw_page(struct watch *watch)
{
	struct arena *arena = watch->now.arena;

	read_size(watch);
	sort_rows(watch);
	fputs("\033[H", stdout);
	draw_header(watch);
	for (unsigned i = 0; i < watch->count && i + HEADER_LINES + 1 < watch->height; i++) {
		const struct row *row = &watch->rows[i];

		put_line(watch, row->rate > 0 ? OUT_PLAIN : OUT_DIM,
			 arena_printf(
			     arena, "%-13s %-24s %12.0f %12s", row->title, row->value, row->total,
			     row->rate < 0 ? "-" : arena_printf(arena, "%.1f", row->rate)));
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* ---- keys ---- */

static void take_key(struct watch *watch, char key)
{
	if (key == 'q' || key == 'Q' || key == 4) /* 4: Ctrl-D */
		watch->ended = true;
	if (key == 'p')
		watch->paused = !watch->paused;
	for (unsigned i = 0; i < ORDERS; i++) {
		if (orders[i].key == key)
			watch->order = (enum watch_order)i;
	}
}

/* Waits for keys until it is time for the next look; each is answered at once. */
static void wait_for_keys(struct watch *watch)
{
	struct pollfd poller = {.fd = STDIN_FILENO, .events = POLLIN};
	int64_t end = clock_mono() + PAUSE_MS * CLOCK_MS;

	while (!watch->ended && !signal_came && clock_mono() < end) {
		int got = poll(&poller, 1, (int)((end - clock_mono()) / CLOCK_MS) + 1);
		char key;

		if (got > 0 && read(STDIN_FILENO, &key, 1) == 1)
			take_key(watch, key);
		else if (got > 0)
			watch->ended = true; /* the terminal is gone */
		if (!watch->ended && (got > 0 || size_changed))
			draw_page(watch);
	}
}

static int watch_looks(struct watch *watch)
{
	int status = take_look(watch);

	while (status == ADMIN_DONE || watch->now.arena != NULL) {
		draw_page(watch);
		wait_for_keys(watch);
		if (watch->ended || signal_came)
			return status_is_well(&watch->now.status) ? ADMIN_DONE : ADMIN_NO;
		if (!watch->paused)
			status = take_look(watch);
	}
	return status;
}

int watch_run(struct admin *admin, const char *socket)
{
	struct watch watch = {.admin = admin, .socket = socket};
	struct termios before;
	int status;

	catch_signals();
	admin_hold(admin);
	if (!enter_terminal(&before)) {
		admin_error(admin, "the terminal cannot be used");
		return ADMIN_IO;
	}
	status = watch_looks(&watch);
	leave_terminal(&before);
	admin_let_go(admin);
	if (watch.now.arena == NULL && watch.trouble != NULL)
		admin_error(admin, "%s", watch.trouble);
	drop_look(&watch.now);
	drop_look(&watch.before);
	return status;
}
