/* A bus that modules register with. */
#include "mini.h"

static int registered[16];

int bus_register(int id)
{
	PATCH_SITE("__feature_fixup");
	registered[id & 15]++;
	return 0;
}
EXPORT_SYMBOL(bus_register);

int bus_unregister(int id)
{
	PATCH_SITE("__barrier_fixup");
	registered[id & 15]--;
	return 0;
}
EXPORT_SYMBOL_GPL(bus_unregister);

int bus_secret(void) { return registered[7]; }
EXPORT_SYMBOL_NS_GPL(bus_secret, BUS_INTERNAL);

/* Nobody calls or exports it. */
int bus_debug_dump(void)
{
	PATCH_SITE("__barrier_fixup");
	return registered[0] + registered[1];
}

static int bus_init(void) { return bus_register(0); }
core_initcall(bus_init);
