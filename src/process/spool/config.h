/* A configuration that is about to replace the present one: shared by config.c and
 * config_change.c. */
#ifndef SEALPOST_PROCESS_SPOOL_CONFIG_H
#define SEALPOST_PROCESS_SPOOL_CONFIG_H

#include "process/spool/state.h"

struct spool_config_replacement {
	struct arena *arena;
	struct policy_snapshot *old; /* the configuration before, once it is replaced */
	struct model_config config;  /* shares what is unchanged with the one before */
	struct model_change *changes;
	size_t count;
	int64_t generation;
	bool dry_run;
	bool by_changes; /* single objects */
};

/* Change R->config (in R->arena) as the array says; all of it or an error. */
enum err spool_config_changed(
	const json_t *changes, struct spool_config_replacement *r, struct err_info *info);

#endif
