/* A kernel in small: what its sources need. MINI_ERA is 48, 61, 65 or 71: the release whose exports and initcalls are made. */
#ifndef MINI_H
#define MINI_H

#define __init __attribute__((section(".init.text"), cold))
#define __exit __attribute__((section(".exit.text"), used, cold))
#define __used __attribute__((used))
#define __section(name) __attribute__((section(name)))
#define __str(x) #x
#define __xstr(x) __str(x)
#define __cat(a, b) a##b
#define __xcat(a, b) __cat(a, b)

typedef int (*initcall_t)(void);
typedef void (*exitcall_t)(void);

struct table_entry {
	void (*function)(void);
	unsigned long data;
};

/* Exports. The name stays the same in all eras, what the object holds does not. */
#if MINI_ERA < 50
struct kernel_symbol {
	unsigned long value;
	const char *name;
};
#define __export(sym, sec, ns)                                                                      \
	static const char __kstrtab_##sym[] __section("__ksymtab_strings") __used = #sym;           \
	static const struct kernel_symbol __ksymtab_##sym __section("___ksymtab" sec "+" #sym) __used = { \
		(unsigned long)&sym, __kstrtab_##sym }
#elif MINI_ERA < 65
#define __export(sym, sec, ns)                                                                      \
	asm(".section \"__ksymtab_strings\",\"aMS\",%progbits,1\n"                                  \
	    "__kstrtab_" #sym ": .asciz \"" #sym "\"\n"                                             \
	    "__kstrtabns_" #sym ": .asciz \"" ns "\"\n"                                             \
	    ".previous\n"                                                                           \
	    ".section \"___ksymtab" sec "+" #sym "\",\"a\"\n"                                       \
	    ".balign 4\n"                                                                           \
	    "__ksymtab_" #sym ": .long " #sym " - ., __kstrtab_" #sym " - ., __kstrtabns_" #sym " - .\n" \
	    ".previous\n")
#else
#define __export(sym, sec, ns)                                                                      \
	asm(".section \".export_symbol\",\"a\"\n"                                                   \
	    "__export_symbol_" #sym ": .asciz \"" __license(sec) "\"\n"                             \
	    ".asciz \"" ns "\"\n"                                                                   \
	    ".balign 8\n"                                                                           \
	    ".quad " #sym "\n"                                                                      \
	    ".previous\n")
#define __license(sec) __license_##sec
#endif
#if MINI_ERA < 65
#define EXPORT_SYMBOL(sym) __export(sym, "", "")
#define EXPORT_SYMBOL_GPL(sym) __export(sym, "_gpl", "")
#define EXPORT_SYMBOL_NS_GPL(sym, ns) __export(sym, "_gpl", #ns)
#else
#define __license_any ""
#define __license_gpl "GPL"
#define EXPORT_SYMBOL(sym) __export(sym, any, "")
#define EXPORT_SYMBOL_GPL(sym) __export(sym, gpl, "")
#define EXPORT_SYMBOL_NS_GPL(sym, ns) __export(sym, gpl, #ns)
#endif

/* Initcalls: a pointer up to 5.11, a place-relative word of a longer name after that. */
#if MINI_ERA < 50
#define __initcall(fn, level)                                                                       \
	static initcall_t __initcall_##fn##level __section(".initcall" #level ".init") __used = fn
#else
#define __initcall_name(fn, level, counter, line) __initcall__kmod_mini__##counter##_##line##_##fn##level
#define __initcall_asm(fn, level, name)                                                             \
	asm(".section \".initcall" #level ".init\",\"a\"\n" __xstr(name) ": .long " #fn " - .\n.previous\n")
#define ___initcall(fn, level, counter, line) __initcall_asm(fn, level, __initcall_name(fn, level, counter, line))
#define __initcall_x(fn, level, counter, line) ___initcall(fn, level, counter, line)
#define __initcall(fn, level)                                                                       \
	static int fn(void) __used;                                                                 \
	__initcall_x(fn, level, __COUNTER__, __LINE__)
#endif
#define early_initcall(fn) __initcall(fn, early)
#define core_initcall(fn) __initcall(fn, 1)
#define device_initcall(fn) __initcall(fn, 6)
#define late_initcall(fn) __initcall(fn, 7)

#define MODULE_INFO(key, value)                                                                     \
	static const char __xcat(__modinfo_, __COUNTER__)[] __section(".modinfo") __used = key "=" value
#ifdef MODULE
#define module_init(fn) int init_module(void) __attribute__((alias(#fn)))
#define MODULE_LICENSE(text) MODULE_INFO("license", text)
#define MODULE_IMPORT_NS(ns) MODULE_INFO("import_ns", #ns)
#else
#define module_init(fn) device_initcall(fn)
#define MODULE_LICENSE(text) MODULE_INFO(MODNAME ".license", text)
#define MODULE_IMPORT_NS(ns)
#endif

/* A table of the kind that only its bounds reach. */
#define TABLE_ENTRY(table, fn, value)                                                               \
	static const struct table_entry __xcat(__entry_, __COUNTER__) __section(table) __used = { fn, value }

/* A word that says where something is to be patched at boot: it points at code, nothing points at it. */
#define PATCH_SITE(table) asm volatile("1:\n.pushsection " table ",\"a\"\n.quad 1b\n.popsection")

void panic_halt(void);
int mini_print(const char *text);
void run_quirks(void);
void apply_barrier_fixups(void);
void apply_feature_fixups(void);
unsigned long lib_checksum(const unsigned char *p, unsigned long n);
void *lib_memcat_p(void **a, void **b);
int lib_sort(int *values, int count);
void lib_dump(void);
int bus_register(int id);
int bus_unregister(int id);
int bus_secret(void);
int clock_now(void);
#endif
