/* Built without the admin center. */
#include "process/admin/assets.h"

const struct admin_asset admin_assets[] = {{.path = NULL}};
const size_t admin_asset_count = 0;
