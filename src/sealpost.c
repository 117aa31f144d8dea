/* One binary: `serve` and the processes it starts; every other verb is the command line's. */
#include "cli/cli.h"
#include "port/runtime/runtime.h"
#include "process/admin/admin.h"
#include "process/certify/certify.h"
#include "process/deliver/deliver.h"
#include "process/keys/keys.h"
#include "process/lookup/lookup.h"
#include "process/receive/receive.h"
#include "process/spool/spool.h"
#include "process/supervise/supervise.h"
#include "process/web/web.h"

#include <stdio.h>
#include <stdlib.h>

static const struct runtime_process *const processes[RUNTIME_ROLE_MAX] = {
	[RUNTIME_SUPERVISE] = NULL,
	[RUNTIME_KEYS] = &keys_process,
	[RUNTIME_LOOKUP] = &lookup_process,
	[RUNTIME_SPOOL] = &spool_process,
	[RUNTIME_RECEIVE] = &receive_process,
	[RUNTIME_DELIVER] = &deliver_process,
	[RUNTIME_ADMIN] = &admin_process,
	[RUNTIME_WEB] = &web_process,
};

static int run_process(int argc, char **argv)
{
	if (argc > 2 && str_is(str_of(argv[2]), "certify"))
		return certify_main(argc, argv);
	for (int role = 0; argc > 2 && role < RUNTIME_ROLE_MAX; role++)
		if (processes[role] != NULL && str_is(str_of(argv[2]), runtime_table[role].name))
			return runtime_main(processes[role], argc, argv);
	fprintf(stderr, "sealpost: no such process\n");
	return EXIT_FAILURE;
}

static int serve(int argc, char **argv)
{
	if (argc == 2)
		return supervise_main(NULL);
	if (argc == 4 && str_is(str_of(argv[2]), "--node"))
		return supervise_main(argv[3]);
	if (argc == 3 && str_starts_nocase(str_of(argv[2]), (struct str)STR("--node=")))
		return supervise_main(argv[2] + sizeof("--node=") - 1);
	fprintf(stderr, "usage: sealpost serve [--node FILE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	if (argc > 1 && str_is(str_of(argv[1]), "process"))
		return run_process(argc, argv);
	if (argc > 1 && str_is(str_of(argv[1]), "serve") &&
		!(argc == 3 && str_is(str_of(argv[2]), "--help")))
		return serve(argc, argv);
	return cli_main(argc, argv);
}
