int weak_fn(int) __attribute__((weak)); int weak_fn(int a){return a;}
static int table[50]={1,2}; static const int ro[64]={3}; static int zero[100]; __thread int tl=4; __thread int tz[3];
static int twice(int n){static int count; static int more=3; return zero[n&31]+table[n&7]+ro[n&31]+count++ + more++;}
int newone(int a){return a*3+7;} int common_one[30]; int small=2;
int _start_it(int n){int s=0; for(int i=0;i<n;i++)s+=twice(i)*weak_fn(i)+tl+tz[1]; return s+small+common_one[n];}
static int fib(int n){return n<2?n:fib(n-1)+fib(n-2)*twice(n);} int use(int n){return fib(n)+twice(n);}
