/* A module of one object; imports a namespace. */
#include "mini.h"

static int clockdev_init(void)
{
	return bus_register(clock_now()) + bus_secret();
}
module_init(clockdev_init);
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS(BUS_INTERNAL);
