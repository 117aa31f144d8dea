/* The process that receives mail: SMTP connections in, messages to the spool. */
#ifndef SEALPOST_PROCESS_RECEIVE_RECEIVE_H
#define SEALPOST_PROCESS_RECEIVE_RECEIVE_H

#include "port/runtime/runtime.h"

extern const struct runtime_process receive_process;

#endif
