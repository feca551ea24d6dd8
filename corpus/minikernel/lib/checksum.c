/* A library member that the kernel itself needs. */
#include "mini.h"

unsigned long lib_checksum(const unsigned char *p, unsigned long n)
{
	unsigned long sum = 0;
	while (n--)
		sum = sum * 31 + *p++;
	return sum;
}
EXPORT_SYMBOL(lib_checksum);
