/*
 * The delivering process: takes jobs from the spool and carries them to the next hop, by SMTP, LMTP
 * or into a Maildir, and says for every recipient what came of it and how the hop was protected.
 *
 *     spool ──job──► job ──► task (one route) ──► targets ──► link (one connection) ──► gate ──►
 * MAIL
 *
 * gate.c is the one place where a transaction can begin.
 */
#ifndef SEALPOST_PROCESS_DELIVER_DELIVER_H
#define SEALPOST_PROCESS_DELIVER_DELIVER_H

#include "port/runtime/runtime.h"

extern const struct runtime_process deliver_process;

#endif
