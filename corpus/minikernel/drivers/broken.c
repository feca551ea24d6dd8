/* A module that cannot be loaded: each name is missing for another reason. */
#include "mini.h"

int bus_debug_dump(void);     /* defined in the kernel, not exported */
int bus_regster(int id);      /* misspelt */
int never_written(void);      /* nowhere */
static int broken_init(void) { return bus_debug_dump() + bus_regster(2) + never_written(); }
module_init(broken_init);
MODULE_LICENSE("GPL");
