#include <stdio.h>

int main(void)
{
	puts("sealpost " SEALPOST_VERSION);
	return 0;
}
