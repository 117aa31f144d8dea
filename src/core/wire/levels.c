#include "core/model/model.h"

/* Only until core/model stands: the names it will define. */
__attribute__((weak)) const char *const model_level_names[] = {
	"none", "encrypt", "chain", "name", NULL};
