/* The configuration as it comes from the spool, object by object. */
#ifndef SEALPOST_PROCESS_DELIVER_CONFIG_H
#define SEALPOST_PROCESS_DELIVER_CONFIG_H

#include "core/policy/policy.h"
#include "core/wire/wire.h"

struct deliver_config_reader;

struct deliver_config_reader *deliver_config_reader_new(void) MUST_USE;
void deliver_config_reader_free(struct deliver_config_reader **reader);
void deliver_config_begin(struct deliver_config_reader *reader);
/* ERR_SYNTAX when it cannot be read. */
enum err deliver_config_object(
	struct deliver_config_reader *reader, const struct wire_config_object *object);
/* All have come: a snapshot of them; the reader is empty again. */
struct policy_snapshot *deliver_config_end(
	struct deliver_config_reader *reader, int64_t generation) MUST_USE;

#endif
