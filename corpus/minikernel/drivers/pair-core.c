/* First part of a module of two objects; exports to other modules. */
#include "mini.h"

int pair_helper(int id);
int pair_core(int id) { return pair_helper(id) + mini_print("pair\n"); }
EXPORT_SYMBOL(pair_core);
static int pair_init(void) { return pair_core(1); }
module_init(pair_init);
MODULE_LICENSE("GPL");
