/* The process that asks the DNS for the others. */
#ifndef SEALPOST_PROCESS_LOOKUP_LOOKUP_H
#define SEALPOST_PROCESS_LOOKUP_LOOKUP_H

#include "port/runtime/runtime.h"

extern const struct runtime_process lookup_process;

#endif
