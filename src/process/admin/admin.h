/*
 * The admin process: the management API, HTTP/1.1 with JSON on a Unix socket.  It decides who may
 * speak (SO_PEERCRED), routes requests by one table, asks spool and supervisor, and explains what
 * policy would decide.  It holds no mail and no key.
 */
#ifndef SEALPOST_PROCESS_ADMIN_ADMIN_H
#define SEALPOST_PROCESS_ADMIN_ADMIN_H

#include "port/runtime/runtime.h"

extern const struct runtime_process admin_process;

#endif
