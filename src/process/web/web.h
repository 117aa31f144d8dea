/*
 * The web process: HTTPS for the admin center and the API (admin.listen in the node file).
 *
 * It does TLS and knows no HTTP: what comes out of a connection goes into one of its own to
 * RUN/web.sock, where admin listens, and back.  Admin learns who is there from the first request of
 * each, which is made here (process/admin/peer.h).
 */
#ifndef SEALPOST_PROCESS_WEB_WEB_H
#define SEALPOST_PROCESS_WEB_WEB_H

#include "port/runtime/runtime.h"

extern const struct runtime_process web_process;

#endif
