#ifndef SEALPOST_PROCESS_SUPERVISE_TEST_SMALL_H
#define SEALPOST_PROCESS_SUPERVISE_TEST_SMALL_H

/* main() of a child that does nothing but answer. */
int supervise_test_small(int argc, char **argv);

#endif
