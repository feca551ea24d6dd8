/* Start of the kernel: runs all initcalls, then walks the tables. */
#include "mini.h"

volatile unsigned long ticks;
#if MINI_ERA < 50
extern initcall_t __initcall_start[], __initcall_end[];
static void __init do_initcalls(void)
{
	for (initcall_t *call = __initcall_start; call < __initcall_end; call++)
		(*call)();
}
#else
extern int __initcall_start[], __initcall_end[];
static void __init do_initcalls(void)
{
	for (int *entry = __initcall_start; entry < __initcall_end; entry++)
		((initcall_t)((unsigned long)entry + *entry))();
}
#endif

int mini_print(const char *text)
{
	int n = 0;
	while (text[n])
		*(volatile char *)0xb8000 = text[n++];
	return n;
}
EXPORT_SYMBOL(mini_print);

void panic_halt(void)
{
	for (;;)
		ticks++;
}

void start_kernel(void)
{
	extern const char linux_banner[];
	mini_print(linux_banner);
	apply_feature_fixups();
	apply_barrier_fixups();
	do_initcalls();
	run_quirks();
	panic_halt();
}
