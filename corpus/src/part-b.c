/* Archive B: back to A for `gamma_`. */
extern int gamma_(int);
int beta(int n) { return n > 3 ? gamma_(n) : n; }
int beta_unused(int n) { return n; }
