/* The time of day of a program that is started with this library is the one that ESPOMAIL_TEST_CLOCK names, in seconds
 * since 1970. Other clocks run on. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int is_named(time_t *seconds)
{
	const char *text = getenv("ESPOMAIL_TEST_CLOCK");
	if (text)
		*seconds = atoll(text);
	return text != NULL;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	if ((clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && is_named(&now->tv_sec)) {
		now->tv_nsec = 0;
		return 0;
	}
	return syscall(SYS_clock_gettime, clock, now);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &exact);
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *seconds)
{
	struct timespec exact;
	clock_gettime(CLOCK_REALTIME, &exact);
	if (seconds)
		*seconds = exact.tv_sec;
	return exact.tv_sec;
}
