/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <unistd.h>

#include "lib/clock.h"

static const int64_t first_pause = CLOCK_SECOND / 2, redraw_pause = CLOCK_SECOND / 10;

static volatile sig_atomic_t interrupted;

static void note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

void progress_catch(void)
{
	signal(SIGINT, note_interrupt);
	signal(SIGTERM, note_interrupt);
	signal(SIGPIPE, SIG_IGN);
}

bool progress_interrupted(void)
{
	return interrupted != 0;
}

void progress_begin(struct progress *progress, const struct admin *admin, const char *what)
{
	*progress = (struct progress){.admin = admin, .what = what};
	progress->begun = clock_mono();
	progress->shown = progress->begun + first_pause - redraw_pause;
}

/* What is left at the pace so far. */
static int64_t seconds_left(const struct progress *progress, int64_t now, int64_t done, int64_t all)
{
	double spent = (double)(now - progress->begun) / (double)CLOCK_SECOND;

	return done <= 0 ? 0 : (int64_t)(spent * (double)(all - done) / (double)done + 0.5);
}

void progress_draw(struct progress *progress, int64_t done, int64_t all)
{
	int64_t now = clock_mono();

	if (progress->admin->quiet || isatty(STDERR_FILENO) != 1)
		return;
	progress->shown = now;
	progress->drawn = true;
	if (all <= 0)
		fprintf(stderr, "\r\033[K%s: %" PRId64, progress->what, done);
	else if (done <= 0)
		fprintf(stderr, "\r\033[K%s: 0 of %" PRId64, progress->what, all);
	else
		fprintf(stderr,
			"\r\033[K%s: %" PRId64 " of %" PRId64 ", %" PRId64 " %%, %" PRId64
			" s left",
			progress->what, done, all, (int64_t)(100.0 * (double)done / (double)all),
			seconds_left(progress, now, done, all));
	fflush(stderr);
}

bool progress_show(void *arg, int64_t done, int64_t all)
{
	struct progress *progress = arg;

	if (clock_mono() >= progress->shown + redraw_pause)
		progress_draw(progress, done, all);
	return !interrupted;
}

void progress_end(struct progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}
