/* Internal to core/wire: rows without a documentation line, for structs that never reach a person.
 */
#ifndef SEALPOST_CORE_WIRE_DESCRIBE_H
#define SEALPOST_CORE_WIRE_DESCRIBE_H

#include "core/wire/wire.h"

#define FIELD(type, member, k)                                                                     \
	{                                                                                          \
		.name = #member, .kind = RECORD_##k, .offset = offsetof(struct type, member)       \
	}
#define MOMENT(type, member)                                                                       \
	{                                                                                          \
		.name = #member, .kind = RECORD_MOMENT,                                            \
		.offset = offsetof(struct type, member##_ms)                                       \
	}
#define DESC(type, label, table)                                                                   \
	{                                                                                          \
		.name = label, .size = sizeof(struct type), .fields = table,                       \
		.count = ARRAY_LENGTH(table)                                                       \
	}

extern const struct record_desc wire_revocation_ask_desc, wire_revocation_answer_desc,
	wire_staple_ask_desc, wire_staple_desc, wire_endpoint_ask_desc, wire_post_desc,
	wire_posted_desc, wire_survey_desc, wire_surveyed_desc;

#endif
