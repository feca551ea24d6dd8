/* Tables of places to patch. One is kept by the script, the other is not: nothing but its bounds leads to it. */
#include "mini.h"

extern unsigned long __start___feature_fixup[], __stop___feature_fixup[];
extern unsigned long __start___barrier_fixup[], __stop___barrier_fixup[];

static void patch(unsigned long *from, unsigned long *to)
{
	for (; from < to; from++)
		*(volatile unsigned char *)*from = 0x90;
}

void apply_feature_fixups(void) { patch(__start___feature_fixup, __stop___feature_fixup); }
void apply_barrier_fixups(void) { patch(__start___barrier_fixup, __stop___barrier_fixup); }
