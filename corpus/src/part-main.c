/* The main object of the `options` links: --wrap, -u, --defsym, groups, start/stop tables, weak and common symbols. */
#include <stdio.h>
#include <stdlib.h>

struct entry { const char *name; int (*run)(int); };
extern const struct entry __start_commands[], __stop_commands[];
extern int alpha(int), aliased(int), optional(int) __attribute__((weak));
int shared_common[32];

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size) { return __real_malloc(size + 16); }

static int first(int n) { return n + 1; }
/* `retain` keeps this one where tables are not roots by their name; the second entry, in part-c.c, has no such mark. */
__attribute__((section("commands"), used, retain)) static const struct entry first_entry = { "first", first };

int main(int argc, char **argv)
{
	int total = alpha(argc) + aliased(argc) + shared_common[argc & 31];
	for (const struct entry *it = __start_commands; it < __stop_commands; it++)
		total += it->run(argc);
	if (optional)
		total += optional(argc);
	char *text = malloc(32);
	snprintf(text, 32, "%d %s", total, argv[0]);
	puts(text);
	return 0;
}
