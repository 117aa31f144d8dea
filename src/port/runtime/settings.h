/* Internal to port/runtime: the settings of a child, as they come in message by message. */
#ifndef SEALPOST_PORT_RUNTIME_SETTINGS_H
#define SEALPOST_PORT_RUNTIME_SETTINGS_H

#include "port/runtime/control.h"
#include "port/runtime/runtime.h"

struct runtime_received;

struct runtime_received *runtime_received_new(void) MUST_USE;
/* Closes the descriptors that nobody took. */
void runtime_received_free(struct runtime_received **received);
/* Take one message of the kinds from NODE to SOCKET; false when it makes no sense. */
bool runtime_received_add(
	struct runtime_received *received, struct runtime_control_message *message);
/* What has come so far; NULL without a node.  Listeners and the socket belong to the caller from
 * now on. */
const struct runtime_settings *runtime_received_take(struct runtime_received *received);

/* apply() has returned: close what it only looked at, keys, secrets and the table of addresses. */
void runtime_received_applied(struct runtime_received *received);

#endif
