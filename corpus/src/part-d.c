/* Only -u, or nobody, asks for this one. */
int forced_state = 1;
__thread int forced_local;
int forced(int n) { return n + forced_state + forced_local; }
static int (*resolve(void))(int) { return forced; }
int chosen(int) __attribute__((ifunc("resolve")));
int optional(int n) { return chosen(n); }
