/* What the tests of pinned decisions share: cases are answered as text and compared with a file.
 * With SEALPOST_REWRITE set the files are written anew instead. */
#ifndef SEALPOST_CORE_POLICY_TEST_PINNED_H
#define SEALPOST_CORE_POLICY_TEST_PINNED_H

#include "core/policy/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Take the directory of the files from the command line. */
void pinned_begin(int argc, char **argv);
/* A configuration of that directory; NULL, with a message, when it is not valid. */
struct policy_snapshot *pinned_config(const char *name);
/* Fail unless GOT is the text of file NAME. */
void pinned_compare(const char *name, struct buf *got);
/* A leaf with NAMES, separated by spaces. */
void pinned_facts(const char *names, struct cert_facts *facts, struct arena *arena);

#endif
