/*
 * The process that has the private keys.  It knows nothing but them: it is asked for a signature by
 * the SHA-256 of the public key, and answers with it or with an error.  No network, no files after
 * start, no mail.
 */
#ifndef SEALPOST_PROCESS_KEYS_KEYS_H
#define SEALPOST_PROCESS_KEYS_KEYS_H

#include "port/runtime/runtime.h"

extern const struct runtime_process keys_process;

#endif
