/* Internal to port/sandbox. */
#ifndef SEALPOST_PORT_SANDBOX_LANDLOCK_H
#define SEALPOST_PORT_SANDBOX_LANDLOCK_H

#include "port/sandbox/sandbox.h"

/* Confine this process to the paths in RULES, and to the network calls they allow, as far as the
 * kernel can.  *ret_version 0: the kernel has no landlock. */
enum err sandbox_landlock(
	const struct sandbox_rules *rules, int *ret_version, struct err_info *info);
/* Load the filter of system calls. */
enum err sandbox_filter(const struct sandbox_rules *rules, struct err_info *info);

#endif
