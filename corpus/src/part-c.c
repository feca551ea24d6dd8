/* Second member of archive A, reached only through B; brings a table entry of its own and a constructor. */
struct entry { const char *name; int (*run)(int); };
static int state[8];
static int second(int n) { return n + state[n & 7]; }
__attribute__((section("commands"), used)) static const struct entry second_entry = { "second", second };
__attribute__((constructor)) static void fill(void) { for (int i = 0; i < 8; i++) state[i] = i; }
int gamma_(int n) { return state[n & 7]; }
