/*
 * A process for one order about a certificate (port/issue), which the supervisor starts and which
 * ends with it: making a key takes its time, what an authority has sent is read by nobody else, and
 * the key is in no process that lives on.
 *
 * It inherits, and nothing else: the order as a file (0), where the result goes (1), the lock of
 * the vault, and the passphrase of keys.  It opens its sandbox first: DATA/certificates is all that
 * it reaches, and there is no network.
 */
#ifndef SEALPOST_PROCESS_CERTIFY_CERTIFY_H
#define SEALPOST_PROCESS_CERTIFY_CERTIFY_H

/* `sealpost process certify DATA PASSPHRASE`: PASSPHRASE is "sealed" where CERTIFY_PASSPHRASE_FD
 * is there.  Returns the exit status.
 *
 * The order: {"order": struct issue_order, "roots": PEM}.
 * The result: {"ok": true, "request": PEM}, {"ok": true, "version": id, "life": struct cert_life,
 * "warnings": [text]}, or {"ok": false, "code": token of enum err, "error": why}. */
int certify_main(int argc, char **argv);

enum {
	CERTIFY_LOCK_FD = 3,
	CERTIFY_PASSPHRASE_FD = 4,
	CERTIFY_ORDER_MAX = 16 * 1024 * 1024,
	CERTIFY_RESULT_MAX = 1024 * 1024,
};

#endif
