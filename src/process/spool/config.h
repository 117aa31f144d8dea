/* A configuration that is about to replace the present one. */
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

#endif
