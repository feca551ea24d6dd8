/* Touches several corners of a C library: formatted output, mathematics, sorting, name resolution, time, threads. */
#include <math.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Never called: must go. */
int unused_function(int n) { return n ? unused_function(n - 1) + rand() : 0; }
int unused_table[64] = { 1, 2, 3 };

static void *worker(void *argument)
{
	double *values = argument;
	for (int i = 0; i < 16; i++)
		values[i] = sin(i) * exp(i / 3.0) + pow(i, 1.5);
	return NULL;
}

__attribute__((constructor)) static void before_main(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

int main(int argc, char **argv)
{
	double values[16];
	pthread_t thread;
	struct addrinfo *found = NULL;
	char text[64];
	time_t now = time(NULL);

	if (pthread_create(&thread, NULL, worker, values) == 0)
		pthread_join(thread, NULL);
	qsort(values, 16, sizeof values[0], by_value);
	strftime(text, sizeof text, "%F %T", localtime(&now));
	printf("%s: %s %g %s\n", text, argc > 1 ? argv[1] : "none", values[7], strerror(argc));
	if (argc > 1 && getaddrinfo(argv[1], "http", NULL, &found) == 0)
		freeaddrinfo(found);
	return 0;
}
