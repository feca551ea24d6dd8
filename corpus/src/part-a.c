/* Archive A: needs archive B, which needs A again. */
extern int beta(int);
int shared_common[32];
int alpha_table[4] = { 1, 2, 3, 4 };
int alpha(int n) { return beta(n) + alpha_table[n & 3]; }
int alpha_unused(int n) { return alpha(n) * 2; }
