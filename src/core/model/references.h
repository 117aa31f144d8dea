/* Internal to core/model: do the objects of a configuration fit together? */
#ifndef SEALPOST_CORE_MODEL_REFERENCES_H
#define SEALPOST_CORE_MODEL_REFERENCES_H

#include "base/map.h"
#include "core/model/model.h"

/* MAPS: key -> object, one for each kind.  The message names the object and the property. */
enum err model_check_references(const struct model_config *config,
	struct map *const maps[MODEL_KIND_MAX], struct err_info *info);

#endif
