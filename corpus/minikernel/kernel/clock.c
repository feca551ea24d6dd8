/* Built in; exported; used by a module. */
#include "mini.h"

extern volatile unsigned long jiffies;

int clock_now(void) { return (int)jiffies; }
EXPORT_SYMBOL_GPL(clock_now);

static int clock_init(void) { return clock_now() < (int)lib_checksum((const unsigned char *)"clock", 5); }
device_initcall(clock_init);

static void __exit clock_exit(void) { mini_print("clock gone\n"); }
static exitcall_t __exitcall_clock __section(".exitcall.exit") __used = clock_exit;
MODULE_LICENSE("GPL");
