/* Exported, and needed by nobody but a module: on-demand linking leaves it out. */
#include "mini.h"

void *lib_memcat_p(void **a, void **b)
{
	return a[0] ? a[0] : b[0];
}
EXPORT_SYMBOL_GPL(lib_memcat_p);
