/*
 * The spool: the only process that has the disk.  It takes messages from receive, keeps them, gives
 * jobs to deliver, settles what came of them, writes notices, holds the configuration and answers
 * questions about all of it.
 */
#ifndef SEALPOST_PROCESS_SPOOL_SPOOL_H
#define SEALPOST_PROCESS_SPOOL_SPOOL_H

#include "port/runtime/runtime.h"

extern const struct runtime_process spool_process;

#endif
