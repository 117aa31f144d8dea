/* Internal to core/model: how plain YAML scalars read, for both directions. */
#ifndef SEALPOST_CORE_MODEL_YAML_H
#define SEALPOST_CORE_MODEL_YAML_H

#include "core/model/model.h"

enum model_yaml_word { MODEL_YAML_TEXT, MODEL_YAML_NULL, MODEL_YAML_TRUE, MODEL_YAML_FALSE };
enum model_yaml_word model_yaml_word(struct str text);
bool model_yaml_is_integer(struct str text, int64_t *ret);

#endif
