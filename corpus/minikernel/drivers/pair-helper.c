/* Second part: the only user of an exported library member. */
#include "mini.h"

int pair_helper(int id)
{
	void *none[] = { 0 };
	return bus_unregister(id) + (lib_memcat_p(none, none) != 0);
}
