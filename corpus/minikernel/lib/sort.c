/* Neither exported nor used: pure cost under --whole-archive. */
#include "mini.h"

int lib_sort(int *values, int count)
{
	for (int i = 1; i < count; i++)
		for (int j = i; j > 0 && values[j - 1] > values[j]; j--) {
			int swapped = values[j];
			values[j] = values[j - 1];
			values[j - 1] = swapped;
		}
	return count;
}
